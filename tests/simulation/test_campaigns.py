from dataclasses import replace

import numpy as np
import pytest
from tests.simulation.staging import START, live, make_platform, remove, remove_on, same, suspend

from gatehouse.simulation.acts import NONE, Act, Harm
from gatehouse.simulation.campaigns import MANNERS, Campaigns
from gatehouse.simulation.cast import DAY, HOUR
from gatehouse.simulation.links import Links
from gatehouse.simulation.world import Role

SHAPES = list(MANNERS)
MINUTE = HOUR // 60


def spreads(acts):
    """For each thing (an item, or the post acted on) how long it took the campaign, microseconds."""
    done = acts.take(acts.campaign != NONE)
    things = np.where(done.item != NONE, done.item.astype(np.int64), -2 - done.parent)
    whole = things * 1_000 + done.campaign
    return np.array([np.ptp(done.at[whole == thing]) for thing in np.unique(whole) if (whole == thing).sum() > 1])


@pytest.mark.parametrize("shape", SHAPES)
def test_truth_says_who_acted_together_and_what_was_wrong(shape):
    platform, acts, _ = live(Campaigns(shape=shape, count=6, size=(5, 30), start=(0, 3)), 6)
    campaigns, role = platform.world.campaigns, platform.world["role"]
    assert [(campaign.shape, campaign.harmful) for campaign in campaigns] == [(shape, True)] * 6
    members = {who for campaign in campaigns for who in campaign.members}
    assert len(members) == sum(len(campaign.members) for campaign in campaigns)
    copied = shape == "copied_text"
    assert set(role[list(members)]) == {Role.SPAMMER if copied else Role.BOT}
    assert set(np.flatnonzero(role != Role.MEMBER)) == members
    of_plan = acts.take(acts.campaign != NONE)
    assert set(of_plan.harm) == {Harm.SPAM if copied else Harm.MANIPULATION}
    assert all(actor in campaigns[n].members for actor, n in zip(of_plan.actor, of_plan.campaign, strict=True))
    assert not acts.harm[acts.campaign == NONE].any()


def test_lockstep_takes_less_than_a_minute_and_slow_drip_hours():
    for shape, low, high in [
        ("lockstep", 0, MINUTE),
        ("jittered", 20 * MINUTE, HOUR),
        ("slow_drip", 12 * HOUR, 4 * DAY),
    ]:
        _, acts, _ = live(Campaigns(shape=shape, count=5, size=(15, 30), start=(0, 0), lasts=(9, 9)), 9)
        assert low <= np.median(spreads(acts)) <= high, shape
        if shape == "lockstep":
            assert spreads(acts).max() < MINUTE


def test_slow_drip_does_few_acts_a_day_over_many_days():
    cast = Campaigns(shape="slow_drip", count=4, size=(20, 20), start=(0, 0), lasts=(10, 10))
    _, acts, _ = live(cast, 10)
    done = acts.take(acts.campaign != NONE)
    days = (done.at - START) // DAY
    assert len(np.unique(days)) >= 9
    assert len(done) / len(np.unique(done.actor)) / 10 < 2


def test_copied_texts_are_forms_of_few_texts_at_many_targets():
    platform, acts, _ = live(Campaigns(shape="copied_text", count=3, size=(20, 20), start=(1, 1)), 6)
    spam = acts.take(acts.harm == Harm.SPAM)
    origin = np.array(platform.texts.origin)[spam.text]
    assert len(np.unique(spam.text)) == len(spam)
    assert len(np.unique(origin)) < len(spam) / 5
    assert len(np.unique(spam.parent[spam.kind == Act.COMMENT])) > 20


@pytest.mark.parametrize("shape", SHAPES)
def test_the_struck_do_less_and_come_back_under_new_accounts(shape):
    def fresh():
        return Campaigns(shape=shape, count=8, size=(20, 40), start=(0, 0), lasts=(14, 14), refill=1.0)

    _, _, free = live(fresh(), 12)
    platform, acts, counts = live(fresh(), 12, enforce=suspend(0.3))
    assert sum(counts[4:]) < 0.5 * sum(free[4:])
    new = np.flatnonzero((platform.world["role"] != Role.MEMBER) & (platform.world["created"] > START))
    assert len(new)
    assert all(any(who in campaign.members for campaign in platform.world.campaigns) for who in new)
    assert np.isin(new, acts.actor).any()


def test_who_does_not_learn_goes_on_as_before():
    def cast(caution):
        return Campaigns(shape="lockstep", count=4, size=(20, 40), start=(0, 0), lasts=(14, 14), caution=caution)

    careful, careless = (live(cast(caution), 10, enforce=remove)[2] for caution in (0.3, 0.0))
    assert sum(careless[3:]) > 2 * sum(careful[3:])


def test_removed_texts_come_back_changed_more():
    def cast():
        return Campaigns(shape="copied_text", count=3, size=(20, 20), start=(0, 0), lasts=(14, 14))

    for enforce, most in [(None, 1), (remove, 3)]:
        platform, acts, _ = live(cast(), 12, enforce=enforce)
        changes = np.array(platform.texts.changes)[acts.text[acts.harm == Harm.SPAM]]
        assert changes.max() >= most
        assert (changes.max() == 1) == (enforce is None)


def test_struck_campaigns_move_to_other_addresses():
    def cast():
        return Campaigns(shape="lockstep", count=1, size=(30, 30), start=(0, 0), lasts=(14, 14), sharing=1.0)

    _, acts, _ = live(cast(), 8, enforce=remove_on(2))
    before, after = (set(acts.address[mask]) for mask in (acts.at < START + 3 * DAY, acts.at >= START + 3 * DAY))
    assert len(before) > 1
    assert len(after) > 1
    assert not before & after


def test_settings_are_kept():
    cast = Campaigns(
        shape="jittered",
        name="quiet",
        count=5,
        size=(10, 10),
        start=(0, 0),
        manner=replace(MANNERS["jittered"], participation=0.2),
        camouflage=0.6,
        sharing=0.5,
        older=0.0,
    )
    platform, acts, _ = live(cast, 8)
    assert cast.name == "quiet"
    assert (acts.campaign == NONE).mean() == pytest.approx(0.6, abs=0.1)
    assert (acts.address != NONE).mean() == pytest.approx(0.5, abs=0.2)
    bad = platform.world["role"] == Role.BOT
    assert (platform.world["created"][bad] > START - 7 * DAY).all()
    with pytest.raises(ValueError, match="no campaigns of shape 'sudden', but lockstep, jittered"):
        Campaigns(shape="sudden")


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_numbers_give_equal_acts(shape):
    runs = [live(Campaigns(shape=shape, count=3), 5, enforce=suspend(0.2)) for _ in range(2)]
    assert same(runs[0][1], runs[1][1])
    assert not same(runs[0][1], live(Campaigns(shape=shape, count=3), 5, seed=8, enforce=suspend(0.2))[1])


def test_a_platform_without_members_or_posts_does_not_stop_it():
    for shape in SHAPES:
        _, acts, _ = live(Campaigns(shape=shape, count=2, start=(0, 0)), 1, make_platform(0))
        assert len(acts)


def test_some_items_are_what_members_share_too():
    platform = make_platform()
    _, links, _ = live(Links(count=50, start=(0, 0)), 1, platform)
    cast = Campaigns(
        shape="lockstep",
        count=10,
        size=(10, 10),
        start=(0, 0),
        manner=replace(MANNERS["lockstep"], linked=1.0, hijacked=0.4),
    )
    acts = cast.day(platform, 0, np.random.default_rng(0))
    items = np.unique(acts.item[acts.campaign != NONE])
    assert np.isin(items, links.item).mean() == pytest.approx(0.4, abs=0.15)
