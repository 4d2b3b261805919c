"""The columns of a batch as expressions read them, for all rows or for some picked out."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.expressions.tree import Type, type_of

Mask = npt.NDArray[np.bool_]
Numbers = tuple[Any, Mask | None]
"""Numbers of a column (or one for all rows), and where they are known; None where all are."""


class Frame:
    """Some rows of columns of these types; what is read or computed from them is kept as long as they are.

    `column` gives each as Arrow's, and is asked only for those that are read.
    """

    def __init__(self, length: int, types: Mapping[str, Type], column: Callable[[str], pa.Array]) -> None:
        self.length = length
        self.memory: dict[Hashable, Any] = {}
        self.answers: Mask = np.empty((0, length), np.bool_)
        self._types = types
        self._column = column
        self._picked: tuple[Frame, npt.NDArray[np.int64]] | None = None
        self._read: dict[str, Any] = {}
        self._strings: dict[str, list[str | None]] = {}

    def pick(self, rows: npt.NDArray[np.int64]) -> "Frame":
        """A frame of these rows; its columns are copied only when they are read."""
        picked = Frame(len(rows), self._types, self._column)
        picked._picked = (self, rows)
        return picked

    def answered(self, row: int) -> Mask:
        """For the rows of this frame, a row of the answers that are known for all."""
        if self._picked is not None:
            whole, rows = self._picked
            return whole.answered(row)[rows]
        found: Mask = self.answers[row]
        return found

    def text(self, name: str) -> pa.Array:
        """A VARCHAR column."""
        found = self._read.get(name)
        if found is None:
            if self._picked is not None:
                whole, rows = self._picked
                found = whole.text(name).take(pa.array(rows))
            else:
                found = self._checked(name, pa.string())
            self._read[name] = found
        return found

    def strings(self, name: str) -> list[str | None]:
        """A VARCHAR column as Python's texts."""
        found: list[str | None] | None = self._strings.get(name)
        if found is None:
            if self._picked is not None:
                whole, rows = self._picked
                said = whole.strings(name)
                found = [said[row] for row in rows.tolist()]
            else:
                found = self.text(name).to_pylist()
            self._strings[name] = found
        return found

    def numbers(self, name: str) -> Numbers:
        """A BIGINT, DOUBLE or BOOLEAN column."""
        found: Numbers | None = self._read.get(name)
        if found is None:
            if self._picked is not None:
                whole, rows = self._picked
                values, known = whole.numbers(name)
                found = (values[rows], known if known is None else known[rows])
            else:
                found = numbers_of(self._checked(name, _STORED[self._types[name]]))
            self._read[name] = found
        return found

    def _checked(self, name: str, wanted: pa.DataType) -> pa.Array:
        column = self._column(name)
        if column.type == wanted:
            return column
        if type_of(column.type) is not self._types[name]:
            raise TypeError(f"column '{name}' is {column.type}, the expression was checked for {self._types[name]}")
        return column.cast(wanted)


_STORED = {Type.BOOLEAN: pa.bool_(), Type.BIGINT: pa.int64(), Type.DOUBLE: pa.float64()}


def numbers_of(array: pa.Array) -> Numbers:
    """The values of an Arrow column without a copy where it has the language's own type."""
    length, offset, (validity, data) = len(array), array.offset, array.buffers()
    known = _bits(validity, offset, length) if array.null_count else None
    if array.type == pa.bool_():
        return _bits(data, offset, length), known
    if array.type not in (pa.int64(), pa.float64()):
        return numbers_of(array.cast(pa.float64() if pa.types.is_floating(array.type) else pa.int64()))
    dtype = np.float64 if array.type == pa.float64() else np.int64
    return np.frombuffer(data, dtype, length, offset * 8) if length else np.zeros(0, dtype), known


def true_rows(array: pa.BooleanArray) -> Mask:
    """Where a boolean Arrow column is true; null is not."""
    values = _bits(array.buffers()[1], array.offset, len(array))
    return values & _bits(array.buffers()[0], array.offset, len(array)) if array.null_count else values


def _bits(buffer: pa.Buffer | None, offset: int, length: int) -> Mask:
    if length == 0 or buffer is None:
        return np.zeros(length, np.bool_)
    first = offset // 8
    packed = np.frombuffer(buffer, np.uint8, (offset + length + 7) // 8 - first, first)
    return np.unpackbits(packed, bitorder="little")[offset - first * 8 :][:length].view(np.bool_)
