import numpy as np
import pytest
from scipy import stats

from gatehouse.records.enforcement import Kind
from gatehouse.simulation.acts import NONE, Act, Acts, Harm
from gatehouse.simulation.appeals import Appeals
from gatehouse.simulation.cast import DAY, HOUR, Log, Platform
from gatehouse.simulation.deeds import MACHINE, STRIKES
from gatehouse.simulation.enforcement import LOOKS_LIKE, Enforcement, Judged, Stated, Verdicts
from gatehouse.simulation.reviewers import MINUTE, Reviewers
from gatehouse.simulation.world import NEVER, Role, World

START = 1_740_960_000_000_000
PERFECT = {"recall": dict.fromkeys(LOOKS_LIKE, 1.0), "false_positives": {}, "review": 0.0}
UNERRING = {"sensitivity": 1.0, "specificity": 1.0}


def world(good=50, bad=10):
    made = World()
    made.join(good)
    made.join(bad, role=Role.SPAMMER)
    return Platform(made, None, START, Log(), np.empty((0, 2), np.int32), (None, None, None))


def days_of(platform, days, a_day=400, seed=0):
    """Posts of everyone; those of the bad are spam."""
    rng = np.random.default_rng(seed)
    for day in range(days):
        actor = rng.integers(0, len(platform.world), a_day)
        actor = actor[platform.world["suspended"][actor] > platform.midnight(day)]
        at = platform.midnight(day) + rng.integers(0, DAY, len(actor))
        harm = np.where(platform.world["role"][actor] == Role.MEMBER, Harm.NONE, Harm.SPAM)
        acts = Acts.of(at, actor, Act.POST, harm=harm)
        yield day, acts, platform.log.add(acts)


def run(done, platform, days=5, **said):
    return [
        done.enforce(platform, day, acts, serials, Acts.of([], [], []))
        for day, acts, serials in days_of(platform, days, **said)
    ]


def harm_of(platform):
    return np.concatenate([part.harm for part in platform.log.parts])


def test_recall_and_false_positives_are_the_stated_ones():
    judge = Stated({Harm.SPAM: 0.8, Harm.SCAM: 0.3}, {Harm.SPAM: 0.02, Harm.SCAM: 0.01}, review=0.25)
    n = 60_000
    harm = np.arange(n) % 3
    acts = Acts.of(np.zeros(n), 0, Act.POST, harm=harm)
    said = judge.judge(None, 0, acts, np.arange(n), np.random.default_rng(0))
    found = said.remove | said.review
    assert not (said.remove & said.review).any()
    for value, rate in ((Harm.SPAM, 0.8), (Harm.SCAM, 0.3), (Harm.NONE, 1 - 0.98 * 0.99)):
        hits = found[harm == value]
        assert stats.binomtest(int(hits.sum()), len(hits), rate).pvalue > 1e-4
    assert said.review[found].mean() == pytest.approx(0.25, abs=0.02)
    assert said.delay.min() >= MINUTE
    assert said.delay.max() <= DAY


def test_only_acts_of_a_kind_that_can_be_mistaken_are():
    judge = Stated({}, {Harm.SPAM: 1.0}, review=0.0)
    acts = Acts.of(np.zeros(2), 0, [Act.POST, Act.LIKE])
    assert judge.judge(None, 0, acts, np.arange(2), np.random.default_rng(0)).remove.tolist() == [True, False]


def test_a_perfect_judge_wrongs_nobody_and_removes_all_harm_that_is_due():
    platform = world()
    done = Enforcement(1, Stated(**PERFECT, latest=HOUR), Reviewers(**UNERRING), strikes=3)
    run(done, platform)
    removed = done.deeds.serial[done.deeds.serial != NONE]
    harm = harm_of(platform)
    assert np.all(harm[removed] == Harm.SPAM)
    assert len(removed) >= 0.9 * (harm == Harm.SPAM).sum()
    suspended = done.deeds.actor[done.deeds.serial == NONE]
    assert np.all(platform.world["role"][suspended] == Role.SPAMMER)
    assert len(suspended) == 10


def test_an_act_is_removed_once_and_only_after_it_was_done():
    platform = world()
    done = Enforcement(2, Stated(review=0.5), Reviewers(count=50))
    told = run(done, platform)
    removed = done.deeds.serial[done.deeds.serial != NONE]
    assert len(np.unique(removed)) == len(removed) > 50
    assert sorted(removed.tolist()) == sorted(np.concatenate([one.acts for one in told]).tolist())
    at = np.concatenate([part.at for part in platform.log.parts])
    of_act = done.deeds.serial != NONE
    assert np.all(done.deeds.at[of_act] > at[removed])
    assert {MACHINE, STRIKES} < set(done.deeds.by.tolist())
    assert (done.deeds.by >= 0).any()


def test_strikes_suspend_at_midnight_after_the_stated_number():
    platform = world(good=0, bad=1)
    done = Enforcement(3, Stated(**PERFECT, latest=MINUTE), appeals=Appeals(guilty=0.0), strikes=3)
    acts = Acts.of(START + np.array([1, 2]) * HOUR, 0, Act.POST, harm=Harm.SPAM)
    first = done.enforce(platform, 0, acts, platform.log.add(acts), Acts.of([], [], []))
    assert (len(first.acts), len(first.actors)) == (2, 0)
    acts = Acts.of(START + np.array([25]) * HOUR, 0, Act.POST, harm=Harm.SPAM)
    second = done.enforce(platform, 1, acts, platform.log.add(acts), Acts.of([], [], []))
    assert second.actors.tolist() == [0]
    assert platform.world["suspended"][0] == START + 2 * DAY


def test_reports_bring_an_act_before_a_person_once():
    platform = world(good=3, bad=1)
    done = Enforcement(4, Stated({}, {}), Reviewers(**UNERRING), appeals=Appeals(guilty=0, innocent=0))
    posts = Acts.of(START + np.array([1, 2]) * HOUR, [3, 0], Act.POST, harm=[Harm.SPAM, Harm.NONE])
    serials = platform.log.add(posts)
    reports = Acts.of(START + np.array([3, 4, 5, 6]) * HOUR, [1, 2, 1, 1], Act.REPORT, parent=[0, 0, 1, 99])
    both = Acts.of(
        np.r_[posts.at, reports.at],
        np.r_[posts.actor, reports.actor],
        np.r_[posts.kind, reports.kind],
        parent=np.r_[posts.parent, reports.parent],
        harm=np.r_[posts.harm, reports.harm],
    )
    found = done.enforce(platform, 0, both, np.r_[serials, platform.log.add(reports)], reports)
    assert found.acts.tolist() == [0]
    looks = done.tables()["reviews"].to_pydict()
    assert looks["event"] == [0, 1]
    assert looks["value"] == [1, 0]
    assert looks["opened_at"] == [START + 3 * HOUR, START + 5 * HOUR]


def test_an_overturned_suspension_brings_the_account_back_without_strikes():
    platform = world(good=1, bad=0)
    wrong = Stated({}, {Harm.SPAM: 1.0}, review=0.0, latest=MINUTE)
    appeals = Appeals(innocent=1.0, days=0.01, waits=0.01, specificity=1.0)
    done = Enforcement(5, wrong, appeals=appeals, strikes=2)
    acts = Acts.of(START + np.array([1, 2]) * HOUR, 0, Act.POST)
    first = done.enforce(platform, 0, acts, platform.log.add(acts), Acts.of([], [], []))
    assert first.actors.tolist() == [0]
    nothing = Acts.of([], [], [])
    second = done.enforce(platform, 1, nothing, platform.log.add(nothing), nothing)
    assert (len(second.acts), len(second.actors)) == (0, 0)
    assert platform.world["suspended"][0] == NEVER
    tables = done.tables()
    assert tables["enforced"]["kind"].to_pylist() == ["remove", "remove", "suspend"]
    assert tables["enforced"]["event"].to_pylist() == [0, 1, None]
    assert tables["enforced"]["undone_at"].null_count == 0
    assert tables["appeals"]["upheld"].to_pylist() == [False] * 3
    assert tables["appeals"]["decided_at"].to_pylist() == sorted(tables["enforced"]["undone_at"].to_pylist())


def test_the_innocent_appeal_more_and_the_second_look_is_somebody_elses():
    appeals = Appeals(innocent=0.5, guilty=0.1)
    n = 20_000
    right, by = np.arange(n) % 2 == 0, np.arange(n, dtype=np.int32) % 4 - 1
    appeals.file(np.arange(n), np.zeros(n, np.int64), right, by, 3, np.random.default_rng(0))
    filed = appeals.decided(10**18)
    for hits, rate in (
        (np.isin(np.flatnonzero(right), filed.deed), 0.1),
        (np.isin(np.flatnonzero(~right), filed.deed), 0.5),
    ):
        assert stats.binomtest(int(hits.sum()), len(hits), rate).pvalue > 1e-4
    assert np.all(filed.rater != by[filed.deed])
    assert np.all((filed.rater >= 0) & (filed.rater < 3))
    assert stats.binomtest(int(filed.upheld[right[filed.deed]].sum()), int(right[filed.deed].sum()), 0.95).pvalue > 1e-4
    assert np.all((filed.at > 0) & (filed.decided > filed.at))
    assert len(appeals.decided(10**18)) == 0


def test_what_one_reviewer_decided_somebody_from_outside_hears():
    appeals = Appeals(guilty=1.0)
    appeals.file(np.array([0]), np.array([0]), np.array([True]), np.array([0], np.int32), 1, np.random.default_rng(0))
    assert appeals.all().rater.tolist() == [1]


def test_the_same_seed_gives_the_same_tables():
    one, other = (Enforcement(6, Stated(review=0.4)) for _ in range(2))
    for done in (one, other):
        run(done, world())
    assert one.tables() == other.tables()
    different = Enforcement(7, Stated(review=0.4))
    run(different, world())
    assert different.tables() != one.tables()


def test_tables_say_who_and_nothing_of_the_truth():
    platform = world()
    done = Enforcement(8, Stated(review=0.5))
    run(done, platform)
    tables = done.tables()
    assert tables["enforced"].column_names == ["event", "actor", "at", "kind", "by", "undone_at"]
    assert tables["reviews"].column_names == ["event", "rater", "value", "opened_at", "at", "minutes"]
    assert tables["appeals"].column_names == [
        "event",
        "actor",
        "kind",
        "at",
        "decided_at",
        "upheld",
        "rater",
        "minutes",
    ]
    by = set(tables["enforced"]["by"].to_pylist())
    assert {"machine", "strikes"} <= by <= {"machine", "strikes", *(f"reviewer:{i}" for i in range(5))}
    assert Enforcement(0).tables()["appeals"].num_rows == 0


def test_any_callable_may_judge():
    asked = []

    def decide(platform, day, acts, serials):
        asked.append((day, len(acts)))
        n = len(acts)
        return Verdicts(acts.harm > 0, np.zeros(n, bool), np.ones(n), np.full(n, MINUTE))

    platform = world()
    done = Enforcement(9, Judged(decide), Reviewers(**UNERRING), appeals=Appeals(innocent=0, guilty=0))
    run(done, platform, days=2)
    assert [day for day, _ in asked] == [0, 1]
    assert set(done.deeds.kind.tolist()) == {Kind.REMOVE, Kind.SUSPEND}


def test_a_judge_that_does_not_answer_for_each_act_is_refused():
    def short(platform, day, acts, serials):
        return Verdicts(
            np.zeros(1, bool), np.zeros(len(acts), bool), np.zeros(len(acts)), np.zeros(len(acts), np.int64)
        )

    def early(platform, day, acts, serials):
        n = len(acts)
        return Verdicts(np.ones(n, bool), np.zeros(n, bool), np.zeros(n), np.full(n, -1))

    with pytest.raises(ValueError, match="the judge's remove must have one value an act"):
        run(Enforcement(0, Judged(short)), world(), days=1)
    with pytest.raises(ValueError, match="before it was done"):
        run(Enforcement(0, Judged(early)), world(), days=1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Stated({Harm.SPAM: 1.5}), "recall of spam is a chance"),
        (lambda: Stated(soonest=0), "a delay is above 0"),
        (lambda: Appeals(innocent=-0.1), "innocent is a chance"),
        (lambda: Appeals(waits=0), "take time"),
        (lambda: Enforcement(0, strikes=0), "one strike or more"),
    ],
)
def test_settings_that_cannot_be_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
