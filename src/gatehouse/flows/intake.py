"""Intake: rows of somebody's file become events, and what cannot become one is set aside with its reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import tables
from gatehouse.datasets.repeats import Came, Repeats
from gatehouse.datasets.times import microseconds
from gatehouse.errors import UserError, nearest
from gatehouse.records.event import EVENT_SCHEMA
from gatehouse.text.hashing import hash64

REQUIRED = ("id", "text")
OPTIONAL = tuple(name for name in EVENT_SCHEMA.names if name not in (*REQUIRED, "seen", "imported"))
ENTITIES = ("actor", "target")
BEGINNING = 200


@dataclass(frozen=True)
class Reject:
    """A record that was set aside: where it stands in its file, its id if it has one, why, and how it begins."""

    row: int | None
    id: str | None
    reason: str
    begins: str


@dataclass
class Intake:
    """Events of one block of a file, and its rejects."""

    events: pa.RecordBatch
    rejects: list[Reject] = field(default_factory=list)


def columns_for(path: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Which column of the file serves for each column of an event: as given, else by the same name.

    Raises UserError, naming every fault, when a given column does not exist or `id` or `text` has none.
    """
    there = tables.column_names(path)
    unknown = sorted(set(given) - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise UserError(
            f"unknown event column {', '.join(unknown)}", fix=f"an event has {', '.join((*REQUIRED, *OPTIONAL))}"
        )
    mapping = {name: given.get(name, name) for name in (*REQUIRED, *OPTIONAL) if given.get(name, name) in there}
    missing = [name for name in (*REQUIRED, *given) if name not in mapping]
    if missing:
        wanted = given.get(missing[0], missing[0])
        near = nearest(wanted, there)
        hint = f"did you mean --map {missing[0]}={near}? " if near else f"say which it is: --map {missing[0]}=COLUMN; "
        raise UserError(
            f"no column '{wanted}' for {missing[0]}", where=str(path), fix=f"{hint}the file has {', '.join(there)}"
        )
    return mapping


def events_of(path: Path, mapping: Mapping[str, str], seen: int, batch_rows: int = 32_768) -> Iterator[Intake]:
    """The events of a CSV, JSONL or Parquet file, block by block, in its order.

    `seen` is for rows without a time of their own. A row without an id, or whose id came before, is set aside.
    """
    repeats = Repeats()
    try:
        for block in tables.read(path, mapping, batch_rows=batch_rows):
            rejects = [Reject(bad.row, None, bad.reason, bad.raw) for bad in block.bad]
            batch, numbers = block.columns, block.row_numbers
            keep, refused = _sound(batch, numbers, repeats)
            rejects.extend(refused)
            if not keep.all():
                batch = batch.filter(pa.array(keep))
            yield Intake(_as_events(batch, seen), sorted(rejects, key=lambda reject: reject.row or 0))
    finally:
        repeats.close()


def _sound(
    batch: pa.RecordBatch, numbers: npt.NDArray[np.int64], repeats: Repeats
) -> tuple[npt.NDArray[np.bool_], list[Reject]]:
    """Which rows may become events, and why the others may not."""
    ids = batch.column("id")
    reasons = _reasons(batch)
    sound = np.ones(len(batch), np.bool_)
    sound[list(reasons)] = False
    rows = np.flatnonzero(sound)
    came = repeats.came(hash64(ids)[rows], _contents(batch)[rows])
    for place in np.flatnonzero(came != Came.NEW):
        same = came[place] == Came.AGAIN
        reasons[int(rows[place])] = (
            "the id came before with the same content; it was judged once"
            if same
            else "the id came before with other content; the first was judged"
        )
    sound[list(reasons)] = False
    rejects = [
        Reject(int(numbers[i]), ids[i].as_py(), reason, _begins(batch, i)) for i, reason in sorted(reasons.items())
    ]
    return sound, rejects


def _reasons(batch: pa.RecordBatch) -> dict[int, str]:
    """Why rows of themselves cannot become events."""
    unnamed = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(batch.column("id")), ""), True)
    reasons = dict.fromkeys(_rows(unnamed), "the id is missing")
    for name in batch.schema.names:
        column = batch.column(name)
        if pa.types.is_string(column.type):
            for row in _rows(pc.fill_null(pc.match_substring(column, "\0"), False)):
                reasons.setdefault(row, f"the {name} holds a NUL character")
        if name in ENTITIES:
            for row in _rows(pc.fill_null(pc.match_substring_regex(column, "^:|:$"), False)):
                reasons.setdefault(row, f"the {name} is not written kind:id")
    if "occurred" in batch.schema.names:
        for row, reason in microseconds(batch.column("occurred"))[1].items():
            reasons.setdefault(row, reason)
    if "revision" in batch.schema.names:
        for row in _rows(
            pc.fill_null(pc.invert(pc.match_substring_regex(batch.column("revision"), r"^\d{1,9}$")), False)
        ):
            reasons.setdefault(row, "the revision is not a whole number")
    return reasons


def _rows(mask: pa.Array) -> list[int]:
    found: list[int] = np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist()
    return found


def _contents(batch: pa.RecordBatch) -> npt.NDArray[np.uint64]:
    """A hash of all that each row says."""
    said = np.zeros(len(batch), np.uint64)
    for place, column in enumerate(batch.columns):
        said ^= hash64(column.cast(pa.string()), seed=place + 1)
    return said


def _begins(batch: pa.RecordBatch, row: int) -> str:
    text = batch.column("text")[row].as_py()
    return "" if text is None else str(text)[:BEGINNING]


def _as_events(batch: pa.RecordBatch, seen: int) -> pa.RecordBatch:
    n = len(batch)
    given = {name: batch.column(name) for name in batch.schema.names}
    occurred, _ = microseconds(given.get("occurred", pa.nulls(n)))
    columns = {
        **given,
        **{name: pc.if_else(pc.equal(given[name], ""), None, given[name]) for name in ENTITIES if name in given},
        "kind": pc.fill_null(given["kind"], "post") if "kind" in given else _same("post", n),
        "occurred": occurred,
        "seen": pc.fill_null(occurred, seen),
        "imported": _same(True, n),
        "revision": pc.fill_null(given["revision"].cast(pa.int64()), 0) if "revision" in given else _same(0, n),
    }
    arrays = [
        columns[wanted.name].cast(wanted.type) if wanted.name in columns else pa.nulls(n, wanted.type)
        for wanted in EVENT_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA)


def _same(value: object, n: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), n)
