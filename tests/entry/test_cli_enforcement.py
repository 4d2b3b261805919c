"""Enforcement from the command line: perform, look at what is held, and take back."""

import json
import re
import urllib.request
from pathlib import Path

import pytest
from tests.entry.conftest import Command
from tests.flows.performing import SmallHouse

from gatehouse.entry.cli import perform
from gatehouse.entry.performing import performer_of
from gatehouse.records.policy import Quota
from gatehouse.settings import Settings
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
    (line,) = map(json.loads, done.err.splitlines())
    assert line["event"].startswith("no actuators.yaml: enforcements are only written to ")
    assert (line["level"], line["logger"]) == ("info", "gatehouse.performer")
    log = Path(".gatehouse/enforcements.jsonl")
    keys = sorted(json.loads(line)["key"] for line in log.read_text().splitlines())
    assert keys == ["d-a-0-remove", "d-b-0-remove"]
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


def test_a_dry_run_says_what_an_undo_would_do(gatehouse: Command, house: SmallHouse) -> None:
    dry = gatehouse("undo", "--policy-version", "p1", "--dry-run")
    assert dry.out.splitlines()[-1] == (
        "3 enforcements not done yet would be dropped if never tried, else taken back by gatehouse perform"
    )
    assert "d-b-0-suspend" in dry.out
    said = json.loads(gatehouse("undo", "--policy-version", "p1", "--dry-run", "--json").out)
    assert (said["dropped"], said["planned"], len(said["waiting"]), said["dry_run"]) == ([], [], 3, True)
    done = gatehouse("undo", "--policy-version", "p1", "--why", "it removed jokes")
    assert done.out == "3 enforcements dropped before being carried out\n"


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


def test_what_failed_is_tried_anew(gatehouse: Command, house: SmallHouse) -> None:
    place = Path(".gatehouse/actuators.yaml")
    place.write_text("actuators: {file: {log: no/log.jsonl}}\nkinds: {suspend: file}\n")
    gatehouse("perform", "--once")
    for said, what in (
        ((), "which enforcements?\n    → name their ids, or say --all"),
        (("d-a-0-remove", "--all"), "which enforcements?"),
        (("d-a-0-remvoe", "d-b-0-suspend"), "none of these has failed: d-a-0-remvoe, d-b-0-suspend"),
    ):
        refused = gatehouse("enforcements", "retry", *said, "--why", "mended")
        assert (refused.code, what in refused.err) == (2, True)
    assert gatehouse("enforcements", "retry", "--all", "--policy", "other", "--why", "x").out == (
        "0 enforcements will be tried anew\n"
    )
    place.unlink()
    one = gatehouse("enforcements", "retry", "d-a-0-remove", "--why", "mended")
    assert (one.code, one.out) == (0, "1 enforcement will be tried anew\n")
    assert gatehouse("enforcements", "retry", "--all", "--since", "2023-11-14", "--why", "mended").out == one.out
    assert gatehouse("perform", "--once").out == "2 done\n1 held: gatehouse enforcements list\n"


def test_what_is_to_be_told_goes_with_what_is_done(gatehouse: Command, house: SmallHouse) -> None:
    gatehouse("perform", "--once")
    lines = map(json.loads, Path(".gatehouse/enforcements.jsonl").read_text().splitlines())
    assert sorted(line["notice"].split("\n")[0] for line in lines) == [
        "Your post a: it was removed.",
        "Your post b: it was removed.",
    ]


def test_metrics_are_served_while_it_performs(gatehouse: Command, house: SmallHouse) -> None:
    said: list[str] = []
    parts = perform.open_enforcing(Settings(Path(".gatehouse")))
    with perform._observed(parts.settings, "127.0.0.1:0", said.append) as observer:
        performer_of(parts, observer, "w1").until_idle()
        (at,) = re.findall("http://[^ ]+/metrics", said[0])
        told = urllib.request.urlopen(at, timeout=10).read().decode()
        ready = urllib.request.urlopen(at.replace("/metrics", "/health/ready"), timeout=10)
    for line in (
        'gatehouse_happened_total{what="enforcements done"} 2.0',
        'gatehouse_happened_total{what="enforcements held"} 1.0',
        'gatehouse_stage_events_total{stage="act"} 2.0',
        "gatehouse_outbox_planned 0.0",
        "gatehouse_outbox_held 1.0",
    ):
        assert line in told
    assert ready.status == 200
    assert gatehouse("perform", "--once", "--metrics", "nowhere").code == 2
    assert gatehouse("perform", "--once", "--metrics", "127.0.0.1:0").code == 0


def test_what_is_missing_is_said(gatehouse: Command, house: SmallHouse) -> None:
    assert "an undo needs a reason\n    → add --why" in gatehouse("undo", "--decision", "d-a-0").err
    assert "nothing says what to take back" in gatehouse("undo", "--why", "x").err
    assert (
        "--since: 'yesterday' is neither a day nor a time"
        in gatehouse("undo", "--since", "yesterday", "--why", "x").err
    )
    unknown = gatehouse("enforcements", "reset", "spam", "--why", "x")
    assert (unknown.code, "the breaker of 'spam' did not trip" in unknown.err) == (2, True)
    Path(".gatehouse/ledger.sqlite").rename("elsewhere")
    assert "no ledger yet, so nothing was decided\n    → gatehouse init" in gatehouse("perform", "--once").err
