"""Intervals of many measures of the same labelled rows at once, on the same draws, from ten rows to millions.

Beyond MOST_ROWS rows, those of nearly one score and alike in all else are drawn together as one cell, with their number
as its weight: drawing cells from a multinomial is drawing their rows. Estimates are always of the rows themselves.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gatehouse.stats.intervals import Interval, Measure
from gatehouse.stats.metrics import Floats

MOST_ROWS = 20_000
SCORE_CELLS = 4_096
_AT_ONCE = 1 << 22
_LOST_AT_MOST = 0.05


@dataclass(frozen=True, eq=False)
class Rows:
    """Labelled rows: truth (1, 0), score (NaN: none), answer (1 violating, 0 not, NaN: none), views, clusters.

    All columns are float64 [n] but `clusters`, int64 [n] or None; `times` is how many rows each entry stands for.
    """

    truth: Floats
    score: Floats
    answer: Floats
    views: Floats
    times: Floats
    clusters: npt.NDArray[np.int64] | None = None

    @classmethod
    def of(
        cls,
        truth: npt.ArrayLike,
        score: npt.ArrayLike | None = None,
        answer: npt.ArrayLike | None = None,
        views: npt.ArrayLike | None = None,
        clusters: npt.ArrayLike | None = None,
    ) -> "Rows":
        """Rows of these columns; raises ValueError where they are of different lengths or truth is not 1 or 0."""
        true = np.asarray(truth, np.float64)
        n = len(true)
        scores = np.full(n, np.nan) if score is None else np.asarray(score, np.float64)
        answers = np.full(n, np.nan) if answer is None else np.asarray(answer, np.float64)
        seen = np.ones(n) if views is None else np.asarray(views, np.float64)
        member = None if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1].astype(np.int64)
        if any(len(column) != n for column in (scores, answers, seen, *([] if member is None else [member]))):
            raise ValueError("truth, scores, answers, views and clusters must be columns of one length")
        if not np.isin(true, (0.0, 1.0)).all():
            raise ValueError("truth must be 1 or 0; leave out rows whose truth is not known")
        return cls(true, scores, answers, seen, np.ones(n), member)

    def __len__(self) -> int:
        return len(self.truth)

    def among(self, mask: npt.NDArray[np.bool_]) -> "Rows":
        """The rows where the mask holds."""
        columns = {name: getattr(self, name)[mask] for name in ("truth", "score", "answer", "views", "times")}
        member = self.clusters[mask] if self.clusters is not None else None
        return Rows(**columns, clusters=member)

    @property
    def scored(self) -> "Rows":
        """The rows that have a score."""
        return self.among(~np.isnan(self.score))


Make = Callable[[Rows], Measure]
"""Makes a measure of rows; raises ValueError, saying why, where it cannot be computed on them."""


@dataclass(frozen=True)
class Measured:
    """A figure with its interval, or why there is none."""

    interval: Interval | None
    why: str = ""


def measure_all(
    rows: Rows,
    makes: Mapping[str, Make],
    rng: np.random.Generator,
    draws: int = 1_000,
    confidence: float = 0.95,
    *,
    cells: bool = True,
) -> dict[str, Measured]:
    """Each figure with its percentile bootstrap interval; clusters are drawn where rows have them, else rows.

    `cells` says whether many rows may be drawn as cells; measures that look at more than the columns of Rows need all.
    """
    estimates: dict[str, float] = {}
    why: dict[str, str] = {}
    for name, make in makes.items():
        try:
            value = float(make(rows)(rows.times))
        except ValueError as error:
            why[name] = str(error)
            continue
        if np.isnan(value):
            why[name] = "there is nothing to divide by"
        else:
            estimates[name] = value
    drawn = _draw(rows, {name: makes[name] for name in estimates}, rng, draws, cells)
    found = {name: Measured(None, reason) for name, reason in why.items()}
    for name, values in drawn.items():
        found[name] = _interval(estimates[name], values, confidence)
    return {name: found[name] for name in makes}


def _interval(estimate: float, values: Floats, confidence: float) -> Measured:
    lost = np.isnan(values)
    if lost.mean() > _LOST_AT_MOST:
        return Measured(None, f"too few rows for an interval: {lost.mean():.0%} of the draws hold nothing to measure")
    low, high = np.quantile(values[~lost], ((1 - confidence) / 2, (1 + confidence) / 2))
    return Measured(Interval(estimate, min(float(low), estimate), max(float(high), estimate)))


def _draw(
    rows: Rows, makes: Mapping[str, Make], rng: np.random.Generator, draws: int, may_join: bool
) -> dict[str, Floats]:
    if not makes:
        return {}
    joined = may_join and len(rows) > MOST_ROWS
    cells, member = _cells(rows) if joined else (rows, np.arange(len(rows)))
    measures = {name: make(cells) for name, make in makes.items()}
    parts: dict[str, list[Floats]] = {name: [] for name in makes}
    for weights in _weighings(rows, cells, member, rng, draws):
        for name, measure in measures.items():
            parts[name].append(measure(weights))
    return {name: np.concatenate(found) for name, found in parts.items()}


def _cells(rows: Rows) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Rows that are nearly alike as one, and which of them each row belongs to."""
    scored = ~np.isnan(rows.score)
    place = np.full(len(rows), -1, np.int64)
    if scored.any():
        edges = np.unique(np.quantile(rows.score[scored], np.linspace(0, 1, SCORE_CELLS + 1)[1:-1]))
        place[scored] = np.searchsorted(edges, rows.score[scored], side="right")
    answer = np.where(np.isnan(rows.answer), 2, rows.answer).astype(np.int64)
    key = (place * 3 + answer) * 2 + rows.truth.astype(np.int64)
    _, first, member = np.unique(key, return_index=True, return_inverse=True)
    times = np.bincount(member, weights=rows.times).astype(np.float64)

    def mean(column: Floats) -> Floats:
        found: Floats = np.bincount(member, weights=column * rows.times) / times
        return found

    cells = Rows(rows.truth[first], mean(rows.score), rows.answer[first], mean(rows.views), times)
    return cells, member.astype(np.int64)


def _weighings(
    rows: Rows, cells: Rows, member: npt.NDArray[np.int64], rng: np.random.Generator, draws: int
) -> Iterator[Floats]:
    """How often each cell is drawn, [draws at a time, cells]."""
    step = max(1, _AT_ONCE // len(cells))
    if rows.clusters is None:
        chance = cells.times / cells.times.sum()
        n = int(cells.times.sum())
        for start in range(0, draws, step):
            yield rng.multinomial(n, chance, size=min(step, draws - start)).astype(np.float64)
        return
    units = int(rows.clusters.max()) + 1
    held = sparse.csr_array((rows.times, (rows.clusters, member)), shape=(units, len(cells)))
    step = max(1, _AT_ONCE // max(units, len(cells)))
    for start in range(0, draws, step):
        size = min(step, draws - start)
        drawn = rng.integers(0, units, (size, units)) + units * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units).astype(np.float64)
        yield np.asarray(times @ held)
