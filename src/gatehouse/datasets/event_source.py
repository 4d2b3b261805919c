"""What a reader of a public history gives: its source, its events block by block, and claims about who did them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets.items import SourceFile
from gatehouse.datasets.tables import TableBatch
from gatehouse.features.profile import ProfileColumn
from gatehouse.records.event import EVENT_SCHEMA

ENTITY_LABELS = pa.schema(
    [
        pa.field("subject", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("value", pa.int8(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("at", pa.int64()),
    ]
)
"""Columns of claims about entities, written `kind:id`; `at` is when it was said (microseconds UTC), null: unknown."""

_BEGINNING = 200


@dataclass(frozen=True)
class SetAside:
    """A record that became no event: where it stands in its file, its id if it has one, why, and how it begins."""

    row: int | None
    id: str | None
    reason: str
    begins: str


@dataclass(frozen=True, eq=False)
class EventBlock:
    """Events in EVENT_SCHEMA that were read together, and the records among them that were set aside."""

    events: pa.RecordBatch
    aside: tuple[SetAside, ...] = ()


@dataclass(frozen=True)
class EventSource:
    """A public history: what it is, for whom it speaks, where it comes from, and how it is read.

    `read` gives events with their own time (`seen` = `occurred`, imported), `labels` claims in ENTITY_LABELS.
    `profile` declares what their attributes hold; `limits` are sentences that its card repeats.
    """

    name: str
    title: str
    licence: str
    population: str
    home: str
    files: tuple[SourceFile, ...]
    profile: tuple[ProfileColumn, ...]
    limits: tuple[str, ...]
    read: Callable[[Path], Iterator[EventBlock]]
    labels: Callable[[Path], pa.Table]

    @property
    def size(self) -> int:
        """Bytes of all the known files."""
        return sum(file.size for file in self.files)


def events_of(
    batch: TableBatch,
    columns: Mapping[str, object],
    *,
    name: str,
    wrong: Mapping[str, npt.NDArray[np.bool_]] | None = None,
) -> EventBlock:
    """A block of history: `columns` are arrays, or one value for all rows; ids are `name` and the row's number.

    Set aside are the records that could not be read, those that are `wrong` (masks by reason), and those without an
    actor or a time from 1970 on.
    """
    n = len(batch.columns)
    ids = pc.binary_join_element_wise(name, pc.utf8_lpad(pa.array(batch.row_numbers).cast(pa.string()), 8, "0"), "-")
    given = {"kind": "post", "revision": 0, **columns, "id": ids, "imported": True}
    given["seen"] = pc.fill_null(given["occurred"], 0)
    arrays = [_column(given.get(field.name), n, field.type) for field in EVENT_SCHEMA]
    events = pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA)
    reasons = dict(wrong or {})
    reasons["the actor is missing"] = _true(pc.invert(pc.match_substring_regex(events.column("actor"), "^[^:]+:.")))
    reasons["the time is missing"] = _true(pc.is_null(events.column("occurred")))
    reasons["the time is before 1970"] = _true(pc.less(events.column("occurred"), 0), unknown=False)
    aside = [SetAside(bad.row, None, bad.reason, bad.raw) for bad in batch.bad]
    sound = np.ones(n, np.bool_)
    for reason, mask in reasons.items():
        for place in np.flatnonzero(mask & sound).tolist():
            begins = ", ".join(str(column[place]) for column in batch.columns.columns)[:_BEGINNING]
            aside.append(SetAside(int(batch.row_numbers[place]), ids[place].as_py(), reason, begins))
        sound &= ~mask
    aside.sort(key=lambda one: one.row or 0)
    return EventBlock(events if sound.all() else events.filter(pa.array(sound)), tuple(aside))


def entities(kind: str, ids: pa.Array) -> pa.Array:
    """References `kind:id`; null where there is no id."""
    known = pc.if_else(pc.equal(pc.utf8_trim_whitespace(ids), ""), None, ids)
    return pc.binary_join_element_wise(kind, known, ":")


def claims(source: str, said: Mapping[str, Mapping[str, int]]) -> pa.Table:
    """Claims in ENTITY_LABELS without a time: `said` gives for each subject its labels and their values."""
    rows = [(subject, label, value) for subject, labels in said.items() for label, value in labels.items()]
    subjects, labels, values = zip(*rows, strict=True) if rows else ((), (), ())
    n = len(rows)
    columns = {"subject": subjects, "label": labels, "value": values, "source": [source] * n, "at": [None] * n}
    return pa.Table.from_pydict(columns, schema=ENTITY_LABELS)


def _column(given: object, n: int, kind: pa.DataType) -> pa.Array:
    if isinstance(given, pa.Array):
        return given.cast(kind)
    return pa.nulls(n, kind) if given is None else pa.repeat(pa.scalar(given, kind), n)


def _true(mask: pa.Array, unknown: bool = True) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.fill_null(mask, unknown).to_numpy(zero_copy_only=False)
    return found
