"""The hash chain of each writer in a SQL database: links made as decisions are committed, and read to be checked."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Row,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    except_,
    func,
    or_,
    select,
)
from sqlalchemy.exc import OperationalError

from gatehouse.adapters.sql.lookup import among
from gatehouse.adapters.sql.rows import Row as Record
from gatehouse.adapters.sql.rows import event_of
from gatehouse.adapters.sql.tables import (
    decisions,
    enforcements,
    events,
    feature_rows,
    metadata,
    policy_outcomes,
    signals,
)
from gatehouse.errors import GatehouseError
from gatehouse.ports.ledger import UNREADABLE, Unlinked, Walked
from gatehouse.records.event import Event
from gatehouse.records.hash_chain import GENESIS, Link, linked

# A link names what it covers beside the decision itself: the `number` of the event where the decision brought it, and
# how many enforcements were `planned` with it, for more may come later. It names its decision without a foreign key,
# so that it can say which one is gone.
hash_chain = Table(
    "hash_chain",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("decision_id", Text, nullable=False),
    Column("number", BigInteger),
    Column("planned", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

_SHOWN = 100
"""Decisions without a link that are named one by one."""

_encode = msgspec.json.Encoder().encode

_OWN = select(hash_chain).where(hash_chain.c.writer == bindparam("writer")).order_by(hash_chain.c.seq.desc()).limit(1)

# One statement, for each is a way to the server and back; made once, for every commit asks it.
_END = select(
    select(func.max(events.c.number)).scalar_subquery(),
    _OWN.with_only_columns(hash_chain.c.seq).scalar_subquery(),
    _OWN.with_only_columns(hash_chain.c.hash).scalar_subquery(),
)

EventPart = tuple[str] | tuple[str, int, int, bool]
"""What a link covers of an event: its digest and, where the decision brought it, its number, `seen` and `imported`."""


def event_part(event: Event, digest: str, number: int | None) -> EventPart:
    """What a link covers of an event; `number` is its place in the log where this decision brought it."""
    return (digest,) if number is None else (digest, number, event.seen, event.imported)


class ChainEnd:
    """The end of a writer's hash chain within a commit, which alone may write while it lasts."""

    def __init__(self, writer: str, seq: int | None, hash: bytes | None) -> None:
        self._writer = writer
        self._seq = seq or 0
        self._hash = hash or GENESIS

    def link(
        self,
        event: EventPart,
        decision: Record,
        features: str,
        outcomes: Sequence[Record],
        signals: Sequence[Record],
        planned: Sequence[Record],
    ) -> Record:
        """The row of `hash_chain` for a decision with the rows that are recorded of it."""
        digest = _digest(event, decision, features, outcomes, signals, planned, len(planned))
        self._seq += 1
        self._hash = linked(self._hash, decision[0], digest)
        number = event[1] if len(event) == 4 else None
        return self._writer, self._seq, decision[0], number, len(planned), digest, self._hash


def end_of(connection: Connection, writer: str) -> tuple[int, ChainEnd]:
    """The number of the event that was committed last, and the end of the writer's hash chain."""
    number, seq, hash_ = connection.execute(_END, {"writer": writer}).one()
    return number or 0, ChainEnd(writer, seq, hash_)


def heads(connection: Connection) -> list[Link]:
    """The last link of each writer, by writer."""
    writers = connection.scalars(select(hash_chain.c.writer).distinct().order_by(hash_chain.c.writer)).all()
    last = (connection.execute(_of(one).order_by(hash_chain.c.seq.desc()).limit(1)).one() for one in writers)
    return [_link(row) for row in last]


def first_since(connection: Connection, writer: str, since: int) -> int | None:
    """The first link of a writer whose decision was made at or after `since`, or is gone; None where there is none."""
    of = hash_chain.join(decisions, decisions.c.id == hash_chain.c.decision_id, isouter=True)
    late = or_(decisions.c.decided >= since, decisions.c.id.is_(None))
    first: int | None = connection.scalar(
        select(func.min(hash_chain.c.seq)).select_from(of).where(hash_chain.c.writer == writer, late)
    )
    return first


def walk(connection: Connection, writer: str, after: int, most: int) -> list[Walked]:
    """Links of a writer in their order, each with the digest of what stands there now."""
    found = connection.execute(_of(writer, after).order_by(hash_chain.c.seq).limit(most)).all()
    try:
        now = _now(connection, found)
    except OperationalError as error:
        if "decode" not in str(error.orig):
            raise
        # A text that is no UTF-8 any more stops the whole lookup, so each decision is looked up by itself.
        now = [digest for row in found for digest in _alone(connection, row)]
    return [Walked(_link(row), digest) for row, digest in zip(found, now, strict=True)]


def unlinked(connection: Connection) -> Unlinked:
    """Decisions without a link: those from before there were links, and those that have lost theirs."""
    # A set of ids less another is one pass over each, where a join without an index is one over the other for each.
    alone = except_(select(decisions.c.id), select(hash_chain.c.decision_id)).subquery()
    count = connection.scalar(select(func.count()).select_from(alone)) or 0
    first = connection.scalar(select(func.min(hash_chain.c.number)))
    if not count or first is None:
        return Unlinked(count)
    same = and_(events.c.id == decisions.c.event_id, events.c.revision == decisions.c.revision)
    of = alone.join(decisions, decisions.c.id == alone.c.id).join(events, same, isouter=True)
    late = or_(events.c.number >= first, events.c.number.is_(None))
    lost = connection.scalar(select(func.count()).select_from(of).where(late)) or 0
    named = connection.scalars(select(alone.c.id).select_from(of).where(late).order_by(alone.c.id).limit(_SHOWN)).all()
    return Unlinked(count - lost, lost, tuple(named))


def _of(writer: str, after: int = 0) -> Select[Any]:
    return select(hash_chain).where(hash_chain.c.writer == writer, hash_chain.c.seq > after)


def _link(row: Row[Any]) -> Link:
    return Link(
        writer=row.writer, seq=row.seq, decision_id=row.decision_id, digest=bytes(row.digest), hash=bytes(row.hash)
    )


def _alone(connection: Connection, link: Row[Any]) -> list[bytes | None]:
    try:
        return _now(connection, [link])
    except OperationalError:
        return [UNREADABLE]


def _now(connection: Connection, links: Sequence[Row[Any]]) -> list[bytes | None]:
    """The digest of what stands now for each link's decision; None where the decision is gone."""
    ids = [link.decision_id for link in links]
    decided = {row.id: row for row in among(connection, select(decisions), decisions.c.id, ids)}
    of = [row.event_id for row in decided.values()]
    known = {(row.id, row.revision): row for row in among(connection, select(events), events.c.id, of)}
    features = {
        row.decision_id: row.features
        for row in among(connection, select(feature_rows), feature_rows.c.decision_id, ids)
    }
    belonging = [_belonging(connection, table, ids) for table in (policy_outcomes, signals, enforcements)]
    found: list[bytes | None] = []
    for link in links:
        decision = decided.get(link.decision_id)
        if decision is None:
            found.append(None)
            continue
        event = known.get((decision.event_id, decision.revision))
        if event is None or link.decision_id not in features:
            found.append(UNREADABLE)
            continue
        outcomes, said, planned = (rows.get(link.decision_id, []) for rows in belonging)
        part = _event_now(event, link.number)
        text = features[link.decision_id]
        found.append(_digest(part, tuple(decision), text, outcomes, said, planned[: link.planned], link.planned))
    return found


def _belonging(connection: Connection, table: Table, ids: Sequence[str]) -> dict[str, list[Record]]:
    """Rows of some decisions, each decision's in the order of their place."""
    found: dict[str, list[Record]] = {}
    for row in among(connection, select(table).order_by(table.c.place), table.c.decision_id, ids):
        found.setdefault(row.decision_id, []).append(tuple(row))
    return found


def _event_now(row: Row[Any], number: int | None) -> EventPart:
    """What stands now of what a link covers; no digest where content or number are not the ones that it had."""
    try:
        same = event_of(row._mapping).digest() == row.digest and number in (None, row.number)
    except (GatehouseError, ValueError, TypeError, AttributeError):
        same = False
    digest = row.digest if same else ""
    return (digest,) if number is None else (digest, number, row.seen, row.imported)


def _digest(
    event: EventPart,
    decision: Record,
    features: str,
    outcomes: Sequence[Record],
    signals: Sequence[Record],
    planned: Sequence[Record],
    count: int,
) -> bytes:
    """The SHA-256 of the rows as one JSON text; another form would break every chain that was begun in this one."""
    return hashlib.sha256(_encode((event, decision, features, outcomes, signals, planned, count))).digest()
