"""The day loop: the same from the same seed, nobody acts before they are there or after they are gone, views add up."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from gatehouse.simulation.acts import NONE, Act, Acts, Harm
from gatehouse.simulation.cast import DAY, HOUR, Cast, Enforced, Platform
from gatehouse.simulation.casts import usual_casts
from gatehouse.simulation.corpus import Corpus
from gatehouse.simulation.members import Members
from gatehouse.simulation.platform import START, Simulated, simulate
from gatehouse.simulation.reactions import Views
from gatehouse.simulation.world import Role


class Strict:
    """Suspends whoever did harm and removes it, at midnight."""

    def __init__(self) -> None:
        self.gone: list[tuple[int, int]] = []
        self.reports = 0

    def enforce(
        self, platform: Platform, day: int, acts: Acts, serials: npt.NDArray[np.int64], reports: Acts
    ) -> Enforced:
        """Everything that is harmful."""
        bad = acts.harm != Harm.NONE
        actors = np.unique(acts.actor[bad])
        self.gone += [(int(actor), platform.midnight(day + 1)) for actor in actors]
        self.reports += len(reports)
        assert (reports.kind == Act.REPORT).all()
        assert np.array_equal(np.sort(serials), serials)
        return Enforced(actors, serials[bad])

    def tables(self) -> Mapping[str, pa.Table]:
        """None."""
        return {}


@dataclass
class Few:
    """One account that does what it is told."""

    acts: Acts
    name: str = "few"

    def settle(self, platform: Platform, rng: np.random.Generator) -> None:
        """Two accounts, one of them not there before the second day."""
        platform.world.join(2, created=[START - DAY, START + DAY], role=Role.SPAMMER, followers=20_000)

    def day(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """All on the first day."""
        return self.acts if day == 0 else Acts.of([], [], [])

    def learn(self, platform: Platform, day: int, enforced: Enforced, rng: np.random.Generator) -> None:
        """Nothing."""


def casts(accounts: int = 600, days: int = 5) -> list[Cast]:
    return [Members(accounts), *usual_casts(accounts, days, harm=0.05)]


@pytest.fixture(scope="module")
def week() -> tuple[Simulated, Strict]:
    enforcer = Strict()
    return simulate(3, 5, casts(), Corpus(), enforcer=enforcer), enforcer


def equal(one: Acts | Views, other: Acts | Views) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))


def test_equal_seeds_give_equal_days_and_others_do_not(week: tuple[Simulated, Strict]) -> None:
    again = simulate(3, 5, casts(), Corpus(), enforcer=Strict())
    other = simulate(4, 5, casts(), Corpus(), enforcer=Strict())
    assert equal(week[0].acts, again.acts)
    assert equal(week[0].views, again.views)
    assert week[0].texts.pool() == again.texts.pool()
    assert not equal(week[0].acts, other.acts)


def test_the_order_in_which_casts_are_named_does_not_count() -> None:
    some = simulate(3, 2, casts(200, 2), Corpus())
    assert equal(some.acts, simulate(3, 2, casts(200, 2)[::-1], Corpus()).acts)


def test_nobody_acts_before_their_account_or_after_its_suspension(week: tuple[Simulated, Strict]) -> None:
    simulated, enforcer = week
    acts, world = simulated.acts, simulated.world
    assert (acts.at >= world["created"][acts.actor]).all()
    assert (acts.at < world["suspended"][acts.actor]).all()
    assert enforcer.gone
    for actor, midnight in enforcer.gone:
        assert world["suspended"][actor] == midnight


def test_every_act_is_within_the_days_and_answers_what_was_there(week: tuple[Simulated, Strict]) -> None:
    simulated, _ = week
    acts = simulated.acts
    assert acts.at.min() >= simulated.start
    assert acts.at.max() < simulated.end
    answers = np.flatnonzero(acts.parent != NONE)
    assert len(answers) > 0.2 * len(acts)
    assert (acts.parent[answers] < answers).all()
    assert (acts.at[acts.parent[answers]] < acts.at[answers]).all()
    assert not (acts.actor == acts.target).any()


def test_views_come_after_the_post_and_end_with_it(week: tuple[Simulated, Strict]) -> None:
    simulated, _ = week
    acts, views = simulated.acts, simulated.views
    assert len(views)
    assert views.views.min() >= 1
    since = views.at - acts.at[views.serial]
    assert since.min() == 0
    assert since.max() < 48 * HOUR
    assert (since % HOUR == 0).all()
    assert (views.at < np.minimum(simulated.end, simulated.world["suspended"][views.actor])).all()
    assert set(np.unique(acts.kind[views.serial])) <= {Act.POST, Act.COMMENT}
    assert np.array_equal(views.harm, acts.harm[views.serial])
    pairs = np.stack([views.serial, views.at], axis=1)
    assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_harm_is_reported_and_hardly_anything_else(week: tuple[Simulated, Strict]) -> None:
    simulated = simulate(3, 3, [Members(1_500), *usual_casts(1_500, 3, harm=0.2)], Corpus())
    acts = simulated.acts
    reports = np.flatnonzero((acts.kind == Act.REPORT) & (acts.harm == Harm.NONE))
    right = acts.harm[acts.parent[reports]] != Harm.NONE
    assert right.sum() > 10
    assert (~right).sum() < 0.002 * len(acts)
    assert week[1].reports == (week[0].acts.kind == Act.REPORT).sum()


def test_nobody_likes_or_reports_one_thing_twice_on_a_day(week: tuple[Simulated, Strict]) -> None:
    acts = week[0].acts
    crowd = acts.take(np.isin(acts.kind, (Act.LIKE, Act.REPORT)) & (acts.campaign == NONE) & (acts.parent != NONE))
    said = np.stack([crowd.actor, crowd.kind, crowd.parent, (crowd.at - START) // DAY], axis=1)
    _, times = np.unique(said, axis=0, return_counts=True)
    assert (times > 1).mean() < 0.005


def test_the_crowd_stays_out_of_the_schemes_of_others(week: tuple[Simulated, Strict]) -> None:
    class Loud(Few):
        name = "loud"

        def settle(self, platform: Platform, rng: np.random.Generator) -> None:
            """Bots that follow everybody."""
            bots = platform.world.join(200, created=START - DAY, role=Role.BOT, language=0)
            pairs = np.stack([np.repeat(bots, 50), np.tile(np.arange(50), 200)], axis=1).astype(np.int32)
            platform.follows = np.concatenate([platform.follows, pairs[pairs[:, 0] != pairs[:, 1]]])

    simulated = simulate(1, 2, [Loud(Acts.of([], [], [])), Members(300)], Corpus())
    assert (simulated.world["role"][simulated.acts.actor] == Role.MEMBER).all()
    assert (week[0].world["role"] != Role.MEMBER).any()


def test_acts_of_later_days_wait_and_fall_with_their_account() -> None:
    late = Acts.of(START + np.array([HOUR, DAY + HOUR]), 0, Act.POST, harm=[Harm.SPAM, Harm.NONE], text=0)
    assert simulate(1, 2, [Few(late)], Corpus()).acts.at.tolist() == late.at.tolist()
    assert simulate(1, 1, [Few(late)], Corpus()).acts.at.tolist() == late.at[:1].tolist()
    assert simulate(1, 2, [Few(late)], Corpus(), enforcer=Strict()).acts.at.tolist() == late.at[:1].tolist()


def test_removed_acts_are_seen_until_they_are_removed() -> None:
    class Quick(Strict):
        def tables(self) -> Mapping[str, pa.Table]:
            """Removed two hours after it was posted, and a suspension."""
            return {"enforced": pa.table({"event": pa.array([0, None], pa.int64()), "at": [START + 3 * HOUR, START]})}

    def seen(enforcer: Strict | None) -> npt.NDArray[np.int64]:
        post = Acts.of([START], 0, Act.POST, harm=Harm.SPAM, text=0)
        views = simulate(1, 2, [Few(post), Members(500)], Corpus(), enforcer=enforcer).views
        hours: npt.NDArray[np.int64] = (views.at[views.serial == 0] - START) // HOUR
        return hours

    until = seen(Quick())
    assert len(until)
    assert until.max() < 3
    assert 3 <= seen(Strict()).max() < 24 <= seen(None).max()


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        (Acts.of([START], 7, Act.POST), "few: an act of an account that is not there"),
        (Acts.of([START - 1], 0, Act.POST), "few: 1 act on day 0 before the day or before its account was created"),
        (Acts.of([START, START], 1, Act.POST), "few: 2 acts on day 0 before the day or before its account was created"),
        (Acts.of([START], 0, Act.LIKE, parent=0), "few: an act on day 0 answers one that is not there yet"),
    ],
)
def test_a_cast_that_breaks_its_promise_is_named(acts: Acts, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        simulate(1, 1, [Few(acts)], Corpus())


def test_two_casts_of_one_name_are_refused() -> None:
    nothing = Acts.of([], [], [])
    with pytest.raises(ValueError, match="two casts have one name: few, few"):
        simulate(1, 1, [Few(nothing), Few(nothing)], Corpus())
