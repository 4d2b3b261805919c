"""Members have habits: a heavy tail, days and weeks, sessions, threads, messages to and fro, shared addresses."""

import numpy as np
import pytest

from gatehouse.simulation.acts import NONE, Act
from gatehouse.simulation.cast import DAY, HOUR, SECOND
from gatehouse.simulation.corpus import TOPICS, Corpus
from gatehouse.simulation.members import BUSIEST, Members
from gatehouse.simulation.platform import START, Simulated, simulate
from gatehouse.simulation.world import Role


@pytest.fixture(scope="module")
def fortnight() -> Simulated:
    return simulate(5, 14, [Members(1_500)], Corpus())


def test_activity_has_a_heavy_tail(fortnight: Simulated) -> None:
    acts = np.sort(np.bincount(fortnight.acts.actor, minlength=len(fortnight.world)))[::-1]
    assert acts[: len(acts) // 10].sum() > 0.4 * acts.sum()
    assert np.median(acts) < 0.7 * acts.mean()
    assert acts.max() < 2 * 14 * BUSIEST


def test_members_sleep_at_night_where_they_live_and_rest_in_their_week(fortnight: Simulated) -> None:
    acts, world = fortnight.acts, fortnight.world
    local = (acts.at - START) // HOUR + world["zone"][acts.actor]
    by_hour = np.bincount(local % 24, minlength=24)
    assert by_hour[2:5].sum() < 0.25 * by_hour[19:22].sum()
    by_day = np.bincount((acts.at - START) // DAY, minlength=14)[7:]
    assert by_day[5] > by_day[0]


def test_languages_and_zones_go_together(fortnight: Simulated) -> None:
    world = fortnight.world
    assert set(np.unique(world["language"])) == {0, 1, 2}
    assert world["zone"][world["language"] == 1].max() <= 0
    spread = [len(set(world["language"][world["community"] == c])) for c in np.unique(world["community"])]
    assert spread == [1] * len(spread)


def test_acts_come_in_sessions(fortnight: Simulated) -> None:
    order = np.lexsort((fortnight.acts.at, fortnight.acts.actor))
    same = np.diff(fortnight.acts.actor[order]) == 0
    gaps = np.diff(fortnight.acts.at[order])[same]
    assert (gaps < 5 * 60 * SECOND).mean() > 0.35
    assert (gaps > 4 * HOUR).mean() > 0.15


def test_threads_grow_and_messages_go_to_and_fro(fortnight: Simulated) -> None:
    acts = fortnight.acts
    comments = np.flatnonzero((acts.kind == Act.COMMENT) & (acts.parent != NONE))
    assert set(np.unique(acts.kind[acts.parent[comments]])) == {Act.POST, Act.COMMENT}
    answers = np.flatnonzero((acts.kind == Act.MESSAGE) & (acts.parent != NONE))
    assert (acts.actor[answers] == acts.target[acts.parent[answers]]).all()
    again = answers[np.isin(acts.parent[answers], answers)]
    assert len(again) > 0.2 * len(answers)


def test_comments_stay_mostly_within_community_or_those_followed(fortnight: Simulated) -> None:
    acts, community = fortnight.acts, fortnight.world["community"]
    comments = acts.take((acts.kind == Act.COMMENT) & (acts.target != NONE))
    assert (community[comments.actor] == community[comments.target]).mean() > 0.5


def test_newcomers_join_each_day_and_say_so(fortnight: Simulated) -> None:
    joined = (fortnight.world["created"] - START) // DAY
    assert set(range(14)) <= set(joined.tolist())
    new = np.flatnonzero(joined >= 0)
    profiles = fortnight.acts.actor[fortnight.acts.kind == Act.PROFILE]
    assert set(new) <= set(profiles)


def test_a_shared_address_is_no_proof(fortnight: Simulated) -> None:
    acts, world = fortnight.acts, fortnight.world
    used = np.where(acts.address == NONE, world["address"][acts.actor], acts.address)
    pairs = np.unique(np.stack([used, acts.actor], axis=1), axis=0)
    users = np.bincount(pairs[:, 0])
    assert users.max() > 50
    assert (users[users > 0] == 1).mean() > 0.2
    assert (world["role"] == Role.MEMBER).all()


def test_some_post_the_same_daily_and_some_warn_of_spam(fortnight: Simulated) -> None:
    acts = fortnight.acts
    posts = acts.take(acts.kind == Act.POST)
    text, days = np.unique(posts.text, return_counts=True)
    daily = text[days == 14]
    assert len(daily)
    for one in daily:
        times = np.sort(posts.at[posts.text == one])
        assert set(np.diff(times)) == {DAY}
    topics = {TOPICS[topic] for topic in np.unique(fortnight.texts.topics()[posts.text])}
    assert topics == {"talk", "warning"}


def test_few_are_very_well_known(fortnight: Simulated) -> None:
    followers = fortnight.world["followers"]
    assert followers.max() > 10 * followers.mean()
