"""Metrics: what is counted is what happened, labels stay few and tell nothing, a hanging database costs a second."""

import threading
import time
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gatehouse.adapters import prometheus_gauges
from gatehouse.adapters.prometheus import PrometheusObserver
from gatehouse.adapters.prometheus_gauges import Gauges
from gatehouse.errors import OutsideError
from gatehouse.flows.health import Check, Health, Question, Readiness
from gatehouse.flows.live import Unrecorded
from gatehouse.flows.observe import ANSWERED, HAPPENINGS, states
from gatehouse.ports.outbox import Waiting
from gatehouse.records.enforcement import BreakerChange
from gatehouse.records.signal import Signals, State
from gatehouse.testing.makers import NOW, make_decision, make_event, make_outcome


def read(observer: PrometheusObserver) -> dict[str, float]:
    """Every series that is told, by its name and labels."""
    families = text_string_to_metric_families(observer.exposition().decode())
    return {
        " ".join((sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items())))): sample.value
        for family in families
        for sample in family.samples
    }


def test_stages_are_told_by_batch_and_by_event() -> None:
    observer = PrometheusObserver()
    observer.spent("judge", 0.004, 64)
    observer.spent("judge", 0.2, 1)
    observer.spent("queue", 0.6, 60)
    told = read(observer)
    assert told["gatehouse_stage_seconds_bucket le=0.005 stage=judge"] == 1
    assert told["gatehouse_stage_seconds_count stage=judge"] == 2
    assert told["gatehouse_stage_events_total stage=judge"] == 65
    # What each event waited is told as a sum; a batch's wait is that of one of its events.
    assert told["gatehouse_stage_seconds_sum stage=queue"] == pytest.approx(0.01)


def test_decisions_are_counted_by_policy_once_and_answers_by_kind() -> None:
    observer = PrometheusObserver()
    shared, other = make_outcome(), make_outcome("hate", outcome="clear", enforce="none")
    new = [make_decision(make_event(f"e{n}"), decided=NOW, policies=(shared, other)) for n in range(3)]
    old = make_decision(make_event("old"), decided=NOW - 5)
    observer.answered([*new, new[0], old, Unrecorded("x", OutsideError("full"))], NOW)
    told = read(observer)
    assert told["gatehouse_decisions_total enforce=remove outcome=violating policy=spam"] == 3
    assert told["gatehouse_decisions_total enforce=none outcome=clear policy=hate"] == 3
    kinds = {name: n for name, n in told.items() if name.startswith("gatehouse_answers_total")}
    assert kinds == {
        "gatehouse_answers_total kind=decided": 3,
        "gatehouse_answers_total kind=known": 2,
        "gatehouse_answers_total kind=conflict": 0,
        "gatehouse_answers_total kind=unrecorded": 1,
    }


def test_signals_gatherings_requests_and_other_things_are_counted() -> None:
    observer = PrometheusObserver()
    state = np.array([[State.FAILED], [State.FAILED], [State.SCORED]], np.uint8)
    said = Signals("spam.linear", "d1", ("spam",), state, np.zeros((3, 1)), np.zeros((3, 1), np.int32))
    observer.judged(states([said]))
    observer.gathered(48, 7, ["00-1-2-3"])
    observer.requested("/v1/decisions", "POST", 200, 0.003)
    observer.requested("/v1/decisions", "SECRET", 200, 0.003)
    observer.counted("canary halted")
    told = read(observer)
    assert told["gatehouse_signals_total detector=spam.linear state=failed"] == 2
    assert told["gatehouse_signals_total detector=spam.linear state=scored"] == 1
    assert told["gatehouse_gathered_events_bucket le=64.0"] == 1
    assert told["gatehouse_gather_waiting"] == 7
    assert told["gatehouse_request_seconds_count method=POST route=/v1/decisions status=200"] == 1
    assert told["gatehouse_request_seconds_count method=other route=/v1/decisions status=200"] == 1
    assert told["gatehouse_happened_total what=canary halted"] == 1
    assert told["process_resident_memory_bytes"] > 0
    assert not [name for name in told if "_created" in name]


def test_past_so_many_values_all_others_are_one() -> None:
    observer = PrometheusObserver()
    for number in range(5_000):
        observer.counted(f"thing {number}")
    told = {name: n for name, n in read(observer).items() if name.startswith("gatehouse_happened_total")}
    assert len(told) == 101
    assert told["gatehouse_happened_total what=other"] == 4_900 + len(HAPPENINGS)


def test_two_observers_share_nothing() -> None:
    first, second = PrometheusObserver(), PrometheusObserver()
    first.counted("retries")
    assert read(second)["gatehouse_happened_total what=retries"] == 0


def test_what_has_not_happened_yet_stands_at_nothing_so_that_its_first_time_is_a_rise() -> None:
    told = read(PrometheusObserver())
    assert {name: n for name, n in told.items() if name.startswith(("gatehouse_happened", "gatehouse_answers"))} == {
        **{f"gatehouse_happened_total what={what}": 0 for what in HAPPENINGS},
        **{f"gatehouse_answers_total kind={kind}": 0 for kind in ANSWERED},
    }


def test_gauges_are_read_when_somebody_asks() -> None:
    tripped = BreakerChange(policy="spam", state="tripped", at=NOW, by="gatehouse", why="much")
    checks = (Check(name="ledger", state="ok", what=""), Check(name="history", state="degraded", what=""))
    observer = PrometheusObserver(
        Gauges(
            clock=lambda: NOW + 60_000_000,
            waiting=lambda: Waiting(3, 2, NOW),
            tripped=lambda: [tripped],
            letters=lambda: 4,
            behind=lambda: 5,
            releases=lambda: {"spam": "r1"},
            health=lambda: Health(state="degraded", checks=checks),
        )
    )
    told = read(observer)
    expected = {
        "gatehouse_outbox_planned": 3,
        "gatehouse_outbox_held": 2,
        "gatehouse_outbox_oldest_seconds": 60,
        "gatehouse_breaker_tripped policy=spam": 1,
        "gatehouse_dead_letters_waiting": 4,
        "gatehouse_bus_behind_messages": 5,
        "gatehouse_release_info pack=spam version=r1": 1,
        "gatehouse_ready": 1,
        "gatehouse_check_state check=ledger": 0,
        "gatehouse_check_state check=history": 1,
    }
    assert {name: told[name] for name in expected} == expected


def test_a_ledger_that_hangs_is_told_of_as_broken_in_the_same_answer() -> None:
    held = threading.Event()

    def hang() -> Any:
        held.wait(30.0)

    ready = Readiness([Question("ledger", hang, "broken", "broken")])
    observer = PrometheusObserver(Gauges(clock=lambda: NOW, waiting=hang, health=ready))
    told = read(observer)
    held.set()
    assert (told["gatehouse_ready"], told["gatehouse_check_state check=ledger"]) == (0, 2)
    assert told["gatehouse_gauge_unread gauge=outbox"] == 1


def test_what_cannot_be_read_in_time_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_gauges, "ANSWER_SECONDS", 0.3)
    held = threading.Event()

    def down() -> Any:
        raise OutsideError("no answer")

    observer = PrometheusObserver(
        Gauges(
            clock=lambda: NOW, waiting=lambda: Waiting(0, 0, None) if held.wait(30) else down(), letters=down,
            behind=lambda: None, releases=lambda: {"spam": "r1"},
        )
    )  # fmt: skip
    begun = time.monotonic()
    told = read(observer)
    assert time.monotonic() - begun < 3.0
    held.set()
    unread = {name for name in told if name.startswith("gatehouse_gauge_unread")}
    assert unread == {"gatehouse_gauge_unread gauge=outbox", "gatehouse_gauge_unread gauge=dead letters"}
    assert not [name for name in told if "outbox_planned" in name or "dead_letters" in name or "bus_behind" in name]
    assert told["gatehouse_release_info pack=spam version=r1"] == 1


def test_a_gauge_that_was_read_while_another_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_gauges, "ANSWER_SECONDS", 1.2)
    held = threading.Event()

    def waiting() -> Waiting:
        held.wait(5)
        return Waiting(0, 0, None)

    def letters() -> int:
        time.sleep(0.05)
        return 4

    told = read(PrometheusObserver(Gauges(clock=lambda: NOW, waiting=waiting, letters=letters)))
    held.set()
    assert told["gatehouse_gauge_unread gauge=outbox"] == 1
    assert "gatehouse_gauge_unread gauge=dead letters" not in told
    assert told["gatehouse_dead_letters_waiting"] == 4


def test_many_threads_lose_no_count() -> None:
    observer = PrometheusObserver()

    def work() -> None:
        for _ in range(500):
            observer.counted("retries")
            observer.spent("judge", 0.001, 2)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = read(observer)
    assert told["gatehouse_happened_total what=retries"] == 4_000
    assert told["gatehouse_stage_events_total stage=judge"] == 8_000
