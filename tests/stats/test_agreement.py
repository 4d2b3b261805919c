import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from gatehouse.stats.agreement import Pairs, Votes, cohen_kappa, fleiss_kappa, krippendorff_alpha, votes

# Fourteen raters, ten items, five classes: the worked example of Fleiss' kappa in many textbooks, .210.
FLEISS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
# Four observers, twelve units, missing values: the worked example of Krippendorff (2011), nominal alpha .743.
KRIPPENDORFF = [
    [0, 1, 2, 2, 1, 0, 3, 0, 1, -1, -1, -1],
    [0, 1, 2, 2, 1, 1, 3, 0, 1, 4, -1, 2],
    [-1, 2, 2, 2, 1, 2, 3, 1, 1, 4, 0, -1],
    [0, 1, 2, 2, 1, 3, 3, 0, 1, 4, 0, -1],
]


def rng():
    return np.random.default_rng(7)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=40), st.integers(0, 2**31))
def test_cohen_equals_that_of_sklearn_and_whole_weights_are_repeated_items(pairs, seed):
    first, second = np.array(pairs).T
    times = np.random.default_rng(seed).integers(0, 3, len(first))
    one, two = np.repeat(first, times), np.repeat(second, times)
    assume(len(one) and len(np.unique(np.concatenate([one, two]))) > 1)
    assume(len(np.unique(np.concatenate([first, second]))) > 1)
    found = Pairs(first, second).cohen(np.stack([np.ones(len(first)), times.astype(float)]))
    assert found[0] == pytest.approx(theirs.cohen_kappa_score(first, second))
    assert found[1] == pytest.approx(theirs.cohen_kappa_score(one, two))


def test_published_examples():
    fleiss = fleiss_kappa(FLEISS, rng(), draws=200)
    assert fleiss.value.estimate == pytest.approx(0.210, abs=5e-4)
    assert (fleiss.items, fleiss.ratings) == (10, 140)
    alpha = krippendorff_alpha(votes(np.transpose(KRIPPENDORFF)), rng(), draws=200)
    assert alpha.value.estimate == pytest.approx(0.743, abs=5e-4)
    assert (alpha.items, alpha.ratings) == (11, 40), "the unit that one observer rated says nothing"
    assert alpha.value.low < 0.743 < alpha.value.high


def test_agreement_by_chance_is_about_zero_and_perfect_agreement_is_one():
    drawn = rng().random((4_000, 3)) < 0.07
    counts = votes(drawn.astype(int))
    for measure in (fleiss_kappa, krippendorff_alpha):
        found = measure(counts, rng(), draws=100).value
        assert found.low < 0 < found.high
        assert abs(found.estimate) < 0.03
        assert measure([[3, 0], [0, 3], [3, 0], [0, 3]] * 9, rng(), draws=50).value == (1.0, 1.0, 1.0)
    raw = np.mean((counts[:, 1] == 0) | (counts[:, 1] == 3))
    assert raw > 0.8, "though the raters say the same of four in five"


def test_intervals_cover_what_many_items_show():
    source = np.random.default_rng(3)

    def rated(n):
        truth = source.random(n) < 0.3
        return votes((truth[:, None] ^ (source.random((n, 4)) < 0.15)).astype(int))

    target = Votes(rated(200_000)).krippendorff(np.ones(200_000))
    covered = sum(
        found.low <= target <= found.high
        for found in (krippendorff_alpha(rated(150), source, draws=200).value for _ in range(80))
    )
    assert covered >= 68


def test_items_weigh_the_same_in_fleiss_however_often_they_were_rated():
    few, many = [[2, 0], [0, 2], [1, 1]], [[20, 0], [0, 20], [10, 10]]
    mixed = Votes(few + many).fleiss(np.ones(6))
    assert Votes(few * 2).fleiss(np.ones(6)) < mixed < Votes(many * 2).fleiss(np.ones(6))


def test_copies_of_items_widen_the_interval_only_when_their_cluster_is_named():
    counts = votes((rng().random((60, 3)) < 0.4).astype(int))
    counts[0] = [1, 0]
    copies = np.repeat(np.arange(60), 10)
    plain = krippendorff_alpha(counts[copies], rng(), draws=300).value
    clustered = krippendorff_alpha(counts[copies], rng(), clusters=copies, draws=300).value
    assert clustered.high - clustered.low > 2 * (plain.high - plain.low)


@pytest.mark.parametrize(
    ("measure", "why"),
    [
        (lambda: cohen_kappa([], [], rng()), "without an item in common"),
        (lambda: cohen_kappa([1, 1], [1, 1], rng()), "all ratings name one class"),
        (lambda: cohen_kappa([1, 0], [1], rng()), "must rate the same items"),
        (lambda: fleiss_kappa([[1, 0], [0, 1]], rng()), "no item was rated twice"),
        (lambda: fleiss_kappa([[3, 0], [2, 0]], rng()), "all ratings name one class"),
        (lambda: krippendorff_alpha(votes([[0], [1]]), rng()), "no item was rated twice"),
        (lambda: krippendorff_alpha([[2, -1], [0, 2]], rng()), "none below 0"),
        (lambda: krippendorff_alpha([[2, np.nan]], rng()), "none missing"),
        (lambda: krippendorff_alpha([1, 2], rng()), "by item and class"),
        (lambda: votes([1, 2]), "by item and rater"),
        (lambda: fleiss_kappa([[2, 0]] * 99 + [[1, 1]], rng()), "too few rows for an interval"),
    ],
)
def test_what_cannot_be_computed_says_why(measure, why):
    with pytest.raises(ValueError, match=why):
        measure()
