"""A figure with its interval, how it is written, and how many rows it takes."""

import msgspec

from gatehouse.stats import intervals

FEWEST = 50
"""Labels with fewer scored positives (or negatives) than this get counts only."""


class Estimate(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval, written `.987 [.971, .997]`."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{written(self.value)} [{written(self.low)}, {written(self.high)}]"


def written(value: float) -> str:
    """A share with three digits and no leading zero: `.987`, `1.000`."""
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 0.9995 else f"{value:.3f}"


def share(hits: int, n: int) -> Estimate | None:
    """A share with its exact (Clopper–Pearson) 95 % interval, or None of nothing."""
    if not n:
        return None
    low, high = intervals.clopper_pearson(hits, n)
    return Estimate(hits / n, float(low), float(high))
