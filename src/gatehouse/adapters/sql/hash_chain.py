"""The hash chain of each writer in a SQL database, read to be checked: links, and what stands there now."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, func, select
from sqlalchemy.exc import OperationalError

from gatehouse.adapters.sql.commit import planned_row
from gatehouse.adapters.sql.erasure_tables import erased, erasures
from gatehouse.adapters.sql.lookup import among
from gatehouse.adapters.sql.rows import event_of
from gatehouse.adapters.sql.seals import decision_seal, event_seal, open_part
from gatehouse.adapters.sql.tables import (
    actor_keys,
    chain_ends,
    decisions,
    enforcements,
    events,
    layouts,
    matched,
)
from gatehouse.errors import GatehouseError
from gatehouse.ports.ledger import Content, EventKey, Walked
from gatehouse.records.event import ERASED
from gatehouse.records.hash_chain import GENESIS, Link

_SAID = decisions.columns.keys()[: decisions.columns.keys().index("seq")]
"""Columns that say what a decision is."""

_GONE = tuple(column.name for column in events.columns if column.nullable)
"""Columns of which nothing is left when an event is erased; `key` alone may stay."""


def heads(connection: Connection) -> list[Link]:
    """The end of each writer's chain, by writer; one that is not where it was noted has the hash GENESIS."""
    noted = {row.writer: row for row in connection.execute(select(chain_ends))}
    writers = connection.scalars(select(decisions.c.writer).distinct()).all()
    found = []
    for writer in sorted({*noted, *writers}):
        last = connection.execute(_of(writer).order_by(decisions.c.seq.desc()).limit(1)).one_or_none()
        end = noted.get(writer)
        if end is not None and (last is None or last.seq < end.seq):
            # What was cut off shows as links that are missing up to here.
            found.append(
                Link(writer=writer, seq=end.seq, decision_id=end.decision_id, sealed=b"", hash=bytes(end.hash))
            )
            continue
        assert last is not None  # a writer without decisions is known by its noted end alone
        link = _link(last)
        if end is None or (end.seq, bytes(end.hash)) != (link.seq, link.hash):
            link = msgspec.structs.replace(link, hash=GENESIS)
        found.append(link)
    return found


def first_since(connection: Connection, writer: str, since: int) -> int | None:
    """The first link of a writer whose decision was made at or after `since`; None where there is none."""
    made = decisions.c
    wanted = select(func.min(made.seq)).where(made.writer == writer, made.decided >= since)
    first: int | None = connection.scalar(wanted)
    return first


def walk(connection: Connection, writer: str, after: int, most: int) -> list[Walked]:
    """Links of a writer in their order, each with what stands there now."""
    wanted = _of(writer, after).with_only_columns(decisions.c.id, decisions.c.seq).order_by(decisions.c.seq)
    found = connection.execute(wanted.limit(most)).all()
    ids = [row.id for row in found]
    try:
        return _Standing(connection, ids).walked()
    except OperationalError as error:
        if "decode" not in str(error.orig):
            raise
        # A text that is no UTF-8 any more stops the whole lookup, so each decision is looked up by itself.
        return [one for row in found for one in _alone(connection, row.id)]


def _alone(connection: Connection, id: str) -> list[Walked]:
    try:
        return _Standing(connection, [id]).walked()
    except OperationalError:
        plain = (decisions.c.writer, decisions.c.seq, decisions.c.id, decisions.c.sealed, decisions.c.hash)
        there = connection.execute(select(*plain).where(decisions.c.id == id)).one()
        return [Walked(_link(there), None, "changed")]


def _of(writer: str, after: int = 0) -> Select[Any]:
    return select(decisions).where(decisions.c.writer == writer, decisions.c.seq > after)


def _link(row: Any) -> Link:
    return Link(writer=row.writer, seq=row.seq, decision_id=row.id, sealed=bytes(row.sealed), hash=bytes(row.hash))


def opened_of(row: Row[Any], event: Row[Any]) -> bytes:
    """The open part of a decision, from rows of `decisions` and `events`."""
    said = [row._mapping[name] for name in _SAID]
    part = (event.number, event.seen, event.imported)
    return open_part(said, row.number, row.planned, bytes(row.policies), bytes(row.layout), part)


class _Standing:
    """What stands now of some decisions, with all that their links cover."""

    def __init__(self, connection: Connection, ids: Sequence[str]) -> None:
        rows = among(connection, select(decisions), decisions.c.id, ids)
        self._decisions = sorted(rows, key=lambda row: row.seq)
        wanted = select(events, actor_keys.c.key.label("by")).join(
            actor_keys, actor_keys.c.id == events.c.key, isouter=True
        )
        of = [row.event_id for row in self._decisions]
        self._events: dict[EventKey, Row[Any]] = {
            (row.id, row.revision): row for row in among(connection, wanted, events.c.id, of)
        }
        self._matched: dict[str, list[tuple[int, str, str]]] = {}
        for row in among(connection, select(matched).order_by(matched.c.place), matched.c.decision_id, ids):
            self._matched.setdefault(row.decision_id, []).append((row.place, row.detector, row.evidence))
        self._planned: dict[str, list[tuple[Any, ...]]] = {}
        deeds = select(enforcements).order_by(enforcements.c.place)
        for row in among(connection, deeds, enforcements.c.decision_id, ids):
            self._planned.setdefault(row.decision_id, []).append(planned_row(row))
        self._layouts = self._whole_layouts(connection)
        self._recorded = self._on_record(connection)

    def _whole_layouts(self, connection: Connection) -> set[bytes]:
        """Those that are what their digest says, and can be read."""
        named = [bytes(digest) for row in self._decisions for digest in (row.policies, row.layout)]
        found = set()
        for row in among(connection, select(layouts), layouts.c.digest, named):
            if hashlib.sha256(row.content.encode()).digest() == bytes(row.digest):
                found.add(bytes(row.digest))
        return found

    def _on_record(self, connection: Connection) -> set[tuple[str, str]]:
        """What of this erasures say that they touched."""
        places = [str(row.number) for row in self._events.values()] + [row.id for row in self._decisions]
        wanted = select(erased.c.what, erased.c.place).join(erasures, erasures.c.number == erased.c.erasure)
        return {(row.what, row.place) for row in among(connection, wanted, erased.c.place, places)}

    def walked(self) -> list[Walked]:
        """Each link with what stands there now."""
        return [Walked(_link(row), *self._now(row)) for row in self._decisions]

    def _now(self, row: Row[Any]) -> tuple[bytes | None, Content]:
        event = self._events.get((row.event_id, row.revision))
        if event is None or not {bytes(row.policies), bytes(row.layout)} <= self._layouts:
            return None, "changed"
        if row.number is not None and row.number != event.number:
            return None, "changed"
        opened = opened_of(row, event)
        return opened, self._content(row, event, opened)

    def _content(self, row: Row[Any], event: Row[Any], opened: bytes) -> Content:
        taken = ("event", str(event.number)) in self._recorded
        if event.kind == ERASED:
            if not taken:
                return "unrecorded"
            left = [name for name in _GONE if name != "key" and event._mapping[name] is not None]
            if left or row.features is not None or row.signals is not None or self._matched.get(row.id):
                return "changed"
            return "erased" if event.by is None else "stripped"
        if event.by is None:
            return "changed" if event.key is not None or taken else "unrecorded"
        return "whole" if not taken and self._whole(row, event, opened) else "changed"

    def _whole(self, row: Row[Any], event: Row[Any], opened: bytes) -> bool:
        """Whether event and decision are what was sealed, or what a recorded erasure made of them."""
        try:
            seal = event_seal(bytes(event.by), event_of(event._mapping).digest())
        except (GatehouseError, ValueError, TypeError, AttributeError):
            return False
        if event.amended is not None and ("amended event", str(event.number)) not in self._recorded:
            return False
        if row.amended is not None and ("amended decision", row.id) not in self._recorded:
            return False
        if seal != bytes(event.sealed if event.amended is None else event.amended):
            return False
        planned = self._planned.get(row.id, [])[: row.planned]
        content = (row.features, row.signals, self._matched.get(row.id, []), planned)
        made = decision_seal(bytes(event.by), bytes(event.sealed), opened, content)
        return made == bytes(row.sealed if row.amended is None else row.amended)
