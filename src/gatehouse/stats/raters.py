"""What raters who err say together: who is reliable, what is likely true, and soft labels where nobody is named."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STILL = 1e-6


@dataclass(frozen=True, eq=False)
class Reconciled:
    """What Dawid and Skene's model says of n items, R raters and K classes.

    `posterior` [n, K] is each item's chance of each true class; `confusion` [R, K, K] each rater's chance to say the
    last class when the middle one is true; `ratings` int64 [R] on how many ratings that stands; `average` [K, K] the
    confusion of all raters together; `prior` [K] the shares of the classes. `converged` is False where the rounds
    ended before the posterior stood still.
    """

    posterior: Floats
    confusion: Floats
    ratings: Ints
    average: Floats
    prior: Floats
    log_likelihood: float
    rounds: int
    converged: bool


def dawid_skene(
    item: npt.ArrayLike,
    rater: npt.ArrayLike,
    said: npt.ArrayLike,
    *,
    classes: int = 2,
    strength: float = 4.0,
    most_rounds: int = 1_000,
) -> Reconciled:
    """Estimate truth and raters together by EM (Dawid and Skene 1979), from one row a rating.

    `item` and `rater` count from 0 without gaps, `said` is the class from 0. A rater is drawn towards the average one,
    who counts as `strength` more ratings of each true class. It begins at the votes, so most ratings must be right;
    errors that raters share cannot be seen, and count as truth.
    """
    item, rater, said = (np.asarray(column, np.int64) for column in (item, rater, said))
    _check(item, rater, said, classes)
    n, raters = int(item.max()) + 1, int(rater.max()) + 1
    cell = rater * classes + said
    votes = np.stack([np.bincount(item, said == one, n) for one in range(classes)], axis=1)
    posterior = votes / votes.sum(axis=1, keepdims=True)
    rounds, moved, log_likelihood = 0, 1.0, -np.inf
    prior, average, confusion = _raters_from(posterior, item, cell, raters, strength)
    while moved >= _STILL and rounds < most_rounds:
        before = posterior
        posterior, log_likelihood = _items_from(prior, confusion, item, cell, n)
        prior, average, confusion = _raters_from(posterior, item, cell, raters, strength)
        moved = float(np.abs(posterior - before).max())
        rounds += 1
    ratings = np.bincount(rater, minlength=raters)
    return Reconciled(posterior, confusion, ratings, average, prior, log_likelihood, rounds, moved < _STILL)


def _raters_from(
    posterior: Floats, item: Ints, cell: Ints, raters: int, strength: float
) -> tuple[Floats, Floats, Floats]:
    """Shares of the classes, the average rater's confusion, and each rater's."""
    classes = posterior.shape[1]
    said = np.stack([np.bincount(cell, posterior[item, true], raters * classes) for true in range(classes)])
    counts = said.reshape(classes, raters, classes).transpose(1, 0, 2)
    # One rating more of each kind keeps every chance above 0, so that no single rating decides an item alone.
    pooled = counts.sum(axis=0) + 1.0
    average = pooled / pooled.sum(axis=1, keepdims=True)
    smoothed = counts + strength * average
    shares = posterior.sum(axis=0) + 1.0
    return shares / shares.sum(), average, smoothed / smoothed.sum(axis=2, keepdims=True)


def _items_from(prior: Floats, confusion: Floats, item: Ints, cell: Ints, n: int) -> tuple[Floats, float]:
    """Each item's chances of the classes given its raters, and the log-likelihood of all ratings."""
    classes = len(prior)
    logs = np.log(confusion).transpose(1, 0, 2).reshape(classes, -1)
    joint = np.stack([np.bincount(item, logs[true, cell], n) for true in range(classes)], axis=1) + np.log(prior)
    total = special.logsumexp(joint, axis=1, keepdims=True)
    return np.exp(joint - total), float(total.sum())


class Soft(NamedTuple):
    """Labels that keep disagreement: each item's smoothed share of yes, and of how many votes."""

    share: Floats
    n: Ints


def soft_labels(yes: npt.ArrayLike, n: npt.ArrayLike, strength: float = 1.0) -> Soft:
    """Share of yes among the votes of each item, smoothed as if `strength` more had voted as all items' votes did.

    The mean of a Beta posterior; an item without a vote has the share of all. Raises ValueError without any vote.
    """
    yes, n = np.asarray(yes, np.int64), np.asarray(n, np.int64)
    if yes.shape != n.shape or np.any((yes < 0) | (yes > n)):
        raise ValueError("more votes for yes than votes, or fewer than none")
    if strength <= 0:
        raise ValueError(f"a strength of {strength} smooths nothing")
    if not n.sum():
        raise ValueError("there is no vote at all")
    return Soft((yes + strength * (yes.sum() / n.sum())) / (n + strength), n)


def _check(item: Ints, rater: Ints, said: Ints, classes: int) -> None:
    if item.ndim != 1 or item.shape != rater.shape or item.shape != said.shape:
        raise ValueError(f"ratings are three columns of one length, not {item.shape}, {rater.shape}, {said.shape}")
    if not len(item):
        raise ValueError("there is no rating at all")
    if classes < 2 or said.min() < 0 or said.max() >= classes:
        raise ValueError(f"what raters said must be a class from 0 to {classes - 1}")
    for name, column in (("items", item), ("raters", rater)):
        if column.min() < 0 or np.any(np.bincount(column) == 0):
            raise ValueError(f"{name} must be numbered from 0 without gaps")
    if rater.max() == 0:
        raise ValueError("one rater alone cannot be compared with anybody")
    if np.bincount(item).max() < 2:
        raise ValueError("no item was rated twice, so raters cannot be compared")
    if len(np.unique(said)) < 2:
        raise ValueError("all ratings name one class: nothing tells the raters apart")
