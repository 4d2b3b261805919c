"""Legal holds in a SQL database."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, or_, select, update

from gatehouse.adapters.sql.erasure_tables import holds
from gatehouse.adapters.sql.faults import unkept
from gatehouse.errors import Fault, UserError
from gatehouse.records.erasure import Hold
from gatehouse.records.event import Entity


def faults_of(hold: Hold, taken: bool, where: str) -> list[Fault]:
    """Why a hold cannot be put on record; `taken` says that its id is."""
    its = f"hold {hold.id!r}"
    found = [Fault(what, its, fix) for what, fix in unkept(hold)]
    if not hold.owner:
        found.append(Fault("a hold needs an owner", its, "name who answers for it"))
    if hold.until <= hold.made:
        found.append(Fault("a hold needs an end after its beginning", its, "say until when it is"))
    if taken:
        found.append(Fault(f"a {its} is on record", where, "give it an id of its own"))
    return found


def unknown(id: str, where: str) -> UserError:
    """What to say where a hold is to end that is not there."""
    return UserError(f"no hold {id!r} is on record", where=where, fix="name one that is")


def kept_by(hold: Hold, where: str) -> Fault:
    """Why something cannot be erased."""
    return Fault(
        f"hold {hold.id!r} of {hold.owner} keeps it: {hold.why}",
        where,
        f"wait until it ends ({hold.until} microseconds UTC), or ask {hold.owner} to end it",
    )


def put(connection: Connection, hold: Hold, *, where: str) -> None:
    """Keep an entity; raises UserError where the hold's id is taken or it ends before it begins."""
    taken = connection.scalar(select(holds.c.id).where(holds.c.id == hold.id)) is not None
    if found := faults_of(hold, taken, where):
        raise UserError(found)
    connection.execute(insert(holds), {**msgspec.structs.asdict(hold), "entity": str(hold.entity)})


def release(connection: Connection, id: str, at: int, *, where: str) -> None:
    """End a hold before its time; one that ended earlier stays as it is."""
    if connection.scalar(select(holds.c.id).where(holds.c.id == id)) is None:
        raise unknown(id, where)
    wanted = update(holds).where(holds.c.id == id, or_(holds.c.ended.is_(None), holds.c.ended > at))
    connection.execute(wanted.values(ended=at))


def read(connection: Connection) -> list[Hold]:
    """All of them, by when they were made."""
    return [_hold(row) for row in connection.execute(select(holds).order_by(holds.c.made, holds.c.id))]


def in_force(connection: Connection, now: int) -> dict[str, Hold]:
    """The holds in force, by entity; of several on one entity the one that lasts longest."""
    wanted = select(holds).where(holds.c.until > now, or_(holds.c.ended.is_(None), holds.c.ended > now))
    return {row.entity: _hold(row) for row in connection.execute(wanted.order_by(holds.c.until, holds.c.id))}


def _hold(row: Row[Any]) -> Hold:
    return Hold(**{**row._mapping, "entity": Entity.parse(row.entity)})
