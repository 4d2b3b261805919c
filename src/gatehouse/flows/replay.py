"""Replay: a stored decision made again from its stored signals, and its signals computed anew; nothing is acted on."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from gatehouse.flows.judge import Judge
from gatehouse.policies.decide import decide, severest
from gatehouse.ports.ledger import Judged
from gatehouse.records.case import BY_A_PERSON
from gatehouse.records.decision import Outcome, Outcomes
from gatehouse.records.enforcement import Kind
from gatehouse.records.event import to_batch
from gatehouse.records.signal import Signal, Signals, State


@dataclass(frozen=True)
class Replayed:
    """What deciding again showed: every difference as a sentence, none when all is the same."""

    decision: tuple[str, ...]
    signals: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether decision and signals came out as they are stored."""
        return not (self.decision or self.signals)


def replay(stored: Judged, judge: Judge) -> Replayed:
    """Decide again on the stored signals, and compute the signals anew; `judge` is of the stored releases."""
    blocks = as_blocks(stored.signals, judge)
    again = tuple(decide(policy, blocks, 1) for policy in judge.policies)
    batch = to_batch([stored.event])
    features = judge.features.compute(batch)
    anew = judge.with_features(batch, with_stored(features, stored.features, judge.features.plan.schema.names)).signals
    fresh = [signal for block in anew for signal in block.of(0, stored.event.id)]
    return Replayed(tuple(_decision_differs(stored, again)), tuple(_signals_differ(stored.signals, fresh)))


def as_blocks(signals: Sequence[Signal], judge: Judge) -> tuple[Signals, ...]:
    """Stored signals of one event as the columns that deciding takes; one that is not stored is `skipped`."""
    said = {(signal.detector, signal.label): signal for signal in signals}
    blocks = []
    for detector in judge.detectors:
        block = Signals.blank(detector.name, detector.version, detector.labels, 1, State.SKIPPED)
        reasons: list[str] = []
        for j, label in enumerate(detector.labels):
            if (signal := said.get((detector.name, label))) is None:
                continue
            block.state[0, j] = State[signal.state.upper()]
            block.score[0, j] = math.nan if signal.score is None else signal.score
            if signal.evidence is not None:
                block.evidence[0, j] = len(reasons)
                reasons.append(signal.evidence)
        blocks.append(
            Signals(
                block.detector, block.version, block.labels, block.state, block.score, block.evidence, tuple(reasons)
            )
        )
    return tuple(blocks)


def with_stored(features: pa.RecordBatch, stored: Mapping[str, Any], windows: Collection[str]) -> pa.RecordBatch:
    """A feature row with the values as they were used; columns that were not stored are as computed now.

    A window that was not stored could not be read at the time, and is left out: what names it fails again.
    """
    fields = [field for field in features.schema if field.name in stored or field.name not in windows]
    arrays = [
        pa.array([stored[field.name]], field.type) if field.name in stored else features.column(field.name)
        for field in fields
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _decision_differs(stored: Judged, again: Sequence[Outcomes]) -> list[str]:
    outcome, enforce = severest(again)
    was = stored.decision
    found = []
    now = (Outcome(int(outcome[0])).word, Kind(int(enforce[0])).word)
    before = {said.policy: said for said in was.policies}
    # What a person decided is not the judge's to repeat, and nor is the whole that it leads to.
    people = {said.policy for said in was.policies if said.reason.startswith(BY_A_PERSON)}
    if not people and now != (was.outcome, was.enforce):
        found.append(f"decided {was.outcome}, {was.enforce}; again {now[0]}, {now[1]}")
    for outcomes in again:
        said = outcomes.of(0)
        if said.policy not in people and before.get(said.policy) != said:
            found.append(f"policy '{said.policy}' concludes {said.outcome}: {said.reason}")
    return found


def _signals_differ(stored: Sequence[Signal], fresh: Sequence[Signal]) -> list[str]:
    before = {(signal.detector, signal.label): signal for signal in stored}
    found = []
    for signal in fresh:
        was = before.get((signal.detector, signal.label))
        if was != signal:
            old = "nothing" if was is None else _in_words(was)
            found.append(f"{signal.detector} on '{signal.label}' said {old}; anew {_in_words(signal)}")
    return found


def _in_words(signal: Signal) -> str:
    return f"{signal.state} {signal.score!r}" if signal.score is not None else signal.state
