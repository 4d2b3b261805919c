"""A user's file as a frozen data set: checked first, then cleaned and split as every other."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gatehouse.datasets.build import assemble
from gatehouse.datasets.check import check_file
from gatehouse.datasets.items import Claim, Item
from gatehouse.datasets.report import Report
from gatehouse.datasets.sources import SOURCES, digest
from gatehouse.datasets.user_file import UserFile, load
from gatehouse.errors import Fault, UserError
from gatehouse.records.dataset import Dataset


def import_file(
    path: Path,
    maps: Sequence[str] = (),
    labels: Sequence[str] = (),
    *,
    name: str,
    licence: str,
    population: str,
    title: str | None = None,
    language: str | None = None,
    leave_out: bool = False,
) -> tuple[Dataset, Report]:
    """The file as a data set, and what the check of it found.

    With `leave_out` the records at fault are left out, and the card says how many and why. Raises UserError where the
    check found errors: all of them, or with `leave_out` those that concern the file as a whole.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise UserError(f"'{name}' is no name for a data set", fix="use small letters, digits and hyphens")
    if name in SOURCES:
        raise UserError(f"'{name}' is the name of a public data set", fix="choose another name")
    file = load(path, maps, labels)
    report = check_file(file)
    in_the_way = [finding for finding in report.errors if not (leave_out and finding.removable)]
    if in_the_way:
        advice = "; or leave them out: --leave-out"
        raise UserError(
            Fault(finding.what, _where(path, finding.rows), finding.fix + (advice if finding.removable else ""))
            for finding in in_the_way
        )
    at_fault = {int(place) for finding in report.errors for place in finding.places}
    dataset = assemble(
        _items(file, name, at_fault),
        name=name,
        title=title or name,
        licence=licence,
        population=population,
        labels=tuple(spec.label for spec in file.map.labels),
        language=language,
        notes=_notes(file, report),
    )
    return dataset, report


def _items(file: UserFile, name: str, at_fault: set[int]) -> Iterator[Item]:
    ids = file.column("id")
    texts = file.texts.to_pylist()
    names = ids.to_pylist() if ids is not None else [f"{name}-{row}" for row in file.rows]
    authors, languages, raters = (_values(file, wanted) for wanted in ("author", "language", "rater"))
    split = "split" in file.map.columns
    times, _ = file.times
    for i, text in enumerate(texts):
        if i not in at_fault:
            yield Item(
                id=names[i],
                text=text,
                claims=_claims(file, i, raters[i]),
                part=file.parts[i] if split else None,
                author=authors[i],
                language=languages[i],
                occurred=times[i],
            )


def _values(file: UserFile, wanted: str) -> list[str | None]:
    column = file.column(wanted)
    if column is None:
        return [None] * len(file)
    return [value.strip() or None if value else None for value in column.to_pylist()]


def _claims(file: UserFile, i: int, rater: str | None) -> tuple[Claim, ...]:
    return tuple(
        Claim(label, value, int(count), rater)
        for label, votes in file.votes.items()
        for value, count in ((1, votes.yes[i]), (0, votes.no[i]))
        if count
    )


def _notes(file: UserFile, report: Report) -> list[str]:
    said = [f"imported from {file.path.name}, SHA-256 {digest(file.path)}"]
    said += [f"left out: {finding.what}" for finding in report.errors]
    said += [finding.what for finding in report.findings if finding.severity == "warning"]
    return said


def _where(path: Path, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> str:
    if not len(rows):
        return str(path)
    shown = ", ".join(map(str, rows[:10]))
    more = f" and {len(rows) - 10:,} more" if len(rows) > 10 else ""
    return f"{path}, row{'s' if len(rows) > 1 else ''} {shown}{more}"
