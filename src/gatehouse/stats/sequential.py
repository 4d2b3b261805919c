"""Comparisons that may be looked at as often as one likes: a betting test of paired answers, and its interval.

Each row is +1 where one side alone did something, -1 where the other alone did, and 0 where both or neither did. Who
bets a share of their wealth on each row that the mean lies above a margin has on average no more than the 1 they began
with, where it does not. So the wealth reaches 1/alpha with a chance of at most alpha, however often and whenever it is
looked at (Ville 1939; Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting"). Rows
may depend on those before: only the mean of each given them counts. Bets of several sizes share the wealth.
"""

import math
from dataclasses import dataclass

import numpy as np

_BETS = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95])
"""Shares of the most that may be bet; each begins with the same part of the wealth."""

_HALVINGS = 40


@dataclass(frozen=True)
class Tally:
    """Paired rows: `up` where one side alone did it, `down` where the other alone did, of `n`."""

    n: int
    up: int
    down: int

    @property
    def mean(self) -> float:
        """How much more often the one side did it, as a share of rows; 0 without rows."""
        return (self.up - self.down) / self.n if self.n else 0.0

    @property
    def swapped(self) -> "Tally":
        """The same rows from the other side."""
        return Tally(self.n, self.down, self.up)


def log_wealth(rows: Tally, margin: float) -> float:
    """Logarithm of the wealth that betting on a mean above `margin` has made of 1.

    The order of rows does not matter to it, so counts of several places may be added.
    """
    if not -1 < margin < 1:
        raise ValueError(f"a margin lies between -1 and 1, not at {margin}")
    bets = _BETS / (1 + margin)
    same = rows.n - rows.up - rows.down
    logs = (
        rows.up * np.log1p(bets * (1 - margin))
        + same * np.log1p(-bets * margin)
        + rows.down * np.log1p(-bets * (1 + margin))
    )
    most = float(logs.max())
    return most + math.log(float(np.mean(np.exp(logs - most))))


def above(rows: Tally, margin: float, alpha: float) -> bool:
    """Whether the mean is shown to lie above the margin, with a chance of at most `alpha` ever to say so wrongly."""
    return log_wealth(rows, margin) >= -math.log(alpha)


def interval(rows: Tally, alpha: float) -> tuple[float, float]:
    """Where the mean lies: at all times at once, with a chance of at least 1 - `alpha` (a confidence sequence)."""
    return _lowest(rows, alpha / 2), -_lowest(rows.swapped, alpha / 2)


def _lowest(rows: Tally, alpha: float) -> float:
    """The largest margin above which the mean is shown to lie; the wealth falls as the margin grows."""
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if above(rows, middle, alpha) else (low, middle)
    return low
