import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.evaluation.thresholds import Beside, counterparts, in_digits, rank_correlation


def beside(n: int, *, noise: float, seed: int = 1, labelled: float = 1.0) -> Beside:
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < 0.3).astype(np.float64)
    theirs = np.clip(0.3 + 0.4 * truth + rng.normal(0, 0.15, n), 0, 1)
    ours = np.clip(theirs + rng.normal(0, noise, n) if noise else theirs, 0, 1) ** 2
    truth[rng.random(n) >= labelled] = np.nan
    return Beside(theirs, ours, truth)


def test_the_same_scores_on_another_scale_get_the_threshold_of_that_scale() -> None:
    same = beside(4_000, noise=0.0)
    (found,) = counterparts(same, [0.6], np.random.default_rng(0))
    assert found.threshold is not None
    assert found.threshold.estimate == pytest.approx(0.36, abs=0.003)
    assert found.threshold.low - 0.003 <= 0.36 <= found.threshold.high + 0.003
    assert (found.only_theirs, found.only_ours) == (0, 0)
    assert found.kappa is not None
    assert found.kappa.estimate == 1.0
    for one in found.measures:
        assert one.ours_less_theirs is not None
        assert tuple(one.ours_less_theirs) == (0.0, 0.0, 0.0)


def test_worse_scores_show_as_lost_precision_beyond_chance() -> None:
    (found,) = counterparts(beside(4_000, noise=0.4), [0.6], np.random.default_rng(0))
    precision = found.measures[0].ours_less_theirs
    assert precision is not None
    assert precision.high < 0


def test_under_fifty_positives_only_counts_are_given() -> None:
    (found,) = counterparts(beside(1_000, noise=0.1, labelled=0.1), [0.6], np.random.default_rng(0))
    assert 0 < found.positives < 50
    assert found.measures == ()
    assert found.both + found.only_theirs == found.flagged


@pytest.mark.parametrize("flagged", [0, 2])
def test_a_threshold_that_flags_next_to_nothing_has_no_counterpart(flagged: int) -> None:
    whole = beside(500, noise=0.1)
    theirs = np.minimum(whole.theirs, 0.9)
    theirs[:flagged] = 1.0
    (found,) = counterparts(Beside(theirs, whole.ours, whole.truth), [1.0], np.random.default_rng(0))
    assert (found.flagged, found.threshold, found.kappa, found.measures) == (flagged, None, None, ())


def test_the_interval_of_a_threshold_covers_the_one_of_all_texts() -> None:
    whole = beside(60_000, noise=0.1, seed=9)
    (truth,) = counterparts(
        Beside(whole.theirs[:20_000], whole.ours[:20_000], whole.truth[:20_000]), [0.7], np.random.default_rng(0)
    )
    assert truth.threshold is not None
    hits = 0
    for start in range(20_000, 60_000, 1_000):
        part = slice(start, start + 1_000)
        (found,) = counterparts(
            Beside(whole.theirs[part], whole.ours[part], whole.truth[part] * np.nan),
            [0.7],
            np.random.default_rng(start),
        )
        assert found.threshold is not None
        hits += found.threshold.low <= truth.threshold.estimate <= found.threshold.high
    assert hits >= 33  # of 40; at 95 % fewer come once in 2,000 times


def test_people_with_many_texts_widen_the_interval() -> None:
    one = beside(600, noise=0.1)
    many = Beside(
        np.repeat(one.theirs, 10), np.repeat(one.ours, 10), np.repeat(one.truth, 10), np.repeat(np.arange(600), 10)
    )
    apart = Beside(many.theirs, many.ours, many.truth)
    grouped, alone = (rank_correlation(each, np.random.default_rng(0)) for each in (many, apart))
    assert grouped is not None
    assert alone is not None
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    shares = [counterparts(each, [0.6], np.random.default_rng(0))[0].share for each in (many, apart, one)]
    widths = [share.high - share.low for share in shares]
    # Ten copies of a text are worth one text.
    assert widths[0] > 2 * widths[1]
    assert widths[0] == pytest.approx(widths[2], rel=0.02)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.data())
def test_a_threshold_as_it_is_told_flags_as_many(scores: list[float], data: st.DataObject) -> None:
    threshold = data.draw(st.sampled_from(scores))
    said = in_digits(threshold, np.array(scores))
    assert sum(score >= float(said) for score in scores) == sum(score >= threshold for score in scores)


def test_a_threshold_near_one_is_told_in_the_digits_that_it_needs() -> None:
    scores = np.array([0.2, 0.9974, 0.9976297, 0.9981, 0.99996])
    assert [in_digits(one, scores) for one in scores] == ["0.200", "0.997", "0.9976", "0.998", "0.99996"]


def test_scores_that_never_change_have_no_correlation() -> None:
    assert rank_correlation(Beside(np.ones(9), np.linspace(0, 1, 9), np.ones(9)), np.random.default_rng(0)) is None
