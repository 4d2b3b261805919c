"""Trying a release as a user does: in shadow, as a canary, halted, stopped, and what it would reach."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from tests.entry.conftest import Command
from tests.entry.test_cli_learn import own_pack

from gatehouse.bootstrap import House, open_house
from gatehouse.entry import live
from gatehouse.entry.cli import main, reach
from gatehouse.entry.live import Releases, open_gate
from gatehouse.errors import OutsideError, UserError
from gatehouse.flows import arms, life
from gatehouse.flows.reach import Rate, Reached
from gatehouse.records.decision import Decision
from gatehouse.records.event import Entity, Event
from gatehouse.settings import read

OURS = {
    "versions": "gatehouse.entry.cli.versions:versions",
    "stop": "gatehouse.entry.cli.versions:stop",
    "reach": "gatehouse.entry.cli.reach:reach",
}

TEXT = "text WIN to 80086 now"


@pytest.fixture
def spam(with_spam: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command with `spam` live, and a newer draft of it that removes what matches a pattern."""
    for name, where in OURS.items():
        monkeypatch.setitem(main.COMMANDS, name, (where, name))
    policy = own_pack() / "policy.yaml"
    head, tail = policy.read_text().split("  - name: spam_pattern")
    policy.write_text(head + "  - name: spam_pattern" + tail.replace("enforce: label", "enforce: remove", 1))
    assert with_spam("train", "mine/spam").code == 0
    return with_spam


def draft(spam: Command) -> str:
    return str(json.loads(spam("releases", "spam", "--json").out)[0]["release"]["version"])


def post(n: int, text: str = TEXT) -> Event:
    return Event(id=f"e{n}", text=text, language="en", actor=Entity("account", f"a{n}"))


def house() -> House:
    return open_house(read())


def last(version: str) -> Any:
    known = house().shelf.registry.releases("spam")
    return next(last for release, last in known if release.version == version)


def test_in_shadow_a_release_is_compared_with_what_was_decided_live(spam: Command) -> None:
    version = draft(spam)
    assert spam("versions", "compare", "spam").code == 2
    answer = spam("promote", "spam", "--to", "shadow", "--why", "patterns may remove")
    assert answer.out == f"in shadow: spam {version}; it acts on nothing\nnext: gatehouse versions compare spam\n"
    assert "no event has a shadow decision" in spam("versions", "compare", "spam").out
    lines = [{"id": f"e{n}", "actor": f"account:a{n}", "text": TEXT if n % 3 else "see you"} for n in range(30)]
    Path("day.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert spam("work", "--from", "day.jsonl").code == 0
    shown = spam("versions", "compare", "spam").out
    assert f"spam {version} in shadow against live: 30 events of 30 actors" in shown
    assert "violating, remove" in shown
    said = json.loads(spam("versions", "compare", "spam", "--json").out)["compared"]
    assert (said["agree"]["events"], said["newly_taken"]["events"]) == (10, 20)
    listed = {one["release"]["version"]: one for one in json.loads(spam("versions", "list", "--json").out)}
    assert [(one["mode"], one["decisions"]) for one in listed[version]["made"]] == [("shadow", 30)]
    assert "patterns may remove" in spam("versions").out
    reached = spam("reach", "spam", version).out
    assert "on 30 stored events of 30 actors" in reached
    assert "note: 30 events are few; 1,000 would tell more" in reached


def test_what_reaches_too_far_is_refused_until_somebody_says_why(spam: Command) -> None:
    version = draft(spam)
    assert "nothing is known of its reach: no decided event is stored" in spam("reach", "spam").out
    gate, _ = open_gate(house(), ())
    gate.decide([post(n) for n in range(40)])
    gate.close()
    refused = spam("promote", "spam", "--reach-at-most", "10%")
    assert refused.code == 1
    assert "100.00% of traffic" in refused.err
    assert "say --accept-reach 'why this is meant'" in refused.err
    assert spam("promote", "spam", "--reach-at-most", "10%", "--accept-reach", " ").code == 2
    accepted = spam("promote", "spam", "--reach-at-most", "10%", "--accept-reach", "a flood", "--json")
    assert json.loads(accepted.out)["why"] == "promoted by hand; reach accepted: a flood"
    assert last(version).state == "live"


def test_a_canary_lives_through_a_restart_is_halted_and_stopped_by_hand(spam: Command) -> None:
    version = draft(spam)
    answer = spam("promote", "spam", "--to", "canary", "--share", "40%")
    assert f"canary: spam {version}, for 40 % of actors" in answer.out
    for start in (0, 5):
        gate, said = open_gate(house(), ())
        assert f"spam {version} decides for 40 % of actors" in said
        gate.decide([post(n, "see you") for n in range(start, start + 5)])
    answers = []
    for n in range(100, 200):
        answers += gate.decide([post(n)])
    assert all(isinstance(one, Decision) for one in answers)
    by_canary = [one for one in answers if isinstance(one, Decision) and one.releases["spam"] == version]
    assert 12 <= len(by_canary) <= 14
    assert (last(version).state, last(version).by) == ("retired", "gatehouse")
    assert last(version).why.startswith("canary halted: it enforces more severely: alone in ")
    assert spam("promote", "spam", version, "--to", "canary").code == 0
    assert spam("stop", "spam").out == f"draft again: spam {version}\n"
    assert spam("stop", "spam").code == 1


def test_every_step_is_told_with_who_took_it_from_where_to_where_and_why(spam: Command) -> None:
    version = draft(spam)
    assert spam("promote", "spam", "--to", "canary", "--share", "40%", "--why", "to see").code == 0
    life.halt(house().shelf, "spam", version, at=time.time_ns() // 1_000, why="it failed")
    assert spam("promote", "spam", version, "--why", "it was the network").code == 0
    steps = json.loads(spam("versions", "life", "spam", "--json").out)
    own = [(one["was"], one["step"]["state"], one["step"]["why"]) for one in steps if one["step"]["version"] == version]
    assert own == [
        (None, "draft", "trained"),
        ("draft", "canary", "to see"),
        ("canary", "retired", "canary halted: it failed"),
        ("retired", "live", "it was the network"),
    ]
    told = spam("versions", "life", "spam").out
    assert re.search(rf"UTC +{version} +draft +canary, 40 % +\S+ +to see", told)
    assert re.search(rf"UTC +{version} +canary +retired +gatehouse +canary halted: it failed", told)


def test_a_process_takes_up_what_is_tried_while_it_runs(spam: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOKS_EVERY_SECONDS", -1.0)
    version, told = draft(spam), []
    opened = house()
    gate, _ = open_gate(opened, ())
    look = Releases(opened, (), gate, told.append)
    look()
    assert (told, bool(gate.arms)) == ([], False)
    said = {"at": time.time_ns() // 1_000, "by": "sam", "why": "to see"}
    life.try_out(opened.shelf, "spam", version, "shadow", **said)
    look()
    assert told == [f"spam {version} judges in shadow"]
    life.try_out(opened.shelf, "spam", version, "canary", 0.5, **said)
    look()
    canary = gate.arms.canaries[0]
    life.try_out(opened.shelf, "spam", version, "canary", 0.9, **said)
    look()
    assert gate.arms.canaries[0].watch is canary.watch
    assert told[1:] == [f"spam {version} decides for {share} % of actors" for share in (50, 90)]
    life.go_live(opened.shelf, "spam", version, **said)
    look()
    assert told[-1] == f"deciding by spam {version}"
    assert not gate.arms
    gate.close()


@pytest.mark.parametrize(
    ("error", "why"), [(UserError("its policy is gone"), "its policy is gone"), (RuntimeError("x"), "RuntimeError")]
)
def test_a_release_that_cannot_be_opened_is_left_out_and_told_of_once(
    spam: Command, monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    monkeypatch.setattr(live, "LOOKS_EVERY_SECONDS", -1.0)
    version = draft(spam)
    assert spam("promote", "spam", "--to", "shadow").code == 0
    opened = house()

    def gone(*_: object) -> None:
        raise error

    monkeypatch.setattr("gatehouse.flows.arms.open_judge", gone)
    gate, said = open_gate(opened, ())
    assert said[-1].startswith(f"the shadow {version} of 'spam' is left out: ")
    assert why in said[-1]
    told: list[str] = []
    look = Releases(opened, (), gate, told.append)
    look()
    assert told == []
    (answer,) = gate.decide([post(1)])
    assert isinstance(answer, Decision)


def test_what_is_out_of_reach_holds_nothing_up_and_is_tried_again(
    spam: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOKS_EVERY_SECONDS", -1.0)
    version, told = draft(spam), []
    assert spam("promote", "spam", "--to", "shadow").code == 0
    opened = house()

    def missing(*_: object) -> None:
        raise OutsideError("model.bin is missing")

    with monkeypatch.context() as patch:
        patch.setattr("gatehouse.flows.arms.open_judge", missing)
        gate, said = open_gate(opened, ())
        assert "model.bin is missing" in said[-1]
        look = Releases(opened, (), gate, told.append)
        own = opened.settings.home / arms.HISTORY.format(pack="spam", version=version)
        own.touch()
        for _ in range(3):
            look()
        assert own.exists()
        assert len(told) == 1, "told of once, however often it is tried"
    look()
    assert told[1:] == [f"spam {version} judges in shadow"]
    gate.close()


def test_a_share_belongs_to_a_canary(spam: Command) -> None:
    answer = spam("promote", "spam", "--share", "5%")
    assert answer.code == 2
    assert "--share is for a canary" in answer.err
    assert spam("promote", "spam", "--to", "canary", "--share", "much").code == 2


def test_what_a_day_would_bring_comes_with_its_interval(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    rate = Rate(events=50, actors=20, busiest=12, share=0.05, low=0.02, high=0.1)
    bounds = ("30 enforcements in the busiest of an hour, over the quota of 20 in an hour",)
    reach.show(Reached(1_000, 300, 2.0, 0.25, {"remove": rate}, {"limit": rate}, bounds))
    shown = capsys.readouterr().out
    assert "on 1,000 stored events of 300 actors within 2 days, deciding for 25 % of actors" in shown
    assert re.search(r"remove +50 +20 +25 \[10, 50\] +5\.00% \[2\.00%, 10\.00%\] +12 +0 +0", shown)
    assert re.search(r"limit +0 +0 +0 +– +0 +50 +25", shown)
    assert f"over its bounds: {bounds[0]}" in shown
    reach.show(Reached(1_000, 300, 0.5, 1.0, {"remove": rate}, {}, ()))
    assert re.search(r"10\.00%\] +12 or more +0 +0", capsys.readouterr().out), "half a day does not bring all of them"
