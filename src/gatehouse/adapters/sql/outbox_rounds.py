"""What each round of a performer asks of the outbox: statements that are put together once."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, exists, func, or_, select, update

from gatehouse.adapters.sql.outbox_tables import at_present, outbox
from gatehouse.adapters.sql.tables import enforcements
from gatehouse.records.enforcement import URGENT, Kind

URGENT_KINDS = frozenset(kind.word for kind in URGENT)

BEFORE_ALL = 0
"""When an urgent one is due that was not tried yet: a moment at which nothing else is."""

ENDING = (
    update(outbox)
    .where(outbox.c.enforcement_id == bindparam("id"))
    .values(
        state=bindparam("to"),
        holder=None,
        due=bindparam("then"),
        attempt=bindparam("tries"),
        counted=bindparam("at"),
    )
)
"""The end of a lease that stands."""

LEASED = select(outbox.c.enforcement_id, outbox.c.fence).where(
    outbox.c.enforcement_id.in_(bindparam("ids", expanding=True)),
    outbox.c.state == "planned",
    outbox.c.holder.is_not(None),
)
"""The leases of some enforcements that stand as they were leased."""

LEASING = (
    update(outbox)
    .where(outbox.c.enforcement_id.in_(bindparam("ids", expanding=True)))
    .values(
        holder=bindparam("by"),
        due=bindparam("until"),
        attempt=outbox.c.attempt + 1,
        fence=outbox.c.fence + 1,
    )
)
"""What leases some enforcements `by` a performer."""

_NOW = bindparam("now", type_=BigInteger)

DUE = select(exists().where(outbox.c.state.in_(("planned", "held", "done")), outbox.c.due <= _NOW))
"""Whether there may be anything to lease or that is over, at `now`."""


def _to_lease() -> Select[Any]:
    """Planned enforcements with their tries and fences, the oldest first, `most` of them."""
    wanted = select(enforcements, outbox.c.attempt, outbox.c.fence).select_from(outbox)
    wanted = wanted.join(enforcements, enforcements.c.id == outbox.c.enforcement_id)
    return wanted.where(outbox.c.state == "planned").order_by(outbox.c.number).limit(bindparam("most"))


def _free() -> Select[Any]:
    """What is due and was tried or is not urgent; all but urgent ones wait for older ones of their subject."""
    earlier = outbox.alias()
    waits = exists().where(
        earlier.c.subject == outbox.c.subject, earlier.c.state == "planned", earlier.c.number < outbox.c.number
    )
    urgent = and_(enforcements.c.kind.in_(URGENT_KINDS), enforcements.c.undoes.is_(None))
    # Hidden in a function, `due` does not lure the database away from the index that gives the oldest first.
    due = func.coalesce(outbox.c.due, _NOW).between(BEFORE_ALL + 1, _NOW)
    return _to_lease().where(due, or_(~waits, urgent))


def _over() -> Select[Any]:
    """What is over and not taken back, the oldest first, `most` of them."""
    another = enforcements.alias()
    over = and_(outbox.c.state.in_(("held", "done")), outbox.c.due <= _NOW)
    standing = ~exists().where(another.c.undoes == enforcements.c.id)
    return at_present().where(over, standing).order_by(outbox.c.number).limit(bindparam("most"))


def _used() -> Select[Any]:
    """How many of a policy were done `since`, and are leased `now` by others than `besides`."""
    of_it = outbox.c.policy == bindparam("of")
    done = select(func.count(outbox.c.number)).where(of_it, outbox.c.counted >= bindparam("since", type_=BigInteger))
    leased = select(func.count()).select_from(outbox)
    leased = leased.join(enforcements, enforcements.c.id == outbox.c.enforcement_id)
    leased = leased.where(of_it, outbox.c.state == "planned", outbox.c.due > _NOW)
    leased = leased.where(outbox.c.holder != bindparam("besides"), enforcements.c.undoes.is_(None), ~_stands_in())
    return select(done.scalar_subquery() + leased.scalar_subquery())


def _stands_in() -> ColumnElement[bool]:
    said = enforcements.c
    return and_(said.follows.is_not(None), said.kind == Kind.LIMIT.word, outbox.c.subject.startswith("event:"))


URGENT_ONES = _to_lease().where(outbox.c.due == BEFORE_ALL)
"""Urgent ones that nobody tried yet, however many others are due before them."""

FREE = _free()

OVER = _over()

USED = _used()
