import numpy as np
from tests.simulation.staging import live, make_platform, same, suspend

from gatehouse.simulation.acts import NONE
from gatehouse.simulation.links import Links
from gatehouse.simulation.world import Role


def test_members_share_items_of_all_sizes_without_harm_or_plan():
    platform, acts, _ = live(Links(count=200, size=(1, 100)), 9, make_platform(2_000))
    assert not acts.harm.any()
    assert (acts.campaign == NONE).all()
    assert (platform.world["role"][acts.actor] == Role.MEMBER).all()
    assert not platform.world.campaigns
    _, times = np.unique(acts.item, return_counts=True)
    assert len(times) > 180
    assert np.median(times) < 15
    assert times.max() > 60


def test_equal_numbers_give_equal_acts():
    assert same(*(live(Links(), 4, enforce=suspend(0.2))[1] for _ in range(2)))


def test_an_empty_platform_shares_nothing():
    assert not len(live(Links(), 3, make_platform(0))[1])
