"""The rows that go between the two passes of a scoring job, and the tables that Spark finds in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gatehouse.features.plan import Plan
from gatehouse.flows.intake import Reject, SoundRows
from gatehouse.records.event import EVENT_SCHEMA

NUMBER_BITS = 40
"""A row is known by the index of its item and, in this many bits, by its number in its file."""

ITEM_BYTES = 64 * 2**20
"""A Parquet file is read in items of about this many bytes, unpacked."""

PLACE = pa.schema(
    [
        pa.field("row", pa.int64()),
        pa.field("contents", pa.int64()),
        pa.field("reason", pa.string()),
        pa.field("begins", pa.string()),
    ]
)
"""What stands before the columns of an event: which row it is, the hash of all it says, and why it is set aside."""

COUNTS = pa.schema(
    [
        pa.field("what", pa.string()),
        pa.field("policy", pa.string()),
        pa.field("word", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("events", pa.int64()),
    ]
)
"""What a task counted; Spark adds them up."""

_TYPES = {
    pa.int64(): "BIGINT",
    pa.int8(): "TINYINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.string(): "STRING",
}


@dataclass(frozen=True)
class Item:
    """A piece of work: one file, or some of the row groups of a Parquet file."""

    path: Path
    groups: range | None = None


def items_of(files: list[Path]) -> list[Item]:
    """The pieces of work of these files, in order; only Parquet files can be read from the middle."""
    found: list[Item] = []
    for path in files:
        found.extend(_parquet_items(path) if path.suffix.lower() == ".parquet" else [Item(path)])
    return found


def _parquet_items(path: Path) -> Iterator[Item]:
    metadata = pq.read_metadata(path)
    first, held = 0, 0
    for group in range(metadata.num_row_groups):
        held += metadata.row_group(group).total_byte_size
        if held >= ITEM_BYTES or group == metadata.num_row_groups - 1:
            yield Item(path, range(first, group + 1))
            first, held = group + 1, 0


def between(plan: Plan | None) -> pa.Schema:
    """The schema of the rows between the passes: PLACE, the event, and what a plan of windows needs of it."""
    coded = [field for field in plan.coded if field.name not in ("row", "id", "place", "seen", "known")] if plan else []
    return pa.schema([field.with_nullable(True) for field in (*PLACE, *EVENT_SCHEMA, *coded)])


def window_columns(plan: Plan) -> list[str]:
    """What windows are called beside these rows, so that no declared name meets one of ours."""
    return [f"window_{place}" for place in range(len(plan.declarations))]


def ddl(schema: pa.Schema) -> str:
    """An Arrow schema in Spark's words."""
    return ", ".join(f"`{field.name}` {_TYPES[field.type]}" for field in schema)


def sound(rows: SoundRows, item: int, coded: pa.RecordBatch | None, schema: pa.Schema) -> pa.RecordBatch:
    """Events of an item as rows between the passes."""
    n = len(rows.events)
    columns = {
        **_by_name(rows.events),
        **(_by_name(coded) if coded else {}),
        "row": pa.array(rows.numbers + (item << NUMBER_BITS)),
        "contents": pa.array(rows.contents.view(np.int64)),
        "reason": pa.nulls(n, pa.string()),
        "begins": pa.nulls(n, pa.string()),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def set_aside(rejects: list[Reject], item: int, schema: pa.Schema) -> pa.RecordBatch:
    """Rejects of an item as rows between the passes."""
    columns = {
        "row": pa.array([(item << NUMBER_BITS) + (reject.row or 0) for reject in rejects], pa.int64()),
        "id": pa.array([reject.id for reject in rejects], pa.string()),
        "reason": pa.array([reject.reason for reject in rejects], pa.string()),
        "begins": pa.array([reject.begins for reject in rejects], pa.string()),
    }
    arrays = [columns.get(field.name, pa.nulls(len(rejects), field.type)) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def number(row: int) -> int:
    """A row's number in its file."""
    return row & ((1 << NUMBER_BITS) - 1)


def events_in(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The events of rows that are not set aside, in EVENT_SCHEMA."""
    return pa.RecordBatch.from_arrays([batch.column(name) for name in EVENT_SCHEMA.names], schema=EVENT_SCHEMA)


def _by_name(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def split(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows that are events, and those that are set aside."""
    events = pc.is_null(batch.column("reason"))
    return batch.filter(events), batch.filter(pc.invert(events))
