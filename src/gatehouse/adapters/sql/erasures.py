"""Taking content away for ever, with a record that it was: what an actor's erasure and a retention do to the ledger."""

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, ScalarSelect, Select, Table, delete, insert, select, tuple_, update

from gatehouse.adapters.sql import holds, rows
from gatehouse.adapters.sql.cases_tables import appeals, notices, reports
from gatehouse.adapters.sql.commit import planned_row
from gatehouse.adapters.sql.dead_letters_tables import dead_letters
from gatehouse.adapters.sql.erasure_tables import erased, erasures
from gatehouse.adapters.sql.erasure_tables import holds as holds_table
from gatehouse.adapters.sql.faults import unkept
from gatehouse.adapters.sql.hash_chain import opened_of
from gatehouse.adapters.sql.outbox_tables import marks, outbox, strikes
from gatehouse.adapters.sql.seals import decision_seal, event_seal
from gatehouse.adapters.sql.tables import actor_keys, decisions, enforcements, events, matched
from gatehouse.errors import Fault, RefusedError, UserError
from gatehouse.ports.ledger import WalkedErasure
from gatehouse.records.erasure import Erased, Erasure
from gatehouse.records.event import ERASED
from gatehouse.records.hash_chain import GENESIS

NAMES: tuple[tuple[Table, str], ...] = (
    (enforcements, "subject"),
    (outbox, "subject"),
    (strikes, "actor"),
    (marks, "entity"),
    (holds_table, "entity"),
    (reports, "reporter"),
    (appeals, "by"),
    (notices, "to"),
)
"""Every column beside those of `events` that names an entity as `kind:id`; an erasure puts a pseudonym there."""

WORDS: tuple[tuple[Table, str, str, str | None], ...] = (
    (reports, "comment", "reporter", None),
    (appeals, "statement", "by", ""),
    (notices, "text", "to", ""),
)
"""Columns of what people said of an event, whose words they were or to whom, and what an erasure leaves there."""

_AT_ONCE = 500

_CONTENT = [column.name for column in events.columns if column.nullable and column.name != "key"]
"""Columns of an event of which nothing is left."""


def erase(connection: Connection, erasure: Erasure, *, where: str) -> Erased:
    """Take away all of an actor, or of an event that has none; raises RefusedError where something of it is held."""
    found = [Fault(what, "erasure", fix) for what, fix in unkept(erasure)]
    if found:
        raise UserError(found)
    name = str(erasure.entity)
    reached = _reached(connection, name)
    told = [row.target for row in reached if row.target is not None]
    _refuse_held(connection, [name, *told, *(f"event:{row.id}" for row in reached)], erasure.at, where)
    pseudonym = f"erased:{secrets.token_hex(8)}"
    numbers = [row.number for row in reached]
    touched = [("event", str(number)) for number in numbers]
    elsewhere: dict[str, int] = {}
    _unsay(connection, select(events.c.id).where(events.c.key == _key_of(name)), elsewhere)
    made = _take(connection, numbers, keep_keys=False)
    connection.execute(delete(actor_keys).where(actor_keys.c.owner == name))
    if erasure.entity.kind != "event":
        touched += _rename(connection, name, pseudonym, elsewhere)
    said = (erasure.at, erasure.by, erasure.why)
    return _record(connection, "erasure", said, pseudonym, touched, made, elsewhere)


def old(connection: Connection, before: int, after: int, most: int) -> Sequence[int]:
    """The next numbers over `after` of events seen before a moment that still have content."""
    wanted = select(events.c.number).where(events.c.number > after, events.c.seen < before, events.c.kind != ERASED)
    return connection.scalars(wanted.order_by(events.c.number).limit(most)).all()


def strip(
    connection: Connection, numbers: Sequence[int], said: tuple[int, str, str], held: Counter[str]
) -> Erased | None:
    """Take away the content of those of these events that nothing keeps; gives back the record, None for nothing.

    `said` is when, by whom and why. Events that are held are counted in `held` by the hold.
    """
    in_force = holds.in_force(connection, said[0])
    wanted = select(events.c.number, events.c.id, events.c.actor, events.c.target).where(events.c.kind != ERASED)
    free = []
    for part in _parts(numbers):
        for row in connection.execute(wanted.where(events.c.number.in_(part)).order_by(events.c.number)):
            holding = [in_force[one] for one in (row.actor, row.target, f"event:{row.id}") if one in in_force]
            if holding:
                held[holding[0].id] += 1
            else:
                free.append(row.number)
    if not free:
        return None
    made = _take(connection, free, keep_keys=True)
    return _record(connection, "retention", said, "", [("event", str(number)) for number in free], made, {})


def walk(connection: Connection) -> list[WalkedErasure]:
    """All records in order, each with whether it follows the one before and covers what it did."""
    found = []
    before, due = GENESIS, 1
    for row in connection.execute(select(erasures).order_by(erasures.c.number)).all():
        record = _erased(row)
        follows = row.number == due and bytes(row.hash) == _linked(before, record)
        there = connection.execute(select(erased.c.what, erased.c.place).where(erased.c.erasure == row.number))
        covers = _covered((what, place) for what, place in there) == record.covered
        found.append(WalkedErasure(record, follows, covers))
        before, due = bytes(row.hash), row.number + 1
    return found


def erased_at(connection: Connection, event_id: str, revision: int) -> Erased | None:
    """The last erasure or retention that took an event's content; None where none did."""
    number = select(events.c.number).where(events.c.id == event_id, events.c.revision == revision)
    if (place := connection.scalar(number)) is None:
        return None
    took = select(erased.c.erasure).where(erased.c.what == "event", erased.c.place == str(place))
    wanted = select(erasures).where(erasures.c.number.in_(took)).order_by(erasures.c.number.desc()).limit(1)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _erased(row)


def _reached(connection: Connection, owner: str) -> Sequence[Any]:
    wanted = select(events.c.number, events.c.id, events.c.target)
    return connection.execute(wanted.where(events.c.key == _key_of(owner)).order_by(events.c.number)).all()


def _key_of(owner: str) -> ScalarSelect[int]:
    return select(actor_keys.c.id).where(actor_keys.c.owner == owner).scalar_subquery()


def _unsay(connection: Connection, of: Select[Any], elsewhere: dict[str, int]) -> None:
    """Take away what stands elsewhere of some events: messages that they were, and what people said of them."""
    gone = connection.execute(delete(dead_letters).where(dead_letters.c.event_id.in_(of))).rowcount
    _count(elsewhere, "dead_letters", gone)
    for table, column, _, left in WORDS:
        connection.execute(update(table).where(table.c.event_id.in_(of)).values({column: left}))


def _refuse_held(connection: Connection, names: Sequence[str], now: int, where: str) -> None:
    in_force = holds.in_force(connection, now)
    found = {in_force[name].id: in_force[name] for name in names if name in in_force}
    if found:
        raise RefusedError([holds.kept_by(hold, where) for hold in found.values()])


def _take(connection: Connection, numbers: Sequence[int], *, keep_keys: bool) -> int:
    """Take the content of these events and what their decisions were decided on; gives back how many decisions."""
    nothing = dict.fromkeys(_CONTENT if keep_keys else [*_CONTENT, "key"])
    count = 0
    for part in _parts(numbers):
        of = select(events.c.id, events.c.revision).where(events.c.number.in_(part))
        theirs = tuple_(decisions.c.event_id, decisions.c.revision).in_(of)
        connection.execute(delete(matched).where(matched.c.decision_id.in_(select(decisions.c.id).where(theirs))))
        blobs = update(decisions).where(theirs).values(features=None, signals=None, amended=None)
        count += connection.execute(blobs).rowcount
        connection.execute(update(events).where(events.c.number.in_(part)).values(kind=ERASED, **nothing))
    return count


def _rename(connection: Connection, name: str, pseudonym: str, elsewhere: dict[str, int]) -> list[tuple[str, str]]:
    """Put the pseudonym wherever the name stands; gives back what of it was sealed, and is sealed anew."""
    planned = select(enforcements.c.decision_id).where(enforcements.c.subject == name).distinct()
    touched = connection.scalars(planned).all()
    for table, column, who, left in WORDS:
        connection.execute(update(table).where(table.c[who] == name).values({column: left}))
    for table, column in NAMES:
        wanted = update(table).where(table.c[column] == name).values({column: pseudonym})
        _count(elsewhere, table.name, connection.execute(wanted).rowcount)
    targets = list(connection.scalars(select(events.c.number).where(events.c.target == name)))
    _count(elsewhere, "events", len(targets))
    connection.execute(update(events).where(events.c.target == name).values(target=pseudonym))
    amended = [("amended event", str(number)) for number in _amend_events(connection, targets)]
    return amended + [("amended decision", id_) for id_ in _amend_decisions(connection, touched)]


_SEALED_EVENTS = select(events, actor_keys.c.key.label("by")).join(actor_keys, actor_keys.c.id == events.c.key)


def _amend_events(connection: Connection, numbers: Sequence[int]) -> Iterator[int]:
    for part in _parts(numbers):
        for row in connection.execute(_SEALED_EVENTS.where(events.c.number.in_(part))).all():
            seal = event_seal(bytes(row.by), rows.event_of(row._mapping).digest())
            connection.execute(update(events).where(events.c.number == row.number).values(amended=seal))
            yield row.number


def _amend_decisions(connection: Connection, ids: Sequence[str]) -> Iterator[str]:
    for part in _parts(ids):
        for row in connection.execute(select(decisions).where(decisions.c.id.in_(part))).all():
            same = (events.c.id == row.event_id, events.c.revision == row.revision, events.c.kind != ERASED)
            event = connection.execute(_SEALED_EVENTS.where(*same)).one_or_none()
            if event is None:
                continue
            said = select(matched.c.place, matched.c.detector, matched.c.evidence)
            evidence = connection.execute(said.where(matched.c.decision_id == row.id).order_by(matched.c.place))
            deeds = select(enforcements).where(enforcements.c.decision_id == row.id).order_by(enforcements.c.place)
            planned = [planned_row(deed) for deed in connection.execute(deeds.limit(row.planned))]
            content = (row.features, row.signals, [tuple(one) for one in evidence], planned)
            seal = decision_seal(bytes(event.by), bytes(event.sealed), opened_of(row, event), content)
            connection.execute(update(decisions).where(decisions.c.id == row.id).values(amended=seal))
            yield row.id


def _record(
    connection: Connection,
    kind: Any,
    said: tuple[int, str, str],
    pseudonym: str,
    touched: Sequence[tuple[str, str]],
    made: int,
    elsewhere: dict[str, int],
) -> Erased:
    """Put on record what was done, behind what was done before."""
    last = connection.execute(select(erasures).order_by(erasures.c.number.desc()).limit(1)).one_or_none()
    at, by, why = said
    record = Erased(
        number=1 if last is None else last.number + 1,
        kind=kind,
        at=at,
        by=by,
        why=why,
        pseudonym=pseudonym,
        events=sum(what == "event" for what, _ in touched),
        decisions=made,
        elsewhere=elsewhere,
        covered=_covered(touched),
    )
    hash_ = _linked(GENESIS if last is None else bytes(last.hash), record)
    row = {name: getattr(record, name) for name in ("number", "kind", "at", "by", "why", "pseudonym")}
    row |= {"counts": _counts(record), "covered": bytes.fromhex(record.covered), "hash": hash_}
    connection.execute(insert(erasures), row)
    if touched:
        values = [{"erasure": record.number, "what": what, "place": place} for what, place in touched]
        connection.execute(insert(erased), values)
    return record


def _erased(row: Row[Any]) -> Erased:
    counts = msgspec.json.decode(row.counts)
    return Erased(
        number=row.number,
        kind=row.kind,
        at=row.at,
        by=row.by,
        why=row.why,
        pseudonym=row.pseudonym,
        events=counts["events"],
        decisions=counts["decisions"],
        elsewhere=counts["elsewhere"],
        covered=bytes(row.covered).hex(),
    )


def _counts(record: Erased) -> str:
    said = {"events": record.events, "decisions": record.decisions, "elsewhere": record.elsewhere}
    return msgspec.json.encode(said).decode()


def _linked(previous: bytes, record: Erased) -> bytes:
    return hashlib.sha256(previous + msgspec.msgpack.encode(record)).digest()


def _covered(touched: Iterable[tuple[str, str]]) -> str:
    """One digest for all that was touched, in whatever order it comes."""
    lines = sorted(f"{what} {place}\n" for what, place in touched)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _count(counts: dict[str, int], name: str, n: int) -> None:
    if n:
        counts[name] = counts.get(name, 0) + n


def _parts(all_of_them: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(all_of_them), _AT_ONCE):
        yield all_of_them[start : start + _AT_ONCE]
