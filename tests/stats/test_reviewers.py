import itertools

import numpy as np
import pytest

from gatehouse.stats.intervals import Interval, wilson
from gatehouse.stats.reviewers import PERFECT, Reviewers, corrected, effective, first_yes, known, measured, observed


def by_enumeration(yes_chance, looks):
    """Chance that the first says yes and so do most of all looks."""
    total = 0.0
    for said in itertools.product((0, 1), repeat=looks):
        chance = np.prod([yes_chance if one else 1 - yes_chance for one in said])
        total += chance if said[0] and sum(said) > looks / 2 else 0
    return total


@pytest.mark.parametrize("looks", [1, 3, 5, 7])
def test_effective_rates_are_those_of_all_ways_that_looks_can_fall(looks):
    catches, spares = effective(0.9, 0.995, looks)
    assert catches == pytest.approx(by_enumeration(0.9, looks))
    assert 1 - spares == pytest.approx(by_enumeration(0.005, looks))


def test_two_more_looks_at_every_yes_take_away_nearly_all_false_ones():
    one, three = (Reviewers(known(0.9), known(0.995), looks) for looks in (1, 3))
    assert observed(0.001, one) == pytest.approx(0.0009 + 0.004995), "five false for each true"
    assert observed(0.001, three) == pytest.approx(0.000891 + 4.99e-5, rel=1e-3)
    assert first_yes(0.001, three) == first_yes(0.001, one)


def test_correcting_takes_back_what_reviewers_did():
    for looks in (1, 3, 5):
        reviewers = Reviewers(known(0.8), known(0.98), looks)
        seen = observed(0.03, reviewers)
        assert corrected(Interval(seen, seen, seen), reviewers) == pytest.approx((0.03, 0.03, 0.03))
    assert corrected(Interval(0.2, 0.1, 0.3), PERFECT) == pytest.approx((0.2, 0.1, 0.3))


def test_what_is_not_known_of_the_rates_widens_the_interval():
    seen = Interval(0.02, 0.017, 0.023)
    sure = corrected(seen, Reviewers(known(0.9), known(0.99), 1))
    many = corrected(seen, Reviewers(measured(900, 1_000), measured(9_900, 10_000), 1))
    few = corrected(seen, Reviewers(measured(45, 50), measured(198, 200), 1))
    assert sure.estimate == pytest.approx(many.estimate) == pytest.approx(few.estimate)
    widths = [found.high - found.low for found in (sure, many, few)]
    assert widths == sorted(widths)
    assert few.low == 0
    assert widths[2] > 2 * widths[1]


@pytest.mark.parametrize(("share", "looks"), [(0.05, 1), (0.01, 3), (0.3, 1)])
def test_intervals_cover_when_all_three_are_measured(share, looks):
    rng = np.random.default_rng(11)
    true = Reviewers(known(0.85), known(0.97), looks)
    covered, runs = 0, 600
    for _ in range(runs):
        hits = rng.binomial(2_000, observed(share, true))
        low, high = wilson(hits, 2_000)
        reviewers = Reviewers(measured(rng.binomial(150, 0.85), 150), measured(rng.binomial(400, 0.97), 400), looks)
        found = corrected(Interval(hits / 2_000, float(low), float(high)), reviewers)
        covered += found.low <= share <= found.high
    assert 0.93 <= covered / runs <= 0.98


def test_what_contradicts_the_rates_is_said_and_no_interval_given():
    with pytest.raises(ValueError, match="not those of the people who labelled this"):
        corrected(Interval(0.001, 0.0005, 0.002), Reviewers(known(0.9), known(0.95), 1))
    with pytest.raises(ValueError, match="do no better than chance"):
        corrected(Interval(0.5, 0.4, 0.6), Reviewers(known(0.3), known(0.6), 1))


def test_false_yeses_alone_leave_zero_inside():
    reviewers = Reviewers(known(0.9), measured(1_990, 2_000), 1)
    found = corrected(Interval(0.004, 0.003, 0.005), reviewers)
    assert found.estimate == found.low == 0
    assert found.high > 0


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: known(0.0), "not a rate"),
        (lambda: known(1.2), "not a rate"),
        (lambda: measured(3, 2), "more hits than items"),
        (lambda: effective(0.9, 0.9, 2), "odd number of looks"),
    ],
)
def test_rates_that_are_none_are_refused(call, why):
    with pytest.raises(ValueError, match=why):
        call()
