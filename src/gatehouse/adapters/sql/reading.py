"""Reading the ledger: events, decisions and what they were decided on, each checked as far as it can be."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, Table, and_, bindparam, select

from gatehouse.adapters.sql import rows
from gatehouse.adapters.sql.blobs import features_of, layout_of, policies_of, signals_of
from gatehouse.adapters.sql.layouts import Reading
from gatehouse.adapters.sql.lookup import among, known
from gatehouse.adapters.sql.outbox_tables import at_present
from gatehouse.adapters.sql.seals import event_seal
from gatehouse.adapters.sql.tables import actor_keys, cases, decisions, enforcements, events
from gatehouse.errors import OutsideError
from gatehouse.ports.ledger import EventKey, Grounds, Judged
from gatehouse.records.case import Case
from gatehouse.records.decision import Decision
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import ERASED, Event

_BLOBS = ("features", "signals")
_PLAIN = [column for column in decisions.c if column.name not in _BLOBS]

_EVENTS = select(events, actor_keys.c.key.label("by")).join(actor_keys, actor_keys.c.id == events.c.key, isouter=True)

_HEAD = decisions.alias("head")
_HEAD_NAMES = [column.name for column in _PLAIN]


def _of_one_chain(one: Any, other: Any) -> Any:
    return and_(one.c.event_id == other.c.event_id, one.c.revision == other.c.revision, one.c.track == other.c.track)


# Each deed asks for these, so they are put together once.
_GROUNDS = (
    _EVENTS.add_columns(*(_HEAD.c[name] for name in _HEAD_NAMES))
    .join(decisions, and_(decisions.c.event_id == events.c.id, decisions.c.revision == events.c.revision))
    .join(_HEAD, _of_one_chain(_HEAD, decisions))
    .where(decisions.c.id == bindparam("decision"), decisions.c.mode == "live")
    .order_by(_HEAD.c.place.desc())
    .limit(1)
)

_CASES = (
    select(cases)
    .join(decisions, decisions.c.id == cases.c.decision_id)
    .join(_HEAD, _of_one_chain(_HEAD, decisions))
    .where(_HEAD.c.id == bindparam("head"))
    .order_by(decisions.c.place, cases.c.place)
)


class Reader:
    """Reads with what this process has read before; `where` names the ledger in errors."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._policies = Reading(policies_of)
        self._layouts = Reading(layout_of)

    def latest(self, connection: Connection, event_id: str) -> Event | None:
        """The latest revision of an event, or None."""
        wanted = _EVENTS.order_by(events.c.revision.desc()).limit(1)
        found = list(among(connection, wanted, events.c.id, [event_id]))
        if not found:
            return None
        with self._unchanged(event_id):
            return _event(found[0])

    def of_owner(self, connection: Connection, owner: str) -> list[Event]:
        """Every revision of an owner's events as it stands there, in the order of commit."""
        wanted = _EVENTS.where(actor_keys.c.owner == owner).order_by(events.c.number)
        found = []
        for row in connection.execute(wanted):
            with self._unchanged(row.id):
                found.append(rows.event_of(row._mapping))
        return found

    def log(self, connection: Connection, after: int, most: int) -> list[tuple[int, Event]]:
        """Events with their numbers, from the first whose number is over `after`."""
        wanted = _EVENTS.where(events.c.number > after).order_by(events.c.number).limit(most)
        found = []
        for row in connection.execute(wanted):
            with self._unchanged(row.id):
                found.append((row.number, _event(row)))
        return found

    def decisions(self, connection: Connection, ids: Sequence[str]) -> dict[str, Decision]:
        """The decisions with these ids, in the order of the ids."""
        found = {row.id: row for row in among(connection, select(*_PLAIN), decisions.c.id, ids)}
        policies = self._policies.of(connection, (row.policies for row in found.values()))
        made = {}
        for id_ in ids:
            if id_ not in made:
                row = found[id_]
                with self._unchanged(row.event_id):
                    made[id_] = rows.decision_of(row, policies[bytes(row.policies)])
        return made

    def grounds(self, connection: Connection, decision_id: str) -> Grounds | None:
        """What stands for the event revision that a live decision is about, or None."""
        row = connection.execute(_GROUNDS, {"decision": decision_id}).one_or_none()
        if row is None:
            return None
        head = SimpleNamespace(**dict(zip(_HEAD_NAMES, row[-len(_HEAD_NAMES) :], strict=True)))
        policies = self._policies.of(connection, [head.policies])
        with self._unchanged(row.id):
            event, decision = _event(row), rows.decision_of(head, policies[bytes(head.policies)])
        if decision.supersedes is None:
            return Grounds(event, decision)
        found = connection.execute(_CASES, {"head": decision.id})
        return Grounds(event, decision, tuple(Case(**_said(row)) for row in found))

    def belonging(self, connection: Connection, recorded: Sequence[Event]) -> list[Judged]:
        """Everything about some events, a table at a time; of one that was erased since it was read, what is left."""
        found, of_all = known(connection, [event.id for event in recorded])
        tracks: dict[EventKey, dict[str, list[str]]] = {}
        for (id_, revision, track), chain in of_all.items():
            tracks.setdefault((id_, revision), {})[track] = chain
        chains = []
        for event in recorded:
            with self._unchanged(event.id):
                chains.append(self._standing_chain(connection, tracks[event.id, event.revision]))
        belongings = _Belongings(connection, chains, self)
        made = []
        for event, chain in zip(recorded, chains, strict=True):
            now = rows.left_of(event) if found[event.id, event.revision].erased else event
            with self._unchanged(event.id):
                made.append(belongings.of(now, chain, self._layouts, connection))
        return made

    def _standing_chain(self, connection: Connection, tracks: Mapping[str, list[str]]) -> list[str]:
        """The live chain of an event, else the shadow one that was decided last."""
        if "live" in tracks:
            return tracks["live"]
        heads = self.decisions(connection, [chain[-1] for chain in tracks.values()])
        return max(tracks.values(), key=lambda chain: heads[chain[-1]].decided)

    @contextmanager
    def _unchanged(self, event_id: str) -> Iterator[None]:
        """Turn what an event's rows can only be after somebody changed them into an error that says so."""
        try:
            yield
        except (LookupError, ValueError, TypeError, AttributeError, msgspec.DecodeError) as error:
            raise OutsideError(
                f"event {event_id!r} was changed after it was written",
                where=self._where,
                fix="bring the ledger back from a copy",
            ) from error


class _Belongings:
    """The rows that belong to some chains of decisions, by decision."""

    def __init__(self, connection: Connection, chains: Sequence[Sequence[str]], reader: Reader) -> None:
        heads = [chain[-1] for chain in chains]
        all_of_them = [id_ for chain in chains for id_ in chain]
        self._decisions = reader.decisions(connection, heads)
        blobs = select(decisions.c.id, decisions.c.layout, decisions.c.features, decisions.c.signals)
        self._blobs = {row.id: row for row in among(connection, blobs, decisions.c.id, heads)}
        self._enforcements = _by_decision(connection, at_present(), enforcements, all_of_them)
        self._cases = _by_decision(connection, select(cases), cases, all_of_them)

    def of(self, event: Event, chain: Sequence[str], layouts: Reading[Any], connection: Connection) -> Judged:
        """An event with its chain's head and all that the chain planned; raises LookupError where rows are gone."""
        head = chain[-1]
        blobs = self._blobs[head]
        features: dict[str, Any] = {}
        signals: tuple[Any, ...] = ()
        if event.kind != ERASED:
            if blobs.features is None or blobs.signals is None:
                raise LookupError(head)
            layout = layouts.of(connection, [blobs.layout])[bytes(blobs.layout)]
            features = features_of(layout, blobs.features)
            signals = signals_of(layout, blobs.signals, event.id)
        return Judged(
            event=event,
            features=features,
            signals=signals,
            decision=self._decisions[head],
            enforcements=tuple(Enforcement(**_said(row)) for id_ in chain for row in self._enforcements.get(id_, ())),
            cases=tuple(Case(**_said(row)) for id_ in chain for row in self._cases.get(id_, ())),
        )


def _event(row: Row[Any]) -> Event:
    """The event of a row; raises LookupError where it is not the one that was written."""
    event = rows.event_of(row._mapping)
    if event.kind != ERASED:
        if row.by is None:
            raise LookupError(event.id)
        due = row.sealed if row.amended is None else row.amended
        if event_seal(bytes(row.by), event.digest()) != bytes(due):
            raise LookupError(event.id)
    return event


def _by_decision(
    connection: Connection, wanted: Select[Any], table: Table, ids: Sequence[str]
) -> dict[str, list[Row[Any]]]:
    """Rows of some decisions, each decision's in the order of their place in the table."""
    found: dict[str, list[Row[Any]]] = {}
    for row in among(connection, wanted.order_by(table.c.place), table.c.decision_id, ids):
        found.setdefault(row.decision_id, []).append(row)
    return found


def _said(row: Row[Any]) -> dict[str, Any]:
    """What a record says: its row without its place."""
    return {name: value for name, value in row._mapping.items() if name != "place"}
