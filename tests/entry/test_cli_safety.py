"""`gatehouse safety` as a user runs it."""

import json
from pathlib import Path

import pytest
from tests.entry.conftest import Command
from tests.flows.small_platform import simulate

from gatehouse.bootstrap import open_house
from gatehouse.records.event import Entity
from gatehouse.settings import Settings
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    return str(simulate(folder / "run")), str(simulate(folder / "free", enforced=False))


def with_ledger(n: int = 60) -> None:
    """Events of many accounts in the ledger of this folder: every second one removed, a minute or more later."""
    judged = []
    for i in range(n):
        event = make_event(f"e{i}", actor=Entity("account", f"a{i}"), occurred=NOW, seen=NOW + i)
        enforce = "remove" if i % 2 else "none"
        decided = NOW + 60_000_000 * (i + 1)
        judged.append(make_judged(event, decision=make_decision(event, enforce=enforce, decided=decided)))
    open_house(Settings(home=Path(".gatehouse"))).ledger.commit(judged)


def test_a_simulation_is_measured_and_written_as_a_page(gatehouse: Command, runs: tuple[str, str]) -> None:
    Path("costs.yaml").write_text("reviewer_hour: 25\nmachine_hour: 1\nmachine_seconds_per_event: 0.001\n")
    options = ("--against", runs[1], "--costs", "costs.yaml", "--out", "pages/safety.html")
    answer = gatehouse("safety", "--simulation", runs[0], *options)
    assert answer.code == 0, answer.err
    assert f"the simulation {runs[0]}: " in answer.out
    assert "events of which the truth is known: all" in answer.out
    for name in ("violating views rate (VVR)", "time to action, median", "benign accounts suspended", "EUR"):
        assert name in answer.out
    assert "not known: repeat victims within 30 days" in answer.out
    assert "written: pages/safety.html" in answer.out
    shown = Path("pages/safety.html").read_text()
    assert "violating views spared" in shown
    assert "<script" not in shown
    assert "http" not in shown.replace("http-equiv", "")


def test_a_part_of_the_time_and_json(gatehouse: Command, runs: tuple[str, str]) -> None:
    whole = json.loads(gatehouse("safety", "--simulation", runs[0], "--json").out)
    part = gatehouse("safety", "--simulation", runs[0], "--since", "2025-03-04", "--until", "2025-03-06", "--json")
    assert part.code == 0, part.err
    said = json.loads(part.out)
    assert 0 < said["items"] < whole["items"]
    assert said["until"] == 1_741_219_200_000_000
    reading = next(one for one in whole["readings"] if one["name"] == "wrong among actions")
    assert set(reading) == {"group", "name", "definition", "unit", "n", "of", "limits", "why", "remark"}
    assert reading["limits"]["low"] <= reading["limits"]["value"] <= reading["limits"]["high"]


def test_of_a_ledger_alone_only_what_can_be_known_is_told(gatehouse: Command) -> None:
    with_ledger()
    answer = gatehouse("safety")
    assert answer.code == 0, answer.err
    assert "60 events" in answer.out
    assert "events of which the truth is known: 0" in answer.out
    assert "time to action, median" in answer.out
    assert "label a draw (gatehouse prevalence), or give --truth" in answer.out
    assert "views are not known: give --views" in answer.out
    assert "no appeal is on record here" in answer.out
    assert "note: an action is what was decided" in answer.out


def test_views_beside_the_ledger(gatehouse: Command) -> None:
    with_ledger()
    rows = [f"e{i},{NOW + 30_000_000},{i % 5}" for i in range(60)]
    Path("views.csv").write_text("\n".join(["post,at,seen", *rows]) + "\n")
    answer = gatehouse("safety", "--views", "views.csv", "--map", "event_id=post", "--map", "views=seen", "--json")
    assert answer.code == 0, answer.err
    found = {one["name"]: one for one in json.loads(answer.out)["readings"]}
    assert found["views before action, mean"]["n"] == 30
    assert found["views before action, mean"]["limits"]["value"] == pytest.approx(2.0)
    assert "rightly or wrongly" in found["views before action, mean"]["remark"]
    Path("views.csv").write_text("event_id,at,views\ne1,1,4\nother,1,-2\n")
    refused = gatehouse("safety", "--views", "views.csv")
    assert refused.code == 2
    for what in ("an event that is not on record", "views before their event", "views are no whole number from 0 on"):
        assert what in refused.err
    left = gatehouse("safety", "--views", "views.csv", "--leave-out")
    assert left.code == 0, left.err
    assert "note: left out: 2 rows of views.csv" in left.out


def test_options_that_would_be_ignored_are_refused_together(gatehouse: Command, runs: tuple[str, str]) -> None:
    answer = gatehouse("safety", "--simulation", runs[0], "--truth", runs[0], "--views", "v.csv", "--imported")
    assert answer.code == 2
    for option in ("--truth", "--views", "--imported"):
        assert f"{option} speaks of the ledger's events" in answer.err
    answer = gatehouse("safety", "--against", runs[1], "--leave-out", "--since", "2026-02-01", "--until", "2026-01-01")
    assert answer.code == 2
    assert "--against is compared with a simulation" in answer.err
    assert "what was spared is known of whole runs alone" in answer.err
    assert "--leave-out speaks of a file of views" in answer.err
    assert "it ends before it begins" in answer.err


def test_what_is_not_there_is_named(gatehouse: Command) -> None:
    assert "there is no such folder" in gatehouse("safety", "--simulation", "nowhere").err
    answer = gatehouse("safety")
    assert answer.code == 2
    assert "there is no event to measure" in answer.err
