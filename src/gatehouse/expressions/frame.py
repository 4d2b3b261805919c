"""The columns of a batch as expressions read them, for all rows or for some picked out."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Mask = npt.NDArray[np.bool_]
Numbers = tuple[Any, Mask | None]
"""Numbers of a column (or one for all rows), and where they are known; None where all are."""


class Frame:
    """Some rows of a batch; what is read or computed from them is kept as long as they are."""

    def __init__(self, length: int, columns: Mapping[str, pa.Array]) -> None:
        self.length = length
        self.memory: dict[Hashable, Any] = {}
        self._columns = columns
        self._picked: tuple[Frame, npt.NDArray[np.int64]] | None = None
        self._read: dict[str | tuple[str, int | float], Any] = {}

    def pick(self, rows: npt.NDArray[np.int64]) -> "Frame":
        """A frame of these rows; its columns are copied only when they are read."""
        picked = Frame(len(rows), self._columns)
        picked._picked = (self, rows)
        return picked

    def text(self, name: str) -> pa.Array:
        """A VARCHAR column."""
        found = self._read.get(name)
        if found is None:
            if self._picked is not None:
                whole, rows = self._picked
                found = whole.text(name).take(pa.array(rows))
            else:
                found = self._columns[name]
                if not pa.types.is_string(found.type):
                    found = found.cast(pa.string())
            self._read[name] = found
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
                found = numbers_of(self._columns[name])
            self._read[name] = found
        return found

    def filled(self, name: str, filler: int | float) -> Any:
        """A BIGINT or DOUBLE column with this number wherever it is unknown."""
        found = self._read.get((name, filler))
        if found is None:
            values, known = self.numbers(name)
            found = self._read[name, filler] = values if known is None else np.where(known, values, filler)
        return found


def numbers_of(array: pa.Array) -> Numbers:
    """The values of an Arrow column without a copy where it has the language's own type."""
    known = _bits(array.buffers()[0], array.offset, len(array)) if array.null_count else None
    if pa.types.is_boolean(array.type):
        return _bits(array.buffers()[1], array.offset, len(array)), known
    wanted = pa.float64() if pa.types.is_floating(array.type) else pa.int64()
    if array.type != wanted:
        array = array.cast(wanted)
    dtype = np.float64 if wanted == pa.float64() else np.int64
    if len(array) == 0:
        return np.zeros(0, dtype), known
    return np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * 8), known


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
