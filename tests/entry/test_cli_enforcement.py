"""Enforcement from the command line: perform, look at what is held, and take back."""

import json
from pathlib import Path

import pytest
from tests.entry.conftest import Command
from tests.flows.performing import SmallHouse

from gatehouse.records.policy import Quota
from gatehouse.testing.makers import make_policy


@pytest.fixture
def house(gatehouse: Command) -> SmallHouse:
    """A ledger with two removals and a suspension, under a policy that may remove two an hour."""
    Path(".gatehouse").mkdir()
    made = SmallHouse(Path(".gatehouse/ledger.sqlite"))
    from gatehouse.adapters.sql.registry import SqlRegistry

    SqlRegistry(made.database).add_policy(make_policy(quota=Quota(hour=2)))
    made.decide("a")
    made.decide("b", enforce="suspend")
    return made


def test_the_way_of_an_enforcement(gatehouse: Command, house: SmallHouse) -> None:
    done = gatehouse("perform", "--once", "--worker", "w1")
    assert done.code == 0, done.err
    assert done.out == "2 done, 1 held\n1 held: gatehouse enforcements list\n"
    assert "no actuators.yaml: enforcements are only written to" in done.err
    log = Path(".gatehouse/enforcements.jsonl")
    assert [json.loads(line)["key"] for line in log.read_text().splitlines()] == ["d-a-0-remove", "d-b-0-remove"]
    listed = gatehouse("enforcements", "list")
    assert "d-b-0-suspend" in listed.out
    assert "2 people must agree" in listed.out
    first = gatehouse("enforcements", "approve", "d-b-0-suspend", "--why", "seen", "--by", "sam")
    assert first.out == "d-b-0-suspend is held until another person agrees\n"
    again = gatehouse("enforcements", "approve", "d-b-0-suspend", "--why", "seen", "--by", "sam")
    assert (again.code, again.err) == (
        1,
        "error: d-b-0-suspend: sam approved d-b-0-suspend already\n    → another person must agree\n",
    )
    second = gatehouse("enforcements", "approve", "d-b-0-suspend", "--why", "seen", "--by", "kim")
    assert second.out == "d-b-0-suspend will be carried out\n"
    assert json.loads(gatehouse("perform", "--once", "--json").out)["done"] == 1
    dry = gatehouse("undo", "--policy-version", "p1", "--dry-run")
    assert "3 enforcements would be taken back by gatehouse perform\n" in dry.out
    undone = gatehouse("undo", "--policy-version", "p1", "--why", "it removed jokes")
    assert undone.out == "3 enforcements taken back by gatehouse perform\n"
    assert gatehouse("perform", "--once").out == "3 done\n"
    acts = [json.loads(line)["act"] for line in log.read_text().splitlines()[3:]]
    assert sorted(acts) == ["lift_suspension", "restore", "restore"]
    assert gatehouse("undo", "--decision", "d-a-0", "--why", "again").out == "all of it is taken back already\n"
    assert gatehouse("enforcements", "list").out == "none is held\n"


def test_a_refusal_and_what_it_takes_back(gatehouse: Command, house: SmallHouse) -> None:
    house.decide("c")
    came_to = json.loads(gatehouse("perform", "--once", "--json").out)
    assert (came_to["done"], came_to["held"], came_to["waiting"]) == (3, 2, {"planned": 0, "held": 2})
    said = gatehouse("enforcements", "refuse", "d-c-0-remove", "--why", "harmless")
    assert said.out == "d-c-0-remove will not be carried out\n"
    assert gatehouse("perform", "--once").out == "1 done\n1 held: gatehouse enforcements list\n"
    found = json.loads(gatehouse("enforcements", "list", "--state", "undone", "--json").out)
    assert {one["enforcement"]["id"] for one in found["enforcements"]} == {"d-c-0-remove", "d-c-0-remove-meanwhile"}


def test_what_failed_for_good_is_said_and_gives_code_one(gatehouse: Command, house: SmallHouse) -> None:
    text = "actuators: {file: {log: log.jsonl}}\nkinds: {suspend: file}\n"
    Path(".gatehouse/actuators.yaml").write_text(text)
    done = gatehouse("perform", "--once")
    assert done.code == 1
    assert done.out == "1 held, 2 failed\n1 held: gatehouse enforcements list\n"
    assert "2 enforcements failed for good\n    → gatehouse enforcements list --state failed says why" in done.err
    assert "nothing carries out 'remove'" in gatehouse("enforcements", "list", "--state", "failed").out


def test_what_is_missing_is_said(gatehouse: Command, house: SmallHouse) -> None:
    assert "an undo needs a reason\n    → add --why" in gatehouse("undo", "--decision", "d-a-0").err
    assert "nothing says what to take back" in gatehouse("undo", "--why", "x").err
    assert "--since: 'yesterday' is no time" in gatehouse("undo", "--since", "yesterday", "--why", "x").err
    unknown = gatehouse("enforcements", "reset", "spam", "--why", "x")
    assert (unknown.code, "the breaker of 'spam' did not trip" in unknown.err) == (2, True)
    Path(".gatehouse/ledger.sqlite").rename("elsewhere")
    assert "no ledger yet, so nothing was decided\n    → gatehouse init" in gatehouse("perform", "--once").err
