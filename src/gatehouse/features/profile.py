"""Profile columns: what the platform says of an actor or an event, carried by the event itself and so of its time."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import pyarrow as pa

from gatehouse.text.rows import Values

Kind = Literal["BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN"]

TYPES: dict[str, pa.DataType] = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
}
_PYTHON: dict[str, Any] = {"BIGINT": int, "DOUBLE": float, "VARCHAR": str, "BOOLEAN": bool}
_IN_WORDS = {"BIGINT": "a whole number", "DOUBLE": "a number", "VARCHAR": "a text", "BOOLEAN": "true or false"}

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_FITTING: dict[str, Any] = {
    "BIGINT": Annotated[int, msgspec.Meta(ge=_LEAST, le=_MOST)] | None,
    "DOUBLE": float | int | None,
    "VARCHAR": str | None,
    "BOOLEAN": bool | None,
}
"""What JSON says of a column that is read in one go; of a DOUBLE's whole numbers some are too large, and all change."""


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


class Profile:
    """Reads the declared columns out of the attributes of events."""

    def __init__(self, columns: Sequence[ProfileColumn]) -> None:
        self._columns = tuple(columns)
        # Attributes are written in the order of their names, and fields in that order are found soonest.
        self._in_order = sorted(self._columns, key=lambda column: column.name)

    def values(self, attributes: Sequence[str | None]) -> Values:
        """The columns by name, None where an event does not bring one or brings another type.

        `attributes` are JSON, as events carry them.
        """
        nothing = (None,) * len(self._columns)
        rows = [self._row(text) if text else nothing for text in attributes]
        read = dict(zip((column.name for column in self._in_order), zip(*rows, strict=True), strict=False))
        return {column.name: _numbers(read.get(column.name, ()), column.kind) for column in self._columns}

    def _row(self, text: str) -> tuple[Any, ...]:
        """What attributes say of each column, in order."""
        try:
            return msgspec.structs.astuple(self._decode(text))
        except msgspec.ValidationError:
            # What is of another type costs its own column alone.
            said = _read(text)
            return tuple(_typed(said.get(column.name), column.kind) for column in self._in_order)

    @functools.cached_property
    def _decode(self) -> Callable[[str], Any]:
        """Reads attributes that are all of their types, several times as fast as into a dict."""
        names = {f"f{place}": column.name for place, column in enumerate(self._in_order)}
        fields = [(field, _FITTING[column.kind], None) for field, column in zip(names, self._in_order, strict=True)]
        return msgspec.json.Decoder(msgspec.defstruct("Attributes", fields, rename=names, gc=False)).decode


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


def _numbers(said: Sequence[Any], kind: str) -> Sequence[Any]:
    """A column as it was read, where it is a DOUBLE with its whole numbers as such."""
    if kind != "DOUBLE" or int not in set(map(type, said)):
        return said
    return [_typed(value, kind) for value in said]


def _typed(value: Any, kind: str) -> Any:
    found = type(value)
    if found is int:
        if not _LEAST <= value <= _MOST:
            return None
        if kind == "DOUBLE":
            return float(value)
    return value if found is _PYTHON[kind] else None
