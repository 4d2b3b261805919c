"""Performing: what is done, held, tried again, ended and bounded, and what a performer that dies leaves behind."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.performing import SmallHouse, why

from gatehouse.errors import OutsideError, RefusedError, UserError
from gatehouse.flows.held import agree, approve, refuse, reset
from gatehouse.flows.perform import Round
from gatehouse.ports.actuator import NotDoneError
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.policy import Breaker, Quota
from gatehouse.records.standing import Ladder, Rung

DAY = 86400


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SmallHouse]:
    made = SmallHouse(tmp_path / "ledger.db")
    yield made
    made.database.close()


def test_what_was_planned_is_done_once_with_its_id_as_the_key(house: SmallHouse) -> None:
    deeds = house.decide("a", "b")
    assert house.performer().until_idle() == Round(done=2)
    assert house.receiver.told == [deed.id for deed in deeds] == ["d-a-0-remove", "d-b-0-remove"]
    (done,) = house.outbox.changes(deeds[0].id)
    assert (done.state, done.by, done.receipt) == ("done", "p1", "receipt of d-a-0-remove")
    assert house.performer().round().idle


def test_many_are_done_by_threads(house: SmallHouse) -> None:
    house.decide(*(f"e{i}" for i in range(20)))
    assert house.performer(threads=4, most=16).until_idle() == Round(done=20)
    assert len(set(house.receiver.told)) == len(house.receiver.told) == 20


def test_where_nothing_is_due_nobody_waits_for_a_round(house: SmallHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    house.decide("a")
    performer = house.performer()
    performer.round()
    for asked in ("over", "lease", "end"):
        monkeypatch.setattr(house.outbox, asked, None)
    assert performer.round().idle


def test_what_did_not_arrive_is_tried_again_later_and_later(house: SmallHouse) -> None:
    (deed,) = house.decide("a")
    house.receiver.trouble = [OutsideError("gone"), TimeoutError("secret words"), NotDoneError("busy", after=100)]
    performer = house.performer()
    assert performer.round() == Round(again=1)
    assert performer.round().idle
    house.clock.advance(1)
    assert performer.round() == Round(again=1)
    house.clock.advance(1.9)
    assert performer.round().idle
    house.clock.advance(0.1)
    assert performer.round() == Round(again=1)
    house.clock.advance(99)
    assert performer.round().idle
    house.clock.advance(1)
    assert performer.round() == Round(done=1)
    assert [change.why for change in house.outbox.changes(deed.id)] == [
        "try 1: gone",
        "try 2: TimeoutError",
        "try 3: busy",
        "",
    ]


def test_what_never_arrives_fails_after_so_many_tries(house: SmallHouse) -> None:
    (deed,) = house.decide("a")
    house.receiver.trouble = [OutsideError("gone")] * 3
    performer = house.performer(tries=3, first=0)
    assert performer.until_idle() == Round(again=2, failed=1)
    assert why(house, deed.id) == "given up after 3 tries: gone"


def test_what_the_platform_refuses_has_failed_at_once(house: SmallHouse) -> None:
    (deed,) = house.decide("a")
    house.receiver.trouble = [RefusedError("answered 422")]
    assert house.performer().until_idle() == Round(failed=1)
    assert house.states() == {deed.id: "failed"}


def test_a_performer_that_dies_leaves_its_work_to_the_next_under_the_same_key(house: SmallHouse) -> None:
    house.decide("a")
    house.receiver.trouble = [KeyboardInterrupt()]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        house.performer().round()
    assert house.performer("p2").round().idle
    house.clock.advance(60)
    assert house.performer("p2").round() == Round(done=1)
    assert house.receiver.told == ["d-a-0-remove"] * 2
    assert house.receiver.effects == ["d-a-0-remove"]


def test_what_kills_every_performer_is_given_up(house: SmallHouse) -> None:
    (deed,) = house.decide("a")
    for _ in range(2):
        house.receiver.trouble = [KeyboardInterrupt()]  # type: ignore[list-item]
        with pytest.raises(KeyboardInterrupt):
            house.performer(tries=2).round()
        house.clock.advance(60)
    assert house.performer(tries=2).round() == Round(failed=1)
    assert why(house, deed.id) == "given up after 2 tries"
    assert len(house.receiver.told) == 2


def test_an_end_after_the_lease_is_told_and_changes_nothing(house: SmallHouse) -> None:
    house.decide("a")

    class Slow:
        def act(self, enforcement: Enforcement, key: str) -> str:
            house.clock.advance(61)
            return f"{house.performer('p2').round().done} done by another"

    performer = house.performer()
    performer._actuator = Slow()
    assert performer.round() == Round(late=1)
    assert [change.by for change in house.outbox.changes("d-a-0-remove")] == ["p2"]


def test_severe_deeds_wait_for_two_people(house: SmallHouse) -> None:
    house.decide("a", enforce="suspend")
    performer = house.performer()
    assert performer.until_idle() == Round(done=1, held=1)
    assert house.receiver.told == ["d-a-0-remove"]
    id = "d-a-0-suspend"
    assert why(house, id) == "2 people must agree"
    assert approve(house.outbox, id, by="sam", why="seen", now=house.clock()) == "held"
    with pytest.raises(RefusedError) as caught:
        approve(house.outbox, id, by="sam", why="again", now=house.clock())
    assert str(caught.value) == f"{id}: sam approved {id} already\n    → another person must agree"
    with pytest.raises(RefusedError, match="Sam  approved"):
        approve(house.outbox, id, by="Sam ", why="again", now=house.clock())
    assert performer.round().idle
    assert approve(house.outbox, id, by="kim", why="seen too", now=house.clock()) == "planned"
    assert performer.until_idle() == Round(done=1)
    assert house.receiver.told[-1] == id
    with pytest.raises(UserError, match=f"'{id}' is done, not held"):
        approve(house.outbox, id, by="lee", why="late", now=house.clock())


def test_a_severe_deed_that_nobody_agreed_to_in_time_is_dropped(house: SmallHouse) -> None:
    house.decide("a", enforce="terminate")
    performer = house.performer()
    performer.until_idle()
    approve(house.outbox, "d-a-0-terminate", by="sam", why="seen", now=house.clock())
    house.clock.advance(3 * DAY)
    assert performer.until_idle() == Round(over=1)
    assert house.states()["d-a-0-terminate"] == "undone"
    assert why(house, "d-a-0-terminate") == "too few people agreed in time"
    assert house.receiver.told == ["d-a-0-remove"]


def test_nobody_agrees_when_the_time_for_it_is_over(house: SmallHouse) -> None:
    """Though no performer ran since, and so it still stands as held."""
    house.decide("a", enforce="suspend")
    house.performer().until_idle()
    id = "d-a-0-suspend"
    approve(house.outbox, id, by="sam", why="seen", now=house.clock())
    house.clock.advance(3 * DAY)
    with pytest.raises(RefusedError, match=f"{id}: the time in which people could agree is over"):
        approve(house.outbox, id, by="kim", why="seen too", now=house.clock())
    agree(house.outbox, id, by="kim", why="a case", now=house.clock())
    assert house.states()[id] == "held"
    assert house.performer().until_idle() == Round(over=1)
    assert house.states()[id] == "undone"


def test_what_a_quota_held_may_be_approved_after_its_time(house: SmallHouse) -> None:
    house.with_policy(quota=Quota(hour=1))
    house.decide(*"ab")
    house.performer().until_idle()
    house.clock.advance(2 * 3600)
    assert approve(house.outbox, "d-b-0-remove", by="sam", why="clear", now=house.clock()) == "planned"


def test_a_quota_holds_the_rest_with_a_limit_in_their_place(house: SmallHouse) -> None:
    house.with_policy(quota=Quota(hour=2))
    house.decide(*"abc")
    performer = house.performer()
    assert performer.until_idle() == Round(done=3, held=1)
    assert house.receiver.told == ["d-a-0-remove", "d-b-0-remove", "d-c-0-remove-meanwhile"]
    assert why(house, "d-c-0-remove") == "'spam' has carried out the 2 that it may in an hour"
    house.clock.advance(3601)
    assert performer.until_idle() == Round(done=1, over=1)
    assert house.receiver.told[-1] == "d-c-0-remove"


def test_performers_of_one_name_do_not_exceed_a_quota_together(house: SmallHouse) -> None:
    house.with_policy(quota=Quota(hour=2))
    house.decide(*"abcd")
    other = house.performer("p1", most=2)

    class Meanwhile:
        def act(self, enforcement: Enforcement, key: str) -> str:
            if len(house.receiver.told) == 0:
                house.receiver.act(enforcement, key)
                assert other.round() == Round(held=2)
            return house.receiver.act(enforcement, key)

    performer = house.performer("p1", most=2)
    performer._actuator = Meanwhile()
    assert performer.round() == Round(done=2)


def test_a_quota_counts_every_version_of_a_policy(house: SmallHouse) -> None:
    house.with_policy(quota=Quota(day=2))
    house.decide("a", "b", policy_version="p1")
    house.decide("c", "d", policy_version="p2")
    assert house.performer().round() == Round(done=2, held=2)
    house.decide("e", enforce="escalate")
    assert house.performer().round() == Round(done=3), "two limits, and what nothing may hold up"


def test_a_person_lets_one_pass_a_quota(house: SmallHouse) -> None:
    house.with_policy(quota=Quota(hour=1))
    house.decide(*"ab")
    house.performer().until_idle()
    assert approve(house.outbox, "d-b-0-remove", by="sam", why="clear", now=house.clock()) == "planned"
    assert house.performer().until_idle() == Round(done=1)


def test_a_refused_one_takes_back_the_limit_in_its_place(house: SmallHouse) -> None:
    house.with_policy(quota=Quota(hour=1))
    house.decide(*"ab")
    performer = house.performer()
    performer.until_idle()
    refuse(house.outbox, "d-b-0-remove", by="sam", why="harmless", now=house.clock())
    assert performer.until_idle() == Round(done=1)
    assert house.receiver.told[-1] == "d-b-0-remove-meanwhile-undo"
    states = house.states()
    assert states["d-b-0-remove"] == states["d-b-0-remove-meanwhile"] == "undone"
    with pytest.raises(UserError, match="no enforcement 'x' is known\n    → gatehouse enforcements list"):
        refuse(house.outbox, "x", by="sam", why="?", now=1)


def test_a_flood_trips_the_breaker_and_meets_limits_while_banks_go_on(house: SmallHouse) -> None:
    house.with_policy(breaker=Breaker(share=0.1, least=50, exempt=("known_spam",)))
    performer = house.performer()
    house.decide(*(f"calm{i}" for i in range(5)))
    assert performer.until_idle() == Round(done=5), "at its share nothing trips"
    house.decide(*(f"flood{i}" for i in range(5)))
    house.decide("bank", step="known_spam")
    house.decide("mild", enforce="blur")
    came_to = performer.until_idle()
    assert came_to == Round(held=5, done=7)
    assert "d-bank-0-remove" in house.receiver.told
    assert "d-mild-0-blur" in house.receiver.told
    assert [key for key in house.receiver.told if key.endswith("meanwhile")] == [
        f"d-flood{i}-0-remove-meanwhile" for i in range(5)
    ]
    (tripped,) = house.outbox.tripped()
    assert tripped.why == "10 of 12 decisions in the last 10 minutes wanted more than a limit, over its share of 10%"
    assert why(house, "d-flood0-0-remove") == f"the breaker of 'spam' tripped: {tripped.why}"


def test_a_tripped_breaker_stays_so_until_the_share_has_halved(house: SmallHouse) -> None:
    house.with_policy(breaker=Breaker(share=0.1, minutes=90, least=50))
    performer = house.performer()
    house.decide(*(f"flood{i}" for i in range(6)))
    performer.until_idle()
    house.decide(*(f"calm{i}" for i in range(100)), enforce="none")
    house.clock.advance(3600)
    assert performer.until_idle() == Round(over=6, held=6)
    house.decide(*(f"calmer{i}" for i in range(14)), enforce="none")
    house.clock.advance(3600)
    assert performer.until_idle() == Round(over=6, done=6)
    assert house.outbox.tripped() == []
    assert house.outbox.breaker("spam").why.startswith("0 of 14 decisions")  # type: ignore[union-attr]


def test_a_person_closes_a_breaker_and_what_was_looked_at_counts_no_more(house: SmallHouse) -> None:
    house.with_policy(breaker=Breaker(share=0.1, least=50))
    performer = house.performer()
    with pytest.raises(UserError, match="the breaker of 'spam' did not trip"):
        reset(house.outbox, "spam", by="sam", why="?", now=house.clock())
    house.decide(*(f"flood{i}" for i in range(6)))
    performer.until_idle()
    reset(house.outbox, "spam", by="sam", why="they are spam", now=house.clock())
    house.clock.advance(3600)
    assert performer.until_idle() == Round(over=6, done=6)
    assert house.outbox.tripped() == []


def test_strikes_lead_up_a_ladder_and_suspensions_end_by_themselves(house: SmallHouse) -> None:
    rungs = (Rung(strikes=2, enforce="warn"), Rung(strikes=3, enforce="limit", seconds=7 * DAY))
    house.with_policy(ladder=Ladder(rungs=rungs, expires=90 * DAY))
    performer = house.performer()
    for id_, told in (("a", []), ("b", ["d-b-0-strike-warn"]), ("c", ["d-c-0-strike-limit"])):
        house.receiver.told.clear()
        house.decide(id_, enforce="strike")
        performer.until_idle()
        assert house.receiver.told == [f"d-{id_}-0-remove", f"d-{id_}-0-strike", *told]
    strikes = house.standing.strikes("account:a1")
    assert [strike.id for strike in strikes] == ["d-a-0-strike", "d-b-0-strike", "d-c-0-strike"]
    house.clock.advance(7 * DAY - 60)
    assert performer.until_idle().idle
    house.clock.advance(60)
    assert performer.until_idle() == Round(over=1, done=1)
    assert house.receiver.told[-1] == "d-c-0-strike-limit-undo"
    house.clock.advance(84 * DAY)
    house.decide("d", enforce="strike")
    house.receiver.told.clear()
    performer.until_idle()
    assert house.receiver.told == ["d-d-0-remove", "d-d-0-strike"], "the earlier strikes have expired"


def test_a_clock_that_was_set_back_loses_no_rung(house: SmallHouse) -> None:
    house.with_policy(ladder=Ladder(rungs=(Rung(strikes=2, enforce="warn"),), expires=90 * DAY))
    house.decide("a", enforce="strike")
    house.performer().until_idle()
    house.clock.advance(-3600)
    house.decide("b", enforce="strike")
    house.performer().until_idle()
    assert "d-b-0-strike-warn" in house.receiver.told


def test_a_strike_that_never_was_told_is_on_no_record(house: SmallHouse) -> None:
    house.decide("a", enforce="strike")
    house.receiver.trouble = [RefusedError("no such post"), RefusedError("no such account")]
    assert house.performer().until_idle() == Round(failed=2)
    assert house.standing.strikes("account:a1") == []


def test_what_is_over_before_it_began_is_not_begun(house: SmallHouse) -> None:
    (deed,) = house.decide("a")
    end = house.clock() + 10
    short = Enforcement(
        id="short", decision_id=deed.decision_id, event_id="a", policy="spam", kind="blur", until=end, subject="event:z"
    )
    house.outbox.plan([short], house.clock())
    house.clock.advance(1)
    assert house.performer().until_idle() == Round(done=1, undone=1)
    assert "short" not in house.receiver.told


def test_what_may_have_begun_is_ended_at_the_platform(house: SmallHouse) -> None:
    (deed,) = house.decide("a")
    short = Enforcement(
        id="short", decision_id=deed.decision_id, event_id="a", policy="spam", kind="blur", until=house.clock() + 10
    )
    house.outbox.plan([short], house.clock())
    house.performer().round()
    house.receiver.trouble = [TimeoutError()]
    assert house.performer().round() == Round(again=1)
    house.clock.advance(1)
    assert house.performer().until_idle() == Round(done=2, over=1)
    assert house.receiver.told[-3:] == ["short", "short", "short-undo"]


def test_a_performer_works_until_it_is_told_to_stop(house: SmallHouse) -> None:
    house.decide(*"abc")
    stop = threading.Event()

    class Stopping:
        def act(self, enforcement: Enforcement, key: str) -> str:
            stop.set()
            return "done"

    performer = house.performer(most=2)
    performer._actuator = Stopping()
    assert performer.run(stop, pause=0.01) == Round(done=2)


def test_what_trickles_in_is_carried_out_together_and_what_waits_without_a_pause(house: SmallHouse) -> None:
    house.decide(*"abc")
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            if len(waits) == 1:
                house.decide(*"de")
            elif len(waits) == 4:
                self.set()
            return self.is_set()

    assert house.performer(most=2).run(Stop(), pause=0.5, gather=0.1) == Round(done=5)
    assert waits == [0.1, 0.5, 0.5, 0.5]
