import numpy as np
from tests.simulation.staging import live

from gatehouse.simulation.acts import NONE, Act, Harm
from gatehouse.simulation.bots import BotRings
from gatehouse.simulation.cast import HOUR
from gatehouse.simulation.world import Role


def ring(days, **more):
    cast = BotRings(count=1, size=(30, 30), start=(0, 0), lasts=(20, 20), camouflage=0.0, **more)
    platform, acts, _ = live(cast, days)
    return platform, acts, np.array(platform.world.campaigns[0].members)


def test_bots_follow_others_of_the_ring_once():
    _, acts, members = ring(1, orders=0.0, follows=10)
    follows = acts.take(acts.kind == Act.FOLLOW)
    assert len(follows) == 300
    assert set(follows.target) <= set(members)
    assert len({(a, b) for a, b in zip(follows.actor, follows.target, strict=True)}) == 300


def test_orders_are_items_or_followers_delivered_within_hours():
    platform, acts, _ = ring(10, follows=0, often=0.0, orders=3.0)
    things = np.where(acts.item != NONE, acts.item, -acts.target)
    assert len(np.unique(things)) > 15
    for thing in np.unique(things):
        done = acts.take(things == thing)
        assert np.ptp(done.at) <= 4 * HOUR
        assert len(done) > 10
        assert len(np.unique(done.actor)) == len(done)
    paying = np.unique(acts.target[acts.kind == Act.FOLLOW])
    assert (platform.world["role"][paying] == Role.MEMBER).all()
    assert set(acts.harm) == {Harm.MANIPULATION}


def test_bots_like_what_others_of_the_ring_posted_but_their_posts_are_harmless():
    cast = BotRings(count=1, size=(30, 30), start=(0, 0), orders=0.0, follows=0, often=1.0, camouflage=0.0)

    platform, first, _ = live(cast, 1)
    assert set(first.kind) == {Act.POST}
    assert not first.harm.any()
    serials = np.arange(len(first))
    platform.recent = (serials, first.actor, first.at)
    acts = cast.day(platform, 1, np.random.default_rng(1))
    likes = acts.take(np.isin(acts.kind, [Act.LIKE, Act.REPOST]))
    assert len(likes) > 20
    assert (first.actor[likes.parent] == likes.target).all()
    assert (likes.target != likes.actor).all()
