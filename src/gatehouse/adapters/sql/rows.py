"""Records as rows of the ledger's tables, and rows as records; each row's values stand in the table's order."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from gatehouse.adapters.sql.chains import track
from gatehouse.ports.ledger import Judged, Run
from gatehouse.records.case import Case
from gatehouse.records.decision import Decision, PolicyOutcome
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import Entity, Event

Row = tuple[Any, ...]


def to_json(value: Mapping[str, Any]) -> str:
    """A mapping as the JSON text that a column holds."""
    return msgspec.json.encode(value).decode()


def event_row(event: Event, digest: str) -> Row:
    """A row of `events` up to its number."""
    return (
        event.id,
        event.revision,
        digest,
        event.kind,
        event.text,
        event.language,
        event.occurred,
        event.seen,
        event.imported,
        event.actor and str(event.actor),
        event.target and str(event.target),
        event.parent,
        event.thread,
        event.address,
        event.device,
        event.amount,
        to_json(event.attributes) if event.attributes is not None else None,
        " ".join(event.media) or None,
    )


def event_of(row: RowMapping) -> Event:
    """The event of a row of `events`."""
    return Event(
        id=row["id"],
        kind=row["kind"],
        text=row["text"],
        language=row["language"],
        occurred=row["occurred"],
        seen=row["seen"],
        imported=row["imported"],
        actor=Entity.parse(row["actor"]) if row["actor"] is not None else None,
        target=Entity.parse(row["target"]) if row["target"] is not None else None,
        parent=row["parent"],
        thread=row["thread"],
        revision=row["revision"],
        address=row["address"],
        device=row["device"],
        amount=row["amount"],
        attributes=msgspec.json.decode(row["attributes"]) if row["attributes"] is not None else None,
        media=tuple((row["media"] or "").split()),
    )


def decision_row(decision: Decision, place: int, writer: str) -> Row:
    """A row of `decisions`."""
    return (
        decision.id,
        decision.event_id,
        decision.revision,
        track(decision),
        place,
        decision.mode,
        decision.outcome,
        decision.enforce,
        to_json(decision.releases),
        decision.decided,
        decision.supersedes,
        writer,
    )


def decision_of(row: RowMapping, policies: Sequence[PolicyOutcome]) -> Decision:
    """The decision of a row of `decisions` with its policies' outcomes."""
    return Decision(
        id=row["id"],
        event_id=row["event_id"],
        revision=row["revision"],
        mode=row["mode"],
        outcome=row["outcome"],
        enforce=row["enforce"],
        policies=tuple(policies),
        releases=msgspec.json.decode(row["releases"], type=dict[str, str]),
        decided=row["decided"],
        supersedes=row["supersedes"],
    )


def outcome_rows(decision: Decision) -> list[Row]:
    """Rows of `policy_outcomes`."""
    return [(decision.id, place, *msgspec.structs.astuple(outcome)) for place, outcome in enumerate(decision.policies)]


def signal_rows(judged: Judged) -> list[Row]:
    """Rows of `signals`; the event is the decision's. No database keeps the sign of -0.0, so it is not written."""
    id_ = judged.decision.id
    return [
        (
            id_,
            place,
            said.detector,
            said.detector_version,
            said.label,
            said.state,
            None if said.score is None else said.score + 0.0,
            said.evidence,
        )
        for place, said in enumerate(judged.signals)
    ]


def placed_rows(records: Sequence[Enforcement] | Sequence[Case]) -> list[Row]:
    """Rows of `enforcements` or `cases`."""
    return [(*msgspec.structs.astuple(record), place) for place, record in enumerate(records)]


def run_row(run: Run) -> dict[str, Any]:
    """A row of `runs`; the database gives it its number."""
    return {**vars(run), "releases": to_json(run.releases)}


def run_of(row: RowMapping) -> Run:
    """The run of a row of `runs`."""
    said = {name: value for name, value in row.items() if name != "number"}
    return Run(**{**said, "releases": msgspec.json.decode(row["releases"], type=dict[str, str])})
