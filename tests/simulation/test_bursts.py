import numpy as np
import pytest
from tests.simulation.staging import START, live, make_platform, same, suspend

from gatehouse.simulation.acts import NONE, Act
from gatehouse.simulation.bursts import BreakingNews, Fandom, Giveaway, Petition
from gatehouse.simulation.cast import DAY, HOUR
from gatehouse.simulation.world import Role

CROWDS = {
    "fandom": lambda: Fandom(count=2, size=(30, 60)),
    "petition": lambda: Petition(count=2, size=(200, 300)),
    "breaking_news": lambda: BreakingNews(count=3, size=(200, 300)),
    "giveaway": lambda: Giveaway(count=4, size=(60, 100), circle=60),
}


@pytest.mark.parametrize("shape", CROWDS)
def test_crowds_are_members_who_do_no_harm(shape):
    platform, acts, _ = live(CROWDS[shape](), 9, make_platform(700))
    campaigns = platform.world.campaigns
    assert {(campaign.shape, campaign.harmful) for campaign in campaigns} == {(shape, False)}
    assert len(campaigns) == CROWDS[shape]().count
    assert len(acts) > 100
    assert not acts.harm.any()
    assert (platform.world["role"] == Role.MEMBER).all()
    assert len(platform.world) == 700
    assert (acts.address == NONE).all()
    assert all(actor in campaigns[n].members for actor, n in zip(acts.actor, acts.campaign, strict=True))


@pytest.mark.parametrize("shape", CROWDS)
def test_equal_numbers_give_equal_acts(shape):
    runs = [live(CROWDS[shape](), 4, make_platform(700), enforce=suspend(0.1)) for _ in range(2)]
    assert same(runs[0][1], runs[1][1])


@pytest.mark.parametrize("shape", CROWDS)
def test_an_empty_platform_has_no_crowds(shape):
    _, acts, _ = live(CROWDS[shape](), 7, make_platform(0))
    assert not len(acts.take(acts.kind != Act.POST))


def test_fans_of_one_community_answer_their_idol_within_minutes_for_weeks():
    platform, acts, _ = live(Fandom(count=1, size=(60, 60), posts=4.0, devotion=0.5), 20, make_platform(900))
    (fandom,) = platform.world.campaigns
    idol = fandom.members[0]
    assert len({int(platform.world["community"][who]) for who in fandom.members}) == 1
    posts = np.sort(acts.at[acts.actor == idol])
    answers = acts.take(acts.actor != idol)
    assert (answers.target == idol).all()
    waits = answers.at - posts[np.searchsorted(posts, answers.at, "right") - 1]
    assert np.median(waits) < 10 * 60 * 1_000_000
    days = (answers.at - START) // DAY
    assert len(np.unique(days)) >= 18
    each = np.bincount(answers.actor)[list(fandom.members[1:])]
    assert np.median(each) > 20


def test_two_fandoms_share_nobody():
    platform, _, _ = live(Fandom(count=6, size=(20, 40)), 2, make_platform(900))
    members = [who for fandom in platform.world.campaigns for who in fandom.members]
    assert len(members) == len(set(members))


def test_a_petition_is_one_text_with_changes_over_hours_to_days():
    platform, acts, _ = live(Petition(count=1, size=(500, 500), start=(0, 0)), 9, make_platform(900))
    assert len(acts) > 450
    assert len(np.unique(acts.actor)) == len(acts)
    assert len({platform.texts.origin[text] for text in acts.text}) == 1
    assert len(np.unique(acts.text)) == len(acts)
    assert len(np.unique(acts.item)) == 1
    quarter, most = np.quantile(acts.at, [0.05, 0.95])
    assert 3 * HOUR < most - quarter < 4 * DAY


def test_breaking_news_is_one_item_shared_within_an_hour_or_so():
    _, acts, _ = live(BreakingNews(count=1, size=(500, 500), start=(1, 1)), 3, make_platform(900))
    assert len(np.unique(acts.item)) == 1
    assert (acts.at < acts.at.min() + HOUR).mean() > 0.9
    assert set(acts.kind) == {Act.POST, Act.REPOST, Act.COMMENT}


def test_the_same_enthusiasts_turn_up_in_several_giveaways():
    platform, acts, _ = live(Giveaway(count=8, size=(80, 120), circle=70), 9, make_platform(2_000))
    turned_up = np.bincount([who for giveaway in platform.world.campaigns for who in giveaway.members])
    assert (turned_up >= 4).sum() > 15
    assert (turned_up == 1).sum() > 100
    for number in range(8):
        done = acts.take(acts.campaign == number)
        assert len(np.unique(done.parent)) == 1
        assert len(np.unique(done.target)) == 1
