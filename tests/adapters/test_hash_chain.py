"""What the hash chain covers: no row of it can be changed in the database without being found."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Boolean, Double, LargeBinary, Table, Text

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.outbox import SqlOutbox
from gatehouse.adapters.sql.sqlite_driver import driver
from gatehouse.adapters.sql.tables import (
    actor_keys,
    chain_ends,
    decisions,
    enforcements,
    events,
    layouts,
    matched,
)
from gatehouse.errors import OutsideError
from gatehouse.flows.ledger_check import Report, check
from gatehouse.ports.ledger import Judged
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import Entity
from gatehouse.testing.makers import make_decision, make_event, make_judged, make_outcome, make_signal

COVERED = (events, decisions, layouts, matched, enforcements, actor_keys, chain_ends)


def full(id_: str) -> Judged:
    """A decision with something in every column, and nothing shared with another one."""
    event = make_event(
        id_,
        actor=Entity("account", id_),
        target=Entity("group", "g"),
        parent="p",
        thread="t",
        address="192.0.2.1",
        device="phone",
        amount=5,
        attributes={"age": 3, "name": "x"},
        media=("md5:" + "0a" * 16,),
    )
    decision = make_decision(event, policies=(make_outcome(), make_outcome("other", reason=f"because of {id_}")))
    said = {"decision_id": decision.id, "event_id": id_, "policy": "spam", "policy_version": "p1"}
    planned = [
        Enforcement(id=f"{id_}-a", kind="remove", **said),
        Enforcement(
            id=f"{id_}-b", kind="limit", **said, subject="account:a1", step="s", until=9, undoes="u", follows="f"
        ),
    ]
    signals = [make_signal(id_), make_signal(id_, label=id_, state="matched", score=None, evidence="a rule")]
    return make_judged(event, decision=decision, enforcements=planned, signals=signals)


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
        with closing(driver.connect(database.path)) as file, file:
            file.execute(statement)


def names(report: Report) -> set[str | None]:
    return {one.decision_id for one in report.breaks}


def where(table: Table) -> str:
    """The row of a table that belongs to the second decision."""
    its = "SELECT {} FROM decisions WHERE id = 'd-b-0'"
    return {
        "events": "id = 'b'",
        "decisions": "id = 'd-b-0'",
        "layouts": f"digest = ({its.format('layout')})",
        "actor_keys": "owner = 'account:b'",
        "chain_ends": "writer = 'local'",
    }.get(table.name, "decision_id = 'd-b-0' AND place = 1")


def changed(table: Table, column: str) -> str:
    """An expression for a little less or more than what stands in a column."""
    kind = table.c[column].type
    if isinstance(kind, Boolean):
        return f"NOT {column}"
    if isinstance(kind, LargeBinary):
        return f"CAST(coalesce(substr({column}, 2), '') || x'00' AS BLOB)"
    if isinstance(kind, Text):
        return f"coalesce(substr({column}, 2), '') || 'x'"
    return f"{column} + {1e-9 if isinstance(kind, Double) else 100}"


FREE = {("actor_keys", "owner"), ("actor_keys", "made"), ("chain_ends", "decision_id")}
"""Columns that say nothing of a decision: whose key it was, and a name beside the noted end."""


@pytest.mark.parametrize(
    ("table", "column"),
    [(table, column.name) for table in COVERED for column in table.columns if (table.name, column.name) not in FREE],
    ids=lambda one: one.name if isinstance(one, Table) else one,
)
def test_a_change_in_any_column_is_found(database: Database, table: Table, column: str) -> None:
    ledger = SqlLedger(database)
    ledger.commit([full(id_) for id_ in "abc"])
    with closing(driver.connect(database.path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        done = connection.execute(f"UPDATE {table.name} SET {column} = {changed(table, column)} WHERE {where(table)}")
        assert done.rowcount == 1
    report = check(ledger)
    assert not report.whole
    assert "d-a-0" not in names(report)
    # A link that says less of itself is still known by its place, and an end by the chain that it is of.
    assert "d-b-0" in names(report) or {one.seq for one in report.breaks} <= {1, 2, 3, 4, 103}


@pytest.mark.parametrize("table", COVERED, ids=lambda table: table.name)
def test_a_row_taken_away_is_found(either: Database, ledger: SqlLedger, table: Table) -> None:
    by_hand(either, f"DELETE FROM {table.name} WHERE {where(table)}")
    report = check(ledger)
    if table is decisions:
        assert [str(one) for one in report.breaks] == ["missing: local 2"]
    elif table is chain_ends:
        assert [str(one) for one in report.breaks] == ["reordered: local 4, decision next"]
    else:
        assert ("d-b-0", "changed") in {(one.decision_id, one.what) for one in report.breaks}
        assert names(report) <= {"d-b-0", "next"}


def test_a_decision_taken_from_the_end_is_missed(either: Database, ledger: SqlLedger) -> None:
    by_hand(either, "DELETE FROM decisions WHERE id = 'next'")
    assert [str(one) for one in check(ledger).breaks] == ["missing: local 4"]
    ledger.commit([make_judged(make_event("later"))])
    assert [str(one) for one in check(ledger).breaks] == ["missing: local 4"]


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE events SET seen = seen + 1 WHERE id = 'b'", {"d-b-0"}),
        ("UPDATE events SET text = 'other words' WHERE id = 'c'", {"d-c-0"}),
        ("UPDATE events SET actor = ':' WHERE id = 'c'", {"d-c-0"}),
        ("UPDATE decisions SET outcome = 'clear', enforce = 'none' WHERE id = 'next'", {"next"}),
        ("UPDATE decisions SET features = NULL", {"d-a-0", "d-b-0", "d-c-0", "next"}),
        ("UPDATE decisions SET signals = features WHERE id = 'd-a-0'", {"d-a-0"}),
        ("UPDATE decisions SET policies = layout WHERE id = 'd-a-0'", {"d-a-0"}),
        ("UPDATE matched SET evidence = 'another' WHERE decision_id = 'd-a-0'", {"d-a-0"}),
        ("UPDATE enforcements SET kind = 'label' WHERE id = 'c-a'", {"d-c-0"}),
    ],
)
def test_a_change_is_found_on_any_database(either: Database, ledger: SqlLedger, change: str, broken: set[str]) -> None:
    by_hand(either, change)
    report = check(ledger)
    assert names(report) == broken
    assert {one.what for one in report.breaks} == {"changed"}


def test_a_match_or_a_decision_put_in_by_hand_is_found(either: Database, ledger: SqlLedger) -> None:
    by_hand(either, "INSERT INTO matched SELECT decision_id, 9, 'x', 'x' FROM matched WHERE decision_id <> 'next'")
    assert names(check(ledger)) == {"d-a-0", "d-b-0", "d-c-0"}
    by_hand(either, "DELETE FROM matched WHERE place = 9")
    assert check(ledger).whole
    SqlLedger(either, writer="forger").commit([make_judged(make_event("forged"), enforcements=(), cases=())])
    by_hand(either, "DELETE FROM chain_ends WHERE writer = 'forger'")
    assert [str(one) for one in check(ledger).breaks] == ["reordered: forger 1, decision d-forged-0"]


@pytest.mark.parametrize(("writer", "seq"), [("local", 0), ("local", -1), ("local", -(2**63)), ("ghost", 0)])
def test_a_decision_put_before_the_first_link_is_found(
    either: Database, ledger: SqlLedger, writer: str, seq: int
) -> None:
    """It would stand for its event, where no link has its place."""
    said = "event_id, revision, track, 1, mode, 'clear', 'none', releases, decided, id"
    by_hand(
        either,
        "INSERT INTO decisions (id, event_id, revision, track, place, mode, outcome, enforce, releases, decided,"
        " supersedes, writer, seq, policies, layout, sealed, hash, features, signals)"
        f" SELECT 'forged', {said}, '{writer}', {seq}, policies, layout, sealed, hash, features, signals"
        " FROM decisions WHERE id = 'd-a-0'",
    )
    found = ledger.find("a")
    assert found is not None
    assert found.decision.id == "forged"
    assert [str(one) for one in check(ledger).breaks] == [f"reordered: {writer} {seq}, decision forged"]


@pytest.mark.parametrize("since", [15, 25, 35])
def test_what_is_gone_is_missed_by_a_check_from_a_moment_on(either: Database, since: int) -> None:
    """Where the first decisions since then are gone, or all of them, nothing else may be taken for the first."""
    ledger = SqlLedger(either)
    for id_, decided in {"a": 10, "b": 20, "c": 30, "d": 40}.items():
        event = make_event(id_)
        ledger.commit([make_judged(event, signals=[], decision=make_decision(event, decided=decided))])
    gone = {15: "b", 25: "c", 35: "d"}[since]
    by_hand(either, f"DELETE FROM decisions WHERE id = 'd-{gone}-0'")
    assert [str(one) for one in check(ledger, since=since).breaks] == [f"missing: local {' abcd'.index(gone)}"]
    assert check(ledger, since=50).whole is (gone != "d")


def test_decisions_that_come_while_a_broken_chain_is_walked_are_no_break(either: Database) -> None:
    ledger = SqlLedger(either)
    ledger.commit([make_judged(make_event(id_), signals=[]) for id_ in "abcd"])
    by_hand(either, "DELETE FROM decisions WHERE id = 'd-c-0'")
    ends = ledger.heads()
    ledger.commit([make_judged(make_event("e"), signals=[])])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "heads", lambda: ends)
        assert [str(one) for one in check(ledger).breaks] == ["missing: local 3"]


def test_a_value_of_another_kind_is_found_and_stops_no_check(database: Database, tmp_path: Path) -> None:
    """A file keeps anything anywhere, also what is neither a number nor a text where one of them stood."""
    SqlLedger(database).commit([full(id_) for id_ in "abc"])
    assert database.path is not None
    database.close()
    for table, column in [(one, column) for one in COVERED for column in one.columns]:
        others = {Text: ["x'ff'"], LargeBinary: ["'text'"]}.get(type(column.type), ["'text'", "1.5"])
        for value in others:
            copy = Database(Path(shutil.copy(database.path, tmp_path / "copy.db")))
            with closing(driver.connect(copy.path)) as file, file:
                file.execute("PRAGMA ignore_check_constraints = ON")
                file.execute(f'UPDATE {table.name} SET "{column.name}" = {value} WHERE {where(table)}')
            report = check(SqlLedger(copy))
            assert not report.whole or (table.name, column.name) in FREE, (table.name, column.name, value)
            copy.close()


@pytest.mark.parametrize("column", ["policies", "layout", "features", "signals", "releases"])
def test_a_value_of_another_kind_is_told_of_where_it_is_read(database: Database, column: str) -> None:
    ledger = SqlLedger(database)
    ledger.commit([full("a")])
    by_hand(database, f"UPDATE decisions SET {column} = 1.5")
    with pytest.raises(OutsideError, match="event 'a' was changed after it was written"):
        ledger.find("a")


def test_bytes_that_are_no_text_any_more_are_found_where_they_stand(database: Database) -> None:
    ledger = SqlLedger(database)
    ledger.commit([full(id_) for id_ in "abc"])
    by_hand(database, "UPDATE enforcements SET policy = CAST(x'ff' AS TEXT) WHERE decision_id = 'd-b-0'")
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


def test_the_form_of_a_link_stays_as_it_is(either: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another form, however good, would break every chain that was begun in this one."""
    monkeypatch.setattr("gatehouse.adapters.sql.commit.token_bytes", lambda count: bytes(range(count)))
    ledger = SqlLedger(either, writer="gate")
    ledger.commit([full("a")])
    assert [link.hash.hex() for link in ledger.heads()] == [
        "0c15489d44027917f31db3b07af9d99b7ced486e98f8958e7d8adaee3e949740"
    ]
