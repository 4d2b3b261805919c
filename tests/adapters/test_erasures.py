"""What an erasure does to a SQL ledger: nothing of the actor is left in a table or file, and it is on record."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import LargeBinary, Text, delete, insert, select, update

from gatehouse.adapters.sql import erasures as erasing
from gatehouse.adapters.sql.cases_tables import appeals, notices, reports
from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.erasure_tables import erased, erasures
from gatehouse.adapters.sql.erasures import NAMES, WORDS
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.outbox import SqlOutbox
from gatehouse.adapters.sql.sqlite_driver import driver
from gatehouse.adapters.sql.standing import SqlStanding
from gatehouse.adapters.sql.tables import actor_keys, decisions, events, metadata
from gatehouse.flows.ledger_check import check
from gatehouse.ports.dead_letters import DeadLetter
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.erasure import Erasure
from gatehouse.records.event import Entity
from gatehouse.records.standing import Mark, Strike
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged, make_signal

SAM = Entity("account", "sam-the-erased")
WISH = Erasure(entity=SAM, at=NOW + 9, by="privacy", why="asked for it")
SECRETS = ("sam-the-erased", "very own words", "192.0.2.77", "his phone", "a rule of him")

NOT_OF_PEOPLE = {("actor_keys", "owner"), ("events", "actor"), ("events", "target"), ("holds", "owner")}
"""Columns with such a name that the erasure treats by itself, or that name who answers for a hold."""


def fill(database: Database) -> SqlLedger:
    """An actor with something in every table that may name one, beside another's event."""
    ledger = SqlLedger(database)
    event = make_event("e", "very own words", actor=SAM, address="192.0.2.77", device="his phone")
    decision = make_decision(event)
    deed = {"decision_id": decision.id, "event_id": "e", "policy": "spam", "subject": str(SAM)}
    judged = make_judged(
        event,
        decision=decision,
        features={"words": "very own words"},
        signals=[make_signal("e", state="matched", score=None, evidence="a rule of him")],
        enforcements=[Enforcement(id="deed", kind="suspend", **deed)],
    )
    other = make_event("other", actor=Entity("account", "kim"), target=SAM)
    ledger.commit([judged, make_judged(other)])
    said = {"policy": "spam", "policy_version": "p1", "decision_id": decision.id, "at": NOW, "expires": None}
    SqlStanding(database).strike(Strike(id="s", actor=str(SAM), **said))
    SqlStanding(database).mark(Mark(entity=str(SAM), name="watched", at=NOW, by="kim", why="", until=None))
    letters = [
        DeadLetter(id=id_, value=b"very own words", source="s", reason="r", at=NOW, event_id="e") for id_ in "ab"
    ]
    SqlDeadLetters(database).add(letters)
    with database.writing() as connection:
        row = {"id": "r", "event_id": "other", "reporter": str(SAM), "at": 1, "by": "k", "comment": "very own words"}
        connection.execute(insert(reports), row)
        case = {"case_id": f"c-{decision.id}", "decision_id": decision.id, "event_id": "e", "at": 1}
        connection.execute(
            insert(appeals), {**case, "id": "a", "by": str(SAM), "statement": "very own words", "vouched": "k"}
        )
        connection.execute(insert(notices), {**case, "to": str(SAM), "text": "you said very own words"})
    return ledger


@pytest.fixture
def ledger(either: Database) -> SqlLedger:
    return fill(either)


def cells(database: Database) -> Iterator[tuple[str, str, object]]:
    """Every value of every table."""
    with database.reading() as connection:
        for name, table in metadata.tables.items():
            for row in connection.execute(select(table)):
                yield from ((name, column, value) for column, value in row._mapping.items())


def test_nothing_of_the_actor_is_left_in_any_table(either: Database, ledger: SqlLedger) -> None:
    def left() -> set[tuple[str, str]]:
        return {
            (name, column)
            for name, column, value in cells(either)
            for secret in SECRETS
            if (isinstance(value, str) and secret in value) or (isinstance(value, bytes) and secret.encode() in value)
        }

    assert len(left()) > 15
    with either.reading() as connection:
        key = connection.scalar(select(actor_keys.c.key).where(actor_keys.c.owner == str(SAM)))
    done = ledger.erase(WISH)
    assert left() == set()
    assert key not in [value for _, _, value in cells(either)]
    assert done.elsewhere == {
        "dead_letters": 2,
        "enforcements": 1,
        "outbox": 1,
        "strikes": 1,
        "marks": 1,
        "reports": 1,
        "appeals": 1,
        "notices": 1,
        "events": 1,
    }
    assert [one.actor for one in SqlStanding(either).strikes(done.pseudonym)] == [done.pseudonym]
    assert [one.subject for one in SqlOutbox(either).find(subject=done.pseudonym)] == [done.pseudonym]
    assert check(ledger).whole


def test_nothing_of_the_actor_is_left_in_the_files(database: Database) -> None:
    ledger = fill(database)
    assert database.path is not None
    ledger.erase(WISH)
    files = sorted(database.path.parent.glob(f"{database.path.name}*"))
    content = b"".join(path.read_bytes() for path in files)
    assert b"kim" in content
    assert [secret for secret in SECRETS if secret.encode() in content] == []


def test_every_column_that_names_an_entity_is_on_the_list() -> None:
    """A table that comes later is found by the names of its columns, or by hand."""
    named = {"actor", "entity", "subject", "target", "reporter", "owner", "to"}
    found = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if column.name in named and isinstance(column.type, Text)
    }
    assert found - NOT_OF_PEOPLE <= {(table.name, column) for table, column in NAMES}
    assert {table.name for table, *_ in WORDS} <= {table.name for table, _ in NAMES}


@pytest.mark.parametrize("whole", [True, False])
def test_content_taken_by_hand_is_no_erasure(either: Database, ledger: SqlLedger, whole: bool) -> None:
    nothing = {column.name: None for column in events.columns if column.nullable and column.name != "key"}
    with either.writing() as connection:
        connection.execute(update(events).where(events.c.id == "e").values(kind="erased", **nothing))
        if whole:
            connection.execute(update(decisions).where(decisions.c.event_id == "e").values(features=None, signals=None))
    assert [str(one) for one in check(ledger).breaks] == ["unrecorded: local 1, decision d-e-0"]


def test_a_key_taken_by_hand_is_no_erasure(either: Database, ledger: SqlLedger) -> None:
    with either.writing() as connection:
        connection.execute(delete(actor_keys).where(actor_keys.c.owner == str(SAM)))
    assert [(one.what, one.decision_id) for one in check(ledger).breaks] == [("changed", "d-e-0")]


def test_a_key_taken_by_hand_after_a_retention_is_no_erasure(either: Database, ledger: SqlLedger) -> None:
    ledger.strip(NOW + 1, at=NOW + 9, by="retention", why="age")
    assert check(ledger).whole
    for change in (delete(actor_keys).where(actor_keys.c.owner == str(SAM)), update(events).values(key=None)):
        with either.writing() as connection:
            connection.execute(change.where(events.c.id == "e") if change.table is events else change)
        assert [str(one) for one in check(ledger).breaks] == ["unrecorded: local 1, decision d-e-0"]


def test_others_write_beside_a_retention(either: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is old is looked for while nobody waits, and after each block it is their turn for as long as it took."""
    ledger, live = SqlLedger(either), SqlLedger(either, writer="live")
    ledger.commit([make_judged(make_event(f"e{i}")) for i in range(5)])
    look, paused = erasing.old, []

    def writes() -> None:
        live.commit([make_judged(make_event(f"live {live.last()}", seen=NOW + 100))])

    def looks(*of: Any) -> Sequence[int]:
        writes()
        return look(*of)

    def pauses(seconds: float) -> None:
        paused.append(seconds)
        writes()

    monkeypatch.setattr(erasing, "old", looks)
    monkeypatch.setattr("gatehouse.adapters.sql.ledger.sleep", pauses)
    done = ledger.strip(NOW + 50, at=NOW + 60, by="retention", why="age", most=2)
    assert [one.events for one in done.erased] == [2, 2, 1]
    assert len(paused) == 2
    assert min(paused) > 0
    assert ledger.last() == 10
    assert check(ledger).whole


def test_a_record_taken_away_or_changed_is_found(either: Database, ledger: SqlLedger) -> None:
    ledger.erase(WISH)
    ledger.erase(Erasure(entity=Entity("account", "kim"), at=NOW, by="privacy", why="asked for it"))
    assert check(ledger).whole
    with either.writing() as connection:
        connection.execute(update(erasures).where(erasures.c.number == 1).values(why="another reason"))
    assert [str(one) for one in check(ledger).breaks] == ["reordered: the record of erasure 1"]
    with either.writing() as connection:
        connection.execute(update(erasures).where(erasures.c.number == 1).values(why="asked for it"))
        gone = (erased.c.erasure == 1, erased.c.what == "event")
        connection.execute(delete(erased).where(*gone))
    assert [str(one) for one in check(ledger).breaks] == [
        "unrecorded: local 1, decision d-e-0",
        "changed: the record of erasure 1",
    ]


def test_content_put_back_or_left_after_an_erasure_is_a_change(either: Database, ledger: SqlLedger) -> None:
    ledger.erase(WISH)
    with either.writing() as connection:
        connection.execute(update(events).where(events.c.id == "e").values(text="other words"))
    assert [str(one) for one in check(ledger).breaks] == ["changed: local 1, decision d-e-0"]
    with either.writing() as connection:
        connection.execute(update(events).where(events.c.id == "e").values(text=None, seen=1))
    assert [str(one) for one in check(ledger).breaks] == ["reordered: local 1, decision d-e-0"]


def test_an_amended_event_is_still_covered(either: Database, ledger: SqlLedger) -> None:
    ledger.erase(WISH)
    for values in ({"target": "account:another"}, {"text": "other words"}, {"amended": None}):
        with either.writing() as connection:
            was = connection.execute(select(events).where(events.c.id == "other")).mappings().one()
            connection.execute(update(events).where(events.c.id == "other").values(values))
        assert [str(one) for one in check(ledger).breaks] == ["changed: local 2, decision d-other-0"]
        with either.writing() as connection:
            connection.execute(update(events).where(events.c.id == "other").values(dict(was)))
    assert check(ledger).whole


def test_blobs_are_where_they_are_said_to_be(database: Database) -> None:
    """Content beside the tables' texts stands in the two blobs alone, which an erasure takes."""
    fill(database)
    with closing(driver.connect(database.path)) as connection:
        (features,) = connection.execute("SELECT features FROM decisions WHERE event_id = 'e'").fetchone()
    assert b"very own words" in features
    blobs = {column.name for column in decisions.columns if isinstance(column.type, LargeBinary)}
    assert blobs == {"policies", "layout", "sealed", "hash", "amended", "features", "signals"}
