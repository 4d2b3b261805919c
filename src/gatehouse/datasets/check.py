"""Every fault of a user's labelled file at once, each with the rows that have it and what to do."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import giveaways
from gatehouse.datasets.report import Finding, Report
from gatehouse.datasets.user_file import SPLIT_WORDS, UserFile, blank, load
from gatehouse.records.dataset import PARTS

FEWEST_POSITIVES = 50
"""With fewer positives in the test part only counts are reported."""

_Places = npt.NDArray[np.int64]
_NOWHERE = np.empty(0, np.int64)


def check(path: Path, maps: Sequence[str] = (), labels: Sequence[str] = ()) -> Report:
    """Read and check a file; `maps` and `labels` are written as `mapping` says.

    Raises UserError when the file cannot be read at all or its columns cannot be told.
    """
    return check_file(load(path, maps, labels))


def check_file(file: UserFile) -> Report:
    """The report on a file that was read."""
    findings = [finding for search in _SEARCHES for finding in search(file)]
    findings.sort(key=lambda finding: finding.severity)
    return Report(
        path=str(file.path),
        records=len(file) + len(file.bad),
        columns=file.map.columns,
        label_columns={spec.label: str(spec) for spec in file.map.labels},
        guessed=file.map.guessed,
        labels={
            label: (int(v.holds.sum()), int((v.known & ~v.holds).sum()), int((~v.known).sum()))
            for label, v in file.votes.items()
        },
        findings=tuple(findings),
    )


def _finding(
    file: UserFile,
    kind: str,
    severity: Literal["error", "warning"],
    what: str,
    fix: str,
    places: _Places | Sequence[int] = _NOWHERE,
    removable: bool = False,
) -> Finding:
    at = np.asarray(places, np.int64)
    return Finding(kind, severity, what, fix, file.rows[at], at, removable)


def _unreadable(file: UserFile) -> Iterator[Finding]:
    rows = defaultdict(list)
    for bad in file.bad:
        rows[bad.reason.partition(" at byte ")[0]].append(bad.row)
    for reason, numbers in rows.items():
        what = f"{_records(len(numbers))} cannot be read: {reason}"
        fix = "save the file as UTF-8" if "UTF-8" in reason else "mend these records"
        yield Finding("unreadable", "error", what, fix, np.array(numbers), _NOWHERE, removable=True)


def _ids(file: UserFile) -> Iterator[Finding]:
    ids = file.column("id")
    if ids is None:
        return
    missing = _places(_blanks(ids))
    if missing.size:
        fix = "give each record an id, or map another column: --map id=COLUMN"
        yield _finding(file, "missing id", "error", f"{_records(missing.size)} without an id", fix, missing, True)
    here = np.arange(len(file))
    text, blank_id = _codes(file.texts), _blanks(ids)
    other = _places((text != text[_first(_codes(ids))]) & ~blank_id)
    if other.size:
        what = f"{_records(other.size)} with the id of an earlier record and another text"
        fix = "an id stands for one text: give each record an id of its own"
        yield _finding(file, "repeated id, other text", "error", what, fix, other, True)
    rater = file.column("rater")
    said = ids if rater is None else pc.binary_join_element_wise(pc.fill_null(ids, ""), pc.fill_null(rater, ""), "\0")
    earlier = _first(_codes(said))
    again = _places((earlier < here) & (text == text[earlier]) & ~blank_id)
    if again.size:
        who = "id and text" if rater is None else "id, text and rater"
        what = f"{_records(again.size)} with the {who} of an earlier record"
        yield _finding(file, "repeated id", "warning", what, "they will be merged; nothing must be done", again)


def _texts(file: UserFile) -> Iterator[Finding]:
    empty = _blanks(file.texts)
    if empty.any():
        what = f"{_records(int(empty.sum()))} without text"
        yield _finding(file, "empty text", "error", what, "write their text", _places(empty), True)
    if file.column("rater") is not None:
        return
    code = _codes(file.texts)
    later = _places((_first(code) < np.arange(len(file))) & ~empty)
    if later.size:
        what = f"{_records(later.size)} with the text of an earlier record"
        fix = "each text will be kept once, with all its labels; nothing must be done"
        yield _finding(file, "repeated text", "warning", what, fix, later)
    for label, votes in file.votes.items():
        says_yes, says_no = votes.holds, votes.known & ~votes.holds
        size = int(code.max(initial=0)) + 1
        yes, no = (np.bincount(code[side], minlength=size) > 0 for side in (says_yes, says_no))
        torn = _places((yes & no)[code] & votes.known & ~empty)
        if torn.size:
            what = f"{_records(torn.size)} with one text and different values of '{label}'"
            fix = "look which is right; otherwise both are kept as votes"
            yield _finding(file, "contradiction", "warning", what, fix, torn)


def _labels(file: UserFile) -> Iterator[Finding]:
    if not file.map.labels:
        fix = f"say which: --label NAME=COLUMN; the file has {', '.join(file.names)}"
        yield _finding(file, "no label", "error", "no column is known to hold a label", fix)
    for spec in file.map.labels:
        votes = file.votes[spec.label]
        if votes.unreadable:
            values = sorted(set(votes.unreadable.values()))
            shown = ", ".join(f"'{value[:30]}'" for value in values[:5]) + (", ..." if len(values) > 5 else "")
            n = _records(len(votes.unreadable))
            what = f"{n} where '{spec.column}' says neither yes nor no to '{spec.label}': {shown}"
            named = f"{spec},VALUE" if spec.no else f"{spec.label}={spec.column}:YES/NO"
            fix = f"mend them, or say which values mean what: --label '{named}'"
            yield _finding(file, "unknown label", "error", what, fix, sorted(votes.unreadable), True)
        if not votes.known.any() or votes.holds[votes.known].all() or not votes.holds.any():
            says = "nothing" if not votes.known.any() else "only yes" if votes.holds.any() else "only no"
            what = f"'{spec.label}' has one class only: the file says {says}"
            yield _finding(
                file, "one class", "error", what, "nothing can be learnt from it: add records of the other class"
            )
            continue
        tested = int((votes.holds & (_sides(file) == PARTS.index("test"))).sum())
        if tested < FEWEST_POSITIVES:
            what = f"'{spec.label}' holds for {_records(tested)} of the test part"
            fix = f"under {FEWEST_POSITIVES} its figures will be counts only: label more records"
            yield _finding(file, "few positives", "warning", what, fix)


def _split(file: UserFile) -> Iterator[Finding]:
    split = file.column("split")
    if split is not None:
        unknown = np.array([part is None for part in file.parts], bool)
        if unknown.any():
            values = sorted({str(value) for value in split.filter(pa.array(unknown)).unique().to_pylist()})
            what = f"{_records(int(unknown.sum()))} of no part that is known: {', '.join(values[:5])}"
            fix = f"parts are {', '.join(SPLIT_WORDS)}"
            yield _finding(file, "unknown part", "error", what, fix, _places(unknown), True)
        for part in {"train", "test"} - set(file.parts):
            what = f"the split column leaves nothing for the part '{part}'"
            yield _finding(file, "missing part", "error", what, "leave the split column out, or mark some records")
    sides = _sides(file)
    author = file.column("author")
    if split is not None and author is not None:
        code = _codes(author)
        there = ~_blanks(author) & (sides >= 0)
        most, least = np.full(code.max(initial=0) + 1, -1), np.full(code.max(initial=0) + 1, len(PARTS))
        np.maximum.at(most, code[there], sides[there])
        np.minimum.at(least, code[there], sides[there])
        both = _places(there & (most > least)[code])
        if both.size:
            what = f"{_records(both.size)} by authors who stand on more than one side of the split"
            fix = "leave the split column out (an author then stands on one side), or move them"
            yield _finding(file, "author on both sides", "error", what, fix, both)
    yield from _near_duplicates(file, sides)


def _near_duplicates(file: UserFile, sides: npt.NDArray[np.int64]) -> Iterator[Finding]:
    from gatehouse.datasets.near_duplicates import crossing

    # Texts that are repeated exactly are kept once when the file is imported, so they cross nothing.
    once = _first(_codes(file.texts)) == np.arange(len(file))
    looked_at = np.flatnonzero(once & ~_blanks(file.texts) & (sides >= 0))
    pairs = crossing(file.texts.take(pa.array(looked_at)), sides[looked_at])
    if pairs:
        given = file.column("split") is not None
        a, b = (int(file.rows[looked_at[place]]) for place in pairs[0])
        n = _records(len(pairs))
        what = f"{n} with a near-duplicate on another side of the split, for example row {a} and row {b}"
        fix = "figures measured on them flatter: keep one of each" + (
            ", or leave the split column out" if given else ""
        )
        held = looked_at[[place for place, _ in pairs]]
        yield _finding(file, "near-duplicate across the split", "error" if given else "warning", what, fix, held)


def _giveaways(file: UserFile) -> Iterator[Finding]:
    kept = {spec.column for spec in file.map.labels} | {spec.total for spec in file.map.labels}
    columns = {
        name: file.own(name) for name in file.names if name not in file.map.columns.values() and name not in kept
    }
    for wanted in ("id", "author", "language", "occurred"):
        column = file.column(wanted)
        if column is not None:
            columns[file.map.columns[wanted]] = column
    truth = {label: (votes.holds, votes.known) for label, votes in file.votes.items()}
    for found in giveaways.find(columns, truth):
        how = {"values": "its values", "letters": "the letters in its values", "order": "the order of its numbers"}[
            found.by
        ]
        what = f"column '{found.column}' gives '{found.label}' away by {how}"
        fix = "ask why: labels may have been drawn from it; never use it as a feature"
        yield _finding(file, "giveaway", "warning", what, fix)


def _times(file: UserFile) -> Iterator[Finding]:
    _, unreadable = file.times
    if unreadable:
        what = f"{_records(len(unreadable))} whose time cannot be read"
        fix = "write ISO 8601 with a zone (2024-05-01T12:00:00Z) or whole microseconds UTC"
        yield _finding(file, "unreadable time", "error", what, fix, unreadable, True)


_SEARCHES = (_unreadable, _ids, _texts, _labels, _times, _split, _giveaways)


def _sides(file: UserFile) -> npt.NDArray[np.int64]:
    """Each record's part as its place in PARTS, -1 where that is unknown."""
    return np.array([-1 if part is None else PARTS.index(part) for part in file.parts], np.int64)


def _codes(column: pa.Array) -> npt.NDArray[np.int64]:
    """Equal values as equal codes from 0; null is like the empty string."""
    indices = pc.dictionary_encode(pc.fill_null(column, "")).indices
    return np.asarray(indices.to_numpy(zero_copy_only=False), np.int64)


def _first(codes: npt.NDArray[np.int64]) -> _Places:
    """For each row the place of the first row with its code."""
    first = np.full(int(codes.max(initial=-1)) + 1, len(codes))
    np.minimum.at(first, codes, np.arange(len(codes)))
    return first[codes]


def _blanks(column: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(blank(column).to_numpy(zero_copy_only=False), bool)


def _places(mask: npt.NDArray[np.bool_]) -> _Places:
    return np.flatnonzero(mask)


def _records(n: int) -> str:
    return f"{n:,} record{'' if n == 1 else 's'}"
