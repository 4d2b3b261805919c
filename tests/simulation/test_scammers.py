import numpy as np
from tests.simulation.staging import START, live, make_platform, suspend

from gatehouse.simulation.acts import Act, Harm
from gatehouse.simulation.cast import DAY
from gatehouse.simulation.scammers import Scammers


def test_conversations_begin_as_talk_and_turn_after_a_day_or_more():
    platform, acts, _ = live(Scammers(count=3, start=(0, 0), lasts=(4, 4), camouflage=0.0), 9)
    assert set(acts.kind) == {Act.MESSAGE}
    topic = np.array(platform.texts.topics)
    asks = acts.take(acts.harm == Harm.SCAM)
    talk = acts.take(acts.harm == Harm.NONE)
    assert set(topic[asks.text]) == {"scam"}
    assert set(topic[talk.text]) == {"talk"}
    for who, to in {(int(a), int(b)) for a, b in zip(asks.actor, asks.target, strict=True)}:
        first = talk.at[(talk.actor == who) & (talk.target == to)].min()
        turned = asks.at[(asks.actor == who) & (asks.target == to)].min()
        assert turned - first > 0
    first = {
        pair: talk.at[(talk.actor == pair[0]) & (talk.target == pair[1])].min()
        for pair in zip(asks.actor, asks.target, strict=True)
    }
    waits = [at - first[pair] for at, pair in zip(asks.at, zip(asks.actor, asks.target, strict=True), strict=True)]
    assert np.median(waits) > DAY


def test_victims_are_newcomers_where_there_are_enough():
    platform = make_platform(1_000)
    new = platform.world.join(200, created=START - 5 * DAY, activity=1.0)
    _, acts, _ = live(Scammers(count=5, start=(0, 0), camouflage=0.0), 3, platform)
    assert set(acts.target) <= set(new)


def test_else_they_are_those_with_few_followers():
    platform = make_platform(1_000)
    _, acts, _ = live(Scammers(count=5, start=(0, 0), camouflage=0.0), 3, platform)
    followers = platform.world["followers"]
    assert followers[np.unique(acts.target)].mean() < followers.mean()


def test_the_struck_wait_longer_before_they_turn_and_change_the_script():
    def run(enforce):
        cast = Scammers(count=8, size=(4, 4), start=(0, 0), lasts=(14, 14), refill=2.0)
        platform, acts, _ = live(cast, 12, make_platform(2_000), enforce=enforce)
        return cast, np.array(platform.texts.changes)[acts.text[acts.harm == Harm.SCAM]]

    free, plain = run(None)
    careful, changed = run(suspend(0.3))
    assert plain.max() == 1
    assert changed.max() > 1
    assert max(crew.spread for crew in careful.crews) > max(crew.spread for crew in free.crews) == 1.0
