"""Trace: one event's whole way, from what was seen to what was concluded and why."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets.repeats import Repeats
from gatehouse.detectors.base import Explains, ExplainsFeatures
from gatehouse.detectors.rules import RulesDetector
from gatehouse.errors import UserError
from gatehouse.features.plan import code_name
from gatehouse.features.reasons import Reason, reasons
from gatehouse.flows.inputs import files_of
from gatehouse.flows.intake import sound_rows, without_repeats
from gatehouse.flows.judge import Judge, Prepared
from gatehouse.flows.live import as_judged
from gatehouse.flows.releases import Shelf, open_judge
from gatehouse.flows.replay import Replayed, replay, with_stored
from gatehouse.flows.windows import Stream, answerable, windows_of
from gatehouse.policies.explain import point_in_words
from gatehouse.ports.erasing import ErasedError
from gatehouse.ports.lake import Lake
from gatehouse.ports.ledger import Judged, Ledger
from gatehouse.ports.sql_engine import SqlEngine
from gatehouse.records.dataset import Release
from gatehouse.records.event import ERASED, to_batch
from gatehouse.records.signal import Contribution
from gatehouse.text.hashing import hash64

MOST_PIECES = 8
MOST_REASONS = 6

ERASED_SINCE = "what the event said and what it was judged by are gone, so it cannot be judged again"


@dataclass(frozen=True)
class Trace:
    """Everything about one event, ready to be shown.

    `source` says where it was found; `points` are sentences on the thresholds in force, by policy and step;
    `pieces` the heaviest pieces of the text for each (detector, label) that was scored at or over a threshold, or
    else for the highest score of each detector, and `reasons` the heaviest features where a detector judges actors;
    `rules` what the matching rules say for themselves.
    """

    source: str
    judged: Judged
    recorded: bool
    points: Mapping[tuple[str, str], str]
    pieces: Mapping[tuple[str, str], Sequence[Contribution]] = field(default_factory=dict)
    reasons: Mapping[tuple[str, str], Sequence[Reason]] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    replayed: Replayed | None = None
    remarks: tuple[str, ...] = ()


def trace(event_id: str, ledger: Ledger, lake: Lake, shelf: Shelf, engine: SqlEngine, out: Path | None = None) -> Trace:
    """Find an event in the ledger, or in the files of scores (newest first, or only `out`), and explain it.

    Raises UserError, saying where it was looked for, when it is nowhere.
    """
    if out is None and (stored := ledger.find(event_id)) is not None:
        releases = [shelf.registry.release(pack, version) for pack, version in stored.decision.releases.items()]
        if stored.event.kind == ERASED:
            return Trace("the ledger", stored, True, _points(releases), remarks=(_erased(ledger, stored),))
        try:
            judge = open_judge(shelf, releases)
        except ErasedError as error:
            remark = f"not replayed: {error.faults[0].what}"
            return Trace("the ledger", stored, True, _points(releases), remarks=(remark,))
        return _explained("the ledger", stored, True, judge, releases, replay(stored, judge))
    looked = [] if out else ["the ledger"]
    files = [out] if out else [Path(run.out) for run in ledger.runs()]
    for file in dict.fromkeys(files):
        if not file.exists() and out is None:
            looked.append(f"{file} (no longer there)")
            continue
        looked.append(str(file))
        if rows := lake.rows(file, event_id):
            return _from_scores(file, event_id, rows, lake, shelf, engine)
    raise UserError(
        f"no event '{event_id}' was found in {', '.join(looked)}",
        fix="check the id; --in FILE names the file of scores to look into",
    )


def _erased(ledger: Ledger, stored: Judged) -> str:
    """When its content was taken, and what that means."""
    when = ledger.erased_at(stored.event.id, stored.event.revision)
    if when is None:
        return f"erased: {ERASED_SINCE}"
    day = time.strftime("%Y-%m-%d", time.gmtime(when.at / 1e6))
    return f"erased on {day} ({when.kind} {when.number}): {ERASED_SINCE}"


def _from_scores(
    file: Path, event_id: str, rows: Sequence[dict[str, Any]], lake: Lake, shelf: Shelf, engine: SqlEngine
) -> Trace:
    """An event that was scored in a batch: its source is read again and judged by the same releases."""
    note = lake.run(file)
    releases = [shelf.registry.release(pack, version) for pack, version in note["releases"].items()]
    judge = open_judge(shelf, releases)
    source = Path(note["source"])
    try:
        files = files_of(source)
    except UserError:
        raise UserError(
            f"the file that '{event_id}' was scored from is no longer there",
            where=str(source),
            fix="put it back to see the text and why it was judged so; the scores themselves stand in " + str(file),
        ) from None
    blocks = partial(_events_of, files, note["mapping"], note["at"], judge)
    for events in blocks():
        mask = pc.equal(events.column("id"), event_id)
        if pc.any(mask).as_py():
            prepared = judge.prepare(events.filter(mask))
            features = prepared.own
            if answerable(judge.features, note["mapping"]):
                features = judge.whole(prepared, _windows(prepared, blocks, judge, engine))
            judgement = judge.conclude(prepared, features)
            judged = next(as_judged(prepared.events, features, judgement, note["releases"], note["at"]))
            return _explained(str(file), judged, False, judge, releases, None, _changed(judged, rows))
    raise UserError(f"'{event_id}' no longer stands in its source", where=str(source), fix="run score on it again")


def _events_of(files: Sequence[Path], mapping: Mapping[str, str], at: int, judge: Judge) -> Iterator[pa.RecordBatch]:
    """The events of all files that were scored together; of those with one id the first."""
    with closing(Repeats()) as repeats:
        for file in files:
            for rows in sound_rows(file, mapping, at, profile=judge.features.profile):
                came = repeats.came(hash64(rows.events.column("id")), rows.contents)
                yield without_repeats(rows.events, rows.numbers, came)[0]


def _windows(
    prepared: Prepared, blocks: Callable[[], Iterator[pa.RecordBatch]], judge: Judge, engine: SqlEngine
) -> pa.RecordBatch:
    """The windows of one event, over those events of its source that can count for it."""
    plan = judge.features.plan
    event = prepared.coded.to_pylist()[0]

    def coded() -> Iterator[pa.RecordBatch]:
        yield prepared.coded
        row = 1
        for events in blocks():
            others = events.filter(pc.not_equal(events.column("id"), event["id"]))
            block = judge.prepare(others, row).coded
            row += len(block)
            counted = pa.array(np.zeros(len(block), np.bool_))
            for said in plan.declarations:
                # A code that is not known is equal to none.
                entity = pa.scalar(event[code_name(said.key)], pa.int64())
                same = pc.equal(block.column(code_name(said.counted)), entity)
                counted = pc.or_(counted, pc.fill_null(same, False))
            yield block.filter(counted)

    return Stream(windows_of(coded(), plan, engine), plan.schema).take(1)


def _changed(judged: Judged, rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Whether judging the source again gives what the file of scores holds."""
    now = {said.policy: (said.outcome, said.reason) for said in judged.decision.policies}
    before = {row["policy"]: (row["decision"], row["reason"]) for row in rows}
    if now == before:
        return ("judged again from its source by the same releases: the same decision",)
    return ("judged again from its source by the same releases: NOT the same decision; the source has changed",)


def _explained(
    source: str,
    judged: Judged,
    recorded: bool,
    judge: Judge,
    releases: Sequence[Release],
    replayed: Replayed | None,
    remarks: tuple[str, ...] = (),
) -> Trace:
    wanted = _wanted(judged, releases)
    return Trace(
        source=source,
        judged=judged,
        recorded=recorded,
        points=_points(releases),
        pieces=_pieces(judged, judge, wanted),
        reasons=_reasons(judged, judge, wanted),
        rules=_rules(judged, judge),
        replayed=replayed,
        remarks=remarks,
    )


def _points(releases: Sequence[Release]) -> dict[tuple[str, str], str]:
    return {(p.policy, p.step): point_in_words(p) for release in releases for p in release.points}


def _wanted(judged: Judged, releases: Sequence[Release]) -> list[tuple[str, str]]:
    """Detector and label of each step that fired on a score, else of each detector's highest score."""
    score = {(s.detector, s.label): s.score for s in judged.signals if s.score is not None}
    wanted = {
        (point.detector, point.label)
        for release in releases
        for point in release.points
        if point.threshold is not None and score.get((point.detector, point.label), -1.0) >= point.threshold
    }
    for silent in {name for name, _ in score} - {name for name, _ in wanted}:
        wanted.add(max((key for key in score if key[0] == silent), key=lambda key: score[key]))
    return sorted(wanted)


def _pieces(
    judged: Judged, judge: Judge, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Sequence[Contribution]]:
    """The heaviest pieces of the text."""
    text = judged.event.text
    explaining = {detector.name: detector for detector in judge.detectors if isinstance(detector, Explains)}
    if not text:
        return {}
    return {
        (name, label): explaining[name].explain(text, label)[:MOST_PIECES]
        for name, label in wanted
        if name in explaining
    }


def _reasons(
    judged: Judged, judge: Judge, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Sequence[Reason]]:
    """The heaviest features of the row as it was judged, in words."""
    explaining = {detector.name: detector for detector in judge.detectors if isinstance(detector, ExplainsFeatures)}
    row = with_stored(
        judge.features.compute(to_batch([judged.event])), judged.features, judge.features.plan.schema.names
    )
    return {
        (name, label): reasons(explaining[name].explain_features(row, label), judge.features, MOST_REASONS)
        for name, label in wanted
        if name in explaining
    }


def _rules(judged: Judged, judge: Judge) -> dict[str, str]:
    """What each rule that matched says for itself."""
    named = {
        name.strip()
        for signal in judged.signals
        if signal.state == "matched" and signal.evidence
        for name in signal.evidence.split(",")
    }
    rules = [rule for detector in judge.detectors if isinstance(detector, RulesDetector) for rule in detector.rules]
    return {rule.name: rule.why for rule in rules if rule.name in named}
