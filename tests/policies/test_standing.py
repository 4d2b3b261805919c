from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.policies.standing import counting, doubt, points_at, reliability, rung
from gatehouse.records.standing import Ladder, Reporter, Rung, Strike

LADDER = Ladder(rungs=(Rung(strikes=2, enforce="warn"), Rung(strikes=4, enforce="suspend", seconds=60)), expires=100)


def strike(id: str, at: int, **said: object) -> Strike:
    known = {"actor": "account:a", "policy": "spam", "policy_version": "p", "decision_id": "d", "expires": at + 100}
    return Strike(id=id, at=at, **{**known, **said})  # type: ignore[arg-type]


def test_strikes_count_until_they_expire_or_are_taken_back() -> None:
    given = [strike("a", 0), strike("b", 50), strike("c", 60, removed=70), strike("d", 10, policy="abuse")]
    given.append(strike("for ever", 1, expires=None))
    assert [one.id for one in counting(given, "spam", 65)] == ["a", "b", "c", "for ever"]
    assert [one.id for one in counting(given, "spam", 70)] == ["a", "b", "for ever"]
    assert [one.id for one in counting(given, "spam", 100)] == ["b", "for ever"]
    assert counting(given, "spam", 0) == [given[0]]


def test_the_points_of_a_strike_are_those_up_to_it() -> None:
    given = [strike("a", 0), strike("b", 50, points=2), strike("c", 120), strike("later", 130)]
    assert [points_at(given, one, 200) for one in given] == [1, 3, 3, 4]
    back = [strike("a", 0), strike("b", 50, points=2, removed=190), *given[2:]]
    assert [points_at(back, one, 200) for one in back[2:]] == [1, 2]
    assert [points_at(back, one, 180) for one in back[2:]] == [3, 4]


def test_the_highest_rung_reached_is_the_one() -> None:
    reached = [rung(LADDER, points) for points in range(6)]
    assert [one and one.enforce for one in reached] == [None, None, "warn", "warn", "suspend", "suspend"]


@given(st.integers(0, 100), st.integers(0, 100))
@settings(deadline=None, max_examples=50)
def test_reliability_moves_with_what_was_upheld_and_never_reaches_the_ends(upheld: int, rejected: int) -> None:
    now = reliability(Reporter(upheld, rejected))
    assert 0 < now < 1
    assert reliability(Reporter(upheld + 1, rejected)) > now > reliability(Reporter(upheld, rejected + 1))
    assert reliability(Reporter()) == 0.5


def test_the_word_of_those_who_were_right_comes_first() -> None:
    known = {"liar": Reporter(0, 40), "sure": Reporter(40, 1)}
    reporters = {"x": ["liar"] * 9, "y": ["new"], "z": ["sure"], "two": ["new", "other"], "nobody": []}
    doubts = {event: doubt(names, known) for event, names in reporters.items()}
    assert sorted(doubts, key=doubts.__getitem__) == ["z", "two", "y", "x", "nobody"]
    assert doubts["nobody"] == 1
    assert doubts["y"] == 0.5
    assert doubts["x"] == doubt(["liar"], known), "nobody's word counts twice"
