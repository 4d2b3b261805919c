"""Deciding on record: judge events, and commit what was seen, said and decided before anyone is told."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import pyarrow as pa

from gatehouse.flows.judge import Judge
from gatehouse.policies.decide import severest
from gatehouse.ports.ledger import Judged, Ledger
from gatehouse.records.case import Case
from gatehouse.records.decision import Decision, Judgement, Outcome, PolicyOutcome
from gatehouse.records.enforcement import Enforcement, Kind
from gatehouse.records.event import Event, from_batch, to_batch

CONTENT_COLUMNS = frozenset({"normalised"})
"""Columns of a feature row that repeat the event's content; they are computed again rather than kept twice."""


def decide(judge: Judge, ledger: Ledger, events: Sequence[Event], now: int) -> list[Decision]:
    """The decision that stands for each event, in order; an event known already keeps the one it has.

    Raises ConflictError, with nothing written, where an id is known with other content.
    """
    batch = to_batch(events)
    features = judge.features.compute(batch)
    judgement = judge.with_features(batch, features)
    return record(ledger, batch, features, judgement, judge.releases, now)


def record(
    ledger: Ledger,
    events: pa.RecordBatch,
    features: pa.RecordBatch,
    judgement: Judgement,
    releases: Mapping[str, str],
    now: int,
) -> list[Decision]:
    """Commit a judged batch in one transaction and give back the decisions that now stand."""
    return ledger.commit(list(as_judged(events, features, judgement, releases, now)))


def as_judged(
    events: pa.RecordBatch, features: pa.RecordBatch, judgement: Judgement, releases: Mapping[str, str], now: int
) -> Iterator[Judged]:
    """Every event of a batch with all that was known, said, decided and planned about it."""
    kept = [name for name in features.schema.names if name not in CONTENT_COLUMNS]
    rows = features.select(kept).to_pylist()
    outcome, enforce = severest(judgement.outcomes)
    for i, event in enumerate(from_batch(events)):
        conclusions = tuple(outcomes.of(i) for outcomes in judgement.outcomes)
        decision = Decision(
            id=decision_id(event, releases),
            event_id=event.id,
            revision=event.revision,
            mode="live",
            outcome=Outcome(int(outcome[i])).word,
            enforce=Kind(int(enforce[i])).word,
            policies=conclusions,
            releases=dict(releases),
            decided=now,
        )
        yield Judged(
            event=event,
            features=rows[i],
            signals=[signal for block in judgement.signals for signal in block.of(i, event.id)],
            decision=decision,
            enforcements=_planned(decision, conclusions),
            cases=_opened(decision, conclusions),
        )


def decision_id(event: Event, releases: Mapping[str, str]) -> str:
    """Sixteen hex digits of the hash of what was decided about and by which releases."""
    said = (event.id, event.revision, event.digest(), sorted(releases.items()))
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def _planned(decision: Decision, conclusions: Sequence[PolicyOutcome]) -> list[Enforcement]:
    """One deed a kind: two policies that both remove an event remove it once, for the first of them."""
    by_kind: dict[str, Enforcement] = {}
    for said in conclusions:
        if said.enforce != Kind.NONE.word:
            deed = Enforcement(
                id=f"{decision.id}-{said.enforce}",
                decision_id=decision.id,
                event_id=decision.event_id,
                policy=said.policy,
                kind=said.enforce,
            )
            by_kind.setdefault(said.enforce, deed)
    return list(by_kind.values())


def _opened(decision: Decision, conclusions: Sequence[PolicyOutcome]) -> list[Case]:
    return [
        Case(
            id=f"{decision.id}-{said.policy}",
            event_id=decision.event_id,
            policy=said.policy,
            decision_id=decision.id,
            opened_by="policy",
            reason=said.reason,
        )
        for said in conclusions
        if said.review
    ]
