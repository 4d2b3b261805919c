"""Records as rows of the ledger's tables, and rows as records; each row's values stand in the table's order."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from gatehouse.adapters.sql.chains import track
from gatehouse.ports.ledger import Run
from gatehouse.records.case import Case
from gatehouse.records.decision import Decision, PolicyOutcome
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import ERASED, Entity, Event

Row = tuple[Any, ...]


def to_json(value: Mapping[str, Any]) -> str:
    """A mapping as the JSON text that a column holds."""
    return msgspec.json.encode(value).decode()


def event_row(event: Event, number: int, key: int, sealed: bytes) -> Row:
    """A row of `events`."""
    actor, target, media = event.actor, event.target, event.media
    return (
        event.id,
        event.revision,
        event.kind,
        event.text,
        event.language,
        event.occurred,
        event.seen,
        event.imported,
        f"{actor.kind}:{actor.id}" if actor is not None else None,
        f"{target.kind}:{target.id}" if target is not None else None,
        event.parent,
        event.thread,
        event.address,
        event.device,
        event.amount,
        to_json(event.attributes) if event.attributes is not None else None,
        " ".join(media) if media else None,
        number,
        key,
        sealed,
        None,
    )


def event_of(row: RowMapping) -> Event:
    """The event of a row of `events`; of one that was erased, what is left."""
    if row["kind"] == ERASED:
        return Event(id=row["id"], kind=ERASED, revision=row["revision"], seen=row["seen"], imported=row["imported"])
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


def left_of(event: Event) -> Event:
    """What an erasure leaves of an event."""
    return Event(id=event.id, kind=ERASED, revision=event.revision, seen=event.seen, imported=event.imported)


def decision_row(decision: Decision, place: int, writer: str, releases: str) -> Row:
    """The columns of `decisions` that say what a decision is, in their order."""
    return (
        decision.id,
        decision.event_id,
        decision.revision,
        track(decision),
        place,
        decision.mode,
        decision.outcome,
        decision.enforce,
        releases,
        decision.decided,
        decision.supersedes,
        writer,
    )


def decision_of(row: Any, policies: Sequence[PolicyOutcome]) -> Decision:
    """The decision of a row of `decisions` with its policies' outcomes."""
    return Decision(
        id=row.id,
        event_id=row.event_id,
        revision=row.revision,
        mode=row.mode,
        outcome=row.outcome,
        enforce=row.enforce,
        policies=tuple(policies),
        releases=msgspec.json.decode(row.releases, type=dict[str, str]),
        decided=row.decided,
        supersedes=row.supersedes,
    )


def placed_rows(records: Sequence[Enforcement] | Sequence[Case]) -> list[Row]:
    """Rows of `enforcements` or `cases`."""
    if not records:
        return []
    return [(*msgspec.structs.astuple(record), place) for place, record in enumerate(records)]


def run_row(run: Run) -> dict[str, Any]:
    """A row of `runs`; the database gives it its number."""
    return {**vars(run), "releases": to_json(run.releases)}


def run_of(row: RowMapping) -> Run:
    """The run of a row of `runs`."""
    said = {name: value for name, value in row.items() if name != "number"}
    return Run(**{**said, "releases": msgspec.json.decode(row["releases"], type=dict[str, str])})
