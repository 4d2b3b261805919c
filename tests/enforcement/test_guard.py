from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.enforcement.guard import (
    DAY,
    HOUR,
    MINUTE,
    Held,
    Limits,
    Rules,
    after_hold,
    enough,
    guard,
    weigh,
    weighed_since,
    windows,
)
from gatehouse.enforcement.undo import undoing
from gatehouse.ports.outbox import Share
from gatehouse.records.enforcement import BreakerChange, Enforcement, Kind
from gatehouse.records.policy import Breaker, Quota
from gatehouse.testing.outbox_contract import make_enforcement

RULES = Rules()
TRIPPED = BreakerChange(policy="spam", state="tripped", at=1, by="gatehouse", why="too much")
BREAKER = Breaker(share=0.1, minutes=5, least=100)


def full() -> Limits:
    """Nothing is left of any quota, and the breaker tripped."""
    return Limits(windows(Quota(hour=1, day=1), {HOUR: 1, DAY: 1}), TRIPPED, frozenset({"bank"}))


def deed(kind: Kind, **said: object) -> Enforcement:
    return make_enforcement(kind=kind.word, **said)


def test_nothing_holds_up_what_is_urgent_takes_back_or_stands_in() -> None:
    passing = (
        deed(Kind.ESCALATE),
        deed(Kind.OFFER_HELP),
        undoing(deed(Kind.TERMINATE)),
        deed(Kind.LIMIT, follows="x", subject="event:e1"),
    )
    for one in passing:
        assert guard(one, full(), (), 5, RULES) is None


def test_a_tripped_breaker_holds_what_is_severer_than_a_limit_except_of_exempt_steps() -> None:
    limits = Limits((), TRIPPED, frozenset({"bank"}))
    held = {kind for kind in Kind if guard(deed(kind), limits, (), 5, RULES)}
    assert held == {Kind.REMOVE, Kind.STRIKE, Kind.SUSPEND, Kind.TERMINATE}
    assert guard(deed(Kind.REMOVE, step="bank"), limits, (), 5, RULES) is None
    assert guard(deed(Kind.REMOVE), limits, (), 5, RULES) == Held("the breaker of 'spam' tripped: too much", 5 + HOUR)


def test_severe_kinds_want_two_different_people_and_others_one() -> None:
    severe, removal = deed(Kind.SUSPEND), deed(Kind.REMOVE)
    assert guard(severe, Limits(), (), 5, RULES) == Held("2 people must agree", 5 + 3 * DAY)
    assert guard(severe, full(), ("sam", "sam"), 5, RULES) == Held("sam agreed; 1 more must", 5 + 3 * DAY)
    assert guard(severe, full(), ("sam", "kim"), 5, RULES) is None
    assert guard(removal, full(), ("sam",), 5, RULES) is None
    assert not enough(severe, ("sam", "sam"), RULES)
    assert enough(severe, ("sam", "kim"), RULES)
    assert enough(removal, ("sam",), RULES)
    assert (after_hold(severe), after_hold(removal)) == ("undone", "planned")


@given(st.integers(1, 9), st.integers(0, 12), st.integers(0, 12))
@settings(deadline=None, max_examples=60)
def test_a_quota_lets_just_so_many_pass(most: int, used: int, wanted: int) -> None:
    limits = Limits(windows(Quota(hour=most), {HOUR: used, DAY: used}))
    passed = 0
    for _ in range(wanted):
        if guard(deed(Kind.LABEL), limits, (), 5, RULES) is None:
            limits.allow()
            passed += 1
    assert passed == min(wanted, max(most - used, 0))


def test_one_person_in_capitals_is_not_two() -> None:
    deed = make_enforcement(kind="suspend", subject="account:a1")
    held = guard(deed, Limits(), ("sam", "Sam", " sam"), 5, Rules())
    assert held is not None
    assert held.why.endswith("agreed; 1 more must")
    assert guard(deed, Limits(), ("sam", "kim"), 5, Rules()) is None


def test_a_quota_says_which_window_is_full() -> None:
    said = Limits(windows(Quota(hour=5, day=9), {HOUR: 4, DAY: 9}))
    assert guard(deed(Kind.REMOVE), said, (), 5, RULES) == Held(
        "'spam' has carried out the 9 that it may in a day", 5 + DAY
    )
    assert windows(None, {}) == ()


def test_a_breaker_trips_over_its_share_and_closes_at_half_of_it() -> None:
    assert weigh("spam", BREAKER, Share(10, 40), None, 5) is None
    assert weigh("spam", BREAKER, Share(20, 200), None, 5) is None
    tripped = weigh("spam", BREAKER, Share(11, 40), None, 5)
    assert tripped == BreakerChange(
        policy="spam",
        state="tripped",
        at=5,
        by="gatehouse",
        why="11 of 40 decisions in the last 5 minutes wanted more than a limit, over its share of 10%",
    )
    assert weigh("spam", BREAKER, Share(200, 200), tripped, 6) is None
    assert weigh("spam", BREAKER, Share(11, 200), tripped, 6) is None
    closed = weigh("spam", BREAKER, Share(10, 200), tripped, 6)
    assert closed is not None
    assert closed.state == "closed"
    assert weigh("spam", BREAKER, Share(10, 10), closed, 7) is None
    assert weigh("spam", BREAKER, Share(11, 11), closed, 7) is not None


def test_what_a_person_has_looked_at_counts_once() -> None:
    closed = BreakerChange(policy="spam", state="closed", at=8 * MINUTE, by="sam", why="looked")
    assert weighed_since(BREAKER, None, 10 * MINUTE) == 5 * MINUTE
    assert weighed_since(BREAKER, TRIPPED, 10 * MINUTE) == 5 * MINUTE
    assert weighed_since(BREAKER, closed, 10 * MINUTE) == 8 * MINUTE
    assert weighed_since(BREAKER, closed, 20 * MINUTE) == 15 * MINUTE


@given(st.integers(0, 400), st.integers(0, 400))
@settings(deadline=None, max_examples=50)
def test_more_that_is_wanted_never_closes_a_breaker_and_less_never_trips_it(wanted: int, others: int) -> None:
    share = Share(wanted, wanted + others)
    trips = weigh("spam", BREAKER, share, None, 5) is not None
    closes = weigh("spam", BREAKER, share, TRIPPED, 5) is not None
    assert not (trips and closes)
    assert trips == (wanted > max(10, (wanted + others) / 10))
