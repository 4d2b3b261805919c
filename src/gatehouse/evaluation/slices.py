"""Figures by slice: where a detector errs more than elsewhere, the worst first, and small slices marked, not ranked."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.evaluation.estimate import FEWEST, Estimate, share
from gatehouse.evaluation.identity_terms import GROUPS, mentions
from gatehouse.features import text as text_columns
from gatehouse.features.define import FeatureSet
from gatehouse.features.reasons import value_in_words
from gatehouse.stats.clustered import korn_graubard
from gatehouse.stats.intervals import newcombe
from gatehouse.stats.metrics import Floats, ratio
from gatehouse.stats.resample import Rows
from gatehouse.text.normalise import normalise

Mask = npt.NDArray[np.bool_]

LENGTHS = ((0, 50, "under 50 characters"), (50, 150, "50 to 149"), (150, 500, "150 to 499"), (500, None, "500 or more"))
MOST_VALUES = 30
CHANGED = 0.05
"""From this share of changed characters on a text counts as obfuscated."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Rows that have one thing in common: of the column or built-in `name`, those with this `value`."""

    name: str
    value: str
    mask: Mask


class SliceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What happens in one slice at the flags given, and how far that is from the other rows.

    `false_positive_gap` is the slice's false positive rate less that of the others, `missed_gap` the recall of the
    others less that of the slice: above 0 the slice is worse off. `small` says why a slice is not ranked.
    """

    name: str
    value: str
    n: int
    positives: int
    flagged: int
    false_positive_rate: Estimate | None = None
    recall: Estimate | None = None
    false_positive_gap: Estimate | None = None
    missed_gap: Estimate | None = None
    small: str = ""

    @property
    def worst(self) -> float:
        """The larger of its gaps; small slices have none."""
        gaps = [gap.value for gap in (self.false_positive_gap, self.missed_gap) if gap is not None]
        return max(gaps, default=float("-inf"))


def of_column(name: str, values: pa.Array) -> Iterator[Slice]:
    """A slice for each of the most frequent values of a column; rows without one are a slice of their own."""
    texts = pc.fill_null(values.cast(pa.string()), "(none)")
    counted = sorted(pc.value_counts(texts).to_pylist(), key=lambda pair: (-pair["counts"], pair["values"]))
    if len(counted) < 2:
        return
    for pair in counted[:MOST_VALUES]:
        yield Slice(name, pair["values"], pc.equal(texts, pair["values"]).to_numpy(zero_copy_only=False))


def of_texts(texts: pa.Array, language: pa.Array | None = None, occurred: pa.Array | None = None) -> Iterator[Slice]:
    """The built-in slices: language, length, obfuscation, groups that are mentioned, and time by quarter."""
    plain = normalise(texts)
    length, changed = text_columns.compute(texts, plain, ("char_count", "changed_share"))
    if language is not None:
        yield from of_column("language", language)
    count = length.fill_null(0).to_numpy(zero_copy_only=False)
    for low, high, words in LENGTHS:
        yield Slice("length", words, (count >= low) & ((count < high) if high is not None else True))
    hidden = changed.fill_null(0.0).to_numpy(zero_copy_only=False) >= CHANGED
    yield Slice("obfuscation", "changed by undoing it", hidden)
    for group in GROUPS:
        yield Slice("mentions", group.name, mentions(plain, group))
    if occurred is not None and occurred.null_count < len(occurred):
        yield from of_column("quarter", _quarters(occurred))


def of_features(rows: pa.RecordBatch, names: Sequence[str], features: FeatureSet) -> Iterator[Slice]:
    """Slices by feature values: bands between the quartiles of numbers, each value of what is none, and not known."""
    for name in names:
        column = rows.column(name)
        kind = column.type
        if pa.types.is_boolean(kind) or pa.types.is_string(kind):
            yield from of_column(name, column)
            continue
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        known = ~np.isnan(values)
        if not known.all():
            yield Slice(name, value_in_words(name, None, features), ~known)
        if not known.any():
            continue
        edges = np.unique(np.quantile(values[known], (0.25, 0.5, 0.75), method="higher"))
        band = np.searchsorted(edges, values, side="right")
        for place, value in enumerate(_bands(name, edges, pa.types.is_integer(kind), features)):
            yield Slice(name, value, known & (band == place))


def _bands(name: str, edges: Floats, whole: bool, features: FeatureSet) -> Iterator[str]:
    """Words for what lies below, between and above the edges."""

    def said(edge: float) -> str:
        return value_in_words(name, int(edge) if whole else edge, features)

    yield f"under {said(edges[0])}"
    for low, high in pairwise(edges.tolist()):
        if not whole:
            yield f"{said(low)} to under {said(high)}"
        else:
            yield said(low) if high == low + 1 else f"{said(low)} to {said(high - 1)}"
    yield f"{said(edges[-1])} or more"


def _quarters(occurred: pa.Array) -> pa.Array:
    def quarter(at: int | None) -> str | None:
        if at is None:
            return None
        day = datetime.datetime.fromtimestamp(at / 1e6, datetime.UTC)
        return f"{day.year} Q{(day.month + 2) // 3}"

    return pa.array([quarter(at) for at in occurred.to_pylist()], pa.string())


def figures(slices: Iterable[Slice], rows: Rows, rng: np.random.Generator, draws: int = 500) -> list[SliceFigures]:
    """Every slice that holds a row, the worst first and the small ones last.

    A row is flagged where its answer is 1. With clusters the intervals of gaps draw clusters and those of
    rates are Korn and Graubard's, else Newcombe's and Clopper and Pearson's.
    """
    there = [one for one in slices if one.mask.any() and not one.mask.all()]
    flag = np.equal(rows.answer, 1.0)
    gaps = _clustered(there, rows, flag, rng, draws) if rows.clusters is not None else {}
    found = [_figures(one, rows, flag, gaps) for one in there]
    return sorted(found, key=lambda one: (bool(one.small), -one.worst if not one.small else 0.0, -one.n, one.value))


def _figures(
    one: Slice, rows: Rows, flag: Mask, clustered: Mapping[tuple[int, str], tuple[float, float]]
) -> SliceFigures:
    positive = rows.truth == 1.0
    sides = {"false": ~positive, "missed": positive}
    rates, gaps = {}, {}
    few = []
    for side, among in sides.items():
        wrong = flag if side == "false" else ~flag
        own, other = among & one.mask, among & ~one.mask
        n, rest = int(own.sum()), int(other.sum())
        if n < FEWEST or rest < FEWEST:
            few.append(f"{n if n < FEWEST else rest:,} {'negatives' if side == 'false' else 'positives'}")
            continue
        hits, others = int((wrong & own).sum()), int((wrong & other).sum())
        told = flag[own].astype(np.float64)
        rates[side] = _rate(told, None if rows.clusters is None else rows.clusters[own])
        low, high = clustered.get((id(one), side)) or newcombe(hits, n, others, rest)
        gaps[side] = Estimate(hits / n - others / rest, low, high)
    return SliceFigures(
        name=one.name,
        value=one.value,
        n=int(one.mask.sum()),
        positives=int((positive & one.mask).sum()),
        flagged=int((flag & one.mask).sum()),
        false_positive_rate=rates.get("false"),
        recall=rates.get("missed"),
        false_positive_gap=gaps.get("false"),
        missed_gap=gaps.get("missed"),
        small=f"only {' and '.join(few)} to compare, {FEWEST} are needed" if len(few) == 2 else "",
    )


def _rate(told: Floats, clusters: npt.NDArray[np.int64] | None) -> Estimate | None:
    """The share of flags with its interval: exact for rows by themselves, and wider where they come in clusters."""
    if clusters is None:
        return share(int(told.sum()), len(told))
    if len(np.unique(clusters)) < 2:
        return None
    return Estimate(float(told.mean()), *korn_graubard(told, clusters))


def _clustered(
    slices: Sequence[Slice], rows: Rows, flag: Mask, rng: np.random.Generator, draws: int
) -> dict[tuple[int, str], tuple[float, float]]:
    """Percentile intervals of both gaps of every slice, all on the same draws of whole clusters."""
    assert rows.clusters is not None
    units = int(rows.clusters.max()) + 1
    positive = rows.truth == 1.0
    columns, keys = [], []
    for one in slices:
        for side, among, wrong in (("false", ~positive, flag), ("missed", positive, ~flag)):
            inside, outside = among & one.mask, among & ~one.mask
            parts = (inside & wrong, inside, outside & wrong, outside)
            columns += [np.bincount(rows.clusters, weights=part.astype(np.float64), minlength=units) for part in parts]
            keys.append((id(one), side))
    held: Floats = np.stack(columns, axis=1)
    values = []
    for _ in range(draws):
        times = np.bincount(rng.integers(0, units, units), minlength=units).astype(np.float64)
        cells = (times @ held).reshape(-1, 4)
        values.append(ratio(cells[:, 0], cells[:, 1]) - ratio(cells[:, 2], cells[:, 3]))
    drawn = np.stack(values)
    found = {}
    for place, key in enumerate(keys):
        known = drawn[~np.isnan(drawn[:, place]), place]
        if len(known) >= 0.95 * draws:
            low, high = np.quantile(known, (0.025, 0.975))
            found[key] = (float(low), float(high))
    return found
