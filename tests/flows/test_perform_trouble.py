"""Performing in trouble: a slow platform, odd answers, an outbox that cannot be used, and what had failed for good."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.performing import SmallHouse, why

from gatehouse.errors import OutsideError, RefusedError
from gatehouse.flows.held import retry
from gatehouse.flows.observe import Tally
from gatehouse.flows.perform import Performer, Round
from gatehouse.records.enforcement import Enforcement


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SmallHouse]:
    made = SmallHouse(tmp_path / "ledger.db")
    yield made
    made.database.close()


def test_what_a_slow_platform_leaves_no_time_for_is_given_back_untried(house: SmallHouse) -> None:
    deeds = house.decide(*(f"e{i}" for i in range(12)))

    class Slow:
        def act(self, enforcement: Enforcement, key: str) -> str:
            house.clock.advance(10)
            return house.receiver.act(enforcement, key)

    performer = house.performer(tries=2)
    performer._actuator = Slow()
    assert performer.round() == Round(done=3, again=9), "what is begun in half a lease ends within it"
    assert performer.until_idle() == Round(done=9, again=6 + 3)
    assert house.receiver.told == [deed.id for deed in deeds], "nobody is told twice, and none is given up untried"
    assert [change.why for change in house.outbox.changes("d-e11-0-remove")] == ["its turn did not come"] * 3 + [""]


def test_a_slow_deed_does_not_hold_up_the_rest_of_its_round(house: SmallHouse) -> None:
    deeds = house.decide(*"abcde")
    others = threading.Event()

    class Slow:
        def act(self, enforcement: Enforcement, key: str) -> str:
            if key == deeds[0].id:
                return "in time" if others.wait(10) else "too late"
            house.receiver.act(enforcement, key)
            if len(house.receiver.told) == len(deeds) - 1:
                others.set()
            return ""

    performer = house.performer(threads=2)
    performer._actuator = Slow()
    assert performer.round() == Round(done=5)
    assert house.outbox.changes(deeds[0].id)[0].receipt == "in time"


def test_where_the_platform_answers_at_once_one_thread_does_it_all(
    house: SmallHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatehouse.flows.perform.ALONE_SECONDS", 60.0)
    house.decide(*(f"e{i}" for i in range(12)))
    threads = set()

    class Quick:
        def act(self, enforcement: Enforcement, key: str) -> str:
            threads.add(threading.get_ident())
            return ""

    performer = house.performer(threads=4, most=4)
    performer._actuator = Quick()
    assert performer.until_idle() == Round(done=12)
    assert len(threads) == 1


def test_what_is_urgent_is_not_held_up_by_what_cannot_be_done(house: SmallHouse) -> None:
    (removal,) = house.decide("a")
    house.receiver.trouble = [OutsideError("gone")]
    assert house.performer().round() == Round(again=1)
    urgent = Enforcement(id="u", decision_id=removal.decision_id, event_id="a", policy="spam", kind="escalate")
    house.outbox.plan([urgent], house.clock())
    assert house.performer().round() == Round(done=1)
    assert house.receiver.told == ["d-a-0-remove", "u"]


@pytest.mark.parametrize("receipt", ["a\0b", "half \ud800", "x" * 500, None])
def test_one_odd_receipt_does_not_stop_the_rest(house: SmallHouse, receipt: str) -> None:
    house.decide("a", "b")

    class Odd:
        def act(self, enforcement: Enforcement, key: str) -> str:
            return receipt

    performer = house.performer()
    performer._actuator = Odd()
    assert performer.until_idle() == Round(done=2)
    kept = house.outbox.changes("d-a-0-remove")[0].receipt
    assert kept == {"a\0b": "ab", "half \ud800": "half ?", "x" * 500: "x" * 200, None: ""}[receipt]


def test_an_odd_error_does_not_stop_the_rest(house: SmallHouse) -> None:
    house.decide("a", "b")
    house.receiver.trouble = [RefusedError("no\0such post \ud800")]
    assert house.performer().until_idle() == Round(failed=1, done=1)
    assert why(house, "d-a-0-remove") == "nosuch post ?"


def test_a_performer_outlasts_an_outbox_that_cannot_be_used(house: SmallHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    house.decide("a")
    monkeypatch.setattr("gatehouse.flows.perform.TRIES_AGAIN_SECONDS", 0.0)
    told: list[str] = []
    stop, due = threading.Event(), house.outbox.due
    answers = [False, False, True]

    def sometimes(now: int) -> bool:
        if not answers.pop(0):
            raise OutsideError("the ledger cannot be used")
        stop.set()
        return due(now)

    monkeypatch.setattr(house.outbox, "due", sometimes)
    assert house.performer().run(stop, gather=0.0, said=told.append) == Round(done=1)
    assert told == ["enforcements wait: the ledger cannot be used", "enforcements are carried out again"]
    answers = [False]
    with pytest.raises(OutsideError, match="the ledger cannot be used"):
        house.performer().run(threading.Event())


def test_what_failed_is_tried_anew_when_somebody_says_so(house: SmallHouse) -> None:
    (deed, done) = house.decide("a", "b")
    house.receiver.trouble = [OutsideError("gone")] * 2
    performer = house.performer(tries=2, first=0, most=1)
    assert performer.until_idle() == Round(again=1, failed=1, done=1)
    assert retry(house.outbox, [deed, done], by="sam", why="it is back", now=house.clock()) == [deed]
    house.receiver.trouble = [OutsideError("gone")]
    assert performer.until_idle() == Round(failed=1), "one try was already"
    assert retry(house.outbox, [deed], by="sam", why="it is back", now=house.clock()) == [deed]
    assert performer.until_idle() == Round(done=1)
    assert [(change.state, change.by) for change in house.outbox.changes(deed.id)][-2:] == [
        ("planned", "sam"),
        ("done", "p1"),
    ]


def test_rounds_and_what_the_platform_took_are_counted(house: SmallHouse) -> None:
    house.decide("a", "b")
    tally = Tally()
    performer = Performer(
        "p1", house.outbox, house.standing, house.receiver, lambda *_: None, house.clock, observer=tally
    )
    house.receiver.trouble = [RefusedError("no such post")]
    performer.until_idle()
    assert tally.counts == {"enforcements done": 1, "enforcements failed": 1}
    assert tally.events["act"] == 2
