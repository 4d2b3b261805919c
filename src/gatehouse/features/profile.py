"""Profile columns: what the platform says of an actor or an event, carried by the event itself and so of its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import pyarrow as pa

Kind = Literal["BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN"]

TYPES: dict[str, pa.DataType] = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
}
_PYTHON: dict[str, Any] = {"BIGINT": int, "DOUBLE": float, "VARCHAR": str, "BOOLEAN": bool}
_IN_WORDS = {"BIGINT": "a whole number", "DOUBLE": "a number", "VARCHAR": "a text", "BOOLEAN": "true or false"}


@dataclass(frozen=True)
class ProfileColumn:
    """A value that events bring along under this name in their attributes."""

    name: str
    kind: Kind
    meaning: str = ""

    @property
    def field(self) -> pa.Field:
        """The column's Arrow field, with its meaning."""
        meaning = self.meaning or f"The attribute '{self.name}' as the event brings it."
        return pa.field(self.name, TYPES[self.kind], metadata={"meaning": meaning})


def compute(events: pa.RecordBatch, columns: Sequence[ProfileColumn]) -> list[pa.Array]:
    """The declared columns of the events' attributes; NULL where an event does not bring one or brings another type."""
    if not columns:
        return []
    attributes = events.column("attributes")
    if attributes.null_count == len(attributes):
        return [pa.nulls(len(attributes), column.field.type) for column in columns]
    rows = [_read(text) for text in attributes.to_pylist()]
    found = []
    for column in columns:
        values = [_typed(row.get(column.name), column.kind) for row in rows]
        found.append(pa.array(values, column.field.type))
    return found


def wrong(attributes: str | None, columns: Sequence[ProfileColumn]) -> str | None:
    """Why an event's attributes do not fit the declared columns, or None where they do."""
    said = _read(attributes)
    for column in columns:
        value = said.get(column.name)
        if value is not None and _typed(value, column.kind) is None:
            return f"the attribute '{column.name}' is not {_IN_WORDS[column.kind]}"
    return None


def _read(text: str | None) -> dict[str, Any]:
    return msgspec.json.decode(text, type=dict[str, Any]) if text else {}


def _typed(value: Any, kind: str) -> Any:
    if type(value) is int and not -(1 << 63) <= value < 1 << 63:
        return None
    if kind == "DOUBLE" and type(value) is int:
        return float(value)
    return value if type(value) is _PYTHON[kind] else None
