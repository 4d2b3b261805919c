"""A platform's own log of Perspective scores, scored anew by our detectors and set beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.errors import Fault, Faults, UserError, suggestion
from gatehouse.evaluation.columns import TRUTH, Columns, add_bad, mapped, table
from gatehouse.evaluation.thresholds import Beside
from gatehouse.flows.perspective import Analyser

COLUMNS = ("text", "score", "label", "language", "author")
"""What a column can be; `text` and `score` must be there."""

AT_ONCE = 2_000


@dataclass(frozen=True)
class SideBySide:
    """Both scores of the texts that have both, and how many of the file's rows have not, by the reason.

    `unscored` has `language` and `failed` for what lacks a score of ours, `theirs` for what came without one.
    """

    beside: Beside
    rows: int
    unscored: Mapping[str, int]


def side_by_side(path: Path, given: Mapping[str, str], analyser: Analyser, attribute: str) -> SideBySide:
    """Score a log's texts for one attribute; `given` maps COLUMNS to the file's own.

    Rows without a score of theirs are left out. An author's texts belong together; where the file names none, those
    that are the same do. Raises UserError with every fault of the file, and where the attribute is not offered or no
    text could be scored.
    """
    offered = analyser.offered
    if attribute not in offered:
        raise UserError(f"no live detector stands in for {attribute}", fix=suggestion(attribute, offered))
    faults = Faults()
    mapping = mapped(path, given, COLUMNS, ("text", "score"), faults)
    faults.raise_found()
    rows, numbers, bad = table(path, mapping)
    add_bad(bad, path, faults)
    log = Columns(path, rows, numbers, faults)
    read = len(rows)
    log.keep(~log.empty("score"))
    if not len(log.table):
        what = "none of its rows has a score" if read else "the file has no rows"
        faults.add(what, str(path), "give texts with the scores that they had")
    theirs = _scores(log)
    empty = log.empty("text")
    log.fault(empty, "has no text", "have no text", "leave it out of the file")
    truth = log.words("label", TRUTH, "yes or no") if "label" in mapping else np.full(len(log.table), np.nan)
    faults.raise_found()
    ours, why = _ours(analyser, attribute, log.table)
    scored = ~np.isnan(ours)
    if not scored.any():
        covered = ", ".join(offered[attribute]) or "any language"
        what = f"not one of {len(ours):,} texts could be scored for {attribute}"
        raise UserError(
            what, where=str(path), fix=f"its detectors cover {covered}; gatehouse doctor says what is broken"
        )
    owners = log.table["author" if "author" in mapping else "text"].combine_chunks()
    clusters = _members(owners.filter(pa.array(scored)))
    reasons = {reason: int((why == reason).sum()) for reason in ("language", "failed")}
    unscored = {reason: n for reason, n in {"theirs": read - len(ours), **reasons}.items() if n}
    return SideBySide(Beside(theirs[scored], ours[scored], truth[scored], clusters), read, unscored)


def _scores(log: Columns) -> npt.NDArray[np.float64]:
    said = log.text("score")
    values = np.full(len(log.table), np.nan)
    for row, one in enumerate(said.to_pylist() if said is not None else ()):
        try:
            values[row] = float(one)
        except (TypeError, ValueError):
            continue
    wrong = ~((values >= 0) & (values <= 1))
    log.fault(
        wrong, "has no score from 0 to 1", "have no score from 0 to 1", "give the summary score as it was answered"
    )
    return values


def _ours(analyser: Analyser, attribute: str, rows: pa.Table) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.str_]]:
    texts = rows["text"].to_pylist()
    languages = rows["language"].to_pylist() if "language" in rows.column_names else [None] * len(texts)
    values, why = np.full(len(texts), np.nan), np.full(len(texts), "", "U8")
    for language in dict.fromkeys(languages):
        places = [place for place, one in enumerate(languages) if one == language]
        for start in range(0, len(places), AT_ONCE):
            part = places[start : start + AT_ONCE]
            scores = analyser([texts[place] for place in part], [attribute], language)
            values[part], why[part] = scores.values[attribute], scores.why[attribute]
    return values, why


def _members(owners: pa.Array) -> npt.NDArray[np.int64] | None:
    """Whose each text is; one that is nobody's stands for itself. None where each is another's."""
    codes = owners.dictionary_encode().indices
    found: npt.NDArray[np.int64] = codes.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    alone = found < 0
    found[alone] = len(owners) + np.flatnonzero(alone)
    return None if len(np.unique(found)) == len(found) else found


def check_thresholds(thresholds: tuple[float, ...]) -> None:
    """Raises UserError for thresholds that no score can reach."""
    wrong = [one for one in thresholds if not 0 < one <= 1]
    if wrong:
        raise UserError([Fault(f"{one} is no threshold", fix="thresholds lie over 0 and up to 1") for one in wrong])
