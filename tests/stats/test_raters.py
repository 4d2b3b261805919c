import numpy as np
import pytest

from gatehouse.stats.raters import dawid_skene, soft_labels


def simulated(n, raters, each, confusion_of, shares, rng):
    """Items with `each` ratings by raters of known confusion [raters, K, K]."""
    truth = rng.choice(len(shares), n, p=shares)
    item = np.repeat(np.arange(n), each)
    rater = rng.integers(0, raters, n * each)
    chances = confusion_of[rater, truth[item]]
    said = (rng.random((n * each, 1)) > np.cumsum(chances, axis=1)).sum(axis=1)
    return truth, item, rater, said


def binary(sensitivity, specificity):
    return np.stack([np.stack([specificity, 1 - specificity], 1), np.stack([1 - sensitivity, sensitivity], 1)], 1)


def majority(item, said, classes, rng):
    votes = np.stack([np.bincount(item, said == one) for one in range(classes)], axis=1)
    return np.argmax(votes + rng.random(votes.shape) * 0.1, axis=1)


def test_known_confusions_are_recovered():
    rng = np.random.default_rng(0)
    sensitivity, specificity = rng.uniform(0.55, 0.95, 30), rng.uniform(0.7, 0.99, 30)
    _, item, rater, said = simulated(6_000, 30, 5, binary(sensitivity, specificity), [0.8, 0.2], rng)
    found = dawid_skene(item, rater, said)
    assert found.converged
    assert found.prior[1] == pytest.approx(0.2, abs=0.02)
    assert np.abs(found.confusion[:, 1, 1] - sensitivity).mean() < 0.05
    assert np.abs(found.confusion[:, 0, 0] - specificity).mean() < 0.02
    assert np.corrcoef(found.confusion[:, 1, 1], sensitivity)[0, 1] > 0.9
    assert found.ratings.sum() == len(item)
    np.testing.assert_allclose(found.posterior.sum(axis=1), 1)
    np.testing.assert_allclose(found.confusion.sum(axis=2), 1)


@pytest.mark.parametrize("seed", range(5))
def test_it_beats_the_majority_of_the_same_labels_where_raters_differ(seed):
    rng = np.random.default_rng(seed)
    good = rng.random(60) < 0.4
    quality = np.where(good, 0.95, 0.6)
    truth, item, rater, said = simulated(3_000, 60, 5, binary(quality, quality), [0.7, 0.3], rng)
    found = dawid_skene(item, rater, said)
    ours = np.mean(found.posterior.argmax(axis=1) == truth)
    assert ours > np.mean(majority(item, said, 2, rng) == truth) + 0.02


def test_where_all_raters_are_alike_it_does_not_lose_to_the_majority():
    rng = np.random.default_rng(1)
    alike = np.full(60, 0.8)
    truth, item, rater, said = simulated(3_000, 60, 5, binary(alike, alike), [0.6, 0.4], rng)
    found = dawid_skene(item, rater, said)
    assert np.mean(found.posterior.argmax(axis=1) == truth) >= np.mean(majority(item, said, 2, rng) == truth) - 0.005


def test_posteriors_are_calibrated():
    rng = np.random.default_rng(2)
    quality = rng.uniform(0.6, 0.95, 50)
    truth, item, rater, said = simulated(5_000, 50, 4, binary(quality, quality), [0.7, 0.3], rng)
    chance = dawid_skene(item, rater, said).posterior[:, 1]
    unsure = (chance > 0.3) & (chance < 0.7)
    assert unsure.sum() > 100
    assert truth[unsure].mean() == pytest.approx(chance[unsure].mean(), abs=0.08)


def test_three_classes_with_a_systematic_mistake():
    rng = np.random.default_rng(3)
    confusion = np.tile(np.eye(3) * 0.7 + 0.1, (25, 1, 1))
    confusion[:8, 2] = [0.1, 0.7, 0.2]  # eight raters call the third class the second
    truth, item, rater, said = simulated(4_000, 25, 6, confusion, [0.5, 0.2, 0.3], rng)
    found = dawid_skene(item, rater, said, classes=3)
    assert np.abs(found.confusion - confusion).mean() < 0.04
    assert np.all(found.confusion[:8, 2].argmax(axis=1) == 1)
    assert np.mean(found.posterior.argmax(axis=1) == truth) > np.mean(majority(item, said, 3, rng) == truth)


def test_a_rater_of_one_rating_is_taken_for_an_average_one():
    rng = np.random.default_rng(4)
    quality = np.full(21, 0.9)
    _, item, rater, said = simulated(1_000, 20, 3, binary(quality, quality)[:20], [0.5, 0.5], rng)
    item, rater, said = np.append(item, 0), np.append(rater, 20), np.append(said, 1)
    found = dawid_skene(item, rater, said)
    np.testing.assert_allclose(found.confusion[20], found.average, atol=0.15)
    np.testing.assert_allclose(np.diag(found.average), 0.9, atol=0.02)


def test_an_end_before_it_stands_still_is_said():
    rng = np.random.default_rng(5)
    quality = rng.uniform(0.6, 0.9, 20)
    _, item, rater, said = simulated(500, 20, 3, binary(quality, quality), [0.5, 0.5], rng)
    found = dawid_skene(item, rater, said, most_rounds=2)
    assert (found.rounds, found.converged) == (2, False)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (([], [], []), "no rating at all"),
        (([0, 0], [0], [1, 0]), "three columns of one length"),
        (([0, 0], [0, 0], [1, 0]), "one rater alone"),
        (([0, 1], [0, 1], [1, 0]), "no item was rated twice"),
        (([0, 0], [0, 1], [1, 1]), "all ratings name one class"),
        (([0, 2], [0, 1], [1, 0]), "items must be numbered from 0 without gaps"),
        (([0, 0], [0, 1], [0, 2]), "a class from 0 to 1"),
    ],
)
def test_ratings_that_tell_nothing_say_why(columns, why):
    with pytest.raises(ValueError, match=why):
        dawid_skene(*columns)


def test_soft_labels_keep_disagreement_and_trust_few_votes_less():
    soft = soft_labels([3, 1, 30, 0, 0], [3, 1, 30, 3, 0])
    assert soft.share[2] > soft.share[0] > soft.share[1] > soft.share[4] > soft.share[3] > 0
    assert soft.share[4] == pytest.approx(34 / 37), "no vote says what all votes say"
    assert list(soft.n) == [3, 1, 30, 3, 0]


def test_soft_labels_are_nearer_the_truth_than_raw_shares():
    rng = np.random.default_rng(6)
    chance = rng.beta(1, 4, 5_000)
    yes = rng.binomial(3, chance)
    soft = soft_labels(yes, np.full(5_000, 3), strength=5)
    assert np.mean((soft.share - chance) ** 2) < 0.6 * np.mean((yes / 3 - chance) ** 2)


@pytest.mark.parametrize(("yes", "n"), [([2], [1]), ([-1], [1]), ([0, 1], [1])])
def test_votes_that_are_none_are_refused(yes, n):
    with pytest.raises(ValueError, match="more votes for yes than votes"):
        soft_labels(yes, n)


def test_no_vote_at_all_gives_no_soft_label():
    with pytest.raises(ValueError, match="no vote at all"):
        soft_labels([0], [0])
