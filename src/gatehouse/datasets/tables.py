"""Reading anyone's CSV, JSON Lines or Parquet file, in bounded memory, without losing or failing on a broken record."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import csv_records, json_records, parquet_records
from gatehouse.datasets.blocks import MAX_RECORD_BYTES, BadRecord, Block
from gatehouse.errors import Fault, UserError, did_you_mean, nearest

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""What can be read; all but Parquet also with `.gz` behind."""

TEXT = "text"
"""The wanted column that must hold strings: a number in its place is a fault, not a text."""

NESTED = ("attributes", "media")
"""The wanted columns that may hold objects or lists, which come as their JSON text."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, eq=False)
class TableBatch:
    """Records read together: `columns` under their wanted names, and the broken ones that stood among them.

    `row_numbers` is int64 [n], from 1: the line where the record starts, in Parquet the record's number.
    """

    columns: pa.RecordBatch
    row_numbers: npt.NDArray[np.int64]
    bad: list[BadRecord]


def column_names(path: Path) -> list[str]:
    """The file's columns in their order; for JSON Lines the keys of its first thousand objects."""
    suffix = _suffix(path)
    if suffix == ".parquet":
        with parquet_records.open_file(path) as file:
            return list(file.schema_arrow.names)
    with _opened(path) as stream:
        if suffix in (".jsonl", ".ndjson"):
            names = json_records.column_names(stream)
            if not names:
                raise UserError(
                    "no line is a JSON object", where=str(path), fix='write {"id": ..., "text": ...} a line'
                )
            return names
        return [name.decode("utf-8", "backslashreplace").strip() for name in csv_records.header(stream)[0]]


def read(
    path: Path,
    mapping: Mapping[str, str],
    *,
    batch_rows: int = 32_768,
    types: Mapping[str, pa.DataType] | None = None,
    groups: range | None = None,
) -> Iterator[TableBatch]:
    """Batches of at most `batch_rows` records; `mapping` is wanted name to column in the file.

    Columns are strings unless `types` says otherwise by wanted name; a value that is not of its type makes its
    record a bad one. An empty CSV field, a missing JSON key and a null are null. A batch may hold bad records only.
    `groups` are the row groups of a Parquet file to read; without it, and of other files, all is read.
    Raises UserError, before the first batch, when the file or a mapped column is not there.
    """
    _require(path, mapping, column_names(path))
    if _suffix(path) == ".parquet":
        parquet_records.require(path, mapping, {TEXT}, NESTED)
    wanted = {name: (types or {}).get(name, pa.string()) for name in mapping}
    return _batches(_blocks(path, mapping, batch_rows, groups), wanted, batch_rows)


def _batches(blocks: Iterator[Block], wanted: Mapping[str, pa.DataType], batch_rows: int) -> Iterator[TableBatch]:
    for block in blocks:
        columns, rows, bad = _typed(block, wanted)
        bad.sort(key=lambda record: record.row)
        for start in range(0, max(len(rows), 1), batch_rows):
            part = slice(start, start + batch_rows)
            last = start + batch_rows >= len(rows)
            until = len(bad) if last else next((i for i, b in enumerate(bad) if b.row > rows[part][-1]), len(bad))
            if columns.num_rows or until:
                yield TableBatch(columns.slice(start, batch_rows), rows[part], bad[:until])
            bad = bad[until:]


def _blocks(path: Path, mapping: Mapping[str, str], batch_rows: int, groups: range | None) -> Iterator[Block]:
    suffix = _suffix(path)
    if suffix == ".parquet":
        yield from parquet_records.blocks(path, mapping, batch_rows, groups)
        return
    with _opened(path) as stream:
        if suffix in (".jsonl", ".ndjson"):
            yield from json_records.blocks(stream, mapping, {TEXT}, NESTED)
            return
        header, delimiter, lines = csv_records.header(stream)
        names = [name.decode("utf-8", "backslashreplace").strip() for name in header]
        places = {name: names.index(column) for name, column in mapping.items()}
        yield from csv_records.Reader(places, len(names), delimiter).blocks(stream, lines + 1)


def _suffix(path: Path) -> str:
    """The suffix that says how to read the file; raises UserError when it cannot be read at all."""
    if not path.exists():
        near = nearest(path.name, [p.name for p in path.parent.iterdir()]) if path.parent.is_dir() else None
        fix = f"did you mean {path.parent / near}?" if near else "check the path"
        raise UserError("there is no such file", where=str(path), fix=fix)
    if path.is_dir():
        raise UserError("this is a folder, not a file", where=str(path), fix="name one file in it")
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    suffix = plain.suffix.lower()
    if suffix not in SUFFIXES or (plain != path and suffix == ".parquet"):
        raise UserError(
            f"files with the suffix '{''.join(path.suffixes[-2:]) or 'none'}' cannot be read",
            where=str(path),
            fix=f"write it as {', '.join(SUFFIXES[:-1])} (each also with .gz) or {SUFFIXES[-1]}",
        )
    if not path.stat().st_size:
        raise UserError("the file is empty", where=str(path), fix="write at least a header and one record")
    return suffix


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked and past its byte-order mark."""
    try:
        open_bytes: Callable[..., Any] = gzip.open if path.suffix.lower() == ".gz" else open
        with open_bytes(path, "rb") as stream:
            mark = stream.read(3)
            if mark[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise UserError("the file is UTF-16", where=str(path), fix="save it as UTF-8")
            if mark != _BOM:
                stream.seek(0)
            yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"the gzip file is damaged ({error})", where=str(path), fix="copy or pack it again") from None


def _require(path: Path, mapping: Mapping[str, str], names: list[str]) -> None:
    faults = []
    for column in dict.fromkeys(mapping.values()):
        if names.count(column) > 1:
            faults.append(Fault(f"there are {names.count(column)} columns '{column}'", str(path), "rename one of them"))
        if column not in names:
            guess = did_you_mean(column, names)
            faults.append(
                Fault(f"there is no column '{column}'", str(path), f"{guess}The file has: {', '.join(names)}")
            )
    if faults:
        raise UserError(faults)


def _typed(
    block: Block, wanted: Mapping[str, pa.DataType]
) -> tuple[pa.RecordBatch, npt.NDArray[np.int64], list[BadRecord]]:
    """The block with its columns in the wanted types, and all its bad records."""
    bad = list(block.bad)
    good = np.ones(len(block.rows), bool)
    columns = []
    for name, kind in wanted.items():
        column, refused = _cast(block.columns[name], kind)
        for i, reason in refused.items():
            if good[i]:
                bad.append(BadRecord(int(block.rows[i]), f"{name} {reason}", block.raw(i)))
            good[i] = False
        columns.append(column)
    batch = pa.RecordBatch.from_arrays(columns, schema=pa.schema(list(wanted.items())))
    if good.all():
        return batch, block.rows, bad
    return batch.filter(pa.array(good)), block.rows[good], bad


def _cast(column: pa.Array, kind: pa.DataType) -> tuple[pa.Array, dict[int, str]]:
    """The column in its type, and by place why a value is not of it (it is null there)."""
    refused: dict[int, str] = {}
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type) and kind == pa.int64():
        column = column.cast(pa.timestamp("us"))
    if _holds_bytes(column.type):
        column = _decoded(column.cast(pa.large_binary()), refused)
    if column.type == kind:
        return column, refused
    try:
        return column.cast(kind), refused
    except pa.ArrowInvalid:
        return _each(column, kind, refused), refused


def _holds_bytes(kind: pa.DataType) -> bool:
    is_kind = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in is_kind)


def _decoded(column: pa.Array, refused: dict[int, str]) -> pa.Array:
    """Bytes as strings; the casts of Arrow from string to string do not look at the bytes, those from binary do."""
    longest = pc.max(pc.binary_length(column)).as_py() or 0
    if longest <= MAX_RECORD_BYTES:
        try:
            return column.cast(pa.string())
        except pa.ArrowInvalid:
            pass
    values: list[str | None] = []
    for i, value in enumerate(column.to_pylist()):
        found = None
        try:
            found = value if value is None else value.decode()
        except UnicodeDecodeError:
            refused[i] = "is not UTF-8"
        if found is not None and len(value) > MAX_RECORD_BYTES:
            found, refused[i] = None, f"is longer than {MAX_RECORD_BYTES:,} bytes"
        values.append(found)
    return pa.array(values, pa.string())


def _each(column: pa.Array, kind: pa.DataType, refused: dict[int, str]) -> pa.Array:
    """Casts one value at a time, for a column in which some cannot be."""
    values = []
    for i, value in enumerate(column):
        try:
            values.append(value.cast(kind))
        except pa.ArrowInvalid:
            values.append(pa.scalar(None, kind))
            refused[i] = f"is '{str(value)[:40]}', not {kind}"
    return pa.array([value.as_py() for value in values], kind)
