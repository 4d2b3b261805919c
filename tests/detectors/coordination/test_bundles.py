"""Bundles: slow groups are known by things that share their accounts; nobody else is tied by them."""

import numpy as np
import pytest
from tests.detectors.coordination.streams import Row, event, members, stream

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.detectors.coordination import DAY, HOUR, Found, Settings, bundles, find, passing
from gatehouse.detectors.coordination.acts import read

ENGINE = DuckDbEngine(threads=1)


def found(rows: list[Row], **settings: object) -> Found:
    return find(stream(rows), ENGINE, Settings(**settings))  # type: ignore[arg-type]


def visits(rng: np.random.Generator, what: str, who: list[str], within: int = 3 * DAY) -> list[Row]:
    """Each of these accounts comes once to a thing of a time that nobody else shares."""
    begins = int(rng.integers(0, 14 * DAY - within))
    return [event(f"account:{one}", begins + int(rng.integers(0, within)), target=what) for one in who]


def slow(rng: np.random.Generator, size: int, things: int, taking: float, name: str = "r") -> list[Row]:
    crew = [f"{name}{i}" for i in range(size)]
    return [
        row
        for thing in range(things)
        for row in visits(rng, f"item:{name}{thing}", [one for one in crew if rng.random() < taking])
    ]


def test_a_large_slow_ring_is_known_by_few_things_that_few_of_its_pairs_share() -> None:
    rng = np.random.default_rng(1)
    rows = members(1, n=2_000) + slow(rng, 60, 5, 0.4)
    of_two = [row["actor"] for row in rows if row["target"].startswith("item:r")]
    expected = {one for one in of_two if of_two.count(one) >= 2}
    (community,) = found(rows).communities
    assert set(community.members) == expected
    assert 30 <= len(expected) < 60
    assert community.evidence[0].what.startswith("item:r")


def test_each_of_two_slow_rings_is_a_community_of_its_own() -> None:
    rng = np.random.default_rng(2)
    communities = found(members(2) + slow(rng, 30, 8, 0.5) + slow(rng, 40, 8, 0.5, "s")).communities
    assert [{one[:9] for one in community.members} for community in communities] == [{"account:s"}, {"account:r"}]
    assert all(len(community.members) >= 25 for community in communities)


def test_links_that_people_share_of_their_own_accord_tie_nobody() -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        keen = rng.pareto(1.5, 300) + 0.5
        rows = members(seed)
        for link in range(150):
            size = int(np.exp(rng.uniform(0.0, np.log(100))))
            who = rng.choice(300, size, replace=False, p=keen / keen.sum())
            rows += visits(rng, f"item:{link}", [f"m{one}" for one in who], HOUR * int(rng.integers(1, 90)))
        done = found(rows)
        assert done.communities == ()


def test_two_things_in_common_tie_nobody_by_themselves() -> None:
    rng = np.random.default_rng(3)
    assert found(members(3) + slow(rng, 30, 2, 0.9)).communities == ()


@pytest.mark.parametrize("friend", ["account:f", "event:f"])
def test_friends_who_come_to_friends_are_no_bundle(friend: str) -> None:
    rng = np.random.default_rng(4)
    rows = [{**row, "target": row["target"].replace("item:r", friend)} for row in slow(rng, 40, 5, 0.4)]
    known = [event(f"account:f{one}", one * HOUR, target="item:news") for one in range(5)]
    acts = read(stream(members(4, n=2_000) + rows + known), Settings())
    assert not len(bundles.ties(acts, passing.passing(acts, 4 * DAY), 200, ENGINE, Settings())[0])


def test_who_came_once_to_a_ring_and_who_comes_everywhere_do_not_belong() -> None:
    rng = np.random.default_rng(5)
    rows = members(5, n=2_000)
    for thing in range(10):
        there = [f"r{one}" for one in range(40) if rng.random() < 0.4] + [f"m{100 + thing}"]
        rows += visits(rng, f"item:r{thing}", [*there, "busy"] if thing < 2 else there)
    rows += [event("account:busy", int(at), target=f"item:b{at}") for at in rng.integers(0, 14 * DAY, 1_000)]
    (community,) = found(rows).communities
    assert {one[:9] for one in community.members} == {"account:r"}
    assert len(community.members) >= 30


@pytest.mark.parametrize("most", [1, 50, 10_000])
def test_what_is_counted_in_a_bundle_is_bounded(most: int) -> None:
    rng = np.random.default_rng(6)
    chosen = Settings(most_pairs=most)
    acts = read(stream(members(6, n=2_000) + slow(rng, 60, 8, 0.5)), chosen)
    given = passing.passing(acts, 4 * DAY)
    a, b, means, together, expected, p = bundles.ties(acts, given, 200, ENGINE, chosen)
    assert together.sum() <= most
    assert len({len(column) for column in (a, b, means, together, expected, p)}) == 1
    assert np.all((p > 0) & (p <= 1))
    assert (len(a) > 500) == (most == 10_000)


def test_things_of_their_own_hide_nobody() -> None:
    rng = np.random.default_rng(7)
    rows = members(7, n=2_000) + slow(rng, 40, 12, 0.4)
    rows += [row for one in range(40 * 15) for row in visits(rng, f"item:own{one}", [f"r{one % 40}"])]
    chosen = Settings(crowd=12)
    acts = read(stream(rows), chosen)
    a, b, *_ = bundles.ties(acts, passing.passing(acts, 4 * DAY), 200, ENGINE, chosen)
    assert len(np.union1d(a, b)) >= 25


def test_no_acts_make_no_bundle() -> None:
    acts = read(stream([]), Settings())
    columns = bundles.ties(acts, passing.passing(acts, DAY), 200, ENGINE, Settings())
    assert [len(column) for column in columns] == [0] * 6
