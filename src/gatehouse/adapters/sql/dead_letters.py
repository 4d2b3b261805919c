"""Dead letters in a SQL database."""

from builtins import list as list_of
from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, func, insert, select, update

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
        there = dead_letters.c
        with self._database.writing() as connection:
            for letter in letters:
                again = {"tries": there.tries + 1, "reason": letter.reason, "event_id": letter.event_id}
                known = update(dead_letters).where(there.id == letter.id).values(again)
                if connection.execute(known).rowcount == 0:
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

    def settle(self, id: str, state: LetterState, at: int, by: str) -> None:
        """Say what became of a letter."""
        said = {"state": state, "settled": at, "settled_by": by}
        with self._database.writing() as connection:
            done = connection.execute(update(dead_letters).where(dead_letters.c.id == id).values(said))
            if done.rowcount == 0:
                raise unknown_letter(id)

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


def unknown_letter(id: str) -> UserError:
    """What to say where a letter is asked for that is not there."""
    return UserError(f"no dead letter '{id[:40]}'", fix="gatehouse deadletter list shows those that wait")
