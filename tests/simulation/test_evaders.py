import numpy as np
import pytest
from tests.simulation.staging import START, live, make_platform, same, suspend

from gatehouse.simulation.acts import NONE, Act, Acts, Harm, together
from gatehouse.simulation.cast import DAY, Enforced
from gatehouse.simulation.evaders import Evaders
from gatehouse.simulation.spammers import Spammers
from gatehouse.simulation.world import Role


class Both:
    """Spammers and evaders on one platform, as the real one has them."""

    name = "both"

    def __init__(self, evaders: Evaders) -> None:
        self.spammers = Spammers(count=12, size=(1, 1), start=(0, 2), lasts=(9, 9), camouflage=0.0)
        self.evaders = evaders

    def day(self, platform, day, rng):
        return together([self.spammers.day(platform, day, rng), self.evaders.day(platform, day, rng)])

    def learn(self, platform, day, enforced, rng):
        self.spammers.learn(platform, day, enforced, rng)
        self.evaders.learn(platform, day, enforced, rng)


def returned(world):
    return np.flatnonzero(world["person"] != np.arange(len(world)))


def test_a_suspended_person_comes_back_under_a_new_account_with_the_same_habits():
    platform, acts, _ = live(Both(Evaders(returning=1.0)), 14, enforce=suspend(0.5))
    world = platform.world
    new = returned(world)
    assert len(new) >= 5
    old = world["person"][new]
    assert (world["role"][new] == Role.SPAMMER).all()
    assert (world["role"][old] == Role.SPAMMER).all()
    assert (world["zone"][new] == world["zone"][old]).all()
    assert (world["suspended"][old] <= world["created"][new] + DAY).all()
    again = acts.take(np.isin(acts.actor, new))
    assert set(again.harm) == {Harm.SPAM}
    texts, before = platform.texts, acts.take(~np.isin(acts.actor, new))
    assert set(np.array(texts.origin)[again.text]) <= set(np.array(texts.origin)[before.text])
    assert not set(again.text) & set(before.text)


def test_some_come_from_the_old_address_or_device():
    for same_address, same_device in [(1.0, 0.0), (0.0, 1.0)]:
        evaders = Evaders(returning=1.0, same_address=same_address, same_device=same_device, patience=1)
        platform, acts, _ = live(Both(evaders), 14, enforce=suspend(0.5))
        world, new = platform.world, returned(platform.world)
        old = world["person"][new]
        used = {int(who): set(acts.address[(acts.actor == who) & (acts.address != NONE)]) for who in old}
        came = [
            world["address"][one] == world["address"][was] or world["address"][one] in used[int(was)]
            for one, was in zip(new, old, strict=True)
        ]
        assert np.mean(came) == same_address
        assert (world["device"][new] == world["device"][old]).mean() == same_device


def test_suspended_again_they_wait_longer_do_less_and_give_up():
    evaders = Evaders(returning=1.0, patience=2, after=(1, 1))
    platform, acts, _ = live(Both(evaders), 24, enforce=suspend(1.0))
    world = platform.world
    people, times = np.unique(world["person"][returned(world)], return_counts=True)
    assert times.max() == 2
    did = np.zeros((0, 2), np.int64)
    for person in people[times == 2]:
        first, second = returned(world)[world["person"][returned(world)] == person]
        did = np.vstack([did, [(acts.actor == first).sum(), (acts.actor == second).sum()]])
        gap = world["created"][second] - world["suspended"][first]
        assert gap > world["created"][first] - world["suspended"][person]
        assert world["address"][second] != world["address"][first]
    assert did[:, 0].sum() > 1.3 * did[:, 1].sum() > 0


@pytest.mark.parametrize("role", [Role.MEMBER, Role.TAKEN_OVER])
def test_members_and_owners_of_taken_accounts_do_not_come_back(role):
    platform = make_platform()
    platform.world["role"][3] = role

    def day(platform, day, rng):
        return Acts.of([START + day * DAY], [3], Act.POST, text=1, harm=Harm.SPAM)

    cast = Both(Evaders(returning=1.0))
    cast.spammers.day = day
    cast.spammers.learn = lambda *_: None
    live(cast, 5, platform, enforce=lambda *_: Enforced(np.array([3], np.int32), np.empty(0, np.int64)))
    assert len(platform.world) == 400


def test_equal_numbers_give_equal_acts():
    runs = [live(Both(Evaders(returning=0.5)), 9, enforce=suspend(0.4))[1] for _ in range(2)]
    assert same(*runs)
