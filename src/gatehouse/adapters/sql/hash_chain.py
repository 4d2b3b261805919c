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

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1

_GONE = tuple(column.name for column in events.columns if column.nullable)
"""Columns of which nothing is left when an event is erased; `key` alone may stay."""


def heads(connection: Connection) -> list[Link]:
    """The end of each writer's chain, by writer; one that is not where it was noted has the hash GENESIS."""
    noted = {row.writer: row for row in connection.execute(select(chain_ends))}
    writers = connection.scalars(select(decisions.c.writer).distinct()).all()
    return [_end(connection, writer, noted.get(writer)) for writer in sorted({*noted, *writers}, key=str)]


def _end(connection: Connection, writer: str, noted: Row[Any] | None) -> Link:
    last = connection.execute(_of(writer).order_by(decisions.c.seq.desc()).limit(1)).one_or_none()
    seq, hash_ = (0, GENESIS) if noted is None else (_place(noted.seq), _bytes(noted.hash))
    if last is not None and not isinstance(last.seq, int):
        # A file keeps whatever somebody writes there, and what is no number stands behind all numbers.
        return msgspec.structs.replace(_link(last), seq=seq, hash=GENESIS)
    if noted is not None and (last is None or last.seq < seq):
        # What was cut off shows as links that are missing up to here.
        return Link(writer=writer, seq=seq, decision_id=noted.decision_id, sealed=b"", hash=hash_)
    assert last is not None  # a writer without decisions is known by its noted end alone
    link = _link(last)
    return link if (seq, hash_) == (link.seq, link.hash) else msgspec.structs.replace(link, hash=GENESIS)


def first_since(connection: Connection, writer: str, since: int) -> int | None:
    """The first link of a writer whose decision was made at or after `since`, or that is gone just before or after."""
    made = decisions.c
    last = select(func.max(made.seq)).where(made.writer == writer, made.seq.between(1, _MOST))
    since_then = select(func.min(made.seq)).where(made.writer == writer, made.seq.between(1, _MOST))
    first: int | None = connection.scalar(since_then.where(made.decided >= since))
    if first is not None:
        return (connection.scalar(last.where(made.seq < first)) or 0) + 1
    gone = (connection.scalar(last) or 0) + 1
    noted = connection.scalar(select(chain_ends.c.seq).where(chain_ends.c.writer == writer))
    return gone if gone <= _place(noted) else None


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


def _of(writer: str, after: int = _LEAST - 1) -> Select[Any]:
    wanted = select(decisions).where(decisions.c.writer == writer)
    return wanted.where(decisions.c.seq > after) if after >= _LEAST else wanted


def _link(row: Any) -> Link:
    return Link(
        writer=row.writer,
        seq=_place(row.seq),
        decision_id=row.id,
        sealed=_bytes(row.sealed),
        hash=_bytes(row.hash),
    )


def _place(seq: Any) -> int:
    """A place in a chain; 0, where no link is, for what is no number any more."""
    return seq if isinstance(seq, int) else 0


def _bytes(said: Any) -> bytes:
    """Bytes that stand somewhere; none for what is no bytes any more."""
    return bytes(said) if isinstance(said, bytes | memoryview) else b""


def opened_of(row: Row[Any], event: Row[Any]) -> bytes:
    """The open part of a decision, from rows of `decisions` and `events`."""
    said = [row._mapping[name] for name in _SAID]
    part = (event.number, event.seen, event.imported)
    return open_part(said, row.number, row.planned, _bytes(row.policies), _bytes(row.layout), part)


class _Standing:
    """What stands now of some decisions, with all that their links cover."""

    def __init__(self, connection: Connection, ids: Sequence[str]) -> None:
        rows = among(connection, select(decisions), decisions.c.id, ids)
        order = {id_: place for place, id_ in enumerate(ids)}
        self._decisions = sorted(rows, key=lambda row: order[row.id])
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
        named = [_bytes(digest) for row in self._decisions for digest in (row.policies, row.layout)]
        found = set()
        for row in among(connection, select(layouts), layouts.c.digest, named):
            if isinstance(row.content, str) and hashlib.sha256(row.content.encode()).digest() == bytes(row.digest):
                found.add(bytes(row.digest))
        return found

    def _on_record(self, connection: Connection) -> set[tuple[str, str, str]]:
        """What of this erasures and retentions say that they touched."""
        places = [str(row.number) for row in self._events.values()] + [row.id for row in self._decisions]
        wanted = select(erasures.c.kind, erased.c.what, erased.c.place)
        wanted = wanted.join(erasures, erasures.c.number == erased.c.erasure)
        return {(row.kind, row.what, row.place) for row in among(connection, wanted, erased.c.place, places)}

    def walked(self) -> list[Walked]:
        """Each link with what stands there now."""
        return [Walked(_link(row), *self._now(row)) for row in self._decisions]

    def _now(self, row: Row[Any]) -> tuple[bytes | None, Content]:
        event = self._events.get((row.event_id, row.revision))
        if event is None or not {_bytes(row.policies), _bytes(row.layout)} <= self._layouts:
            return None, "changed"
        if row.number is not None and row.number != event.number:
            return None, "changed"
        opened = opened_of(row, event)
        try:
            return opened, self._content(row, event, opened)
        except (GatehouseError, ValueError, TypeError, AttributeError):
            # What a file keeps where a number or a text stood may be neither.
            return opened, "changed"

    def _content(self, row: Row[Any], event: Row[Any], opened: bytes) -> Content:
        place = str(event.number)
        forgotten = ("erasure", "event", place) in self._recorded
        taken = forgotten or ("retention", "event", place) in self._recorded
        if event.kind == ERASED:
            if not taken:
                return "unrecorded"
            left = [name for name in _GONE if name != "key" and event._mapping[name] is not None]
            if left or row.features is not None or row.signals is not None or self._matched.get(row.id):
                return "changed"
            if event.by is not None:
                return "stripped"
            # A retention leaves the key, so one that is gone since was taken by nobody who said so.
            return "erased" if forgotten else "unrecorded"
        if event.by is None:
            return "changed" if event.key is not None or taken else "unrecorded"
        return "whole" if not taken and self._whole(row, event, opened) else "changed"

    def _whole(self, row: Row[Any], event: Row[Any], opened: bytes) -> bool:
        """Whether event and decision are what was sealed, or what a recorded erasure made of them."""
        if event.amended is not None and ("erasure", "amended event", str(event.number)) not in self._recorded:
            return False
        if row.amended is not None and ("erasure", "amended decision", row.id) not in self._recorded:
            return False
        key, sealed = _bytes(event.by), _bytes(event.sealed)
        due = sealed if event.amended is None else _bytes(event.amended)
        if event_seal(key, event_of(event._mapping).digest()) != due:
            return False
        planned = self._planned.get(row.id, [])[: row.planned]
        content = (row.features, row.signals, self._matched.get(row.id, []), planned)
        made = decision_seal(key, sealed, opened, content)
        return made == _bytes(row.sealed if row.amended is None else row.amended)
