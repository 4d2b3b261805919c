"""The outbox in a SQL database: what waits to be carried out, who holds it, and what became of it."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from gatehouse.adapters.sql.bulk import Insertion, insert_all
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.faults import unkept
from gatehouse.adapters.sql.lookup import among
from gatehouse.adapters.sql.outbox_rounds import (
    BEFORE_ALL,
    DUE,
    ENDING,
    FREE,
    LEASED,
    LEASING,
    OVER,
    URGENT_KINDS,
    URGENT_ONES,
    USED,
)
from gatehouse.adapters.sql.outbox_tables import at_present, breaker_changes, enforcement_changes, outbox
from gatehouse.adapters.sql.tables import decisions, enforcements
from gatehouse.errors import Fault, UserError
from gatehouse.ports.outbox import MOST_WEIGHED, End, Leased, Share, Waiting
from gatehouse.records.enforcement import URGENT, BreakerChange, Enforcement, Kind, State, StateChange

_WAITING = ("enforcement_id", "subject", "policy", "state", "planned", "due", "attempt", "fence")

_SEVERE = [kind.word for kind in Kind if kind > Kind.LIMIT and kind not in URGENT]


class SqlOutbox:
    """Enforcements in the ledger's own database, so that a decision and what it plans are one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, enforcements: Sequence[Enforcement], at: int, *, by: str = "", why: str = "") -> list[str]:
        """Add enforcements that no decision brought; gives back the ids of those that were not there yet."""
        with self._database.writing() as connection:
            added = _add(connection, enforcements, at)
            if by:
                changes = [StateChange(enforcement_id=id_, state="planned", at=at, by=by, why=why) for id_ in added]
                _check(changes)
                _note(connection, changes)
        return added

    def due(self, now: int) -> bool:
        """Whether there may be anything to lease or that is over."""
        with self._database.looking() as connection:
            return bool(connection.scalar(DUE, {"now": now}))

    def lease(self, by: str, most: int, now: int, until: int) -> list[Leased]:
        """At most `most` planned enforcements that are due and free; urgent ones first, those of a subject in order."""
        with self._database.writing() as connection:
            rows = list(connection.execute(URGENT_ONES, {"most": most}))
            if len(rows) < most:
                rows += connection.execute(FREE, {"most": most - len(rows), "now": now}).all()
            if not rows:
                return []
            records = [_record(row) for row in rows]
            taken = [one.id for one in records]
            connection.execute(LEASING, {"ids": taken, "by": by, "until": until})
            approvals = _approvals(connection, taken)
        return [
            Leased(one, row.attempt + 1, row.fence + 1, until, approvals[one.id])
            for one, row in zip(records, rows, strict=True)
        ]

    def end(self, ends: Sequence[End]) -> list[bool]:
        """Record what became of leased enforcements and free them; gives back for each whether it was recorded."""
        _check([end.change for end in ends])
        with self._database.writing() as connection:
            standing = _standing(connection, ends)
            if kept := [end for end, stands in zip(ends, standing, strict=True) if stands]:
                connection.execute(ENDING, [_ending(end) for end in kept])
                _note(connection, [change for end in kept for change in _followed(connection, end)])
        return standing

    def move(self, change: StateChange, was: Sequence[State], also: Sequence[Enforcement] = ()) -> bool:
        """Change the state of one that is not leased, if it stands in one of `was`; gives back whether it did."""
        _check([change])
        values: dict[str, Any] = {"state": change.state, "holder": None}
        if change.state != "held":
            values["due"] = change.at if change.state == "planned" else None
        elif change.until is not None:
            values["due"] = change.until
        if change.state == "planned":
            # New tries, but no longer one that nobody ever tried.
            values["attempt"] = case((outbox.c.attempt > 0, 1), else_=0)
        free = or_(outbox.c.holder.is_(None), outbox.c.due <= change.at)
        if change.state == "undone":
            free = and_(free, outbox.c.attempt == 0)
        wanted = update(outbox).where(outbox.c.enforcement_id == change.enforcement_id)
        with self._database.writing() as connection:
            moved = connection.execute(wanted.where(outbox.c.state.in_(was), free).values(values)).rowcount == 1
            if moved:
                _note(connection, [change])
                _add(connection, also, change.at)
        return moved

    def over(self, now: int, most: int) -> list[Enforcement]:
        """Done ones whose own time is over and held ones whose hold is, oldest first; those taken back are left out."""
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(OVER, {"now": now, "most": most})]

    def find(
        self,
        *,
        ids: Sequence[str] | None = None,
        decision_id: str | None = None,
        policy: str | None = None,
        policy_version: str | None = None,
        subject: str | None = None,
        states: Sequence[State] = (),
        since: int = 0,
        until: int | None = None,
    ) -> list[Enforcement]:
        """Enforcements with these properties and their present states, oldest first."""
        said = {enforcements.c.decision_id: decision_id, enforcements.c.policy_version: policy_version}
        said |= {outbox.c.policy: policy, outbox.c.subject: subject}
        wanted = at_present().where(outbox.c.planned >= since).order_by(outbox.c.number)
        wanted = wanted.where(*(column == value for column, value in said.items() if value is not None))
        if states:
            wanted = wanted.where(outbox.c.state.in_(states))
        if until is not None:
            wanted = wanted.where(outbox.c.planned < until)
        with self._database.reading() as connection:
            if ids is not None:
                return _records(connection, wanted, ids)
            return [_record(row) for row in connection.execute(wanted)]

    def changes(self, enforcement_id: str) -> list[StateChange]:
        """All changes of one enforcement, oldest first."""
        made = enforcement_changes.c
        wanted = select(enforcement_changes).where(made.enforcement_id == enforcement_id).order_by(made.number)
        with self._database.reading() as connection:
            return [StateChange(**_said(row, "number")) for row in connection.execute(wanted)]

    def waiting(self) -> Waiting:
        """What waits now."""
        state = outbox.c.state
        wanted = select(state, func.count()).where(state.in_(("planned", "held"))).group_by(state)
        first = select(outbox.c.planned).where(state == "planned").order_by(outbox.c.number).limit(1)
        with self._database.reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(wanted)}
            return Waiting(found.get("planned", 0), found.get("held", 0), connection.scalar(first))

    def used(self, policy: str, since: int, now: int, besides: str) -> int:
        """How many count against a policy's quota since then."""
        said = {"of": policy, "since": since, "now": now, "besides": besides}
        with self._database.looking() as connection:
            return connection.scalar(USED, said) or 0

    def share(self, policy: str, exempt: Sequence[str], since: int) -> Share:
        """How many live decisions after a moment wanted more than a limit for this policy, and of how many."""
        last = _last(MOST_WEIGHED, since).subquery()
        said = enforcements.c
        wanted = select(func.count(said.decision_id.distinct())).join(last, last.c.id == said.decision_id)
        # Hidden in a function, `undoes` does not lure the database away from the index by decision.
        first = and_(func.coalesce(said.undoes, "") == "", said.follows.is_(None))
        wanted = wanted.where(said.policy == policy, said.kind.in_(_SEVERE), first)
        wanted = wanted.where(or_(said.step.is_(None), said.step.not_in(exempt)))
        with self._database.reading() as connection:
            made = connection.scalar(select(func.count()).select_from(last)) or 0
            return Share(connection.scalar(wanted) or 0, made)

    def breaker(self, policy: str) -> BreakerChange | None:
        """The latest change of a policy's breaker, or None where it never tripped."""
        with self._database.reading() as connection:
            return _breaker(connection, policy)

    def tripped(self) -> list[BreakerChange]:
        """The breakers that are tripped now, by policy."""
        made = breaker_changes.c
        last = select(func.max(made.number)).group_by(made.policy)
        wanted = select(breaker_changes).where(made.number.in_(last), made.state == "tripped").order_by(made.policy)
        with self._database.reading() as connection:
            return [BreakerChange(**_said(row, "number")) for row in connection.execute(wanted)]

    def switch(self, change: BreakerChange) -> None:
        """Record that a breaker trips or closes; one that stands so already stays as it is."""
        _check([change])
        with self._database.writing() as connection:
            before = _breaker(connection, change.policy)
            if change.state != (before.state if before else "closed"):
                connection.execute(insert(breaker_changes), msgspec.structs.asdict(change))


def into_outbox(planned: Sequence[tuple[Enforcement, int]]) -> Insertion:
    """What puts enforcements that are on record into the outbox, each with when it was planned."""
    rows = [(one.id, one.on, one.policy, "planned", at, _due(one, at), 0, 0) for one, at in planned]
    return Insertion(outbox, _WAITING, rows)


def _due(one: Enforcement, at: int) -> int:
    return BEFORE_ALL if one.kind in URGENT_KINDS and one.undoes is None else at


def _add(connection: Connection, planned: Sequence[Enforcement], at: int) -> list[str]:
    """Record enforcements that are not on record behind those of their decisions, and put them into the outbox."""
    _check(planned)
    added = []
    for one in planned:
        if connection.scalar(select(enforcements.c.id).where(enforcements.c.id == one.id)) is None:
            last = select(func.coalesce(func.max(enforcements.c.place), -1) + 1)
            place = last.where(enforcements.c.decision_id == one.decision_id).scalar_subquery()
            connection.execute(insert(enforcements).values(**msgspec.structs.asdict(one), place=place))
            insert_all(connection, [into_outbox([(one, at)])])
            added.append(one.id)
    return added


def _standing(connection: Connection, ends: Sequence[End]) -> list[bool]:
    """For each end whether it is of a lease that stands; each lease ends once."""
    rows = connection.execute(LEASED, {"ids": [end.leased.enforcement.id for end in ends]})
    leases = {(row.enforcement_id, row.fence) for row in rows}
    standing = []
    for end in ends:
        lease = (end.leased.enforcement.id, end.leased.fence)
        standing.append(lease in leases)
        leases.discard(lease)
    return standing


def _ending(end: End) -> dict[str, Any]:
    """What the end of a lease makes of it."""
    enforcement, change = end.leased.enforcement, end.change
    due = {"planned": change.at if end.again is None else end.again, "held": change.until, "done": enforcement.until}
    counts = change.state == "done" and enforcement.undoes is None and not enforcement.stands_in
    return {
        "id": enforcement.id,
        "to": change.state,
        "then": due.get(change.state),
        # A hold is no try, nor is what was given back; one that was tried before that stays so.
        "tries": end.leased.attempt - (change.state == "held" or not end.tried),
        "at": change.at if counts else None,
    }


def _followed(connection: Connection, end: End) -> list[StateChange]:
    """Plan what goes with an end and undo what it undoes; gives back all changes that are to be noted."""
    enforcement, change = end.leased.enforcement, end.change
    # Nothing stands in for a held one that is taken back: whoever took it back did not see what was not there yet.
    if change.state != "held" or not _taken_back(connection, enforcement.id):
        _add(connection, end.also, change.at)
    if change.state == "done" and enforcement.undoes is not None:
        return [change, *_undone(connection, enforcement.undoes, change)]
    return [change]


def _taken_back(connection: Connection, id: str) -> bool:
    return connection.scalar(select(enforcements.c.id).where(enforcements.c.undoes == id).limit(1)) is not None


def _undone(connection: Connection, id: str, change: StateChange) -> list[StateChange]:
    other = and_(outbox.c.enforcement_id == id, outbox.c.state != "undone")
    if not connection.execute(update(outbox).where(other).values(state="undone", due=None, holder=None)).rowcount:
        return []
    return [StateChange(enforcement_id=id, state="undone", at=change.at, by=change.by, why=change.why)]


def _note(connection: Connection, changes: Sequence[StateChange]) -> None:
    if changes:
        connection.execute(insert(enforcement_changes), [msgspec.structs.asdict(change) for change in changes])


def _check(records: Sequence[msgspec.Struct]) -> None:
    """Raise UserError for texts that would not come back as they are."""
    found = [Fault(what, type(one).__name__.lower(), fix) for one in records for what, fix in unkept(one)]
    if found:
        raise UserError(found)


def _last(most: int, since: int) -> Select[Any]:
    """The last live decisions after a moment."""
    made = decisions.c
    wanted = select(made.id).where(made.mode == "live", made.decided > since)
    return wanted.order_by(made.decided.desc()).limit(most)


def _approvals(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Who said that an enforcement may be carried out, each once."""
    found: dict[str, dict[str, None]] = {id_: {} for id_ in ids}
    made = enforcement_changes.c
    wanted = select(made.enforcement_id, made.by).where(made.approves, made.enforcement_id.in_(ids))
    for row in connection.execute(wanted.order_by(made.number)):
        found[row.enforcement_id][row.by] = None
    return {id_: tuple(people) for id_, people in found.items()}


def _breaker(connection: Connection, policy: str) -> BreakerChange | None:
    made = breaker_changes.c
    wanted = select(breaker_changes).where(made.policy == policy).order_by(made.number.desc()).limit(1)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else BreakerChange(**_said(row, "number"))


def _records(connection: Connection, wanted: Select[Any], ids: Sequence[str]) -> list[Enforcement]:
    return [_record(row) for row in among(connection, wanted, enforcements.c.id, ids)]


def _record(row: Row[Any]) -> Enforcement:
    said = row._mapping
    return Enforcement(**{name: said[name] for name in Enforcement.__struct_fields__})


def _said(row: Row[Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name != key}
