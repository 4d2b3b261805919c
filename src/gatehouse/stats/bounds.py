"""One-sided exact bounds on a share from a count, and how many labels a promise needs."""

import math

import numpy as np
import numpy.typing as npt
from scipy import special

Counts = npt.ArrayLike
Shares = npt.NDArray[np.float64]

_CLEARLY = 1e-6


def clopper_pearson_lower(hits: Counts, n: Counts, confidence: float = 0.95) -> Shares:
    """One-sided exact lower bound on a share of which `hits` of `n` were seen (Clopper and Pearson 1934)."""
    hits, n = checked(hits, n, confidence)
    with np.errstate(invalid="ignore"):
        bound = special.betaincinv(hits, n - hits + 1, 1 - confidence)
    return np.where(hits == 0, 0.0, bound)


def clopper_pearson_upper(hits: Counts, n: Counts, confidence: float = 0.95) -> Shares:
    """One-sided exact upper bound on a share of which `hits` of `n` were seen (Clopper and Pearson 1934)."""
    hits, n = checked(hits, n, confidence)
    return 1.0 - clopper_pearson_lower(n - hits, n, confidence)


def labels_needed(share: float, confidence: float = 0.95, *, error_rate: float = 0.0, power: float = 0.8) -> int | None:
    """Items to label until the lower bound on the share of right ones reaches `share`.

    Without errors that is 59 for .95 at 95 %. With an `error_rate` it is about the number (by the normal
    approximation) at which the bound is reached with the chance `power`, and None where no number does because the
    rate is not below 1 - share.
    """
    clean = items_for(0, share, confidence)
    if error_rate == 0.0:
        return clean
    spare = 1 - share - error_rate
    if spare <= _CLEARLY:
        return None
    if_not = float(special.ndtri(confidence)) * math.sqrt(share * (1 - share))
    if_so = float(special.ndtri(power)) * math.sqrt(error_rate * (1 - error_rate))
    return max(clean, math.ceil(((if_not + if_so) / spare) ** 2))


def items_for(errors: int, share: float, confidence: float = 0.95) -> int:
    """The smallest number of items with `errors` among them whose lower bound on the share of right ones is `share`."""
    _check_share(share, confidence)
    if errors == 0:
        return math.ceil(math.log1p(-confidence) / math.log(share) - 1e-9)
    low, high = errors, 2 * errors + 2
    while special.bdtr(errors, high, 1 - share) > 1 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if special.bdtr(errors, middle, 1 - share) > 1 - confidence else (low, middle)
    return high


def checked(hits: Counts, n: Counts, confidence: float) -> tuple[Shares, Shares]:
    """Counts as columns of numbers; raises ValueError where they are not counts of a part and its whole."""
    hits, n = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    if np.any(n <= 0):
        raise ValueError("a share of nothing has no bound")
    if np.any((hits < 0) | (hits > n)):
        raise ValueError("more hits than items, or fewer than none")
    return hits, n


def _check_share(share: float, confidence: float) -> None:
    if not 0 < share < 1 or not 0 < confidence < 1:
        raise ValueError(f"no number of items can show a share of {share} with confidence {confidence}")
