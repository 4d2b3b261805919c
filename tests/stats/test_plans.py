import numpy as np
import pytest
from scipy import special

from gatehouse.stats.intervals import wilson
from gatehouse.stats.plans import by_score, narrowest, shifted, simple
from gatehouse.stats.reviewers import Reviewers, known, measured

TWO = Reviewers(known(0.9), known(0.995), 3)


def scores(n, share, apart, rng):
    """Calibrated scores of a population: two normal curves, so far apart."""
    violating = np.arange(n) < share * n
    place = rng.standard_normal(n) + apart * violating
    return special.expit(special.logit(share) + apart * place - apart**2 / 2)


def test_a_simple_plan_is_the_first_number_that_is_enough():
    plan = simple(0.01, 0.004)
    for n, enough in ((plan.items, True), (plan.items - 1, False)):
        low, high = wilson(0.01 * n, n)
        assert (high - low <= 0.004) == enough
    assert plan.looks == int(np.ceil(plan.items * 1.02)), "each of one in a hundred is seen twice more"


def test_a_small_population_takes_fewer_labels():
    assert simple(0.01, 0.004, population=10_000).items < 0.6 * simple(0.01, 0.004).items


def test_reviewers_who_err_cost_labels():
    assert simple(0.001, 0.0005, TWO).looks > 1.1 * simple(0.001, 0.0005).looks


def test_no_number_of_labels_mends_rates_that_are_not_known():
    once = Reviewers(measured(90, 100), measured(1_990, 2_000), 1)
    assert simple(0.001, 0.0005, once) is None
    assert narrowest(0.001, once) > 0.003
    assert narrowest(0.001, TWO) < 1e-6
    assert simple(0.001, 0.0005, once._replace(looks=3)) is not None


def test_better_scores_take_fewer_labels_and_scores_of_no_use_none_fewer():
    rng = np.random.default_rng(0)
    found = {apart: by_score(0.002, 0.001, scores(100_000, 0.002, apart, rng), TWO) for apart in (0.0, 2.0, 3.3)}
    plain = simple(0.002, 0.001, TWO, 100_000)
    assert found[0.0].looks == pytest.approx(plain.looks, rel=0.05)
    assert found[3.3].looks < found[2.0].looks < plain.looks
    assert plain.looks > 4 * found[3.3].looks
    assert found[3.3].looks > found[3.3].items, "second looks are counted"


def test_the_width_that_was_planned_is_what_labels_give():
    from gatehouse.stats.draws import chances, drawn, sizes
    from gatehouse.stats.prevalence import Drawn, share

    rng = np.random.default_rng(1)
    score = scores(100_000, 0.005, 2.5, rng)
    plan = by_score(0.005, 0.002, score)
    chance = chances(sizes(score), plan.items)
    widths = []
    for _ in range(40):
        rows = np.flatnonzero(drawn(chance, rng.random(len(chance))))
        found = share(Drawn((rows < 500).astype(float), chance[rows], np.ones(len(rows)), score[rows])).corrected
        widths.append(found.high - found.low)
    assert np.mean(widths) == pytest.approx(0.002, rel=0.12)


def test_by_views_counts_views():
    rng = np.random.default_rng(2)
    score = scores(20_000, 0.01, 2.5, rng)
    views = rng.lognormal(3, 1, 20_000)
    assert by_score(0.01, 0.005, score, views=views).items < 20_000


def test_scores_are_brought_to_the_share_expected_and_keep_their_order():
    score = np.array([0.1, 0.5, 0.9, np.nan, 0.0, 1.0])
    counts = np.full(6, 1 / 6)
    found = shifted(score, 0.01, counts)
    assert counts @ found == pytest.approx(0.01)
    assert found[3] == 0.01
    assert found[4] < found[0] < found[1] < found[2] < found[5]
    odds = found[:3] / (1 - found[:3])
    assert odds[2] / odds[1] == pytest.approx(9)


@pytest.mark.parametrize(("expected", "width"), [(0.0, 0.1), (1.0, 0.1), (0.1, 0.0), (0.1, 1.0)])
def test_what_is_no_share_is_refused(expected, width):
    with pytest.raises(ValueError, match="not between 0 and 1"):
        simple(expected, width)
