"""The files of a prevalence study: scores to draw from, the drawn rows to label, and how they were drawn."""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import tables
from gatehouse.errors import Fault, Faults, UserError, did_you_mean, suggestion

Floats = npt.NDArray[np.float64]

ANSWERS = ("yes", "no", "unsure")
"""What a label can say."""

COLUMNS = ("id", "chance", "score", "views", "label", "looks")
"""Columns of the file to label, in their order; `score` and `views` stand there only when they are known."""

_ROWS_SAID = 8
_PARTED = re.compile(r"[\s,;]+")
_SCORED = {"event_id", "detector", "label", "state", "score"}


@dataclass(frozen=True, eq=False)
class Frame:
    """All items of a population: ids, scores (NaN where an item has none) and views, where the file has them."""

    path: Path
    ids: list[str]
    score: Floats
    views: Floats | None

    def __len__(self) -> int:
        return len(self.ids)


class DrawNote(msgspec.Struct, frozen=True, kw_only=True):
    """How rows were drawn, kept beside them: enough to estimate, and to see whether rows were lost or changed.

    `items` and `views` count the population that could be drawn; `looks` is how many see an item after a first yes.
    """

    seed: int
    by: str
    floor: float
    looks: int
    expected: float
    items: int
    views: float | None
    source: str
    chances: dict[str, float]


@dataclass(frozen=True, eq=False)
class Labelled:
    """Drawn rows with their labels; `answers` holds the first label and then the second looks of each row."""

    path: Path
    ids: list[str]
    rows: npt.NDArray[np.int64]
    chance: Floats
    score: Floats | None
    views: Floats | None
    answers: list[tuple[str, ...]]
    note: DrawNote | None


class RowFaults:
    """Faults of a file gathered by kind, each with the rows where it was found."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[tuple[str, str], list[int]] = {}

    def add(self, what: str, row: int, fix: str) -> None:
        """Note one row."""
        self._rows.setdefault((what, fix), []).append(row)

    def where(self, what: str, wrong: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64], fix: str) -> None:
        """Note all rows where `wrong` holds."""
        for row in rows[wrong]:
            self.add(what, int(row), fix)

    def faults(self) -> list[Fault]:
        """One fault a kind, naming its first rows."""
        return [
            Fault(f"{what} ({rows_in_words(rows)})", f"{self._path}:{rows[0]}", fix)
            for (what, fix), rows in self._rows.items()
        ]


def rows_in_words(rows: Sequence[int]) -> str:
    """`row 7`, or `rows 7, 9 and 40 more`."""
    said = ", ".join(f"{row:,}" for row in rows[:_ROWS_SAID])
    more = f" and {len(rows) - _ROWS_SAID:,} more" if len(rows) > _ROWS_SAID else ""
    return f"row {said}" if len(rows) == 1 else f"rows {said}{more}"


def read_frame(path: Path, given: Mapping[str, str], label: str | None = None) -> Frame:
    """The items of a file of scores: what `gatehouse score` writes (`label` says which), or columns id and score.

    `given` maps id, score and views to the file's columns. Raises UserError with all faults and their rows.
    """
    names = tables.column_names(path)
    mapping = _mapping(names, given, ("id", "score", "views"), required=("id", "score"))
    scored = not given and set(names) >= _SCORED
    if label and not scored:
        raise UserError("there is no label to choose in this file", where=str(path), fix="leave out --label")
    if scored:
        columns, rows = _one_label(path, mapping, label)
    else:
        columns, rows = _read(path, mapping, numbers=("score", "views"))
    faults = RowFaults(path)
    ids = _ids(columns["id"], rows, faults)
    score, views = _numbers(columns["score"]), _numbers(columns["views"]) if "views" in columns else None
    faults.where("a score is not between 0 and 1", (score < 0) | (score > 1), rows, "scores must be probabilities")
    _check_views(views, rows, faults)
    _raise(faults.faults())
    if not ids:
        raise UserError("there is no item in this file", where=str(path), fix="give the file of scores")
    return Frame(path, ids, score, views)


def read_judged(path: Path, given: Mapping[str, str]) -> Frame:
    """A cheap judge's word on every item, as `score`: column judge with yes, no or a number from 0 to 1."""
    mapping = _mapping(tables.column_names(path), given, ("id", "judge", "views"), required=("id", "judge"))
    columns, rows = _read(path, mapping, numbers=("views",))
    faults = RowFaults(path)
    ids = _ids(columns["id"], rows, faults)
    judged = np.array([_word(value) for value in columns["judge"].to_pylist()], np.float64)
    fix = "write yes, no or a number from 0 to 1 for every item; a judge that gave no answer has not labelled it"
    faults.where(
        "the judge's label is not yes, no or a number from 0 to 1", ~((judged >= 0) & (judged <= 1)), rows, fix
    )
    views = _numbers(columns["views"]) if "views" in columns else None
    _check_views(views, rows, faults)
    _raise(faults.faults())
    return Frame(path, ids, judged, views)


def note_path(out: Path) -> Path:
    """Where the note of a draw lies: beside its rows."""
    return out.with_name(out.name + ".draw.json")


def write_draw(out: Path, frame: Frame, places: npt.NDArray[np.int64], chance: Floats, note: DrawNote) -> None:
    """Write the rows to label and the note beside them."""
    if out.suffix.lower() != ".csv":
        raise UserError("rows to label are written as CSV", where=str(out), fix="end --out in .csv")
    if out.exists():
        raise UserError(
            "this file is there already, perhaps with labels in it", where=str(out), fix="choose another --out"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    known = [name for name in COLUMNS if name != "views" or frame.views is not None]
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, known, restval="")
        writer.writeheader()
        for place in places:
            row: dict[str, object] = {"id": frame.ids[place], "chance": repr(float(chance[place]))}
            if not np.isnan(frame.score[place]):
                row["score"] = repr(float(frame.score[place]))
            if frame.views is not None:
                row["views"] = f"{frame.views[place]:.15g}"
            writer.writerow(row)
    note_path(out).write_text(json.dumps(msgspec.to_builtins(note), indent=1) + "\n", encoding="utf-8")


def read_labelled(path: Path) -> Labelled:
    """The labelled rows of a draw, with its note where it lies beside them.

    Raises UserError with every fault and its rows: unlabelled, not a label, a chance that is none, ids lost or added.
    """
    names = tables.column_names(path)
    mapping = _mapping(names, {}, COLUMNS, required=("id", "chance", "label"))
    columns, rows = _read(path, mapping, numbers=("chance", "score", "views"))
    faults = RowFaults(path)
    ids = _ids(columns["id"], rows, faults)
    chance = _numbers(columns["chance"])
    score = _numbers(columns["score"]) if "score" in columns else None
    views = _numbers(columns["views"]) if "views" in columns else None
    fix = "give the file as it was drawn; only label and looks are for you to fill"
    faults.where("the chance is not above 0 and at most 1", ~((chance > 0) & (chance <= 1)), rows, fix)
    if score is not None:
        faults.where("a score is not between 0 and 1", (score < 0) | (score > 1), rows, fix)
    _check_views(views, rows, faults)
    note = _note(path)
    answers = _answers(columns, rows, faults)
    _raise([*faults.faults(), *(_against(note, path, ids, rows, chance) if note else ())])
    if not ids:
        raise UserError("there is no row in this file", where=str(path), fix="gatehouse prevalence draw writes one")
    return Labelled(path, ids, rows, chance, score, views, answers, note)


def _mapping(
    names: Sequence[str], given: Mapping[str, str], wanted: Iterable[str], required: Sequence[str]
) -> dict[str, str]:
    """Wanted columns by their names in the file; what is required and not there is left for `tables` to refuse."""
    faults = Faults()
    for name in given:
        if name not in wanted:
            faults.add(f"'{name}' is not a column that is read", "--map", suggestion(name, wanted))
    faults.raise_found()
    guessed = {
        name: "event_id" if name == "id" and name not in names and "event_id" in names else name for name in wanted
    }
    return {
        name: given.get(name, guessed[name])
        for name in wanted
        if name in given or guessed[name] in names or name in required
    }


def _read(
    path: Path, mapping: Mapping[str, str], numbers: Sequence[str], only: str | None = None
) -> tuple[dict[str, pa.ChunkedArray], npt.NDArray[np.int64]]:
    """The columns whole, or the rows where the column label is `only`, with row numbers; broken records are faults."""
    types = {name: pa.float64() for name in numbers if name in mapping}
    batches, rows, faults = [], [], RowFaults(path)
    for batch in tables.read(path, mapping, types=types):
        kept = None if only is None else pc.fill_null(pc.equal(batch.columns["label"], only), False)
        batches.append(batch.columns if kept is None else batch.columns.filter(kept))
        rows.append(batch.row_numbers if kept is None else batch.row_numbers[kept.to_numpy(zero_copy_only=False)])
        for bad in batch.bad:
            faults.add(bad.reason, bad.row, "mend or remove the record")
    _raise(faults.faults())
    schema = pa.schema([(name, types.get(name, pa.string())) for name in mapping])
    table = pa.Table.from_batches(batches, schema)
    return {name: table[name] for name in mapping}, np.concatenate([np.zeros(0, np.int64), *rows])


def _one_label(
    path: Path, mapping: Mapping[str, str], label: str | None
) -> tuple[dict[str, pa.ChunkedArray], npt.NDArray[np.int64]]:
    """One row an event, with its highest score for the label; without one where no detector gave any."""
    batches = tables.read(path, {"label": "label"})
    names = sorted({name for batch in batches for name in pc.unique(batch.columns["label"]).to_pylist() if name})
    if label is None and len(names) > 1:
        raise UserError(
            f"the file has scores for {len(names)} labels", where=str(path), fix=f"add --label: {', '.join(names)}"
        )
    if label is not None and label not in names:
        raise UserError(f"the file has no label '{label}'", where=str(path), fix=suggestion(label, names))
    columns, rows = _read(path, {**mapping, "label": "label"}, ("score",), only=label or "".join(names))
    table = pa.table(columns).append_column("row", pa.array(rows))
    grouped = table.group_by("id", use_threads=False).aggregate([("score", "max"), ("row", "min")])
    return {"id": grouped["id"], "score": grouped["score_max"]}, grouped["row_min"].to_numpy()


def _ids(column: pa.ChunkedArray, rows: npt.NDArray[np.int64], faults: RowFaults) -> list[str]:
    ids: list[str] = column.to_pylist()
    first: dict[str, int] = {}
    for name, row in zip(ids, rows, strict=True):
        if not name:
            faults.add("there is no id", int(row), "every item needs an id of its own")
        elif first.setdefault(name, int(row)) != row:
            faults.add("an id stands there twice", int(row), "every item needs an id of its own")
    return ids


def _answers(
    columns: Mapping[str, pa.ChunkedArray], rows: npt.NDArray[np.int64], faults: RowFaults
) -> list[tuple[str, ...]]:
    labels = columns["label"].to_pylist()
    looks = columns["looks"].to_pylist() if "looks" in columns else [None] * len(labels)
    found = []
    for label, more, row in zip(labels, looks, rows, strict=True):
        first = (label or "").strip().casefold()
        others = _PARTED.split((more or "").strip().casefold()) if (more or "").strip() else []
        if not first:
            faults.add(
                "there is no label", int(row), "write yes, no or unsure; leaving rows out would bias the estimate"
            )
        for word in (first, *others):
            if word and word not in ANSWERS:
                fix = f"{did_you_mean(word, ANSWERS)}write yes, no or unsure"
                faults.add(f"'{word}' is not a label", int(row), fix)
        found.append((first, *others))
    return found


def _note(path: Path) -> DrawNote | None:
    place = note_path(path)
    if not place.exists():
        return None
    try:
        return msgspec.json.decode(place.read_bytes(), type=DrawNote)
    except msgspec.MsgspecError as error:
        raise UserError(
            f"this is not the note of a draw: {error}",
            where=str(place),
            fix="restore it, or move it away to do without",
        ) from None


def _against(
    note: DrawNote, path: Path, ids: Sequence[str], rows: npt.NDArray[np.int64], chance: Floats
) -> list[Fault]:
    """Rows that are not as they were drawn."""
    faults = RowFaults(path)
    for name, row, found in zip(ids, rows, chance, strict=True):
        drawn = note.chances.get(name)
        if drawn is None:
            faults.add("an id was not drawn", int(row), "only drawn rows have a chance; remove it")
        elif not abs(found - drawn) <= 1e-9:
            faults.add("the chance is not the one it was drawn with", int(row), f"restore it from {note_path(path)}")
    lost = sorted(note.chances.keys() - set(ids))
    found_faults = faults.faults()
    if lost:
        shown = ", ".join(lost[:_ROWS_SAID]) + (" and more" if len(lost) > _ROWS_SAID else "")
        fix = "put the rows back and label them: the estimate needs every drawn row"
        found_faults.append(
            Fault(f"{len(lost):,} of {len(note.chances):,} drawn ids are missing: {shown}", str(path), fix)
        )
    return found_faults


def _check_views(views: Floats | None, rows: npt.NDArray[np.int64], faults: RowFaults) -> None:
    if views is not None:
        wrong = ~((views >= 0) & np.isfinite(views))
        faults.where("views are missing or below 0", wrong, rows, "write how often the item was seen")


def _numbers(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.to_numpy(), np.float64)


def _word(value: str | None) -> float:
    """A judge's label as a number, NaN where it is none."""
    text = (value or "").strip().casefold()
    if text in ("yes", "no"):
        return float(text == "yes")
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _raise(faults: list[Fault]) -> None:
    if faults:
        raise UserError(faults)
