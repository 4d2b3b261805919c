"""Steps between schemas, down and up, from each version to each: what both of them can hold stays as it was."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, select

import gatehouse.adapters.sql.access_tables  # its tables are compared too
import gatehouse.adapters.sql.cases_tables  # its tables are compared too
import gatehouse.adapters.sql.dead_letters_tables
import gatehouse.adapters.sql.erasure_tables  # noqa: F401, its tables are compared too
from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database, migrations
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.registry import SqlRegistry
from gatehouse.adapters.sql.tables import SCHEMA, VERSION_TABLE, metadata
from gatehouse.flows.ledger_check import check
from gatehouse.ports.dead_letters import DeadLetter
from gatehouse.testing.makers import (
    NOW,
    make_decision,
    make_entry_change,
    make_event,
    make_judged,
    make_model,
    make_policy,
    make_release,
    make_run,
    make_transition,
)

VERSIONS = [f"{number:04}" for number in range(1, int(SCHEMA) + 1)]

PLAIN = make_judged(make_event("e2"), enforcements=())
"""A decision that every schema can hold."""

REPLACED = {"digest"}
"""The one column that a step took away: what events say is committed to by a key since."""

Held = dict[str, tuple[tuple[str, ...], list[tuple[object, ...]]]]
"""Columns and rows of each table."""


def fill(database: Database) -> None:
    """Something in every table that anything but enforcement fills."""
    ledger, registry = SqlLedger(database), SqlRegistry(database)
    first = make_event("e1", amount=5, attributes={"age": 3}, media=("md5:" + "0a" * 16,))
    ledger.commit([make_judged(first), PLAIN])
    ledger.commit([make_judged(first, decision=make_decision(first, id="next", supersedes="d-e1-0"))])
    ledger.add_run(make_run())
    registry.add_policy(make_policy())
    registry.add_model(make_model())
    registry.add_release(make_release(), at=NOW, by="sam", why="trained")
    registry.move(make_transition(make_release(), "live"))
    registry.change_entries([make_entry_change()])
    SqlDeadLetters(database).add([DeadLetter(id="l1", value=b"x", source="s", reason="r", at=NOW)])


def held(connection: Connection) -> Held:
    found = MetaData()
    found.reflect(connection)
    return {
        name: (tuple(table.columns.keys()), [tuple(row) for row in connection.execute(select(table))])
        for name, table in found.tables.items()
        if name != VERSION_TABLE
    }


def assert_both_hold(before: Held, after: Held) -> None:
    for name in before.keys() & after.keys():
        (columns, rows), (others, other_rows) = before[name], after[name]
        shared = [column for column in columns if column in others]
        left = [set(one) - REPLACED for one in (columns, others)]
        assert left[0] <= left[1] or left[1] <= left[0], "a step changes columns that stay"
        places, other_places = ([of.index(column) for column in shared] for of in (columns, others))
        assert Counter(tuple(row[place] for place in places) for row in rows) == Counter(
            tuple(row[place] for place in other_places) for row in other_rows
        ), name


def go(database: Database, version: str) -> tuple[Held, Held]:
    """What was held before and after the steps to a version."""
    with database.writing() as connection:
        before = held(connection)
        way = command.downgrade if version < current(connection) else command.upgrade
        way(migrations(connection), version)
        assert current(connection) == version
        return before, held(connection)


def current(connection: Connection) -> str:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision() or ""


def assert_whole(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    ledger = SqlLedger(database)
    # The first event says what the first schemas have no columns for, so it is only as whole as they could hold it.
    assert ledger.find("e2") == PLAIN
    ledger.commit([make_judged(make_event("e3"))])
    assert ledger.log(after=2) == [(3, make_event("e3"))]
    assert {one.decision_id for one in check(ledger).breaks} <= {"d-e1-0", "next"}


@pytest.mark.parametrize("start", VERSIONS)
def test_a_file_goes_from_each_version_to_each(database: Database, tmp_path: Path, start: str) -> None:
    fill(database)
    if start != SCHEMA:
        assert_both_hold(*go(database, start))
    database.close()
    assert database.path is not None
    for end in VERSIONS:
        place = shutil.copy(database.path, tmp_path / f"{end}.db")
        copy = opened_as_it_is(place)
        if end != start:
            assert_both_hold(*go(copy, end))
        if start == SCHEMA:
            if end != SCHEMA:
                assert_both_hold(*go(copy, SCHEMA))
            assert_whole(copy)
        copy.close()


def opened_as_it_is(place: Path) -> Database:
    """A database that is not brought up to date as it is opened."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatehouse.adapters.sql.engine.upgrade", lambda connection: None)
        return Database(place)


def test_a_server_goes_from_each_version_to_the_next_and_back(new_postgres: Callable[..., str]) -> None:
    database = Database(new_postgres("steps"))
    fill(database)
    for version in VERSIONS[-2::-1]:
        assert_both_hold(*go(database, version))
    for version in VERSIONS[1:]:
        assert_both_hold(*go(database, version))
    assert_whole(database)
    with database.writing() as connection:
        command.downgrade(migrations(connection), "base")
        assert held(connection) == {}
    database.close()


@pytest.mark.parametrize("version", ["0005", "0009"])
def test_decisions_of_an_older_file_are_linked_from_what_stands(database: Database, version: str) -> None:
    fill(database)
    SqlLedger(database, writer="other").commit([make_judged(make_event("e9", actor=None))])
    before = check(SqlLedger(database))
    go(database, version)
    go(database, SCHEMA)
    ledger = SqlLedger(database)
    ledger.commit([make_judged(make_event("e3"))])
    report = check(ledger)
    assert report.whole
    assert [(one.head.writer, one.checked) for one in report.writers] == [("local", 4), ("other", 1)]
    assert [(one.head.writer, one.checked) for one in before.writers] == [("local", 3), ("other", 1)]
    assert len(ledger.matches("spam.rules")) == 1
