import numpy as np
from tests.simulation.staging import START, live, make_platform, same, suspend

from gatehouse.simulation.acts import NONE, Act, Harm
from gatehouse.simulation.cast import DAY
from gatehouse.simulation.taken_over import TakenOver
from gatehouse.simulation.world import NEVER, Role


def test_members_of_old_turn_at_a_time_and_are_somebody_else_from_then_on():
    platform, acts, _ = live(TakenOver(count=20, start=(1, 3)), 9)
    world = platform.world
    taken = np.flatnonzero(world["role"] == Role.TAKEN_OVER)
    assert len(taken) == 20
    assert len(world) == 400
    assert (world["turned"][taken] < NEVER).all()
    assert (world["turned"][np.setdiff1d(np.arange(400), taken)] == NEVER).all()
    assert (world["turned"][taken] - world["created"][taken] >= 90 * DAY).all()
    assert set(acts.actor) == set(taken)
    assert (acts.at >= world["turned"][acts.actor]).all()
    assert (acts.address != NONE).all()
    assert (acts.device != NONE).all()
    assert len(np.unique(acts.address)) <= 3
    assert not world.campaigns


def test_the_profile_changes_first_and_then_comes_spam_or_a_scam():
    platform, acts, _ = live(TakenOver(count=20, start=(1, 3), spam=0.5), 9)
    for one in np.unique(acts.actor):
        done = acts.take(acts.actor == one)
        assert done.kind[np.argmin(done.at)] == Act.PROFILE
        assert len(set(done.harm[done.kind != Act.PROFILE])) == 1
    assert {Harm.SPAM, Harm.SCAM} <= set(acts.harm)
    assert not acts.harm[acts.kind == Act.PROFILE].any()
    topics = np.array(platform.texts.topics)
    for harm in (Harm.SPAM, Harm.SCAM):
        assert set(topics[acts.text[acts.harm == harm]]) == {harm.name.lower()}


def test_followers_are_written_to():
    platform = make_platform()
    pairs = np.stack([np.arange(400) % 7, np.arange(400)], axis=1)
    platform.follows = pairs[pairs[:, 0] != pairs[:, 1]].astype(np.int32)
    _, acts, _ = live(TakenOver(count=20, start=(0, 0)), 3, platform)
    messages = acts.take(acts.kind == Act.MESSAGE)
    assert (messages.target == messages.actor % 7).mean() > 0.5


def test_a_gang_that_loses_accounts_slows_down_moves_and_rewords():
    def run(enforce):
        cast = TakenOver(count=40, start=(0, 6), lasts=(5, 5))
        platform, acts, _ = live(cast, 9, enforce=enforce)
        late = acts.take((acts.harm > 0) & (acts.at >= START + 4 * DAY))
        changes = np.array(platform.texts.changes)[late.text]
        return cast, len(late) / max(1, len(np.unique(late.actor))), changes, set(acts.address)

    free, often, changes, addresses = run(None)
    struck, careful, more, moved = run(suspend(0.3))
    assert free.pace == 1.0 > struck.pace
    assert careful < 0.6 * often
    assert changes.max() == 0
    assert more.min() >= 1
    assert len(moved) > len(addresses)


def test_equal_numbers_give_equal_acts():
    assert same(*(live(TakenOver(count=9), 7, enforce=suspend(0.2))[1] for _ in range(2)))
