"""Attributes of events as files bring them: JSON objects, and declared columns that stand by themselves."""

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from gatehouse.features.profile import ProfileColumn, wrong

_WHOLE = re.compile(r"[+-]?\d{1,19}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_TRUTH = {"true": True, "false": False}


def attributes_of(batch: pa.RecordBatch, profile: Sequence[ProfileColumn]) -> tuple[pa.Array, dict[int, str]]:
    """Each row's attributes as a JSON object with its keys in order, null where there are none; why others have none.

    The declared columns that the batch holds beside its `attributes` become attributes of their type, and outweigh
    what the object says under the same name. All columns are texts.
    """
    n = len(batch)
    objects = batch.column("attributes").to_pylist() if "attributes" in batch.schema.names else [None] * n
    own = [column for column in profile if column.name in batch.schema.names]
    columns = [[_typed(value, column.kind) for value in batch.column(column.name).to_pylist()] for column in own]
    written: list[str | None] = []
    reasons: dict[int, str] = {}
    for row, text in enumerate(objects):
        brought = {column.name: values[row] for column, values in zip(own, columns, strict=True)}
        try:
            written.append(_written({**_read(text), **_known(brought)}, profile))
        except ValueError as error:
            reasons[row] = str(error)
            written.append(None)
    return pa.array(written, pa.string()), reasons


def _read(text: str | None) -> dict[str, Any]:
    if text is None or not text.strip():
        return {}
    try:
        return _known(msgspec.json.decode(text, type=dict[str, Any]))
    except (msgspec.MsgspecError, RecursionError):
        raise ValueError("the attributes are no JSON object") from None


def _known(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


def _written(said: dict[str, Any], profile: Sequence[ProfileColumn]) -> str | None:
    """The JSON text; raises ValueError where a value is not what it is declared to be, or nothing that can be kept."""
    if not said:
        return None
    if any("\0" in name for name in said):
        raise ValueError("the name of an attribute holds a NUL character")
    for name, value in said.items():
        if reason := _unkept(value):
            raise ValueError(f"the attribute '{name[:40]}' {reason}")
    text = msgspec.json.encode(said, order="deterministic").decode()
    if reason := wrong(text, profile):
        raise ValueError(reason)
    return text


def _unkept(value: Any) -> str | None:
    if isinstance(value, str):
        return "holds a NUL character" if "\0" in value else None
    if isinstance(value, float):
        return None if math.isfinite(value) else "is no finite number"
    if isinstance(value, int):
        return None if -(1 << 63) <= value < 1 << 63 else "does not fit 64 bits"
    return "is neither a text nor a number nor a truth value"


def _typed(text: str | None, kind: str) -> Any:
    """The value of a column's text; one that is not of its kind stays a text, which is then told of."""
    if text is None or kind == "VARCHAR":
        return text
    plain = text.strip()
    if not plain:
        return None
    if kind == "BIGINT" and _WHOLE.fullmatch(plain):
        return int(plain)
    if kind == "DOUBLE" and _NUMBER.fullmatch(plain):
        return float(plain)
    return _TRUTH.get(plain.lower(), text) if kind == "BOOLEAN" else text
