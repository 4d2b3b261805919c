"""Profile columns: what the platform says of an actor or an event, carried by the event itself and so of its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import pyarrow as pa

from gatehouse.records.event import arrays_of

Kind = Literal["BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN"]

TYPES: dict[str, pa.DataType] = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
}
_ALIASES = {kind: str(type_) for kind, type_ in TYPES.items()}
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
        nulls = {kind: pa.nulls(len(attributes), TYPES[kind]) for kind in {column.kind for column in columns}}
        return [nulls[column.kind] for column in columns]
    read = values(attributes.to_pylist(), columns)
    return arrays_of([(_ALIASES[column.kind], read[column.name]) for column in columns])


def values(attributes: Sequence[str | None], columns: Sequence[ProfileColumn]) -> dict[str, list[Any]]:
    """The same as Python's values, by name."""
    rows = [_read(text) for text in attributes]
    return {column.name: _column([row.get(column.name) for row in rows], column.kind) for column in columns}


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


def _column(said: list[Any], kind: str) -> list[Any]:
    """What events say under one name, None where that is of another type."""
    # Nearly always all are of the type, and only whole numbers can be too large.
    wanted = _PYTHON[kind]
    if wanted is not int and all(type(value) is wanted for value in said):
        return said
    return [_typed(value, kind) for value in said]


def _typed(value: Any, kind: str) -> Any:
    found = type(value)
    if found is int:
        if not -(1 << 63) <= value < 1 << 63:
            return None
        if kind == "DOUBLE":
            return float(value)
    return value if found is _PYTHON[kind] else None
