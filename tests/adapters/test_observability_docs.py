"""Documents, alerts and the dashboard name metrics that a process gives, and the documents name all of these."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from gatehouse.adapters.logs import KEYS
from gatehouse.adapters.prometheus import PrometheusObserver
from gatehouse.adapters.prometheus_gauges import Gauges
from gatehouse.entry.api.app import ROUTES
from gatehouse.flows.health import Check, Health
from gatehouse.flows.observe import ANSWERED, HAPPENINGS, WAITED, states
from gatehouse.flows.perform import Round
from gatehouse.ports.outbox import Waiting
from gatehouse.records.enforcement import BreakerChange
from gatehouse.records.signal import Signals, State
from gatehouse.testing.makers import NOW, make_decision

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "observability.md").read_text()
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "gatehouse.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]

SOURCES = "\n".join(path.read_text() for path in sorted((ROOT / "src" / "gatehouse").rglob("*.py")))
STAGES = {*re.findall(r"(?:\.spent|_timed)\(\s*\"([a-z ]+)\"", SOURCES), WAITED}


@pytest.fixture(scope="module")
def given() -> dict[str, set[str]]:
    """Every series of a process to which everything has happened once, with its labels."""
    tripped = BreakerChange(policy="spam", state="tripped", at=NOW, by="gatehouse", why="much")
    check = Check(name="ledger", state="ok", what="")
    observer = PrometheusObserver(
        Gauges(
            clock=lambda: NOW,
            waiting=lambda: Waiting(1, 1, NOW),
            tripped=lambda: [tripped],
            letters=lambda: 1,
            behind=lambda: 1,
            releases=lambda: {"spam": "r1"},
            health=lambda: Health(state="ok", checks=(check,)),
        )
    )
    observer.spent("judge", 0.01, 1)
    signals = Signals("a", "d", ("x",), np.zeros((1, 1), np.uint8), np.zeros((1, 1)), np.zeros((1, 1), np.int32))
    observer.judged(states([signals]))
    observer.answered([make_decision(decided=NOW)], NOW)
    observer.gathered(1, 0)
    observer.counted("retries")
    observer.requested("/metrics", "GET", 200, 0.01)
    found: dict[str, set[str]] = {"gatehouse_gauge_unread": {"gauge"}}
    for metric in observer.registry.collect():
        for sample in metric.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def names(query: str) -> set[str]:
    return set(re.findall(r"\b(?:gatehouse|process)_\w+", query))


@pytest.mark.parametrize("query", [rule["expr"] for rule in ALERTS] + QUERIES)
def test_alerts_and_panels_ask_for_what_there_is(query: str, given: dict[str, set[str]]) -> None:
    assert names(query) <= set(given)
    for name, selected in re.findall(r"(\w+)\{([^}]*)\}", query):
        if name != "up":
            assert set(re.findall(r"(\w+)\s*[!=]~?=?\s*\"", selected)) <= given[name], query
    assert query.count("(") == query.count(")")


def test_alerts_and_panels_select_by_values_that_there_are() -> None:
    there = {
        "what": set(HAPPENINGS),
        "kind": set(ANSWERED),
        "state": {state.word for state in State},
        "check": set(re.findall(r"Question\(\s*\"([^\"]+)\"", SOURCES)),
        "stage": STAGES,
        "route": {path for route in ROUTES for path in route.paths},
        "status": {"200"},
        "outcome": {"clear"},
        "enforce": {"none"},
        "job": {"gatehouse"},
    }
    selected = {
        (label, value)
        for query in [rule["expr"] for rule in ALERTS] + QUERIES
        for label, value in re.findall(r"(\w+)\s*!?=\s*\"([^\"]*)\"", query)
    }
    assert not [(label, value) for label, value in selected if value not in there[label]]


def test_what_an_alert_sees_rise_is_there_before_it_first_rises() -> None:
    fresh = PrometheusObserver().exposition().decode()
    rises = [series for rule in ALERTS for series in re.findall(r"increase\(([^\[]+)\[", rule["expr"])]
    assert rises
    for series in rises:
        assert f"{series} 0.0" in fresh, series


def test_all_that_happens_and_every_stage_stands_in_the_document() -> None:
    counted = re.findall(r"[Oo]bserver\.counted\(\s*\"([^\"]+)\"", SOURCES)
    counted += re.findall(r"self\._counted\(\"([^\"]+)\"", SOURCES)
    counted += [f"enforcements {one.name}" for one in fields(Round)]
    assert set(counted) == set(HAPPENINGS)
    assert not [what for what in (*HAPPENINGS, *ANSWERED) if f"`{what}`" not in PAGE]
    assert not [stage for stage in STAGES if f"`{stage}`" not in PAGE]


def test_every_alert_says_how_bad_it_is_and_what_mends_it_and_stands_in_the_document() -> None:
    for rule in ALERTS:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["mend"]
        assert f"| {rule['alert']} |" in PAGE
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)


def test_the_dashboard_s_panels_are_whole() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(panel["title"] and panel["targets"] for panel in DASHBOARD["panels"])
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)


def test_the_document_names_every_metric_with_its_labels_and_no_other(given: dict[str, set[str]]) -> None:
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| `gatehouse_")]
    told = {name: row for row in rows for name in re.findall(r"`(gatehouse_\w+)`", row[0])}
    metrics = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in given if name.startswith("gatehouse_")}
    # A counter's birth is told under its name without the suffix.
    metrics -= {name.removesuffix("_total") for name in metrics if name.endswith("_total")}
    assert set(told) == metrics
    for name, row in told.items():
        labels = {label for series, own in given.items() if series.startswith(name) for label in own} - {"le"}
        assert set(re.findall(r"`(\w+)`", row[2])) == labels, name


def test_the_document_names_every_key_of_a_log_line() -> None:
    assert not [key for key in KEYS if f"`{key}`" not in PAGE]
