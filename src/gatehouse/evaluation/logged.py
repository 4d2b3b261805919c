"""Anyone's logged answers: what a vendor, a classifier or a language model said, beside the truth, as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import tables
from gatehouse.errors import Faults, UserError, did_you_mean
from gatehouse.evaluation.columns import (
    NOT,
    TRUTH,
    VERDICTS,
    VIOLATING,
    Columns,
    add_bad,
    mapped,
    some,
    table,
)
from gatehouse.stats.resample import Rows

Floats = npt.NDArray[np.float64]

COLUMNS = ("id", "label", "score", "verdict", "detector", "author", "views", "text")
"""What a column can be; `id` and `label` must be there, and `score` or `verdict` or both."""

_VERDICT_OF = {word: verdict for verdict, words in VERDICTS.items() for word in words}
NO_DETECTOR = "the detector"


@dataclass(frozen=True, eq=False)
class Logged:
    """One detector's logged answers about labelled rows.

    `score` is float64 [n] in 0-1 (NaN: none); `verdict` holds one of the four words or "" for none; `slices` are the
    file's other columns that were asked for, as texts.
    """

    detector: str
    ids: pa.Array
    truth: Floats
    score: Floats
    verdict: npt.NDArray[np.str_]
    views: Floats | None
    authors: pa.Array | None
    texts: pa.Array | None
    slices: Mapping[str, pa.Array]

    def __len__(self) -> int:
        return len(self.truth)

    def rows(self, threshold: float | None = None) -> Rows:
        """The rows with their answers: the verdicts, or scores at or above the threshold where there is no verdict."""
        answer = np.where(self.verdict == VIOLATING, 1.0, np.where(self.verdict == NOT, 0.0, np.nan))
        if threshold is not None:
            flagged = np.where(np.isnan(self.score), np.nan, (self.score >= threshold).astype(np.float64))
            answer = np.where(self.verdict == "", flagged, answer)
        members = None if self.authors is None else _members(self.authors)
        return Rows.of(self.truth, self.score, answer, self.views, members)


def read(
    path: Path,
    given: Mapping[str, str],
    *,
    labels: Path | pa.Table | None = None,
    slices: Sequence[str] = (),
    scale: float = 1.0,
    leave_out: bool = False,
) -> tuple[list[Logged], list[str]]:
    """The logged answers of each detector in a CSV, JSONL or Parquet file, and what was left out, in words.

    `given` maps COLUMNS to the file's own; `labels` are `id` and `label` in a second file or a table; scores are
    divided by `scale`. Raises UserError naming every fault with its rows; with `leave_out` rows without a label are
    left out.
    """
    mapping = _mapping(path, given, labels is not None)
    wanted = {**mapping, **{f"slice {name}": name for name in slices}}
    unknown = [name for name in slices if name not in tables.column_names(path)]
    if unknown:
        names = tables.column_names(path)
        raise UserError(
            f"no column '{unknown[0]}' to slice by",
            where=str(path),
            fix=did_you_mean(unknown[0], names) + f"the file has {', '.join(names)}",
        )
    rows, numbers, bad = table(path, wanted)
    faults = Faults()
    add_bad(bad, path, faults)
    if labels is not None:
        rows = rows.append_column("label", _labels_by_id(rows["id"], labels, faults))
    reading = _Reading(path, rows, numbers, faults)
    columns = reading.columns(scale, leave_out)
    faults.raise_found()
    return _by_detector(columns, slices), reading.left_out


def _mapping(path: Path, given: Mapping[str, str], labels_apart: bool) -> dict[str, str]:
    faults = Faults()
    known = [name for name in COLUMNS if name != "label"] if labels_apart else COLUMNS
    mapping = mapped(path, given, known, ("id",) if labels_apart else ("id", "label"), faults)
    if "score" not in mapping and "verdict" not in mapping:
        there = ", ".join(tables.column_names(path))
        fix = f"say which column it is: --map score=COLUMN or --map verdict=COLUMN; the file has {there}"
        faults.add("the file has neither a score nor a verdict", str(path), fix)
    faults.raise_found()
    return mapping


def _labels_by_id(ids: pa.ChunkedArray, given: Path | pa.Table, faults: Faults) -> pa.Array:
    """The label of each id; ids on one side only are faults."""
    labels = given if isinstance(given, pa.Table) else _labels_file(given)
    where = "" if isinstance(given, pa.Table) else str(given)
    known = labels["id"].combine_chunks()
    if len(pc.unique(known)) < len(known):
        counts = pc.value_counts(known)
        twice = [pair["values"].as_py() for pair in counts if pair["counts"].as_py() > 1]
        faults.add(f"{some(twice)} stand more than once", where, "give each id one label")
    at = pc.index_in(ids.combine_chunks(), known)
    strangers = pc.filter(known, pc.invert(pc.is_in(known, ids.combine_chunks())))
    if len(strangers) == len(known):
        faults.add("not one id of the labels is in the file of scores", where, "check that both name the same ids")
    return labels["label"].combine_chunks().take(at)


def _labels_file(path: Path) -> pa.Table:
    names = tables.column_names(path)
    missing = [name for name in ("id", "label") if name not in names]
    if missing:
        raise UserError(
            f"no column '{missing[0]}'", where=str(path), fix=f"a file of labels has id and label, this {names}"
        )
    return table(path, {"id": "id", "label": "label"})[0]


@dataclass(eq=False)
class _Answers:
    ids: pa.Array
    truth: Floats
    score: Floats
    verdict: npt.NDArray[np.str_]
    detector: pa.Array
    views: Floats | None
    authors: pa.Array | None
    texts: pa.Array | None
    table: pa.Table


class _Reading(Columns):
    """Turns the texts of a file of answers into columns."""

    def __init__(self, path: Path, table: pa.Table, numbers: npt.NDArray[np.int64], faults: Faults) -> None:
        super().__init__(path, table, numbers, faults)
        self.left_out: list[str] = []

    def columns(self, scale: float, leave_out: bool) -> _Answers:
        """The columns; what is at fault in them is noted."""
        truth = self.words("label", TRUTH, "yes or no")
        unlabelled = np.isnan(truth) & self.empty("label")
        if leave_out and unlabelled.any():
            self.left_out.append(f"{int(unlabelled.sum()):,} rows without a label were left out")
            self.keep(~unlabelled)
            truth = truth[~unlabelled]
        elif unlabelled.any():
            fix = "label them, or leave them out: --leave-out"
            self.fault(unlabelled, "has no label", "have no label", fix)
        if not len(self.table):
            self.faults.add("no labelled row is left", str(self.path), "give rows with a label")
        n = len(self.table)
        there = self.table.column_names
        score = self._score(scale) if "score" in there else np.full(n, np.nan)
        verdict = self._verdict() if "verdict" in there else np.full(n, "", "U10")
        detector = self.text("detector")
        return _Answers(
            ids=self._ids(detector),
            truth=truth,
            score=score,
            verdict=verdict,
            detector=detector if detector is not None else pa.array([NO_DETECTOR] * n),
            views=self._views() if "views" in there else None,
            authors=self.text("author"),
            texts=self.text("text"),
            table=self.table,
        )

    def _verdict(self) -> npt.NDArray[np.str_]:
        places = {word: float(place) for place, word in enumerate(VERDICTS)}
        words = {word: places[verdict] for word, verdict in _VERDICT_OF.items()}
        codes = self.words("verdict", words, "violating, not, unsure or unparsable")
        names = np.array([*VERDICTS, ""])
        found: npt.NDArray[np.str_] = names[np.where(np.isnan(codes), len(VERDICTS), codes).astype(np.int64)]
        return found

    def _number(self, name: str, what: str) -> Floats:
        column = self.plain(name)
        empty = self.empty(name)
        texts = pc.if_else(pa.array(empty), None, column)
        try:
            values: Floats = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            values = np.array([_float(text) for text in texts.to_pylist()], np.float64)
            wrong = np.isnan(values) & ~empty
            self.fault(wrong, f"has {what} that is no number", f"have {what} that is no number", "write a number")
        return values

    def _score(self, scale: float) -> Floats:
        score = self._number("score", "a score") / scale
        outside = (score < 0) | (score > 1)
        if outside.any():
            most = np.nanmax(np.abs(score)) * scale
            fix = f"give probabilities; if scores go up to {most:g}, say --scale {most:g}"
            said = "a score outside 0-1"
            self.fault(outside, f"has {said}", f"have {said}", fix)
        return score

    def _views(self) -> Floats:
        views = self._number("views", "a number of views")
        wrong = np.isnan(views) | (views < 0)
        if wrong.any():
            said = "no number of views, or one below 0"
            self.fault(wrong, f"has {said}", f"have {said}", "write how often the item was seen, 0 for never")
        return views

    def _ids(self, detector: pa.Array | None) -> pa.Array:
        ids = self.table["id"].combine_chunks()
        missing = self.empty("id")
        if missing.any():
            self.fault(missing, "has no id", "have no id", "give every row an id")
        pairs = pa.table({"id": ids, "detector": detector if detector is not None else pa.nulls(len(ids), pa.string())})
        counts = pairs.group_by(["id", "detector"]).aggregate([([], "count_all")])
        twice = counts.filter(pc.greater(counts["count_all"], 1))["id"].to_pylist()
        if twice and not missing.any():
            self.faults.add(
                f"the same id stands more than once for one detector: {some(twice)}",
                str(self.path),
                "give each event one row, or name the detectors: --map detector=COLUMN",
            )
        return ids


def _by_detector(columns: _Answers, slices: Sequence[str]) -> list[Logged]:
    found = []
    for name in dict.fromkeys(pc.fill_null(columns.detector, NO_DETECTOR).to_pylist()):
        mask = pc.equal(pc.fill_null(columns.detector, NO_DETECTOR), name)
        own = mask.to_numpy(zero_copy_only=False)
        found.append(
            Logged(
                detector=name,
                ids=columns.ids.filter(mask),
                truth=columns.truth[own],
                score=columns.score[own],
                verdict=columns.verdict[own],
                views=columns.views[own] if columns.views is not None else None,
                authors=columns.authors.filter(mask) if columns.authors is not None else None,
                texts=columns.texts.filter(mask) if columns.texts is not None else None,
                slices={slice_: columns.table[f"slice {slice_}"].combine_chunks().filter(mask) for slice_ in slices},
            )
        )
    return found


def _members(authors: pa.Array) -> npt.NDArray[np.int64]:
    """A number for each author; rows without one are alone."""
    codes: npt.NDArray[np.int64] = authors.dictionary_encode().indices.cast(pa.int64()).fill_null(-1).to_numpy()
    alone = codes < 0
    return np.where(alone, codes.max(initial=0) + 1 + np.cumsum(alone), codes)


def _float(text: str | None) -> float:
    try:
        return float(text) if text is not None else np.nan
    except ValueError:
        return np.nan
