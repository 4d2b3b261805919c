"""What all bad groups promise."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.simulation.staging import START, live, make_platform, same, suspend

from gatehouse.simulation.acts import NONE, Harm
from gatehouse.simulation.bots import BotRings
from gatehouse.simulation.brigades import Brigades
from gatehouse.simulation.cast import DAY
from gatehouse.simulation.crews import Crews, recruit
from gatehouse.simulation.harassers import Harassers
from gatehouse.simulation.scammers import Scammers
from gatehouse.simulation.spammers import Spammers
from gatehouse.simulation.world import Role

LONG = {"start": (0, 2), "lasts": (12, 12)}
MAKES: dict[str, tuple[Callable[..., Crews], Role, Harm, str]] = {
    "spammers": (Spammers, Role.SPAMMER, Harm.SPAM, "spam"),
    "scammers": (Scammers, Role.SCAMMER, Harm.SCAM, "scam"),
    "harassers": (lambda **more: Harassers(fading=1.0, **more), Role.HARASSER, Harm.HARASSMENT, "pile_on"),
    "bot_rings": (BotRings, Role.BOT, Harm.MANIPULATION, "bot_ring"),
    "brigades": (Brigades, Role.FALSE_REPORTER, Harm.FALSE_REPORT, "brigade"),
}


@pytest.mark.parametrize("name", MAKES)
def test_truth_says_who_they_are_and_what_was_wrong(name):
    make, role, harm, kind = MAKES[name]
    cast = make(count=6, **LONG)
    assert cast.name == name
    platform, acts, _ = live(cast, 7)
    world = platform.world
    bad = np.flatnonzero(world["role"] != Role.MEMBER)
    assert len(bad)
    assert (world["role"][bad] == role).all()
    assert set(acts.actor) <= set(bad)
    assert set(acts.harm) - {Harm.NONE} == {harm}
    assert {(campaign.shape, campaign.harmful) for campaign in world.campaigns} == {(kind, True)}
    grouped = {who for campaign in world.campaigns for who in campaign.members}
    assert all(len(campaign.members) > 1 for campaign in world.campaigns)
    assert set(acts.actor[acts.campaign != NONE]) <= grouped
    assert not set(acts.actor[(acts.campaign == NONE) & (acts.harm > 0)]) & grouped


@pytest.mark.parametrize("name", MAKES)
def test_the_struck_do_less_each_and_bring_new_accounts(name):
    make = MAKES[name][0]

    def harm_each(enforce):
        cast = make(count=12, size=(5, 15), refill=1.0, **LONG)
        platform, acts, _ = live(cast, 11, make_platform(1_500), enforce=enforce)
        late = acts.take((acts.harm > 0) & (acts.at >= START + 5 * DAY))
        there = sum(len(crew.accounts) for crew in cast.crews)
        return len(late) / there, platform.world

    (free, _), (struck, world) = harm_each(None), harm_each(suspend(0.3))
    assert struck < 0.6 * free
    new = np.flatnonzero((world["role"] != Role.MEMBER) & (world["created"] > START + 2 * DAY))
    assert len(new)
    assert {who for campaign in world.campaigns for who in campaign.members} >= set(new)


@pytest.mark.parametrize("name", MAKES)
def test_equal_numbers_give_equal_acts(name):
    make = MAKES[name][0]
    one, two, other = (live(make(count=4), 6, seed=seed, enforce=suspend(0.2))[1] for seed in (3, 3, 4))
    assert same(one, two)
    assert not same(one, other)


@pytest.mark.parametrize("name", MAKES)
def test_a_platform_without_members_does_not_stop_them(name):
    live(MAKES[name][0](count=3, start=(0, 0)), 2, make_platform(0))


@pytest.mark.parametrize("name", MAKES)
def test_camouflage_is_harmless_and_of_no_campaign(name):
    make = MAKES[name][0]
    plain, hidden = (live(make(count=5, camouflage=share, **LONG), 6)[1] for share in (0.0, 0.7))
    ordinary = hidden.take((hidden.harm == Harm.NONE) & (hidden.campaign == NONE))
    assert len(ordinary) > 0.5 * len(hidden)
    assert len(plain.take((plain.harm == Harm.NONE) & (plain.campaign == NONE))) <= len(ordinary) / 3


def test_nobody_acts_before_the_first_day_or_after_the_last_of_a_group():
    cast = Spammers(count=5, start=(2, 4), lasts=(2, 3))
    _, _, counts = live(cast, 10)
    assert counts[:2] == [0, 0]
    assert sum(counts[2:7]) > 0
    assert counts[7:] == [0, 0, 0]


def test_older_accounts_look_like_members_and_new_ones_are_days_old():
    world = make_platform(2_000).world
    who = recruit(world, np.random.default_rng(0), 1_000, START, Role.BOT, older=0.5)
    age = START - world["created"][who]
    assert (age > 0).all()
    old = age > 30 * DAY
    assert old.mean() == pytest.approx(0.5, abs=0.06)
    assert (age[~old] < 6 * DAY).all()
    assert np.median(world["followers"][who[old]]) == np.median(world["followers"][:2_000])
    assert world["pictured"][who[old]].all()
    assert world["pictured"][who[~old]].mean() < 0.6
    assert not world["activity"][who].any()
    assert len(np.unique(world["person"][who])) == 1_000


def test_a_group_that_shares_addresses_has_several():
    cast = BotRings(count=1, size=(40, 40), start=(0, 0), sharing=1.0)
    _, acts, _ = live(cast, 2)
    used, times = np.unique(acts.address[acts.address != NONE], return_counts=True)
    assert 3 <= len(used) <= 7
    assert times.max() > 20


def test_settings_that_make_no_sense_are_refused_all_at_once():
    with pytest.raises(ValueError) as refused:
        Spammers(camouflage=1.0, older=-0.5, size=(0, 3), lasts=(9, 3), count=-1)
    assert str(refused.value) == (
        "spammers: older is -0.5, but lies between 0 and 1; camouflage is 1.0, but is at least 0 and under 1; "
        "size is (0, 3), but goes from 1 or more to what is not lower; "
        "lasts is (9, 3), but goes from 0 or more to what is not lower; count is -1, but is 0 or more"
    )
