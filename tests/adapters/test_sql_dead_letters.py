"""Dead letters in memory and in a ledger's database."""

import pytest

from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database
from gatehouse.testing.dead_letters_contract import DeadLettersContract, MemoryDeadLetters, make_letter


class TestSqlDeadLetters(DeadLettersContract):
    @pytest.fixture
    def letters(self, database: Database) -> SqlDeadLetters:
        return SqlDeadLetters(database)


class TestMemoryDeadLetters(DeadLettersContract):
    @pytest.fixture
    def letters(self) -> MemoryDeadLetters:
        return MemoryDeadLetters()


def test_letters_outlive_the_process_that_kept_them(database: Database) -> None:
    SqlDeadLetters(database).add([make_letter()])
    database.close()
    reopened = Database(database.path)
    assert SqlDeadLetters(reopened).list() == [make_letter()]
    reopened.close()
