"""The null model: chances that hold when chance alone is at work, and false ties kept few."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.detectors.coordination.streams import event, stream

from gatehouse.detectors.coordination import DAY, HOUR, Settings, null
from gatehouse.detectors.coordination.acts import read
from gatehouse.detectors.coordination.cells import rhythm

Rates = st.lists(st.floats(0.001, 0.9), min_size=1, max_size=12)


def test_chances_of_pairs_that_chance_alone_brings_together_are_never_too_small() -> None:
    rng = np.random.default_rng(1)
    n, targets, times = 60, 30, 4
    rows = [
        event(f"account:m{who}", int(at), target=f"account:t{whom}")
        for who in range(n)
        for whom in range(targets)
        for at in rng.integers(0, 14 * DAY, times)
    ]
    chosen = Settings(lengths=(HOUR,), crowd=2)
    acts = read(stream(rows), chosen)
    seen = rhythm(acts, HOUR)
    a, b = np.triu_indices(n, 1)
    together = _together(acts.actor, acts.thing, acts.at // (HOUR // 2), n, targets)[a, b]
    mean, shared = null.expected(a, b, np.zeros(len(a), np.int64), acts, seen, null.meeting(acts, seen, chosen))
    assert np.all(shared == targets)
    assert abs(together.mean() / mean.mean() - 1) < 0.1
    p = null.tail(together, mean, shared)
    for level in (0.2, 0.05, 0.01, 0.001):
        hits = int((p <= level).sum())
        assert stats.binom.sf(hits - 1, len(p), level) > 1e-3
    # Not so careful either that nothing could be found.
    assert (p <= 0.2).mean() > 0.02


def _together(actor: np.ndarray, thing: np.ndarray, half: np.ndarray, n: int, things: int) -> np.ndarray:
    found = np.zeros((n, n), np.int64)
    for one in range(things):
        met = np.zeros((n, n), np.bool_)
        of = thing == one
        for slot in (half[of] >> 1, (half[of] + 1) >> 1):
            for value in np.unique(slot):
                who = np.unique(actor[of][slot == value])
                met[np.ix_(who, who)] = True
        found += met
    return found


@settings(deadline=None, max_examples=50)
@given(Rates, st.integers(1, 12))
def test_the_tail_is_never_below_the_true_one(rates: list[float], together: int) -> None:
    exact = np.array([1.0])
    for rate in rates:
        exact = np.convolve(exact, [1 - rate, rate])
    true = exact[together:].sum()
    bound = null.tail(np.array([together]), np.array([sum(rates)]), np.array([len(rates)]))[0]
    assert bound >= true * (1 - 1e-9) or bound == null.LEAST_P


def test_false_ones_are_few_among_those_believed() -> None:
    rng = np.random.default_rng(2)
    shares = []
    for _ in range(200):
        p = np.concatenate([rng.random(900), rng.random(100) * 1e-4])
        believed = null.significant(p, 1_000, 0.1)
        shares.append(believed[:900].sum() / max(believed.sum(), 1))
    assert np.mean(shares) < 0.12
    assert not null.significant(np.array([0.01, 0.02]), 1e6, 0.05).any()
    assert not null.significant(np.array([]), 0, 0.05).any()
