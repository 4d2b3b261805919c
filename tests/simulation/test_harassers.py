import numpy as np
from tests.simulation.staging import START, live

from gatehouse.simulation.acts import NONE, Act
from gatehouse.simulation.cast import DAY
from gatehouse.simulation.harassers import Harassers


def test_each_group_goes_after_one_member_for_days():
    platform, acts, _ = live(Harassers(count=4, size=(5, 12), start=(0, 0), lasts=(6, 6)), 8)
    for number in range(4):
        done = acts.take(acts.campaign == number)
        assert len(np.unique(done.target)) == 1
        assert set(done.kind) == {Act.COMMENT, Act.MESSAGE}
        assert len(np.unique((done.at - START) // DAY)) >= 3
        assert not set(done.target) & set(platform.world.campaigns[number].members)
    assert all(platform.texts.topics[text] == "abuse" for text in acts.text[acts.harm > 0])


def test_it_fades_and_may_be_one_alone():
    _, acts, counts = live(Harassers(count=20, size=(1, 1), start=(0, 0), lasts=(6, 6), fading=0.5), 7)
    assert not (acts.campaign != NONE).any()
    assert counts[0] > 2 * counts[3] > 0
    assert counts[6] == 0


def test_comments_answer_what_the_target_posted_of_late():
    _, acts, _ = live(Harassers(count=6, start=(1, 1), lasts=(2, 2), camouflage=0.0), 3)
    answers = acts.take((acts.kind == Act.COMMENT) & (acts.parent != NONE))
    assert len(answers) > len(acts) / 3
    assert (acts.parent[acts.kind == Act.MESSAGE] == NONE).all()
