from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from gatehouse.stats.draws import chances, drawn, sizes
from gatehouse.stats.intervals import wilson
from gatehouse.stats.prevalence import Drawn, powered, share, totals
from gatehouse.stats.reviewers import PERFECT, Reviewers, known


class Population:
    """Items of known truth with calibrated scores and views, from which samples are drawn again and again."""

    def __init__(self, n, share_, apart, seed):
        self.rng = np.random.default_rng(seed)
        self.violating = np.arange(n) < share_ * n
        place = self.rng.standard_normal(n) + apart * self.violating
        self.score = special.expit(special.logit(share_) + apart * place - apart**2 / 2)
        self.views = self.rng.lognormal(2, 1, n)

    def sample(self, chance, called=None, size=None, scored=True):
        rows = np.flatnonzero(drawn(chance, self.rng.random(len(chance))))
        called = self.violating if called is None else called
        counts = np.ones(len(chance)) if size is None else size
        score = self.score[rows] if scored else None
        return rows, Drawn(called[rows].astype(float), chance[rows], counts[rows], score, float(counts.sum()))


def test_a_simple_draw_gives_what_wilson_gives():
    violating = np.r_[np.ones(12), np.zeros(388)]
    found = share(Drawn(violating, np.full(400, 1e-9), np.ones(400)))
    low, high = wilson(12, 400)
    assert found.called == pytest.approx((0.03, float(low), float(high)))
    assert found.effective_n == pytest.approx(400)
    assert (found.n, found.positives) == (400, 12)


def test_what_is_labelled_whole_has_no_interval_left():
    found = share(Drawn(np.array([1.0, 0, 0, 0]), np.ones(4), np.ones(4)))
    assert found.called.estimate == 0.25


def test_no_positive_still_leaves_room_above():
    found = share(Drawn(np.zeros(300), np.full(300, 0.01), np.ones(300))).corrected
    assert found.estimate == found.low == 0
    assert 0.01 < found.high < 0.015, "about three in n, and a little"
    uneven = share(Drawn(np.zeros(300), np.r_[np.full(150, 0.01), np.full(150, 0.5)], np.ones(300))).corrected
    assert uneven.high > found.high


def test_estimates_are_right_on_average_by_items_and_by_views():
    population = Population(20_000, 0.02, 2.0, 0)
    chance = chances(sizes(population.score), 600)
    by_items, by_views, whole = [], [], []
    for _ in range(250):
        rows, of_items = population.sample(chance)
        by_items.append(share(of_items).called.estimate)
        of_views = replace(of_items, size=population.views[rows], total=float(population.views.sum()))
        by_views.append(share(of_views).called.estimate)
        whole.append(totals(of_items)[0])
    assert np.mean(by_items) == pytest.approx(0.02, rel=0.04)
    true = population.views[population.violating].sum() / population.views.sum()
    assert np.mean(by_views) == pytest.approx(true, rel=0.05)
    assert np.mean(whole) == pytest.approx(400, rel=0.04)


def test_the_standard_error_of_a_total_is_how_totals_vary():
    population = Population(5_000, 0.1, 1.5, 1)
    chance = chances(sizes(population.score), 400)
    found = np.array([totals(population.sample(chance)[1]) for _ in range(600)])
    assert np.sqrt(np.mean(found[:, 1] ** 2)) == pytest.approx(found[:, 0].std(), rel=0.1)


@pytest.mark.parametrize(("by", "scored"), [("items", True), ("items", False), ("views", True)])
def test_intervals_cover_under_unequal_chances(by, scored):
    population = Population(20_000, 0.02, 2.0, 2)
    views = population.views if by == "views" else None
    chance = chances(sizes(population.score, views), 1_200, 0.5, views)
    counts = np.ones(20_000) if views is None else views
    true = counts[population.violating].sum() / counts.sum()
    found = [share(population.sample(chance, size=views, scored=scored)[1]).corrected for _ in range(500)]
    covered = np.mean([one.low <= true <= one.high for one in found])
    assert 0.915 <= covered <= 0.985


def test_a_rare_harm_is_covered_through_reviewers_who_err():
    population = Population(100_000, 0.001, 3.3, 3)
    rng = population.rng
    chance = chances(sizes(population.score), 6_000)
    reviewers = Reviewers(known(0.9), known(0.995), 3)
    says_yes = np.where(population.violating, 0.9, 0.005)
    covered, runs = 0, 150
    for _ in range(runs):
        called = (rng.random(100_000) < says_yes) & (rng.binomial(2, says_yes) >= 1)
        found = share(population.sample(chance, called)[1], reviewers).corrected
        covered += found.low <= 0.001 <= found.high
    assert covered / runs >= 0.91
    assert covered < runs


def test_the_fit_speaks_for_rare_positives_that_were_not_drawn():
    population = Population(100_000, 0.002, 3.0, 4)
    chance = chances(sizes(population.score), 3_000, 0.2)
    narrow = 0
    for _ in range(150):
        _, found = population.sample(chance)
        fitted, observed = share(found), share(replace(found, score=None))
        assert fitted.called.estimate == observed.called.estimate
        narrow += observed.called.high < 0.002
        narrow -= fitted.called.high < 0.002
    assert narrow > 0


def test_a_good_judge_narrows_the_interval_and_its_errors_do_not_bias_it():
    population = Population(20_000, 0.1, 1.0, 5)
    rng = population.rng
    judged = np.where(population.violating, rng.random(20_000) < 0.85, rng.random(20_000) < 0.05).astype(float)
    chance = chances(sizes(population.score), 1_000)
    alone, with_judge = [], []
    for _ in range(200):
        rows, found = population.sample(chance)
        alone.append(share(found).corrected)
        with_judge.append(powered(found, judged[rows], judged.mean()).share.corrected)
    assert np.mean([one.high - one.low for one in with_judge]) < 0.75 * np.mean([one.high - one.low for one in alone])
    assert np.mean([one.estimate for one in with_judge]) == pytest.approx(0.1, rel=0.02)
    assert 0.92 <= np.mean([one.low <= 0.1 <= one.high for one in with_judge]) <= 0.98


def test_for_a_simple_draw_it_is_ppi_with_power_tuning():
    rng = np.random.default_rng(6)
    n, others = 500, 9_500
    truth = (rng.random(n + others) < 0.3).astype(float)
    judged = (rng.random(n + others) < np.where(truth == 1, 0.8, 0.1)).astype(float)
    y, here, there = truth[:n], judged[:n], judged[n:]
    covariance = np.mean((y - y.mean()) * (here - here.mean()))
    power = covariance / ((1 + n / others) * here.var())
    by_paper = power * there.mean() + np.mean(y - power * here)
    found = powered(Drawn(y, np.full(n, n / (n + others)), np.ones(n)), here, float(judged.mean()))
    assert found.share.called.estimate == pytest.approx(by_paper, rel=1e-6)
    assert found.power == pytest.approx(covariance / here.var())


def test_a_judge_that_knows_nothing_is_not_used():
    rng = np.random.default_rng(7)
    labels = (rng.random(400) < 0.2).astype(float)
    found = Drawn(labels, np.full(400, 0.01), np.ones(400))
    for judged in (np.full(400, 0.5), np.zeros(400), 1 - labels):
        answer = powered(found, judged, float(judged.mean()))
        assert answer.power == 0
        assert answer.share == share(found)


def test_horvitz_thompson_stands_beside_only_where_the_population_is_known():
    found = Drawn(np.array([1.0, 0, 0, 1]), np.full(4, 0.5), np.ones(4), None, 10.0)
    assert share(found).horvitz_thompson == pytest.approx(0.4)
    assert share(replace(found, total=None)).horvitz_thompson is None
    assert share(replace(found, total=None), PERFECT).total == 8


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (([], [], []), "from no labels"),
        (([1], [0.0], [1]), "chances must be above 0"),
        (([1], [1.1], [1]), "chances must be above 0"),
        (([1], [np.nan], [1]), "chances must be above 0"),
        (([1], [0.5], [-1]), "sizes must not be below 0"),
        (([1], [0.5], [0]), "some must be above"),
    ],
)
def test_draws_that_are_none_are_refused(columns, why):
    with pytest.raises(ValueError, match=why):
        Drawn(*(np.array(column, float) for column in columns))
