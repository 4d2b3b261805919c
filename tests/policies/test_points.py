from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gatehouse.policies.points import for_population, resolve
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Policy, Step, Target
from gatehouse.stats.bounds import clopper_pearson_lower, clopper_pearson_upper


def point(scores, truth, aim="precision_at_least", value=0.95, **more):
    target = Target(aim=aim, value=value, **more)
    step = Step(
        name="certain", detector="adverts.linear", label="advert", clause="A1", target=target, enforce=Kind.REMOVE
    )
    policy = Policy(name="adverts", version="v1", title="", text="", owner="", clauses=(), steps=(step,))
    return resolve(policy, step, scores, truth, detector_version="d1", dataset="set1", population="posts")


def drawn(n, rng):
    """Rows of a population whose score is exactly the chance of being positive, so that precision is known."""
    scores = rng.beta(0.35, 0.9, n)
    return scores, (rng.random(n) < scores).astype(float)


_SCORES = stats.beta(0.35, 0.9).ppf((np.arange(100_000) + 0.5) / 100_000)[::-1]
_HITS = np.cumsum(_SCORES)


def true_shares(threshold):
    """Precision, recall, false positive rate and share flagged of that population at a threshold, by quadrature."""
    k = max(1, int((threshold <= _SCORES).sum()))
    hits = _HITS[k - 1]
    return hits / k, hits / _HITS[-1], (k - hits) / (len(_SCORES) - _HITS[-1]), k / len(_SCORES)


@pytest.mark.parametrize(
    ("aim", "value", "more", "which", "sign"),
    [
        ("precision_at_least", 0.8, {}, 0, 1),
        ("recall_at_least", 0.8, {}, 1, 1),
        ("false_positive_rate_at_most", 0.05, {}, 2, -1),
        ("review_at_most", 100.0, {"traffic": 1_000.0}, 3, -1),
    ],
)
def test_promises_are_broken_no_more_often_than_the_confidence_allows(aim, value, more, which, sign):
    rng = np.random.default_rng(11)
    draws, found, broken = 400, 0, 0
    limit = value / more.get("traffic", 1.0)
    for _ in range(draws):
        threshold = point(*drawn(600, rng), aim, value, **more).threshold
        if threshold is not None:
            found += 1
            broken += sign * (true_shares(threshold)[which] - limit) < 0
    assert found > draws / 2
    assert broken <= stats.binom.ppf(0.999, draws, 0.05)


def test_many_looks_at_a_precision_just_short_of_the_target_do_not_find_it():
    """Every promise here is wrong; to take any rank that passes by itself would make one far too often."""
    rng = np.random.default_rng(12)
    promised = 0
    for _ in range(400):
        scores = np.sort(rng.random(2_000))
        promised += point(scores, (rng.random(2_000) < 0.949).astype(float)).threshold is not None
    assert promised <= stats.binom.ppf(0.999, 400, 0.05)


def test_precision_that_falls_at_the_top_is_not_promised():
    """Scores that are worst where they are highest: no threshold keeps the promise, however good the middle."""
    rng = np.random.default_rng(12)
    promised = 0
    for _ in range(300):
        scores = rng.random(800)
        chance = np.where(scores > 0.9, 0.85, np.where(scores > 0.5, 0.97, 0.02))
        found = point(scores, (rng.random(800) < chance).astype(float)).threshold
        promised += found is not None and chance[scores >= found].mean() < 0.95
    assert promised <= stats.binom.ppf(0.999, 300, 0.05)


def test_fifty_nine_clean_rows_are_the_least_that_promise_95_percent():
    scores, truth = np.linspace(1, 0, 200), np.r_[np.ones(70), np.zeros(130)]
    found = point(scores, truth)
    assert found.flagged >= 59
    assert found.errors == 0
    assert found.bound >= 0.95
    few = point(np.linspace(1, 0, 200), np.r_[np.ones(50), np.zeros(150)])
    assert few.threshold is None
    assert (few.flagged, few.errors, few.estimate, few.bound) == (0, 0, None, None)
    assert few.missing_labels == 36


def test_the_labels_said_to_be_missing_are_enough_at_the_same_rates():
    scores, truth = np.linspace(1, 0, 200), np.r_[np.ones(50), np.zeros(150)]
    lacking = point(scores, truth).missing_labels
    more = int(np.ceil((200 + lacking) / 200))
    again = point(np.repeat(scores, more) + np.tile(np.linspace(0, 1e-6, more), 200), np.repeat(truth, more))
    assert again.threshold is not None


def test_the_number_on_the_page_about_points_is_what_is_computed():
    found = point(np.linspace(1, 0, 120), np.r_[np.ones(12), np.zeros(108)])
    page = Path(__file__).parents[2] / "docs" / "points.md"
    assert " ".join(page.read_text().split()).count(f"(base rate 10 %): needs about {found.missing_labels} more") == 1


def test_a_detector_that_is_never_precise_enough_needs_more_than_labels():
    scores, truth = np.linspace(1, 0, 400), np.tile([0.0, 1.0], 200)
    found = point(scores, truth)
    assert found.threshold is None
    assert found.missing_labels is None


def test_one_error_at_the_top_of_many_good_rows_does_not_end_the_sequence():
    scores = np.r_[np.linspace(1, 0.99, 300), np.linspace(0.3, 0, 700)]
    truth = np.r_[np.ones(300), np.zeros(700)]
    truth[10] = 0
    found = point(scores, truth)
    assert found.threshold is not None
    assert found.errors >= 1


def test_counts_are_those_of_the_rows_at_or_above_the_threshold():
    scores, truth = drawn(900, np.random.default_rng(3))
    for aim, value in (("precision_at_least", 0.8), ("recall_at_least", 0.8), ("false_positive_rate_at_most", 0.1)):
        found = point(scores, truth, aim, value)
        flag = scores >= found.threshold
        assert (found.n, found.positives) == (900, truth.sum())
        assert (found.flagged, found.errors) == (flag.sum(), (flag & (truth == 0)).sum())
        assert found.precision == pytest.approx(truth[flag].mean())
        assert found.recall == pytest.approx(flag[truth == 1].mean())


def test_estimates_and_bounds_are_of_the_aims_own_quantity():
    scores, truth = drawn(900, np.random.default_rng(3))
    positives, negatives = truth.sum(), (1 - truth).sum()
    recall = point(scores, truth, "recall_at_least", 0.8)
    hits = recall.flagged - recall.errors
    assert (recall.estimate, recall.bound) == (hits / positives, clopper_pearson_lower(hits, positives))
    false = point(scores, truth, "false_positive_rate_at_most", 0.1)
    assert (false.estimate, false.bound) == (
        false.errors / negatives,
        clopper_pearson_upper(false.errors, negatives),
    )
    review = point(scores, truth, "review_at_most", 100.0, traffic=1_000.0)
    assert (review.estimate, review.bound) == (review.flagged / 900, clopper_pearson_upper(review.flagged, 900))
    fixed = point(scores, truth, "score_at_least", 0.6)
    assert fixed.threshold == 0.6
    assert fixed.estimate == fixed.precision
    assert fixed.bound == clopper_pearson_lower(fixed.flagged - fixed.errors, fixed.flagged)


def test_each_aim_takes_the_best_threshold_that_keeps_it():
    scores, truth = drawn(900, np.random.default_rng(4))
    positives, negatives = truth.sum(), (1 - truth).sum()
    tested = np.unique(scores)
    hits = np.array([truth[scores >= t].sum() for t in tested])
    flagged = np.array([(scores >= t).sum() for t in tested])
    assert point(scores, truth, "recall_at_least", 0.8).threshold == max(
        tested[clopper_pearson_lower(hits, positives) >= 0.8]
    )
    assert point(scores, truth, "false_positive_rate_at_most", 0.1).threshold == min(
        tested[clopper_pearson_upper(flagged - hits, negatives) <= 0.1]
    )
    assert point(scores, truth, "review_at_most", 100.0, traffic=1_000.0).threshold == min(
        tested[clopper_pearson_upper(flagged, 900) <= 0.1]
    )


def test_rows_without_truth_or_score_are_left_out():
    scores, truth = drawn(900, np.random.default_rng(5))
    extra_scores, extra_truth = [0.99, np.nan, np.nan], [np.nan, 1.0, np.nan]
    assert point(np.r_[scores, extra_scores], np.r_[truth, extra_truth], value=0.8) == point(scores, truth, value=0.8)


@pytest.mark.parametrize(
    ("aim", "value", "missing"),
    [
        ("precision_at_least", 0.95, None),
        ("recall_at_least", 0.9, None),
        ("false_positive_rate_at_most", 0.01, 298),
        ("review_at_most", 10.0, 298),
    ],
)
def test_no_positive_row_gives_no_threshold_but_what_negatives_lack(aim, value, missing):
    more = {"traffic": 1_000.0} if aim == "review_at_most" else {}
    found = point([0.2], [0.0], aim, value, **more)
    assert (found.threshold, found.missing_labels, found.positives) == (None, missing, 0)


@pytest.mark.parametrize(
    "aim", ["precision_at_least", "recall_at_least", "false_positive_rate_at_most", "review_at_most"]
)
def test_no_rows_at_all_give_no_threshold(aim):
    found = point([], [], aim, 0.5, **({"traffic": 1.0} if aim == "review_at_most" else {}))
    assert (found.threshold, found.n, found.missing_labels, found.base_rate) == (None, 0, None, 0.0)


def test_few_positives_say_how_many_rows_recall_lacks():
    found = point([0.9, 0.1, 0.2, 0.3], [1.0, 0.0, 0.0, 0.0], "recall_at_least", 0.9)
    assert found.threshold is None
    assert found.missing_labels == 4 * 29 - 4


def test_review_without_traffic_has_no_threshold():
    scores, truth = drawn(500, np.random.default_rng(6))
    assert point(scores, truth, "review_at_most", 10.0).threshold is None


def test_a_fixed_score_above_all_rows_flags_none():
    found = point([0.1, 0.2], [0.0, 1.0], "score_at_least", 0.9)
    assert (found.threshold, found.flagged, found.estimate, found.bound, found.precision) == (0.9, 0, None, None, None)


@pytest.mark.parametrize(("scores", "truth"), [([0.1], [0.5]), ([0.1, 0.2], [1.0])])
def test_columns_that_do_not_fit_are_refused(scores, truth):
    with pytest.raises(ValueError, match=r"truth must be 1, 0 or NaN|one length"):
        point(scores, truth)


@st.composite
def samples(draw, ties):
    n = draw(st.integers(1, 400))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sharpness = draw(st.sampled_from([1.0, 4.0, 20.0]))
    scores = rng.random(n)
    truth = (rng.random(n) < 1 / (1 + np.exp(-sharpness * (scores - draw(st.sampled_from([0.0, 0.5, 0.9])))))).astype(
        float
    )
    return (np.round(scores, 1) if ties else scores), truth


aims = st.sampled_from(["precision_at_least", "recall_at_least", "false_positive_rate_at_most"])
values = st.sampled_from([0.05, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98])


@settings(deadline=None, max_examples=150)
@given(samples(ties=False), aims, values, values)
def test_a_stricter_target_never_flags_more_or_promises_what_a_weaker_one_could_not(sample, aim, one, other):
    low, high = sorted((one, other))
    weak, strict = (high, low) if aim == "false_positive_rate_at_most" else (low, high)
    found, harder = point(*sample, aim, weak), point(*sample, aim, strict)
    if harder.threshold is not None:
        assert found.threshold is not None
        if aim == "recall_at_least":
            assert harder.threshold <= found.threshold
        else:
            assert harder.threshold >= found.threshold


@settings(deadline=None, max_examples=100)
@given(samples(ties=True), aims, values, st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter_and_ties_are_never_split(sample, aim, value, seed):
    scores, truth = sample
    found = point(scores, truth, aim, value)
    order = np.random.default_rng(seed).permutation(len(scores))
    assert point(scores[order], truth[order], aim, value) == found
    if found.threshold is not None:
        assert found.flagged == (scores >= found.threshold).sum()
        assert found.bound <= value if aim == "false_positive_rate_at_most" else found.bound >= value
    elif found.missing_labels is not None:
        assert found.missing_labels > 0


def test_a_point_confirmed_on_one_population_is_provisional_on_another():
    confirmed = msgspec.structs.replace(point([0.9, 0.1], [1, 0]), status="confirmed")
    (same,), (other,) = for_population([confirmed], "posts"), for_population([confirmed], "messages")
    assert (same.status, other.status) == ("confirmed", "provisional")
    assert msgspec.structs.replace(other, status="confirmed") == confirmed
