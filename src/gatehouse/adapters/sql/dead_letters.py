"""Dead letters in a SQL database."""

from builtins import list as list_of
from collections.abc import Sequence

import msgspec
from sqlalchemy import Update, delete, func, insert, select, update

from gatehouse.adapters.sql.dead_letters_tables import dead_letters
from gatehouse.adapters.sql.engine import Database
from gatehouse.errors import UserError
from gatehouse.ports.dead_letters import DeadLetter, LetterState

_AT_ONCE = 500


class SqlDeadLetters:
    """Messages that could not be decided on, in a ledger's database; keeps the promise of `ports.dead_letters`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep them durably, all or none; one that is known counts one try more and has the new reason."""
        if not letters:
            return
        with self._database.writing() as connection:
            for letter in letters:
                if connection.execute(_again(letter.id, letter.reason, letter.event_id)).rowcount == 0:
                    connection.execute(insert(dead_letters), msgspec.structs.asdict(letter))

    def list(self, *, state: LetterState | None = "waiting", limit: int = 100, after: str = "") -> list_of[DeadLetter]:
        """Letters by id, those after `after`; of any state where it is None."""
        wanted = select(dead_letters).where(dead_letters.c.id > after).order_by(dead_letters.c.id).limit(limit)
        if state is not None:
            wanted = wanted.where(dead_letters.c.state == state)
        with self._database.reading() as connection:
            return [DeadLetter(**row._mapping) for row in connection.execute(wanted)]

    def find(self, id: str) -> DeadLetter | None:
        """One letter, or None."""
        with self._database.reading() as connection:
            row = connection.execute(select(dead_letters).where(dead_letters.c.id == id)).one_or_none()
        return None if row is None else DeadLetter(**row._mapping)

    def failed_again(self, id: str, reason: str, event_id: str | None) -> None:
        """Count one try more of a letter that is there."""
        with self._database.writing() as connection:
            connection.execute(_again(id, reason, event_id))

    def settle(self, id: str, state: LetterState, at: int, by: str) -> None:
        """Say what became of a letter."""
        this = dead_letters.c.id == id
        with self._database.writing() as connection:
            before = connection.scalar(select(dead_letters.c.state).where(this))
            if before is None:
                raise UserError(f"no dead letter '{id[:40]}'", fix="gatehouse deadletter list shows those that wait")
            if (before, state) == ("retried", "dropped"):
                raise UserError(f"letter {id} became a decision", fix="gatehouse trace ID shows it")
            said = {"state": state, "settled": at, "settled_by": by}
            connection.execute(update(dead_letters).where(this).values(said))

    def erase(self, ids: Sequence[str]) -> int:
        """Take letters away for ever, whatever their state; gives back how many there were."""
        gone = 0
        with self._database.writing() as connection:
            for start in range(0, len(ids), _AT_ONCE):
                part = ids[start : start + _AT_ONCE]
                gone += connection.execute(delete(dead_letters).where(dead_letters.c.id.in_(part))).rowcount
        self._database.purge()
        return gone

    def waiting(self) -> int:
        """How many wait."""
        wanted = select(func.count()).where(dead_letters.c.state == "waiting")
        with self._database.reading() as connection:
            return connection.scalar(wanted) or 0


def _again(id: str, reason: str, event_id: str | None) -> Update:
    there = dead_letters.c
    said = {"tries": there.tries + 1, "reason": reason, "event_id": event_id}
    return update(dead_letters).where(there.id == id).values(said)
