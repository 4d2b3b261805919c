"""Undo: everything is taken back, the latest first, once, and whatever was cut off is finished."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.flows.performing import SmallHouse

from gatehouse.errors import RefusedError, UserError
from gatehouse.flows.held import refuse
from gatehouse.flows.perform import Round
from gatehouse.flows.undo import Chosen, Undone, undo
from gatehouse.records.policy import Quota
from gatehouse.records.standing import Ladder, Rung


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SmallHouse]:
    made = SmallHouse(tmp_path / "ledger.db")
    yield made
    made.database.close()


def taken_back(house: SmallHouse, chosen: Chosen, *, dry_run: bool = False) -> Undone:
    return undo(house.outbox, chosen, by="sam", why="a mistake", now=house.clock(), dry_run=dry_run)


def ids(found: Undone) -> tuple[list[str], list[str]]:
    return [one.id for one in found.dropped], [one.id for one in found.planned]


def test_a_policy_version_is_taken_back_in_reverse_order(house: SmallHouse) -> None:
    house.decide("a", "b", enforce="strike")
    house.decide("z", policy_version="p0")
    house.performer().until_idle()
    house.receiver.told.clear()
    found = taken_back(house, Chosen(policy_version="p1"))
    assert ids(found) == ([], ["d-b-0-strike", "d-b-0-remove", "d-a-0-strike", "d-a-0-remove"])
    assert house.performer().until_idle() == Round(done=4)
    assert sorted(house.receiver.told) == sorted(f"{one.id}-undo" for one in found.planned)
    of_actor = [key for key in house.receiver.told if "strike" in key]
    assert of_actor == ["d-b-0-strike-undo", "d-a-0-strike-undo"]
    states = house.states()
    assert {states[one.id] for one in found.planned} == {"undone"}
    assert states["d-z-0-remove"] == "done"
    assert all(strike.removed for strike in house.standing.strikes("account:a1"))
    assert [(change.state, change.by, change.why) for change in house.outbox.changes("d-a-0-remove-undo")] == [
        ("planned", "sam", "a mistake"),
        ("done", "p1", ""),
    ]


def test_the_same_undo_again_changes_nothing(house: SmallHouse) -> None:
    house.decide("a")
    house.performer().until_idle()
    chosen = Chosen(decision_id="d-a-0")
    for _ in range(2):
        assert ids(taken_back(house, chosen)) == ([], ["d-a-0-remove"])
    assert house.performer().until_idle() == Round(done=1)
    assert ids(taken_back(house, chosen)) == ([], [])
    assert house.performer().round().idle
    assert house.receiver.told == ["d-a-0-remove", "d-a-0-remove-undo"]


def test_who_took_it_back_and_why_is_on_record_where_a_performer_leases_it_at_once(
    house: SmallHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.decide("a")
    house.performer().until_idle()
    plan = house.outbox.plan

    def leased_at_once(*arguments: Any, **said: Any) -> Any:
        added = plan(*arguments, **said)
        assert house.outbox.lease("p2", 1, house.clock(), house.clock() + 1)
        return added

    monkeypatch.setattr(house.outbox, "plan", leased_at_once)
    taken_back(house, Chosen(decision_id="d-a-0"))
    changes = house.outbox.changes("d-a-0-remove-undo")
    assert [(one.state, one.by, one.why) for one in changes] == [("planned", "sam", "a mistake")]


def test_what_was_not_done_is_dropped_without_a_word_to_the_platform(house: SmallHouse) -> None:
    house.with_policy(quota=Quota(hour=1))
    house.decide("a", "b")
    house.performer().until_idle()
    house.decide("c")
    found = taken_back(house, Chosen(policy_version="p1"))
    assert ids(found) == (["d-c-0-remove", "d-b-0-remove"], ["d-b-0-remove-meanwhile", "d-a-0-remove"])
    house.receiver.told.clear()
    assert house.performer().until_idle() == Round(done=2)
    assert house.receiver.told == ["d-b-0-remove-meanwhile-undo", "d-a-0-remove-undo"]
    assert set(house.states().values()) == {"undone", "done"}
    assert {id_ for id_, state in house.states().items() if state == "done"} == set(house.receiver.told)


def test_one_that_a_performer_holds_is_taken_back_after_it(house: SmallHouse) -> None:
    (deed,) = house.decide("a")
    (leased,) = house.outbox.lease("dead", 1, house.clock(), house.clock() + 1_000_000)
    assert ids(taken_back(house, Chosen(enforcement_id=deed.id))) == ([], [deed.id])
    assert house.performer().round().idle
    house.clock.advance(2)
    assert house.performer().until_idle() == Round(done=2)
    assert house.receiver.told == [deed.id, f"{deed.id}-undo"]
    assert leased.enforcement == deed


def test_one_that_was_held_after_the_undo_is_never_done(house: SmallHouse) -> None:
    house.decide("a", "b")
    house.outbox.lease("dead", 2, house.clock(), house.clock() + 1_000_000)
    taken_back(house, Chosen(enforcement_id="d-b-0-remove"))
    house.with_policy(quota=Quota(hour=1))
    house.clock.advance(2)
    assert house.performer(most=2).round() == Round(done=1, held=1)
    house.performer().until_idle()
    states = house.states()
    assert states["d-b-0-remove"] == "undone"
    assert "d-b-0-remove" not in house.receiver.told
    assert "d-b-0-remove-undo" in house.receiver.told, "whoever died may have done it"


def test_one_whose_performer_died_is_taken_back_at_the_platform(house: SmallHouse) -> None:
    (deed,) = house.decide("a")
    house.receiver.trouble = [KeyboardInterrupt()]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        house.performer().round()
    house.clock.advance(60)
    assert ids(taken_back(house, Chosen(enforcement_id=deed.id))) == ([], [deed.id])
    house.performer().until_idle()
    assert house.receiver.told == [deed.id, deed.id, f"{deed.id}-undo"]
    assert house.states()[deed.id] == "undone"


def test_one_that_was_tried_and_then_refused_is_taken_back_at_the_platform(house: SmallHouse) -> None:
    house.decide("a")
    house.receiver.trouble = [TimeoutError()]
    assert house.performer().round() == Round(again=1)
    house.with_policy(quota=Quota(hour=1))
    house.decide("b")
    assert house.performer().round() == Round(done=1)
    house.clock.advance(1)
    assert house.performer().until_idle() == Round(held=1, done=1)
    refuse(house.outbox, "d-a-0-remove", by="sam", why="harmless", now=house.clock())
    house.performer().until_idle()
    assert set(house.receiver.told[-2:]) == {"d-a-0-remove-undo", "d-a-0-remove-meanwhile-undo"}
    assert house.states()["d-a-0-remove"] == "undone"


def test_an_undo_that_failed_is_tried_again_by_the_same_command(house: SmallHouse) -> None:
    house.decide("a")
    house.performer().until_idle()
    taken_back(house, Chosen(decision_id="d-a-0"))
    house.receiver.trouble = [RefusedError("answered 400")]
    assert house.performer().until_idle() == Round(failed=1)
    taken_back(house, Chosen(decision_id="d-a-0"))
    assert house.performer().until_idle() == Round(done=1)
    assert house.states()["d-a-0-remove"] == "undone"


def test_what_followed_while_it_was_being_undone_is_taken_back_too(
    house: SmallHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A performer holds a removal, with a limit in its place, after the undo looked and before it came to that one."""
    house.with_policy(quota=Quota(hour=1))
    house.decide("a", "b")
    plan = house.outbox.plan

    def meanwhile(*arguments: Any, **said: Any) -> Any:
        monkeypatch.setattr(house.outbox, "plan", plan)
        house.performer().round()
        return plan(*arguments, **said)

    monkeypatch.setattr(house.outbox, "plan", meanwhile)
    house.outbox.lease("dead", 2, house.clock(), house.clock() + 1)
    house.clock.advance(1)
    found = taken_back(house, Chosen(policy_version="p1"))
    assert ids(found) == (["d-b-0-remove-meanwhile"], ["d-b-0-remove", "d-a-0-remove"])
    house.performer().until_idle()
    assert {one.state for one in house.outbox.find() if one.undoes is None} == {"undone"}


def test_times_choose_and_what_followed_goes_with_them(house: SmallHouse) -> None:
    house.with_policy(ladder=Ladder(rungs=(Rung(strikes=1, enforce="warn"),)))
    start = house.clock()
    house.decide("a", enforce="strike")
    end = house.clock()
    house.decide("b")
    house.performer().until_idle()
    found = taken_back(house, Chosen(since=start, until=end), dry_run=True)
    assert ids(found) == ([], ["d-a-0-strike-warn", "d-a-0-strike", "d-a-0-remove"])
    assert set(house.states().values()) == {"done"}
    assert ids(taken_back(house, Chosen(enforcement_id="d-a-0-strike"))) == ([], ["d-a-0-strike-warn", "d-a-0-strike"])


def test_a_rung_falls_with_a_strike_that_it_stood_on(house: SmallHouse) -> None:
    house.with_policy(ladder=Ladder(rungs=(Rung(strikes=2, enforce="warn"), Rung(strikes=3, enforce="limit"))))
    house.decide("a", "b", "c", enforce="strike")
    house.performer().until_idle()
    house.receiver.told.clear()
    taken_back(house, Chosen(decision_id="d-a-0"))
    house.performer().until_idle()
    assert sorted(house.receiver.told[:2]) == ["d-a-0-remove-undo", "d-a-0-strike-undo"]
    assert house.receiver.told[2:] == ["d-c-0-strike-limit-undo", "d-b-0-strike-warn-undo"]
    states = house.states()
    assert states["d-b-0-strike"] == states["d-c-0-strike"] == "done"
    assert states["d-b-0-strike-warn"] == states["d-c-0-strike-limit"] == "undone"


def test_a_longer_rung_of_the_same_kind_falls_too(house: SmallHouse) -> None:
    rungs = (Rung(strikes=1, enforce="limit", seconds=3600), Rung(strikes=2, enforce="limit", seconds=86400))
    house.with_policy(ladder=Ladder(rungs=rungs))
    house.decide("a", "b", enforce="strike")
    house.performer().until_idle()
    taken_back(house, Chosen(enforcement_id="d-a-0-strike"))
    house.performer().until_idle()
    states = house.states()
    assert (states["d-a-0-strike-limit"], states["d-b-0-strike-limit"]) == ("undone", "undone")
    taken_back(house, Chosen(enforcement_id="d-a-0-strike"))
    assert house.performer().until_idle().idle


def test_an_earlier_rung_stays_where_a_later_strike_is_taken_back(house: SmallHouse) -> None:
    rungs = (Rung(strikes=1, enforce="limit", seconds=3600), Rung(strikes=2, enforce="limit", seconds=86400))
    house.with_policy(ladder=Ladder(rungs=rungs))
    house.decide("a", "b", enforce="strike")
    house.performer().until_idle()
    taken_back(house, Chosen(enforcement_id="d-b-0-strike"))
    house.performer().until_idle()
    assert house.states()["d-a-0-strike-limit"] == "done"


def test_a_dry_run_changes_nothing(house: SmallHouse) -> None:
    house.decide("a", "b")
    house.performer(most=1).round()
    before = house.states()
    found = taken_back(house, Chosen(policy_version="p1"), dry_run=True)
    assert (ids(found), [one.id for one in found.waiting]) == (([], ["d-a-0-remove"]), ["d-b-0-remove"])
    assert house.states() == before
    assert house.outbox.changes("d-b-0-remove") == []


def test_a_dry_run_does_not_promise_to_drop_what_somebody_may_have_done(house: SmallHouse) -> None:
    (deed,) = house.decide("a")
    house.receiver.trouble = [TimeoutError()]
    assert house.performer().round() == Round(again=1)
    chosen = Chosen(enforcement_id=deed.id)
    found = taken_back(house, chosen, dry_run=True)
    assert (ids(found), [one.id for one in found.waiting]) == (([], []), [deed.id])
    done = taken_back(house, chosen)
    assert (ids(done), done.waiting) == (([], [deed.id]), ())


def test_what_fits_nothing_is_said(house: SmallHouse) -> None:
    with pytest.raises(UserError) as caught:
        taken_back(house, Chosen())
    assert str(caught.value) == (
        "nothing says what to take back\n    → add --policy-version, --decision, --enforcement, or --since and --until"
    )
    with pytest.raises(UserError, match="no enforcement fits\n    → check the version"):
        taken_back(house, Chosen(policy_version="other"))
    with pytest.raises(UserError, match="no enforcement 'x' is known"):
        taken_back(house, Chosen(enforcement_id="x"))
