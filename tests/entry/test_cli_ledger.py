"""`gatehouse ledger` as an operator uses it: verify, export heads, verify against them."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from tests.entry.conftest import Command

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.sqlite_driver import driver
from gatehouse.testing.makers import make_event, make_judged

LEDGER = Path(".gatehouse/ledger.sqlite")


@pytest.fixture
def recorded(gatehouse: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A ledger of three events by two writers."""
    monkeypatch.delenv("GATEHOUSE_SIGNING_KEY_FILE", raising=False)
    database = Database(LEDGER)
    SqlLedger(database, writer="gate-1").commit([make_judged(make_event(id_)) for id_ in "ab"])
    SqlLedger(database, writer="gate-2").commit([make_judged(make_event("c"))])
    database.close()
    return gatehouse


def change(statement: str) -> None:
    with closing(driver.connect(LEDGER)) as connection, connection:
        connection.execute(statement)


def test_a_whole_ledger_is_said_to_be_whole(recorded: Command) -> None:
    answer = recorded("ledger", "verify")
    assert answer.code == 0, answer.err
    assert "whole: everything is as it was written" in answer.out
    assert "gate-1" in answer.out
    assert "gate-2" in answer.out
    assert "gate-1" not in recorded("ledger", "verify", "--writer", "gate-2").out


def test_a_ledger_without_a_decision_is_not_called_whole(gatehouse: Command) -> None:
    gatehouse("init")
    answer = gatehouse("ledger", "verify")
    assert (answer.code, answer.out.splitlines()) == (
        0,
        [
            "no decision is on record, so there was none to verify",
            "next: where there should be some, gatehouse ledger verify --heads FILE looks for those of before",
        ],
    )
    said = json.loads(gatehouse("ledger", "verify", "--json").out)
    assert (said["whole"], said["empty"], said["report"]["writers"]) == (True, True, [])


def test_where_nothing_was_decided_since_then_that_is_said(recorded: Command) -> None:
    answer = recorded("ledger", "verify", "--writer", "gate-2", "--since", "2030-01-01")
    assert answer.code == 0
    assert "no decision by gate-2 is on record from 2030-01-01 00:00 UTC on, so there was none to verify" in answer.out
    assert "whole" not in answer.out
    assert json.loads(recorded("ledger", "verify", "--json").out)["empty"] is False


def test_what_was_all_taken_away_is_missed_by_heads_from_before(recorded: Command) -> None:
    recorded("ledger", "head", "--export", "heads.json")
    for table in ("chain_ends", "matched", "enforcements", "outbox", "decisions"):
        change(f"DELETE FROM {table}")
    assert "no decision is on record" in recorded("ledger", "verify").out
    answer = recorded("ledger", "verify", "--heads", "heads.json", "--writer", "gate-2")
    assert answer.code == 1
    assert "rewritten: gate-2 1, decision d-c-0" in answer.out
    assert "no decision" not in answer.out


def test_each_process_adds_to_the_chain_that_the_environment_names(
    with_spam: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATEHOUSE_WRITER", raising=False)
    for name, texts in ((None, "abc"), ("gate-1", "de"), ("gate-2", "f"), ("gate-1", "g")):
        if name is not None:
            monkeypatch.setenv("GATEHOUSE_WRITER", name)
        Path("events.jsonl").write_text("".join(f'{{"id": "{id_}", "text": "good morning"}}\n' for id_ in texts))
        assert with_spam("work", "--from", "events.jsonl").code == 0
    answer = with_spam("ledger", "verify", "--json")
    writers = json.loads(answer.out)["report"]["writers"]
    assert {one["head"]["writer"]: one["checked"] for one in writers} == {"local": 3, "gate-1": 3, "gate-2": 1}


def test_a_wrong_name_of_a_writer_stops_a_command_before_it_does_anything(
    gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEHOUSE_WRITER", "gate 1")
    answer = gatehouse("init")
    assert answer.code == 2
    assert "GATEHOUSE_WRITER: 'gate 1' is no name for a writer" in answer.err
    assert "write 1 to 64 of the letters" in answer.err
    assert not Path(".gatehouse").exists()


@pytest.mark.parametrize("command", ["verify", "head"])
def test_where_there_is_no_ledger_none_is_made_and_called_whole(gatehouse: Command, command: str) -> None:
    answer = gatehouse("ledger", command)
    assert answer.code == 2
    assert "no ledger here, so there is nothing to check" in answer.err
    assert not LEDGER.exists()


def test_a_broken_one_is_named_with_its_decision_and_an_exit_code_of_1(recorded: Command) -> None:
    change("UPDATE decisions SET outcome = 'clear' WHERE id = 'd-b-0'")
    answer = recorded("ledger", "verify")
    assert answer.code == 1
    assert "changed: gate-1 2, decision d-b-0" in answer.out
    assert "broken in 1 place: compare with a copy" in answer.out
    as_json = recorded("ledger", "verify", "--json")
    assert as_json.code == 1
    said = json.loads(as_json.out)
    assert said["whole"] is False
    assert said["report"]["breaks"] == [
        {"what": "changed", "writer": "gate-1", "seq": 2, "last": None, "decision_id": "d-b-0", "erasure": None}
    ]
    assert recorded("ledger", "verify", "--writer", "gate-2").code == 0
    assert recorded("ledger", "verify", "--since", "2030-01-01").code == 0


def test_heads_are_exported_and_found_again(recorded: Command) -> None:
    answer = recorded("ledger", "head", "--export", "kept/heads.json")
    assert answer.code == 0, answer.err
    assert "written to kept/heads.json, not signed" in answer.out
    answer = recorded("ledger", "verify", "--heads", "kept/heads.json")
    assert answer.code == 0, answer.err
    assert "was rewritten (kept/heads.json, signature not checked)" in answer.out
    change("UPDATE decisions SET hash = x'00' WHERE writer = 'gate-2'")
    answer = recorded("ledger", "verify", "--heads", "kept/heads.json")
    assert answer.code == 1
    assert "rewritten: gate-2 1, decision d-c-0" in answer.out


def test_heads_are_signed_with_the_key_that_the_environment_names(
    recorded: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("key").write_text("0123456789abcdef0123456789abcdef\n")
    monkeypatch.setenv("GATEHOUSE_SIGNING_KEY_FILE", "key")
    assert "heads.json, signed" in recorded("ledger", "head", "--export", "heads.json").out
    assert "(heads.json, signed)" in recorded("ledger", "verify", "--heads", "heads.json").out
    Path("heads.json").write_text(Path("heads.json").read_text().replace('"seq": 2', '"seq": 1'))
    answer = recorded("ledger", "verify", "--heads", "heads.json")
    assert answer.code == 1
    assert "the signature does not fit: the file was changed" in answer.err


def test_many_places_are_cut_short_for_people(recorded: Command) -> None:
    database = Database(LEDGER)
    SqlLedger(database, writer="gate-1").commit([make_judged(make_event(f"e{i}")) for i in range(30)])
    database.close()
    change("UPDATE decisions SET features = x'90'")
    answer = recorded("ledger", "verify")
    assert answer.out.count("changed: ") == 20
    assert "and 13 more" in answer.out
    assert "broken in 33 places" in answer.out


def test_files_that_are_not_there_are_said(recorded: Command) -> None:
    answer = recorded("ledger", "verify", "--heads", "nothing.json")
    assert (answer.code, "nothing.json: cannot be read" in answer.err) == (2, True)
    answer = recorded("ledger", "head", "--key-file", "nothing")
    assert (answer.code, "nothing: cannot be read" in answer.err) == (2, True)
