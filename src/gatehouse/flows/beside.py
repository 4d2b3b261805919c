"""What another release says of events that the live ones judged, on the feature rows as these were used."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pyarrow as pa

from gatehouse.enforcement.plan import planned
from gatehouse.errors import UserError
from gatehouse.features.define import union
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import decision_id, judged_of, rows_of
from gatehouse.ports.ledger import Judged
from gatehouse.records.decision import Decision, Outcome
from gatehouse.records.enforcement import Kind


def covers(live: Judge, other: Judge) -> bool:
    """Whether the windows that the live judge is given are those that the other one needs, value for value."""
    if not other.features.windows:
        return True
    known = {window.said() for window in live.features.windows}
    versions = {detector.name: detector.version for detector in live.detectors}
    theirs = {detector.name: detector.version for detector in other.detectors}
    if any(window.said() not in known for window in other.features.windows):
        return False
    if any(versions.get(score.detector) != theirs[score.detector] for score in other.features.scores):
        return False
    try:
        union([live.features, other.features])
    except UserError:
        return False
    return True


def judged_by(judge: Judge, rows: Sequence[Judged], windows: pa.RecordBatch | None, now: int) -> list[Judged]:
    """The same events judged by another judge; without windows what names one of them fails."""
    events = [row.event for row in rows]
    prepared = judge.prepare_rows(rows_of(events))
    features = judge.whole_rows(prepared, windows)
    judgement = judge.conclude_rows(prepared, features)
    return list(judged_of(events, features.values, judgement, judge.releases, now))


def stored_windows(judge: Judge, rows: Sequence[Judged]) -> pa.RecordBatch | None:
    """The windows of stored feature rows as a judge takes them; None where one of them was not available."""
    schema = judge.features.plan.schema
    if any(name not in row.features for name in schema.names for row in rows):
        return None
    columns = [pa.array([row.features[field.name] for row in rows], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def in_place(live: Judged, pack: str, replaced: frozenset[str], canary: Judged) -> Judged:
    """What stands when a canary decides for its pack: its outcome beside those of the other packs.

    `replaced` are the detectors of the pack's live release.
    """
    before, now = live.decision, canary.decision
    policies = (*(said for said in before.policies if said.policy != pack), *now.policies)
    releases = {**before.releases, **now.releases}
    decision = msgspec.structs.replace(
        before,
        id=decision_id(live.event, releases),
        outcome=max(Outcome[said.outcome.upper()] for said in policies).word,
        enforce=max(Kind[said.enforce.upper()] for said in policies).word,
        policies=policies,
        releases=releases,
    )
    cases = (*(case for case in live.cases if case.policy != pack), *canary.cases)
    gone = replaced.union(signal.detector for signal in canary.signals)
    return replace(
        canary,
        features={**live.features, **canary.features},
        signals=(*(signal for signal in live.signals if signal.detector not in gone), *canary.signals),
        decision=decision,
        enforcements=planned(decision, live.event),
        cases=[
            msgspec.structs.replace(case, id=f"{decision.id}-{case.policy}", decision_id=decision.id) for case in cases
        ],
    )


def in_shadow(tried: Judged) -> Judged:
    """What is on record of a release in shadow: its decision, and nothing that acts."""
    decision: Decision = tried.decision
    shadow = msgspec.structs.replace(decision, id=f"{decision.id}-shadow", mode="shadow")
    return replace(tried, decision=shadow, enforcements=(), cases=())
