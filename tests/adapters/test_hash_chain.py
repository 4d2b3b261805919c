"""What the hash chain covers: no row of it can be changed in the database without being found."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import Boolean, Double, LargeBinary, Table, Text

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.hash_chain import hash_chain
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.outbox import SqlOutbox
from gatehouse.adapters.sql.tables import (
    decisions,
    enforcements,
    events,
    feature_rows,
    policy_outcomes,
    signals,
)
from gatehouse.flows.ledger_check import Report, check
from gatehouse.ports.ledger import Judged
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import Entity
from gatehouse.testing.makers import make_decision, make_event, make_judged, make_outcome, make_signal

COVERED = (events, decisions, feature_rows, policy_outcomes, signals, enforcements, hash_chain)


def full(id_: str) -> Judged:
    """A decision with something in every column."""
    event = make_event(
        id_,
        target=Entity("group", "g"),
        parent="p",
        thread="t",
        address="192.0.2.1",
        device="phone",
        amount=5,
        attributes={"age": 3, "name": "x"},
        media=("md5:" + "0a" * 16,),
    )
    decision = make_decision(event, policies=(make_outcome(), make_outcome("other")))
    said = {"decision_id": decision.id, "event_id": id_, "policy": "spam", "policy_version": "p1"}
    planned = [
        Enforcement(id=f"{id_}-a", kind="remove", **said),
        Enforcement(
            id=f"{id_}-b", kind="limit", **said, subject="account:a1", step="s", until=9, undoes="u", follows="f"
        ),
    ]
    return make_judged(event, decision=decision, enforcements=planned)


@pytest.fixture
def ledger(either: Database) -> SqlLedger:
    """Three decisions with everything, and one that supersedes the second."""
    ledger = SqlLedger(either)
    ledger.commit([full(id_) for id_ in "abc"])
    second = full("b")
    next_one = make_decision(second.event, id="next", supersedes=second.decision.id)
    ledger.commit([make_judged(second.event, decision=next_one, enforcements=(), cases=())])
    assert check(ledger).whole
    return ledger


def by_hand(database: Database, statement: str) -> None:
    """Change a database as somebody would whom its own checks do not stop."""
    if database.path is None:
        with database.writing() as server:
            server.exec_driver_sql("SET LOCAL session_replication_role = replica")
            server.exec_driver_sql(statement)
    else:
        with closing(sqlite3.connect(database.path)) as file, file:
            file.execute(statement)


def names(report: Report) -> set[str | None]:
    return {one.decision_id for one in report.breaks}


def where(table: Table, place: int = 1) -> str:
    """The row of a table that belongs to the second decision."""
    if table in (events, decisions):
        return f"id = '{'b' if table is events else 'd-b-0'}'"
    return "decision_id = 'd-b-0'" + (f" AND place = {place}" if "place" in table.c else "")


def changed(table: Table, column: str) -> str:
    """An expression for a little less or more than what stands in a column."""
    kind = table.c[column].type
    if isinstance(kind, Boolean):
        return f"NOT {column}"
    if isinstance(kind, LargeBinary):
        return f"CAST(substr({column}, 2) || x'00' AS BLOB)"
    if isinstance(kind, Text):
        return f"coalesce(substr({column}, 2), '') || 'x'"
    return f"{column} + {1e-9 if isinstance(kind, Double) else 100}"


@pytest.mark.parametrize(
    ("table", "column"),
    [(table, column.name) for table in COVERED for column in table.columns],
    ids=lambda one: one.name if isinstance(one, Table) else one,
)
def test_a_change_in_any_column_is_found(database: Database, table: Table, column: str) -> None:
    ledger = SqlLedger(database)
    ledger.commit([full(id_) for id_ in "abc"])
    row = where(table, 0 if column == "score" else 1)
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        done = connection.execute(f"UPDATE {table.name} SET {column} = {changed(table, column)} WHERE {row}")
        assert done.rowcount == 1
    report = check(ledger)
    assert not report.whole
    assert "d-a-0" not in names(report)
    # A link that says less of itself is still known by its place.
    assert "d-b-0" in names(report) or any(one.seq == 2 for one in report.breaks)


@pytest.mark.parametrize("table", COVERED, ids=lambda table: table.name)
def test_a_row_taken_away_is_found(either: Database, ledger: SqlLedger, table: Table) -> None:
    by_hand(either, f"DELETE FROM {table.name} WHERE {where(table)}")
    report = check(ledger)
    expected = "missing" if table in (decisions, hash_chain) else "changed"
    assert ("d-b-0", expected) in {(one.decision_id, one.what) for one in report.breaks}
    assert names(report) <= {"d-b-0", "next", None}


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE events SET seen = seen + 1 WHERE id = 'b'", {"d-b-0"}),
        ("UPDATE events SET text = 'other words' WHERE id = 'c'", {"d-c-0"}),
        ("UPDATE events SET actor = ':' WHERE id = 'c'", {"d-c-0"}),
        ("UPDATE decisions SET outcome = 'clear', enforce = 'none' WHERE id = 'next'", {"next"}),
        ("UPDATE feature_rows SET features = '{}'", {"d-a-0", "d-b-0", "d-c-0", "next"}),
        ("UPDATE signals SET score = 0.1 WHERE decision_id = 'd-a-0' AND place = 0", {"d-a-0"}),
        ("UPDATE policy_outcomes SET review = NOT review WHERE decision_id = 'd-a-0'", {"d-a-0"}),
        ("UPDATE enforcements SET kind = 'label' WHERE id = 'c-a'", {"d-c-0"}),
    ],
)
def test_a_change_is_found_on_any_database(either: Database, ledger: SqlLedger, change: str, broken: set[str]) -> None:
    by_hand(either, change)
    report = check(ledger)
    assert names(report) == broken
    assert {one.what for one in report.breaks} == {"changed"}


def test_a_signal_or_a_decision_put_in_by_hand_is_found(either: Database, ledger: SqlLedger) -> None:
    by_hand(
        either, "INSERT INTO signals SELECT decision_id, 9, 'x', 'x', 'x', state, 1, '' FROM signals WHERE place = 0"
    )
    assert names(check(ledger)) == {"d-a-0", "d-b-0", "d-c-0", "next"}
    by_hand(either, "DELETE FROM signals WHERE place = 9")
    assert check(ledger).whole
    made = make_judged(make_event("forged"), enforcements=(), cases=())
    SqlLedger(either, writer="forger").commit([made])
    by_hand(either, "DELETE FROM hash_chain WHERE writer = 'forger'")
    assert [str(one) for one in check(ledger).breaks] == ["missing: the link of decision d-forged-0"]


def test_bytes_that_are_no_text_any_more_are_found_where_they_stand(database: Database) -> None:
    ledger = SqlLedger(database)
    ledger.commit([full(id_) for id_ in "abc"])
    by_hand(database, "UPDATE policy_outcomes SET reason = CAST(x'ff' AS TEXT) WHERE decision_id = 'd-b-0'")
    assert [(one.decision_id, one.what) for one in check(ledger).breaks] == [("d-b-0", "changed")]


def test_a_byte_changed_in_the_file_itself_is_found(database: Database) -> None:
    ledger = SqlLedger(database)
    ledger.commit([make_judged(make_event("e1"), signals=[make_signal(evidence="the word in question")])])
    database.close()
    content = database.path.read_bytes()
    assert content.count(b"the word in question") == 1
    database.path.write_bytes(content.replace(b"the word in question", b"the ward in question"))
    assert names(check(SqlLedger(Database(database.path)))) == {"d-e1-0"}


def test_what_was_planned_later_is_no_change(either: Database, ledger: SqlLedger) -> None:
    later = Enforcement(id="later", decision_id="d-a-0", event_id="a", policy="spam", kind="remove", undoes="a-a")
    SqlOutbox(either).plan([later], at=5)
    found = ledger.find("a")
    assert found is not None
    assert "later" in {one.id for one in found.enforcements}
    assert check(ledger).whole


def test_a_score_of_minus_zero_is_no_change(either: Database) -> None:
    ledger = SqlLedger(either)
    ledger.commit([make_judged(make_event("e1"), signals=[make_signal(score=-0.0), make_signal(score=1)])])
    assert check(ledger).whole


def test_each_writer_has_a_chain_of_its_own(either: Database) -> None:
    for number in range(6):
        SqlLedger(either, writer=f"gate-{number % 2}").commit([make_judged(make_event(f"e{number}"))])
    ledger = SqlLedger(either)
    assert [(head.writer, head.seq, head.decision_id) for head in ledger.heads()] == [
        ("gate-0", 3, "d-e4-0"),
        ("gate-1", 3, "d-e5-0"),
    ]
    report = check(ledger)
    assert report.whole
    assert [one.checked for one in report.writers] == [3, 3]


def test_the_form_of_a_link_stays_as_it_is(either: Database) -> None:
    """Another form, however good, would break every chain that was begun in this one."""
    ledger = SqlLedger(either, writer="gate")
    ledger.commit([full("a")])
    assert [link.hash.hex() for link in ledger.heads()] == [
        "a4585aa66cc86b683a7ee19093888b1bccbb668c6f835b8fb8ba1403146c40cb"
    ]
