"""How long until something happens, where of some it is only known that it had not happened yet."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]

MOST_STEPS = 512
"""Limits of a quantile are looked for at so many times at most: with clusters each of them takes a pass over all."""

_ROUNDING = 1e-12


class Waited(NamedTuple):
    """A time with its limits; infinite where those who waited longest do not tell."""

    estimate: float
    low: float
    high: float


class KaplanMeier:
    """Share of rows to which nothing has happened yet, by time (Kaplan and Meier 1958).

    `times` are how long each row was watched, `happened` whether that ended because the thing happened, `clusters` name
    what rows belong to. Raises ValueError for columns of different lengths, for no rows, and for times below 0.
    """

    def __init__(self, times: npt.ArrayLike, happened: npt.ArrayLike, clusters: npt.ArrayLike | None = None) -> None:
        watched, ended = np.asarray(times, np.float64), np.asarray(happened, np.bool_)
        member = np.arange(len(watched)) if clusters is None else np.asarray(clusters)
        if watched.ndim != 1 or watched.shape != ended.shape or watched.shape != member.shape:
            raise ValueError("times, what happened and clusters must be columns of one length")
        if not len(watched) or not np.all(np.isfinite(watched) & (watched >= 0)):
            raise ValueError("times must be finite, not negative, and of at least one row")
        self._watched, self._ended = watched, ended
        self._member = None if clusters is None else np.unique(member, return_inverse=True)[1]
        self.times: Floats = np.unique(watched[ended])
        """When it happened to anybody, in order."""
        ordered, happenings = np.sort(watched), np.sort(watched[ended])
        self._at_risk = (len(watched) - np.searchsorted(ordered, self.times, "left")).astype(np.float64)
        self._events = np.diff(np.searchsorted(happenings, self.times, "right"), prepend=0).astype(np.float64)
        self.survival: Floats = np.asarray(np.cumprod(1 - self._events / self._at_risk), np.float64)
        """Share to which it has not happened just after each of these times."""

    def limits(self, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Limits of the survival at each of the times, by the log of its log; 0 and 1 where nothing can be said.

        The variance is Greenwood's (1926); with clusters it is that of the sums of each cluster's influence (Ying and
        Wei 1994).
        """
        return self._limits(np.arange(len(self.times)), confidence)

    def quantile(self, share: float, confidence: float = 0.95) -> Waited:
        """The time until which it happened to this share of the rows; its limits are those that the survival's allow
        (Brookmeyer and Crowley 1982)."""
        if not 0 < share < 1:
            raise ValueError(f"{share} is no share of the rows")
        left = 1 - share
        last = len(self.times) - 1
        places = np.unique(np.linspace(0, last, min(MOST_STEPS, last + 1)).astype(np.int64))
        low, high = self._limits(places, confidence)
        estimate = _first(self.times, self.survival <= left + _ROUNDING)
        earliest, latest = _first(self.times[places], low <= left), _first(self.times[places], high <= left)
        return Waited(estimate, min(earliest, estimate), max(latest, estimate))

    def _limits(self, places: npt.NDArray[np.int64], confidence: float) -> tuple[Floats, Floats]:
        survival = self.survival[places]
        spread = np.sqrt(self._greenwood()[places] if self._member is None else self._clustered(places))
        with np.errstate(divide="ignore", invalid="ignore"):
            width = float(special.ndtri((1 + confidence) / 2)) * spread / np.abs(np.log(survival))
            low, high = survival ** np.exp(width), survival ** np.exp(-width)
        # When it has happened to all who were watched, the variance is not defined: the last limits still hold.
        known = (survival > 0) & (survival < 1)
        return np.where(known, low, 0.0), _carried(np.where(known, high, np.nan))

    def _greenwood(self) -> Floats:
        """Variance of the logarithm of the survival."""
        with np.errstate(divide="ignore"):
            found: Floats = np.cumsum(self._events / (self._at_risk * (self._at_risk - self._events)))
        return found

    def _clustered(self, places: npt.NDArray[np.int64]) -> Floats:
        """The same variance when rows of a cluster share their fate."""
        assert self._member is not None
        clusters = int(self._member.max()) + 1
        with np.errstate(divide="ignore", invalid="ignore"):
            step = 1 / (self._at_risk - self._events)
            spent = np.append(0.0, np.cumsum(self._events * step / self._at_risk))
        found = np.empty(len(places))
        until = np.searchsorted(self.times, self._watched, "right")
        own = np.where(self._ended, step[np.maximum(until - 1, 0)], 0.0) if len(self.times) else np.zeros(0)
        for row, place in enumerate(places):
            if not self.survival[place]:
                found[row] = np.nan
                continue
            influence = np.where(until <= place + 1, own, 0.0) - spent[np.minimum(until, place + 1)]
            found[row] = float(np.sum(np.bincount(self._member, influence, clusters) ** 2))
        return found * clusters / max(clusters - 1, 1)


def _first(times: Floats, reached: npt.NDArray[np.bool_]) -> float:
    return float(times[np.argmax(reached)]) if reached.any() else float("inf")


def _carried(column: Floats) -> Floats:
    """Each value, or the last one before it that there was; 1 before the first."""
    place = np.maximum.accumulate(np.where(np.isnan(column), -1, np.arange(len(column))))
    return np.where(place < 0, 1.0, column[np.maximum(place, 0)])
