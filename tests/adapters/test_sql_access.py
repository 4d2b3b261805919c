"""Keys and reads in memory, in a file and on a server."""

import pytest
from sqlalchemy import update

from gatehouse.adapters.sql.access import SqlKeys, SqlReads
from gatehouse.adapters.sql.access_tables import api_keys
from gatehouse.adapters.sql.engine import Database
from gatehouse.testing.access_contract import (
    KeysContract,
    MemoryKeys,
    MemoryReads,
    ReadsContract,
    make_kept,
    make_read,
)


class TestMemoryKeys(KeysContract):
    @pytest.fixture
    def keys(self) -> MemoryKeys:
        return MemoryKeys()


class TestSqlKeys(KeysContract):
    @pytest.fixture
    def keys(self, either: Database) -> SqlKeys:
        return SqlKeys(either)


class TestMemoryReads(ReadsContract):
    @pytest.fixture
    def reads(self) -> MemoryReads:
        return MemoryReads()


class TestSqlReads(ReadsContract):
    @pytest.fixture
    def reads(self, either: Database) -> SqlReads:
        return SqlReads(either)


def test_keys_and_reads_outlive_the_process_that_kept_them(database: Database) -> None:
    SqlKeys(database).add(make_kept())
    SqlReads(database).add([make_read()])
    database.close()
    reopened = Database(database.path)  # type: ignore[arg-type]
    assert SqlKeys(reopened).all() == [make_kept()]
    assert SqlReads(reopened).find() == [make_read()]
    reopened.close()


def test_a_scope_of_another_version_is_no_right_and_breaks_no_other_key(database: Database) -> None:
    keys = SqlKeys(database)
    keys.add(make_kept())
    with database.writing() as connection:
        connection.execute(update(api_keys).values(scopes="ingest everything"))
    assert [key.scopes for key in keys.usable(0)] == [("ingest",)]
