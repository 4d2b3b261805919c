"""`gatehouse cases`, `appeals`, `standing` and `mark`, as people run them."""

import json
from pathlib import Path

import pytest
from tests.entry.conftest import Command

from gatehouse.bootstrap import open_enforcing
from gatehouse.flows.reports import take
from gatehouse.records.event import Entity, Event
from gatehouse.settings import Settings
from gatehouse.testing.cases_contract import make_report


@pytest.fixture
def with_case(with_spam: Command) -> str:
    """The case that a report of an event opened, in a house where two events were decided on."""
    from gatehouse.bootstrap import open_house
    from gatehouse.entry.live import open_gate

    settings = Settings(home=Path.cwd() / ".gatehouse")
    gate, _ = open_gate(open_house(settings), ())
    actor = Entity("account", "a1")
    spam = "gatehouse canary text: known spam sample 1"
    gate.decide([Event(id="e1", text="see you at lunch", actor=actor), Event(id="e2", text=spam, actor=actor)])
    case_id = take(open_enforcing(settings).cases, make_report(comment="they asked for money")).case_id
    assert case_id is not None
    return case_id


def test_a_case_is_listed_shown_and_closed(gatehouse: Command, with_case: str) -> None:
    listed = gatehouse("cases", "list")
    assert listed.code == 0
    assert with_case in listed.out
    assert "reported as spam" in listed.out
    shown = gatehouse("cases", "show", with_case)
    assert "1 report:\n  account:b1: they asked for money\nopen\n" in shown.out
    refused = gatehouse("cases", "close", with_case, "violating", "--why", "looked", "--step", "none")
    assert refused.code == 2
    assert "policy 'spam' has no step 'none'" in refused.err
    closed = gatehouse(
        "cases", "close", with_case, "violating", "--why", "looked", "--step", "certain_spam", "--by", "sam"
    )
    assert closed.code == 0, closed.err
    assert "by sam: violating; looked\n" in closed.out
    assert "supersedes; gatehouse perform carries out what follows" in closed.out
    assert "to account:a1:\n\nYour post e1: " in closed.out
    again = gatehouse("cases", "close", with_case, "not_violating", "--why", "no", "--by", "kim")
    assert again.code == 2
    assert "sam closed the case already and found it violating" in again.err
    assert gatehouse("cases", "list").out.count(with_case) == 0
    assert with_case in gatehouse("cases", "list", "--state", "closed").out
    assert json.loads(gatehouse("cases", "show", with_case, "--json").out)["closing"]["by"] == "sam"
    assert gatehouse("cases", "show", "x").code == 2


def test_the_ids_of_cases_stand_on_one_line_of_a_narrow_terminal(
    gatehouse: Command, with_case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert with_case in gatehouse("cases", "list").out


def test_an_appeal_is_opened_and_decided(gatehouse: Command, with_case: str) -> None:
    said = ("--by", "a1", "--statement", "it was a joke")
    assert gatehouse("appeals", "open", "x1", *said).code == 2
    assert gatehouse("appeals", "open", "x1", "--event", "e2", "--by", "b", "--statement", "s").code == 1
    opened = gatehouse("appeals", "open", "x1", "--event", "e2", *said, "--json")
    assert opened.code == 0, opened.err
    case_id = json.loads(opened.out)["case_id"]
    assert f"{case_id}\n" in gatehouse("appeals", "open", "x1", "--event", "e2", *said).out
    assert gatehouse("cases", "close", case_id, "overturned", "--why", "it was").code == 0
    shown = gatehouse("appeals", "show", "x1")
    assert "overturned, case" in shown.out
    assert "found that it was wrong" in shown.out
    assert json.loads(gatehouse("appeals", "show", "x1", "--json").out)["state"] == "overturned"


def test_a_record_is_shown_and_marks_are_put_on(gatehouse: Command, with_case: str) -> None:
    assert gatehouse("mark", "a1", "press").code == 2
    assert gatehouse("mark", "a1", "press", "--why", "known", "--days", "3").out == "account:a1 bears the mark press\n"
    shown = gatehouse("standing", "account:a1")
    assert "account:a1: 0 decisions did something to it\n  mark press by " in shown.out
    assert json.loads(gatehouse("standing", "a1", "--json").out)["marks"][0]["why"] == "known"
    assert gatehouse("mark", "a1", "press", "--off").out == "account:a1 no longer bears the mark press\n"
    assert gatehouse("mark", "a1", "press", "--off").code == 2
