"""How far a release would reach: what it would do about stored events, and what that would run into."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flows.remembering import make_judge, make_post
from tests.flows.trying import canary, daily, equal, gate_with, stricter

from gatehouse.flows.arms import side
from gatehouse.flows.judge import Judge
from gatehouse.flows.reach import DAY, HOUR, Reached, _most_at_once, over, reach
from gatehouse.records.event import Event
from gatehouse.records.policy import Breaker, Quota
from gatehouse.testing.memory import MemoryLedger


@pytest.fixture
def ledger(tmp_path: Path) -> MemoryLedger:
    """Two posts of each of 40 accounts, on record."""
    ledger = MemoryLedger()
    gate_with(ledger, tmp_path).decide(posts())
    return ledger


def posts() -> list[Event]:
    return [make_post(f"e{n:02}", actor=f"a{n % 40}") for n in range(80)]


def found(ledger: MemoryLedger, judge: Judge, live: Judge | None = None, **said: object) -> Reached:
    policy = judge.policies[0].policy
    changes = {name: said.pop(name) for name in ("quota", "breaker") if name in said}
    policy = msgspec.structs.replace(policy, **changes)
    return reach(ledger, judge, policy, live or make_judge(), **said)  # type: ignore[arg-type]


def test_an_equal_release_reaches_what_was_done(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    gate_with(ledger, tmp_path).decide([make_post(f"e{n:02}", actor=f"a{n % 10}", text="a prize") for n in range(40)])
    done = found(ledger, equal())
    assert done.kinds == done.before
    assert {kind: rate.events for kind, rate in done.kinds.items()} == {"any": 40, "limit": 20, "remove": 20}
    assert (done.n, done.actors, done.share, done.bounds) == (40, 10, 1.0, ())


def test_a_stricter_release_is_counted_by_kind_and_actor_beside_what_was_done(ledger: MemoryLedger) -> None:
    done = found(ledger, stricter())
    assert done.before == {}
    rate = done.kinds["remove"]
    assert (rate.events, rate.actors, rate.share) == (40, 40, 0.5)
    assert rate.low < 0.5 < rate.high
    assert done.kinds["any"] == rate


def test_the_most_actors_of_a_day_are_counted_each_once(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    gate = gate_with(ledger, tmp_path)
    begun = gate._clock()
    for n, actor in enumerate("abcaaaadefg"):
        gate._clock = lambda n=n: begun + n * DAY // 4
        gate.decide([make_post(f"e{n:02}", actor=actor, text="a prize")])
    rate = found(ledger, equal()).kinds["any"]
    assert (rate.events, rate.actors, rate.busiest) == (11, 7, 4)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=40), st.integers(1, 20))
@settings(deadline=None, max_examples=100)
def test_the_most_actors_at_once_are_those_of_the_fullest_stretch(rows: list[tuple[int, int]], length: int) -> None:
    rows = sorted(rows, key=lambda row: row[1])
    actors, seen = (np.array([row[i] for row in rows], np.int64) for i in (0, 1))
    stretches = ({who for who, at in rows if end - length < at <= end} for _, end in rows)
    assert _most_at_once(actors, seen, length) == max(map(len, stretches), default=0)


def test_a_canary_reaches_its_own_side_and_the_rest_stays_as_it_was(ledger: MemoryLedger) -> None:
    done = found(ledger, stricter(), share=0.5)
    assert done.kinds["remove"].events == sum(side("demo", event) < 0.5 for event in posts()[40:])


def test_windows_that_are_not_stored_are_counted_again(ledger: MemoryLedger) -> None:
    done = found(ledger, daily())
    assert done.kinds["remove"].events == 40
    assert done.remarks == ("its own windows know only what came in these events, at most 20,000",)
    assert found(ledger, daily(), most=40).n == 40
    assert found(ledger, daily(), most=40).kinds == {}


def test_only_what_was_seen_since_counts_and_nothing_is_known_of_nothing(ledger: MemoryLedger) -> None:
    later = ledger.log()[50][1].seen
    assert found(ledger, stricter(), since=later).n == 30
    empty = found(MemoryLedger(), stricter())
    assert (empty.n, empty.kinds, over(empty, 0.0)) == (0, {}, [])


def test_quota_and_breaker_that_it_would_hit_are_named(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    gate = gate_with(ledger, tmp_path)
    clock = gate._clock
    begun = clock()
    for n in range(30):
        gate._clock = lambda n=n: begun + n * HOUR // 4
        gate.decide([make_post(f"e{n:02}", actor=f"a{n % 3}")])
    within = found(ledger, stricter(), quota=Quota(hour=4, day=30), breaker=Breaker(share=0.9, minutes=60, least=5))
    assert within.bounds == ()
    assert within.days == pytest.approx(29 * HOUR / 4 / DAY, rel=1e-3)
    beyond = found(ledger, stricter(), quota=Quota(hour=3, day=12), breaker=Breaker(share=0.5, minutes=60, least=2))
    assert beyond.bounds == (
        "4 enforcements in the busiest of an hour, over the quota of 3 in an hour",
        "27 enforcements in the busiest of a day, over the quota of 12 in a day",
        "100.0% of decisions within 60 minutes want more than a limit, over the breaker's 50.0%",
    )
    exempt = found(ledger, stricter(), breaker=Breaker(share=0.5, minutes=60, least=2, exempt=("burst",)))
    assert exempt.bounds == ()


def test_a_share_that_was_allowed_is_held_against_the_upper_end(ledger: MemoryLedger) -> None:
    done = found(ledger, stricter())
    assert over(done, 0.9) == []
    (why,) = over(done, 0.5)
    assert why.startswith("50.00% of traffic [")
    assert why.endswith("is enforced on, which may be over the 50.00% that was allowed")


def test_what_canaries_decided_is_judged_like_the_rest(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    gate_with(ledger, tmp_path, [canary(stricter(), 0.5)]).decide(posts())
    assert found(ledger, stricter("r3")).kinds["remove"].events == 40
