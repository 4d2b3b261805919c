"""Columns that give a label away: whoever sees them needs no text, and a figure measured with them means nothing."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import rankdata

TELLING = 0.98
"""A column gives a label away when it is right about this share of both classes, taken alike, on rows held out."""

_FEWEST = 10


@dataclass(frozen=True)
class Giveaway:
    """A column that gives a label away, and by what: its `values`, the `letters` in them, or their `order`."""

    column: str
    label: str
    by: str


def find(
    columns: dict[str, pa.Array],
    truth: dict[str, tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]],
) -> list[Giveaway]:
    """Every column that gives a label away; `truth` maps a label to (holds, known), both bool [n]."""
    found = []
    for name, column in columns.items():
        codes = {
            "values": _codes(column),
            "letters": _codes(pc.replace_substring_regex(column, r"\d+", "")),
        }
        numbers = _numbers(column)
        for label, (holds, known) in truth.items():
            if min((holds & known).sum(), (~holds & known).sum()) < _FEWEST:
                continue
            by = next((how for how, code in codes.items() if _tells(code[known], holds[known])), None)
            if by is None and _orders(numbers[known], holds[known]):
                by = "order"
            if by is not None:
                found.append(Giveaway(name, label, by))
    return found


def _codes(column: pa.Array) -> npt.NDArray[np.int64]:
    """Values as codes; nulls and blanks have code 0."""
    coded = pc.dictionary_encode(pc.fill_null(column, ""))
    return np.asarray(coded.indices.to_numpy(zero_copy_only=False), np.int64)


def _tells(codes: npt.NDArray[np.int64], holds: npt.NDArray[np.bool_]) -> bool:
    """Whether the majority per value among every second row of each class foretells the other rows.

    A value that was not seen among those rows foretells nothing, so unique values give nothing away.
    """
    learn = np.zeros(len(codes), bool)
    for side in (holds, ~holds):
        learn[np.flatnonzero(side)[::2]] = True
    size = int(codes.max(initial=0)) + 1
    yes = np.bincount(codes[learn & holds], minlength=size) / max((learn & holds).sum(), 1)
    no = np.bincount(codes[learn & ~holds], minlength=size) / max((learn & ~holds).sum(), 1)
    says_yes = (yes > no)[codes]
    says_no = (no > yes)[codes]
    held_out = ~learn
    right_yes = says_yes[held_out & holds].mean()
    right_no = says_no[held_out & ~holds].mean()
    return bool((right_yes + right_no) / 2 >= TELLING)


def _numbers(column: pa.Array) -> npt.NDArray[np.float64]:
    """The last number in each value, NaN where there is none."""
    found = pc.struct_field(pc.extract_regex(column, r"(?P<n>\d{1,15}(?:\.\d+)?)\D*$"), "n")
    return np.asarray(pc.fill_null(found.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False), np.float64)


def _orders(numbers: npt.NDArray[np.float64], holds: npt.NDArray[np.bool_]) -> bool:
    """Whether one threshold on the numbers parts the classes: the ROC area is near 0 or 1."""
    there = np.isfinite(numbers)
    yes, no = int((holds & there).sum()), int((~holds & there).sum())
    if yes < _FEWEST or no < _FEWEST or there.mean() < TELLING:
        return False
    ranks = rankdata(numbers[there])
    area = (ranks[holds[there]].sum() - yes * (yes + 1) / 2) / (yes * no)
    return bool(max(area, 1 - area) >= TELLING)
