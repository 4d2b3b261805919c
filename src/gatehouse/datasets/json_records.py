"""Records of a JSON Lines file: one object a line."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import IO, Any

import msgspec
import numpy as np
import pyarrow as pa

from gatehouse.datasets.blocks import MAX_RECORD_BYTES, BadRecord, Block, beginning, line_blocks, too_long

_LOOKED_AT = 1_000
_WORDS = {
    "object": "an object",
    "array": "a list",
    "int": "a number",
    "float": "a number",
    "bool": "a boolean",
    "str": "a string",
    "null": "null",
}
_Scalar = str | int | float | bool | None


def column_names(stream: IO[bytes]) -> list[str]:
    """Keys of the first thousand objects, in the order in which they are first seen."""
    names: dict[str, None] = {}
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    lines = (line for _, block, _ in line_blocks(stream) for line in block.split(b"\n"))
    for line in islice((line for line in lines if line.strip()), _LOOKED_AT):
        try:
            names.update(dict.fromkeys(decoder.decode(line)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return list(names)


def blocks(
    stream: IO[bytes], mapping: Mapping[str, str], strict: Collection[str], objects: Collection[str] = ()
) -> Iterator[Block]:
    """Blocks of strings; numbers and booleans come as they are written in JSON, except in `strict` columns.

    A key that an object lacks, or that is null, is null. Columns of `objects` may hold anything; what is no string
    there comes as its JSON text.
    """
    columns = list(dict.fromkeys(mapping.values()))
    kinds: dict[str, Any] = {mapping[name]: Any for name in objects if name in mapping}
    kinds |= {mapping[name]: str | None for name in strict if name in mapping}
    record = msgspec.defstruct(
        "Record",
        [(f"c{i}", kinds.get(column, _Scalar), None) for i, column in enumerate(columns)],
        rename={f"c{i}": column for i, column in enumerate(columns)},
    )
    decoder = msgspec.json.Decoder(record)
    for first, text, bad in line_blocks(stream):
        rows, found, kept = [], [], []
        for number, line in enumerate(text.split(b"\n"), first):
            if not line or line.isspace():
                continue
            if len(line) > MAX_RECORD_BYTES:
                bad.append(too_long(number, line))
                continue
            try:
                found.append(decoder.decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                bad.append(BadRecord(number, _reason(error, line), beginning(line)))
                continue
            rows.append(number)
            kept.append(line)
        arrays = {column: _strings([getattr(row, f"c{i}") for row in found]) for i, column in enumerate(columns)}
        yield Block(
            {name: arrays[column] for name, column in mapping.items()},
            np.array(rows, np.int64),
            bad,
            partial(_beginning, kept),
        )


def _beginning(lines: list[bytes], i: int) -> str:
    return beginning(lines[i])


def _strings(values: list[Any]) -> pa.Array:
    return pa.array([_written(value) if type(value) is not str else value for value in values], pa.string())


def _written(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict | list):
        return msgspec.json.encode(value, order="deterministic").decode()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reason(error: Exception, line: bytes) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, msgspec.ValidationError):
        return _wrong_type(str(error))
    try:
        json.loads(line)
    except json.JSONDecodeError as found:
        return f"not JSON: {found.msg} at byte {found.pos + 1}"
    return "half of a surrogate pair in a string"


def _wrong_type(said: str) -> str:
    """`Expected ..., got ... - at $.key` in plain words."""
    found = re.fullmatch(r"Expected `(.+)`, got `(.+?)`(?: - at `\$\.(.+)`)?", said)
    if found is None:
        return said
    expected, got, key = found.groups()
    if key is None:
        return f"{_WORDS.get(got, got)} where an object is expected"
    wanted = "a string" if expected == "str | null" else "a string, number or boolean"
    return f"{key} is {_WORDS.get(got, got)}, not {wanted}"
