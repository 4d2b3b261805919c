"""Actors' strikes and marks in a SQL database."""

from typing import Any

import msgspec
from sqlalchemy import Row, insert, or_, select, update

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.faults import unkept
from gatehouse.adapters.sql.outbox_tables import marks, strikes
from gatehouse.errors import Fault, UserError
from gatehouse.records.standing import Mark, Strike


class SqlStanding:
    """Records of actors, in the ledger's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def strike(self, strike: Strike) -> None:
        """Put a strike on an actor's record; one that is there already stays as it is, taken back or not."""
        _check(strike)
        with self._database.writing() as connection:
            if connection.scalar(select(strikes.c.id).where(strikes.c.id == strike.id)) is None:
                connection.execute(insert(strikes), msgspec.structs.asdict(strike))

    def take_back(self, strike_id: str, at: int) -> None:
        """A strike no longer counts from `at` on; one that is not there or was taken back stays as it is."""
        wanted = update(strikes).where(strikes.c.id == strike_id, strikes.c.removed.is_(None))
        with self._database.writing() as connection:
            connection.execute(wanted.values(removed=at))

    def strikes(self, actor: str) -> list[Strike]:
        """All strikes that an actor ever got, oldest first."""
        wanted = select(strikes).where(strikes.c.actor == actor).order_by(strikes.c.at, strikes.c.id)
        with self._database.reading() as connection:
            return [Strike(**row._mapping) for row in connection.execute(wanted)]

    def mark(self, mark: Mark) -> None:
        """Put a mark on an entity; where it bears one of that name, who, why and until are the new one's."""
        _check(mark)
        with self._database.writing() as connection:
            connection.execute(_holding(mark.entity, mark.name).values(removed=mark.at))
            connection.execute(insert(marks), msgspec.structs.asdict(mark))

    def unmark(self, entity: str, name: str, at: int) -> None:
        """A mark no longer holds from `at` on."""
        with self._database.writing() as connection:
            connection.execute(_holding(entity, name).values(removed=at))

    def marks(self, entity: str, now: int) -> list[Mark]:
        """The marks that hold for an entity now, by name."""
        holds = or_(marks.c.until.is_(None), marks.c.until > now)
        wanted = select(marks).where(marks.c.entity == entity, marks.c.removed.is_(None), holds).order_by(marks.c.name)
        with self._database.reading() as connection:
            return [_mark(row) for row in connection.execute(wanted)]


def _holding(entity: str, name: str) -> Any:
    return update(marks).where(marks.c.entity == entity, marks.c.name == name, marks.c.removed.is_(None))


def _mark(row: Row[Any]) -> Mark:
    return Mark(**{name: value for name, value in row._mapping.items() if name != "number"})


def _check(record: Strike | Mark) -> None:
    found = [Fault(what, type(record).__name__.lower(), fix) for what, fix in unkept(record)]
    if found:
        raise UserError(found)
