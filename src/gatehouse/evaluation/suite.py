"""Functional checks: texts that test one ability each, with what must be answered (after HateCheck, Röttger 2021)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import tables
from gatehouse.errors import Faults, UserError, nearest
from gatehouse.evaluation import logged
from gatehouse.evaluation.columns import TRUTH, Columns, add_bad, mapped, some, table
from gatehouse.evaluation.estimate import Estimate, share
from gatehouse.stats.clustered import korn_graubard
from gatehouse.stats.metrics import Floats

COLUMNS = ("text", "expected", "functionality", "template", "id")
"""What a column can be; the first three must be there."""

FEWEST_CASES = 8
"""A functionality with fewer cases is marked and not ranked."""

FEWEST_TEMPLATES = 5
"""Where cases are filled from templates, one with fewer of them is marked and not ranked."""


@dataclass(frozen=True, eq=False)
class Suite:
    """Cases in the order of the file; `expected` is 1 where a text is violating and 0 where not, float64 [n].

    `templates` are None where the file has no such column; `named` says whether the ids are the file's own.
    """

    source: str
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    expected: Floats
    functionalities: tuple[str, ...]
    templates: tuple[str, ...] | None = None
    named: bool = True

    def __len__(self) -> int:
        return len(self.texts)


class FunctionalityFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How many cases of one functionality are answered as expected.

    `violating` of the n cases ought to be flagged; `silent` got no answer, which is never a pass. `small` says why it
    is not ranked; `rate` is None where its templates are too few for an interval.
    """

    functionality: str
    n: int
    violating: int
    passed: int
    silent: int
    templates: int | None = None
    rate: Estimate | None = None
    small: str = ""


class SuiteReport(msgspec.Struct, frozen=True, kw_only=True):
    """All functionalities of a suite, the one with the lowest pass rate first and the small ones last."""

    source: str
    detector: str
    n: int
    passed: int
    functionalities: tuple[FunctionalityFigures, ...]

    @property
    def minimum(self) -> FunctionalityFigures | None:
        """The functionality with the lowest pass rate, where any can be ranked."""
        return next((one for one in self.functionalities if not one.small), None)

    @property
    def in_words(self) -> str:
        """How many cases pass, and the minimum over the functionalities."""
        said = f"{self.passed:,} of {self.n:,} cases pass, of {len(self.functionalities)} functionalities."
        low = self.minimum
        if low is None:
            return f"{said} None has enough cases to be ranked."
        ranked = [one for one in self.functionalities if not one.small]
        lowest = ", ".join(one.functionality for one in ranked if one.passed * low.n == low.passed * one.n)
        return f"{said} The minimum is {low.rate}: {lowest}."


def read(path: Path, given: Mapping[str, str], *, leave_out: bool = False) -> Suite:
    """The suite in a CSV, JSONL or Parquet file; `given` maps COLUMNS to the file's own.

    Without a column `id` a case is called by its row. Raises UserError naming every fault with its rows; an unknown
    column is one, unless such columns are left out.
    """
    faults = Faults()
    mapping = mapped(path, given, COLUMNS, COLUMNS[:3], faults)
    if not leave_out:
        _add_unknown(path, mapping, faults)
    faults.raise_found()
    rows, numbers, bad = table(path, mapping)
    add_bad(bad, path, faults)
    columns = Columns(path, rows, numbers, faults)
    expected = columns.words("expected", TRUTH, "violating or not", "an expected answer")
    columns.fault(
        columns.empty("expected"), "has no expected answer", "have no expected answer", "write violating or not"
    )
    columns.fault(columns.empty("text"), "has no text", "have no text", "write the text, or leave the case out")
    nameless = columns.empty("functionality")
    columns.fault(nameless, "names no functionality", "name no functionality", "say what the case tests")
    if "template" in mapping:
        columns.fault(columns.empty("template"), "names no template", "name no template", "name it, or drop the column")
    ids = _ids(columns)
    if not len(rows) and not bad:
        faults.add("the suite holds no case", str(path), "write one case a row")
    faults.raise_found()
    templates = columns.text("template")
    return Suite(
        source=path.name,
        ids=ids,
        texts=tuple(rows["text"].to_pylist()),
        expected=expected,
        functionalities=tuple(pc.utf8_trim_whitespace(rows["functionality"]).to_pylist()),
        templates=None if templates is None else tuple(templates.to_pylist()),
        named="id" in mapping,
    )


def _add_unknown(path: Path, mapping: Mapping[str, str], faults: Faults) -> None:
    free = [name for name in COLUMNS if name not in mapping]
    for column in tables.column_names(path):
        if column not in mapping.values():
            near = nearest(column, free)
            hint = f"if it is the {near}, say --map {near}={column}; " if near else ""
            faults.add(f"unknown column '{column}'", str(path), f"{hint}leave such columns out with --leave-out")


def _ids(columns: Columns) -> tuple[str, ...]:
    given = columns.text("id")
    if given is None:
        return tuple(f"row {number}" for number in columns.numbers)
    columns.fault(columns.empty("id"), "has no id", "have no id", "give every case an id, or none")
    counts = pc.value_counts(given.drop_null())
    twice = [pair["values"].as_py() for pair in counts if pair["counts"].as_py() > 1]
    if twice:
        columns.faults.add(f"{some(twice)} stand more than once", str(columns.path), "give each case its own id")
    return tuple(given.to_pylist())


def logged_answers(
    suite: Suite,
    path: Path,
    given: Mapping[str, str],
    *,
    threshold: float | None = None,
    scale: float = 1.0,
    leave_out: bool = False,
) -> list[tuple[str, Floats]]:
    """What each detector of a file of logged answers said about every case, by id: 1 violating, 0 not, NaN neither.

    Raises UserError where a case has no row, where scores stand without a threshold, and for answers to what is no case
    of the suite, unless they are left out.
    """
    if not suite.named:
        raise UserError("the suite has no ids to match answers by", where=suite.source, fix="add a column id")
    truth = pa.table({"id": pa.array(suite.ids), "label": pa.array(["yes" if one else "no" for one in suite.expected])})
    found, _ = logged.read(path, given, labels=truth, scale=scale, leave_out=leave_out)
    answers, faults = [], Faults()
    for one in found:
        at = pc.index_in(pa.array(suite.ids), one.ids).to_numpy(zero_copy_only=False)
        missing = [case for case, place in zip(suite.ids, at, strict=True) if np.isnan(place)]
        if missing:
            what = f"{one.detector} has no answer to {len(missing):,} of {len(suite):,} cases: {some(missing)}"
            faults.add(what, str(path), "answer each case; one that cannot be answered is 'unsure'")
            continue
        if threshold is None and np.any((one.verdict == "") & ~np.isnan(one.score)):
            faults.add(f"nothing says from which score on {one.detector} flags", str(path), "give --threshold")
            continue
        answers.append((one.detector, one.rows(threshold).answer[at.astype(np.int64)]))
    faults.raise_found()
    return answers


def report(suite: Suite, answer: Floats, detector: str = "") -> SuiteReport:
    """Pass rates by functionality; `answer` is 1 flagged, 0 not, NaN where there is no plain answer."""
    passed = answer == suite.expected
    named = np.array(suite.functionalities)
    found = [_figures(name, suite, named == name, passed, np.isnan(answer)) for name in dict.fromkeys(named.tolist())]
    found.sort(key=lambda one: (bool(one.small), one.passed / one.n, one.functionality))
    return SuiteReport(
        source=suite.source,
        detector=detector,
        n=len(suite),
        passed=int(passed.sum()),
        functionalities=tuple(found),
    )


def _figures(
    name: str, suite: Suite, own: npt.NDArray[np.bool_], passed: npt.NDArray[np.bool_], silent: npt.NDArray[np.bool_]
) -> FunctionalityFigures:
    n, hits = int(own.sum()), int(passed[own].sum())
    templates = None if suite.templates is None else np.array(suite.templates)[own]
    units = None if templates is None else len(np.unique(templates))
    rate = share(hits, n)
    if templates is not None:
        rate = Estimate(hits / n, *korn_graubard(passed[own], templates)) if len(np.unique(templates)) > 1 else None
    return FunctionalityFigures(
        functionality=name,
        n=n,
        violating=int(suite.expected[own].sum()),
        passed=hits,
        silent=int(silent[own].sum()),
        templates=units,
        rate=rate,
        small=_small(n, units),
    )


def _small(n: int, templates: int | None) -> str:
    if n < FEWEST_CASES:
        return f"only {n:,} case{'' if n == 1 else 's'}, {FEWEST_CASES} are needed"
    if templates is not None and templates < FEWEST_TEMPLATES:
        return f"only {templates:,} template{'' if templates == 1 else 's'}, {FEWEST_TEMPLATES} are needed"
    return ""
