from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gatehouse.simulation.cast import DAY, HOUR
from gatehouse.simulation.reviewers import MINUTE, Cases, Reviewers


def cases(opened, score=0.0, violating=False):
    n = len(opened)
    return Cases(
        np.arange(n),
        np.asarray(opened, np.int64),
        np.broadcast_to(np.asarray(score, float), n).copy(),
        np.broadcast_to(np.asarray(violating, bool), n).copy(),
    )


def test_their_errors_are_the_stated_ones():
    people = Reviewers(count=500, sensitivity=0.9, specificity=0.98, minutes=0.5)
    violating = np.arange(40_000) % 2 == 0
    people.open(cases(np.zeros(40_000), violating=violating))
    done = people.work(0, np.random.default_rng(0))
    assert len(done) == 40_000
    yes = done.value[np.argsort(done.serial)] == 1
    for hits, rate in ((yes[violating], 0.9), (~yes[~violating], 0.98)):
        assert stats.binomtest(int(hits.sum()), len(hits), rate).pvalue > 1e-4
    assert done.minutes.mean() == pytest.approx(0.5, rel=0.02)
    assert set(done.rater.tolist()) == set(range(500))


def test_what_does_not_fit_into_a_day_waits_and_nothing_is_lost():
    people = Reviewers(count=2, minutes=10, hours=2)
    people.open(cases(np.zeros(100)))
    seen = []
    for day in range(30):
        done = people.work(day * DAY, np.random.default_rng(day))
        assert np.all((done.at >= day * DAY + 9 * HOUR) & (done.at <= day * DAY + 11 * HOUR))
        seen += done.serial.tolist()
        if day == 0:
            assert 10 <= len(done) <= 40
    assert sorted(seen) == list(range(100))
    assert len(people.waiting) == 0


def test_by_age_the_oldest_come_first_and_by_score_the_highest():
    opened, score = np.arange(50)[::-1] * MINUTE, np.arange(50) % 7
    for order in ("age", "score"):
        people = Reviewers(count=1, minutes=5, hours=1, order=order)
        people.open(cases(opened, score))
        done = people.work(0, np.random.default_rng(0)).serial
        assert 0 < len(done) < 50
        if order == "age":
            assert opened[done].tolist() == sorted(opened)[: len(done)]
        else:
            assert score[done].tolist() == sorted(score.tolist(), reverse=True)[: len(done)]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 20 * 60), min_size=1, max_size=40), st.integers(1, 4), st.integers(0, 99))
def test_nobody_works_on_two_cases_at_once_nor_on_one_that_has_not_come(opened, count, seed):
    people = Reviewers(count=count, minutes=4, hours=8)
    people.open(cases(np.array(opened) * MINUTE))
    done = people.work(0, np.random.default_rng(seed))
    began = done.at - done.minutes * MINUTE
    assert np.all(began >= np.maximum(done.opened, 9 * HOUR) - 2)
    for rater in range(count):
        mine = np.argsort(done.at[done.rater == rater])
        ends, begins = done.at[done.rater == rater][mine], began[done.rater == rater][mine]
        assert np.all(begins[1:] >= ends[:-1] - 2)


def test_without_people_all_waits():
    people = Reviewers(count=0)
    people.open(cases(np.zeros(3)))
    assert len(people.work(0, np.random.default_rng(0))) == 0
    assert len(people.waiting) == 3


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"sensitivity": 1.2}, "sensitivity is a chance between 0 and 1"),
        ({"hours": 20.0}, "work within a day"),
        ({"minutes": 0.0}, "need time for a case"),
        ({"order": "luck"}, "not by luck"),
    ],
)
def test_what_cannot_be_is_refused(said, words):
    with pytest.raises(ValueError, match=words):
        replace(Reviewers(), **said)
