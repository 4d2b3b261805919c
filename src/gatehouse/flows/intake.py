"""Intake: rows of somebody's file become events, and what cannot become one is set aside with its reason."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import tables
from gatehouse.datasets.repeats import Came, Repeats
from gatehouse.datasets.times import implausible, microseconds
from gatehouse.errors import UserError, nearest
from gatehouse.features.profile import ProfileColumn
from gatehouse.flows.attributes import attributes_of
from gatehouse.records.event import EVENT_SCHEMA, media_of
from gatehouse.text.hashing import hash64

REQUIRED = ("id", "text")
OPTIONAL = tuple(name for name in EVENT_SCHEMA.names if name not in (*REQUIRED, "seen", "imported"))
ENTITIES = ("actor", "target")
KEYS = (*ENTITIES, "address", "device")
IN_WORDS = {"occurred": "time"}
BEGINNING = 200
_PARTING = re.compile(r"[\s,;]+")
AGAIN = {
    Came.AGAIN: "the id came before with the same content; it was judged once",
    Came.AGAIN_WITH_OTHER_CONTENT: "the id came before with other content; the first was judged",
}


@dataclass(frozen=True)
class Reject:
    """A record that was set aside: where it stands in its file, its id if it has one, why, and how it begins."""

    row: int | None
    id: str | None
    reason: str
    begins: str


@dataclass(frozen=True)
class SoundRows:
    """Events of one block that have nothing wrong in themselves, and the rejects that stood among them.

    `numbers` is int64 [n], where each stands in its file; `contents` is uint64 [n], a hash of all that each row says.
    """

    events: pa.RecordBatch
    numbers: npt.NDArray[np.int64]
    contents: npt.NDArray[np.uint64]
    rejects: list[Reject]


@dataclass
class Intake:
    """Events of one block of a file, and its rejects."""

    events: pa.RecordBatch
    rejects: list[Reject] = field(default_factory=list)


def columns_for(path: Path, given: Mapping[str, str], profile: Sequence[ProfileColumn] = ()) -> dict[str, str]:
    """Which column of the file serves for each column of an event: as given, else by the same name.

    Declared columns of the profile may stand in the file by themselves, and become attributes of the event.
    Raises UserError, naming every fault, when a given column does not exist or `id` or `text` has none.
    """
    there = tables.column_names(path)
    known = (*REQUIRED, *OPTIONAL, *(column.name for column in profile))
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UserError(f"unknown event column {', '.join(unknown)}", fix=f"an event has {', '.join(known)}")
    mapping = {name: given.get(name, name) for name in known if given.get(name, name) in there}
    missing = [name for name in (*REQUIRED, *given) if name not in mapping]
    if missing:
        wanted = given.get(missing[0], missing[0])
        near = nearest(wanted, there)
        hint = f"did you mean --map {missing[0]}={near}? " if near else f"say which it is: --map {missing[0]}=COLUMN; "
        raise UserError(
            f"no column '{wanted}' for {missing[0]}", where=str(path), fix=f"{hint}the file has {', '.join(there)}"
        )
    return mapping


def events_of(
    path: Path,
    mapping: Mapping[str, str],
    seen: int,
    batch_rows: int = 32_768,
    *,
    profile: Sequence[ProfileColumn] = (),
    require: tuple[str, ...] = (),
) -> Iterator[Intake]:
    """The events of a CSV, JSONL or Parquet file, block by block, in its order.

    `seen` is now, and the time of rows without one of their own. What `sound_rows` sets aside is set aside, and a row
    whose id came before.
    """
    repeats = Repeats()
    try:
        for rows in sound_rows(path, mapping, seen, batch_rows=batch_rows, profile=profile, require=require):
            came = repeats.came(hash64(rows.events.column("id")), rows.contents)
            events, again = without_repeats(rows.events, rows.numbers, came)
            yield Intake(events, sorted((*rows.rejects, *again), key=lambda reject: reject.row or 0))
    finally:
        repeats.close()


def sound_rows(
    path: Path,
    mapping: Mapping[str, str],
    seen: int,
    *,
    groups: range | None = None,
    batch_rows: int = 32_768,
    profile: Sequence[ProfileColumn] = (),
    require: tuple[str, ...] = (),
) -> Iterator[SoundRows]:
    """The rows of a file, each looked at by itself; `groups` are the row groups of a Parquet file to read, or all.

    Set aside is a row without an id or one of the columns that `require` names, and one that says what cannot be: a
    time before 1970 or more than a day after `seen`, a negative amount, attributes of another type than declared, media
    that are no hashes.
    """
    for block in tables.read(path, mapping, batch_rows=batch_rows, groups=groups):
        rejects = [Reject(bad.row, None, bad.reason, bad.raw) for bad in block.bad]
        batch, numbers = block.columns, block.row_numbers
        reasons = {**_missing(batch, require), **_reasons(batch, seen)}
        if {"attributes", *(column.name for column in profile)} & set(batch.schema.names):
            attributes, wrong = attributes_of(batch, profile)
            reasons = {**wrong, **reasons}
            batch = _with_attributes(batch, attributes, profile)
        if "media" in batch.schema.names:
            media, wrong = _media(batch.column("media"))
            reasons = {**wrong, **reasons}
            batch = batch.set_column(batch.schema.get_field_index("media"), "media", media)
        rejects += [_reject(batch, numbers, i, reason) for i, reason in sorted(reasons.items())]
        if reasons:
            sound = np.ones(len(batch), np.bool_)
            sound[list(reasons)] = False
            batch, numbers = batch.filter(pa.array(sound)), numbers[sound]
        yield SoundRows(_as_events(batch, seen), numbers, _contents(batch), rejects)


def without_repeats(
    events: pa.RecordBatch, numbers: npt.NDArray[np.int64], came: npt.NDArray[np.uint8]
) -> tuple[pa.RecordBatch, list[Reject]]:
    """The events whose id is new, and the others as rejects; `came` is uint8 [n] of Came."""
    again = np.flatnonzero(came != Came.NEW)
    if not len(again):
        return events, []
    rejects = [_reject(events, numbers, int(i), AGAIN[Came(int(came[i]))]) for i in again]
    return events.filter(pa.array(came == Came.NEW)), rejects


def _reject(batch: pa.RecordBatch, numbers: npt.NDArray[np.int64], row: int, reason: str) -> Reject:
    return Reject(int(numbers[row]), batch.column("id")[row].as_py(), reason, _begins(batch, row))


def _with_attributes(batch: pa.RecordBatch, attributes: pa.Array, profile: Sequence[ProfileColumn]) -> pa.RecordBatch:
    """The batch with all attributes in their one column."""
    gone = {"attributes", *(column.name for column in profile)}
    columns = {name: batch.column(name) for name in batch.schema.names if name not in gone}
    return pa.RecordBatch.from_pydict({**columns, "attributes": attributes})


def _missing(batch: pa.RecordBatch, require: tuple[str, ...]) -> dict[int, str]:
    """Rows that lack one of these columns of an event."""
    reasons: dict[int, str] = {}
    for name in require:
        there = name in batch.schema.names
        missing = _blank(batch.column(name)) if there else pa.repeat(pa.scalar(True), len(batch))
        for row in _rows(missing):
            reasons.setdefault(row, f"the {IN_WORDS.get(name, name)} is missing")
    return reasons


def _blank(column: pa.Array) -> pa.Array:
    return pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column.cast(pa.string())), ""), True)


def _reasons(batch: pa.RecordBatch, now: int) -> dict[int, str]:
    """Why rows of themselves cannot become events."""
    reasons = dict.fromkeys(_rows(_blank(batch.column("id"))), "the id is missing")
    for name in batch.schema.names:
        column = batch.column(name)
        if pa.types.is_string(column.type):
            for row in _rows(pc.fill_null(pc.match_substring(column, "\0"), False)):
                reasons.setdefault(row, f"the {name} holds a NUL character")
        if name in ENTITIES:
            for row in _rows(pc.fill_null(pc.match_substring_regex(column, "^:|:$"), False)):
                reasons.setdefault(row, f"the {name} is not written kind:id")
    if "occurred" in batch.schema.names:
        times, wrong = microseconds(batch.column("occurred"))
        reasons = {**implausible(times, now), **wrong, **reasons}
    if "revision" in batch.schema.names:
        for row in _rows(
            pc.fill_null(pc.invert(pc.match_substring_regex(batch.column("revision"), r"^\d{1,9}$")), False)
        ):
            reasons.setdefault(row, "the revision is not a whole number")
    if "amount" in batch.schema.names:
        reasons = {**_amounts(batch.column("amount")), **reasons}
    return reasons


def _amounts(column: pa.Array) -> dict[int, str]:
    """Why amounts are none; those of up to eighteen digits are seen to be sound at once."""
    reasons = {}
    for row in _rows(pc.fill_null(pc.invert(pc.match_substring_regex(column, r"^\d{1,18}$")), False)):
        said = column[row].as_py()
        if re.fullmatch(r"-\d+(\.\d*)?", said):
            reasons[row] = "the amount is negative"
        elif re.fullmatch(r"\d+", said):
            reasons[row] = "the amount is too large: at most 18 digits"
        else:
            reasons[row] = (
                f"the amount '{said[:40]}' is not a whole number of smallest units: write cents, 1250 for 12.50"
            )
    return reasons


def _media(column: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """Hashes of media as events write them, and why rows have none; a row says a list of them, or a text of several."""
    said = pa.nulls(len(column), pa.string()).to_pylist()
    reasons = {}
    for row in _rows(pc.invert(_blank(column))):
        text = column[row].as_py().strip()
        try:
            hashes = msgspec.json.decode(text, type=list[str]) if text.startswith("[") else _PARTING.split(text)
            said[row] = " ".join(media_of(one.strip() for one in hashes if one.strip())) or None
        except msgspec.MsgspecError:
            reasons[row] = "the media are no list of hashes"
        except UserError as error:
            reasons[row] = "; ".join(fault.what for fault in error.faults)
    return pa.array(said, pa.string()), reasons


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
        **{name: pc.if_else(pc.equal(given[name], ""), None, given[name]) for name in KEYS if name in given},
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
