"""Records of a Parquet file."""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gatehouse.datasets.blocks import BLOCK_BYTES, Block, beginning
from gatehouse.errors import Fault, UserError


def open_file(path: Path) -> pq.ParquetFile:
    """The file, opened; raises UserError when it is not Parquet."""
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(
            f"this cannot be read as Parquet ({error})",
            where=str(path),
            fix="write the file again, or check its suffix",
        ) from None


def require(path: Path, mapping: Mapping[str, str], strict: Collection[str], objects: Collection[str] = ()) -> None:
    """Raises UserError where a mapped column is nested and none of `objects`, or a `strict` one holds no text."""
    faults = []
    with open_file(path) as file:
        schema = file.schema_arrow
    for name, column in mapping.items():
        kind = schema.field(column).type
        held = kind.value_type if pa.types.is_dictionary(kind) else kind
        if pa.types.is_nested(held) and name in objects:
            continue
        if pa.types.is_nested(held):
            faults.append(Fault(f"column '{column}' is nested ({kind})", str(path), "write plain values in it"))
        elif name in strict and held not in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.null()):
            faults.append(Fault(f"column '{column}' holds {kind}, not strings", str(path), f"map {name} to another"))
    if faults:
        raise UserError(faults)


def blocks(path: Path, mapping: Mapping[str, str], batch_rows: int, groups: range | None = None) -> Iterator[Block]:
    """Blocks in the file's own types, of these row groups or all; a record's number counts from 1 in the file."""
    columns = list(dict.fromkeys(mapping.values()))
    with open_file(path) as file:
        wanted = range(file.num_row_groups) if groups is None else groups
        first = 1 + sum(file.metadata.row_group(i).num_rows for i in range(wanted.start))
        rows_at_once = min(batch_rows, _fitting(file.metadata))
        for batch in file.iter_batches(rows_at_once, row_groups=list(wanted), columns=columns, use_threads=False):
            rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
            yield Block(
                {name: _plain(batch.column(column)) for name, column in mapping.items()},
                rows,
                [],
                partial(_shown, batch),
            )
            first += batch.num_rows


def _plain(column: pa.Array) -> pa.Array:
    """A column as it is; objects and lists as their JSON text, without what is null in an object."""
    if not pa.types.is_nested(column.type):
        return column
    mapped = pa.types.is_map(column.type)
    return pa.array([None if value is None else _written(value, mapped) for value in column.to_pylist()], pa.string())


def _written(value: Any, mapped: bool) -> str:
    said = dict(value) if mapped else value
    if isinstance(said, dict):
        said = {name: one for name, one in said.items() if one is not None}
    return msgspec.json.encode(said, order="deterministic").decode()


def _fitting(metadata: pq.FileMetaData) -> int:
    """How many records of the widest row group fit a few blocks of memory."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=1.0)
    return max(1, int(4 * BLOCK_BYTES / max(widest, 1.0)))


def _shown(batch: pa.RecordBatch, i: int) -> str:
    """A record as text; strings are taken as bytes, for they may be what is broken."""
    values = []
    for column in batch.columns:
        value = column.slice(i, 1)
        if pa.types.is_string(value.type) or pa.types.is_large_string(value.type):
            value = value.cast(pa.large_binary())
        found = value[0].as_py()
        values.append(beginning(found) if isinstance(found, bytes) else str(found))
    return beginning(", ".join(values).encode())
