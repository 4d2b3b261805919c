import numpy as np
from tests.simulation.staging import START, live, remove_on

from gatehouse.simulation.acts import NONE, Act, Harm
from gatehouse.simulation.cast import DAY
from gatehouse.simulation.spammers import Spammers
from gatehouse.simulation.world import Role

ONE = {"count": 1, "size": (4, 4), "start": (0, 0), "lasts": (12, 12), "camouflage": 0.0}


def test_the_same_few_texts_go_to_many():
    platform, acts, _ = live(Spammers(**ONE, few=3), 3)
    assert len(np.unique(acts.text)) <= 3
    assert all(platform.texts.topics[text] == "spam" for text in np.unique(acts.text))
    messages = acts.take(acts.kind == Act.MESSAGE)
    assert len(np.unique(messages.target)) > 0.8 * len(messages)
    assert (platform.world["role"][messages.target] == Role.MEMBER).all()
    assert {Act.POST, Act.COMMENT, Act.MESSAGE} == set(acts.kind)
    links = acts.item[acts.kind == Act.POST]
    assert len(np.unique(links)) == 1
    assert NONE not in links


def test_accounts_are_mostly_new():
    platform, _, _ = live(Spammers(count=30, start=(0, 0)), 1)
    bad = platform.world["role"] == Role.SPAMMER
    assert (platform.world["created"][bad] > START - 7 * DAY).mean() > 0.7


def test_removed_acts_make_them_find_other_texts_and_links_and_reword_them():
    _, acts, _ = live(Spammers(**ONE), 12, enforce=remove_on(1))
    before, after = acts.take(acts.at < START + 2 * DAY), acts.take(acts.at >= START + 2 * DAY)
    assert len(after)
    assert not set(before.text) & set(after.text)
    assert not set(before.item[before.item != NONE]) & set(after.item)
    assert len(np.unique(after.text)) == len(after)
    assert len(before) / 2 > 1.2 * len(after) / 9
    assert set(acts.harm) == {Harm.SPAM}
