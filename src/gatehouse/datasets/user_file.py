"""A user's labelled file, read whole under its map: columns, votes for each label, and what could not be read."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import tables
from gatehouse.datasets.blocks import BadRecord
from gatehouse.datasets.mapping import NO, YES, FileMap, LabelColumn, parse
from gatehouse.datasets.split import part_of
from gatehouse.records.dataset import Part

_OWN = "column "

SPLIT_WORDS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "calibration": "calibration",
    "points": "points",
    "dev": "points",
    "val": "points",
    "valid": "points",
    "validation": "points",
    "trial": "points",
    "test": "test",
    "eval": "test",
}
"""Values of a split column, in small letters."""


@dataclass(frozen=True, eq=False)
class Votes:
    """What a file says about one label: counts for and against, int64 [n]; both 0 where nothing is said.

    `unreadable` gives by place the value that says neither.
    """

    yes: npt.NDArray[np.int64]
    no: npt.NDArray[np.int64]
    unreadable: dict[int, str] = field(default_factory=dict)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Rows about which something is said."""
        return self.yes + self.no > 0

    @property
    def holds(self) -> npt.NDArray[np.bool_]:
        """Rows where at least half of the votes say that the label holds."""
        return self.known & (self.yes >= self.no)


@dataclass(frozen=True, eq=False)
class UserFile:
    """The file's sound records; `column` gives a mapped one, `own` one under the name that it has in the file."""

    path: Path
    map: FileMap
    names: tuple[str, ...]
    table: pa.Table
    rows: npt.NDArray[np.int64]
    bad: list[BadRecord]
    votes: dict[str, Votes]

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, wanted: str) -> pa.Array | None:
        """The column mapped to this meaning as strings, or None."""
        return self.table[wanted].combine_chunks() if wanted in self.map.columns else None

    @cached_property
    def texts(self) -> pa.Array:
        """The texts, null where there is none."""
        return self.table[tables.TEXT].combine_chunks()

    @cached_property
    def parts(self) -> list[Part | None]:
        """The part of each record: by its split column where one is mapped (None for an unknown word), else by rule."""
        authors = self.column("author")
        keys = self.texts if authors is None else pc.if_else(blank(authors), self.texts, authors)
        split = self.column("split")
        if split is None:
            return [part_of(key or "") for key in keys.to_pylist()]
        words = [SPLIT_WORDS.get((word or "").strip().lower()) for word in split.to_pylist()]
        given = {word for word in words if word is not None}
        return [word and part_of(key or "", word, given) for key, word in zip(keys.to_pylist(), words, strict=True)]

    @cached_property
    def times(self) -> tuple[list[int | None], list[int]]:
        """When each record occurred in microseconds UTC, and the places of those whose time cannot be read."""
        column = self.column("occurred")
        found: list[int | None] = [None] * len(self)
        unreadable = []
        for i, value in enumerate(column.to_pylist() if column is not None else ()):
            try:
                found[i] = _microseconds(value) if value and value.strip() else None
            except ValueError:
                unreadable.append(i)
        return found, unreadable

    def own(self, name: str) -> pa.Array:
        """A column that is mapped to nothing but perhaps a label, as strings."""
        return self.table[_OWN + name].combine_chunks()


def blank(column: pa.Array) -> pa.Array:
    """Where a column holds nothing but space."""
    return pc.equal(pc.utf8_trim_whitespace(pc.fill_null(column, "")), "")


def load(path: Path, maps: Sequence[str] = (), labels: Sequence[str] = ()) -> UserFile:
    """Read a labelled file; raises UserError when it cannot be read or its columns cannot be told."""
    names = tables.column_names(path)
    first = next(iter(tables.read(path, {_OWN + name: name for name in names}, batch_rows=5_000)), None)
    sample = {name: first.columns[_OWN + name].to_pylist() if first else [] for name in names}
    file_map = parse(names, sample, maps, labels, str(path))
    mapping = file_map.columns | {_OWN + name: name for name in names if name not in file_map.columns.values()}
    batches, rows, bad = [], [np.empty(0, np.int64)], []
    for batch in tables.read(path, mapping):
        batches.append(batch.columns)
        rows.append(batch.row_numbers)
        bad += batch.bad
    table = pa.Table.from_batches(batches, pa.schema([(name, pa.string()) for name in mapping]))
    place = {column: wanted for wanted, column in mapping.items()}
    columns = {name: table[place[name]].combine_chunks() for name in _label_columns(file_map)}
    votes = {spec.label: _votes(spec, columns) for spec in file_map.labels}
    return UserFile(path, file_map, tuple(names), table, np.concatenate(rows), bad, votes)


def _microseconds(said: str) -> int:
    """Microseconds UTC from a whole number of them or an ISO 8601 time with its zone; raises ValueError."""
    if re.fullmatch(r"-?\d+", said.strip()):
        return int(said)
    time = datetime.fromisoformat(said.strip())
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _label_columns(file_map: FileMap) -> set[str]:
    totals = {spec.total for spec in file_map.labels if spec.total is not None and not spec.total.isdigit()}
    return {spec.column for spec in file_map.labels} | totals


def _votes(spec: LabelColumn, columns: dict[str, pa.Array]) -> Votes:
    if spec.total is not None:
        return _counted(spec, columns)
    say = _reader(spec)
    column = columns[spec.column]
    if spec.has is not None:
        column = pc.fill_null(column, "")
    coded = pc.dictionary_encode(column)
    said = np.array([say(value) for value in coded.dictionary.to_pylist()] or [0], np.int64)
    codes = pc.fill_null(coded.indices, 0).to_numpy(zero_copy_only=False)
    verdict = np.where(coded.is_valid().to_numpy(zero_copy_only=False), said[codes], 0)
    unreadable = {int(i): str(coded[int(i)].as_py()) for i in np.flatnonzero(verdict == _UNREADABLE)}
    return Votes((verdict == 1).astype(np.int64), (verdict == -1).astype(np.int64), unreadable)


_UNREADABLE = 2


def _reader(spec: LabelColumn) -> Callable[[str], int]:
    """Says of a value 1 (it holds), -1 (it does not), 0 (nothing is said) or _UNREADABLE."""

    def plain(value: str) -> int:
        word = value.strip().lower()
        if not word:
            return 0
        if word in YES or word == spec.label:
            return 1
        return -1 if word in NO or re.fullmatch(rf"(not|non)[ _-]?{spec.label}", word) else _UNREADABLE

    def named(value: str) -> int:
        word = value.strip()
        if not word:
            return 0
        if word in spec.yes:
            return 1
        return -1 if not spec.no or word in spec.no else _UNREADABLE

    def listed(value: str) -> int:
        return 1 if spec.has in {part.strip() for part in re.split("[;,|]", value)} else -1

    if spec.has is not None:
        return listed
    return named if spec.yes else plain


def _counted(spec: LabelColumn, columns: dict[str, pa.Array]) -> Votes:
    yes = _whole_numbers(columns[spec.column])
    total_said = spec.total or ""
    total = np.full(len(yes), float(total_said)) if total_said.isdigit() else _whole_numbers(columns[total_said])
    said = columns[spec.column].is_valid().to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        sound = (yes >= 0) & (yes <= total)
    unreadable = {
        int(
            i
        ): f"{columns[spec.column][int(i)]} of {columns[total_said][int(i)] if total_said in columns else total_said}"
        for i in np.flatnonzero(said & ~sound)
    }
    ours = said & sound
    return Votes(np.where(ours, yes, 0).astype(np.int64), np.where(ours, total - yes, 0).astype(np.int64), unreadable)


def _whole_numbers(column: pa.Array) -> npt.NDArray[np.float64]:
    """Counts as float64, NaN for what is none."""
    plain = pc.replace_substring_regex(pc.utf8_trim_whitespace(column), r"^(\d{1,9})(\.0*)?$", r"\1")
    sound = pc.match_substring_regex(plain, r"^\d{1,9}$")
    counts = pc.fill_null(pc.if_else(sound, plain, None).cast(pa.float64()), np.nan)
    return np.asarray(counts.to_numpy(zero_copy_only=False), np.float64)
