"""Draws within groups keep to their group and weight, and nobody follows twice or themselves."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.simulation.acts import NONE, Act, Acts
from gatehouse.simulation.cast import Log, Platform
from gatehouse.simulation.corpus import Corpus
from gatehouse.simulation.follows import Groups, befriend, drawn_to, follow, follow_acts
from gatehouse.simulation.world import World


def platform_of(n: int, communities: int = 3) -> Platform:
    world = World()
    world.join(n, community=np.arange(n) % communities, activity=1.0)
    none = np.empty(0, np.int64)
    recent = (none, none.astype(np.int32), none)
    return Platform(world, Corpus(), 0, Log(), np.empty((0, 2), np.int32), recent)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(-1, 4), st.sampled_from([0.0, 0.5, 3.0])), max_size=40),
    st.lists(st.integers(-1, 6), max_size=30),
    st.integers(0, 2**32),
)
def test_a_draw_is_of_its_group_and_has_weight(places: list[tuple[int, float]], asked: list[int], seed: int) -> None:
    group = np.array([one for one, _ in places], np.int32)
    weight = np.array([one for _, one in places])
    drawn = Groups.of(group, weight, 5).draw(np.random.default_rng(seed), np.array(asked, np.int32))
    for wanted, found in zip(asked, drawn.tolist(), strict=True):
        heavy = wanted >= 0 and bool(weight[group == wanted].sum() > 0)
        assert (found != NONE) == heavy
        if heavy:
            assert group[found] == wanted
            assert weight[found] > 0


def test_a_draw_goes_by_weight() -> None:
    groups = Groups.of([0, 0, 0, 1], [1.0, 0.0, 3.0, 9.0], 2)
    drawn = groups.draw(np.random.default_rng(1), np.zeros(20_000, np.int32))
    assert np.bincount(drawn, minlength=4).tolist()[1::2] == [0, 0]
    assert abs((drawn == 2).mean() - 0.75) < 0.02


def test_nobody_follows_twice_or_themselves_and_counts_agree() -> None:
    platform = platform_of(6)
    follow(platform, np.array([0, 0, 1, 2, 3], np.int32), np.array([1, 1, 1, NONE, 0], np.int32))
    follow_acts(platform, Acts.of([1, 2, 3], [0, 4, 5], [Act.FOLLOW, Act.FOLLOW, Act.LIKE], target=[1, 0, 2]))
    assert sorted(map(tuple, platform.follows.tolist())) == [(0, 1), (3, 0), (4, 0)]
    assert platform.world["followers"].tolist() == [2, 1, 0, 0, 0, 0]
    assert platform.world["following"].tolist() == [1, 0, 0, 1, 1, 0]


def test_fame_grows_with_fame_within_communities() -> None:
    platform, rng = platform_of(600), np.random.default_rng(2)
    befriend(rng, platform, np.arange(600, dtype=np.int32), np.full(600, 8))
    followers = platform.world["followers"]
    assert followers.max() > 5 * followers.mean()
    community = platform.world["community"][platform.follows]
    assert (community[:, 0] == community[:, 1]).mean() > 0.7
    who = np.arange(600, dtype=np.int32)
    assert not (drawn_to(rng, platform.world, who) == who).any()
