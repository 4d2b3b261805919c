"""Bytes and offsets of Arrow text columns, without a copy."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.errors import UserError

_MOST_BYTES = 2**31 - 1


@dataclass(frozen=True, eq=False)
class TextBytes:
    """The texts of a column: row i is `data[offsets[i]:offsets[i + 1]]`, and null where `valid[i]` is False.

    `data` is uint8, `offsets` int64 [n + 1] from 0, `valid` bool [n]. A null row's bytes mean nothing.
    """

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    valid: npt.NDArray[np.bool_]


def text_bytes(texts: pa.Array) -> TextBytes:
    """The bytes of a string or large_string array, sliced or not; an array of type null holds only nulls."""
    n = len(texts)
    if pa.types.is_null(texts.type) or n == 0:
        return TextBytes(np.empty(0, np.uint8), np.zeros(n + 1, np.int64), np.zeros(n, np.bool_))
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise TypeError(f"texts are string or large_string, not {texts.type}")
    _, offset_buffer, data_buffer = texts.buffers()
    width: type[np.int32 | np.int64] = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    absolute = np.frombuffer(offset_buffer, width)[texts.offset : texts.offset + n + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    valid = texts.is_valid().to_numpy(zero_copy_only=False) if texts.null_count else np.ones(n, np.bool_)
    first, last = int(absolute[0]), int(absolute[-1])
    return TextBytes(data[first:last], absolute.astype(np.int64) - first, valid)


def text_array(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_]) -> pa.Array:
    """A string array over UTF-8 bytes; raises UserError where they are more than one array can hold."""
    if offsets[-1] > _MOST_BYTES:
        raise UserError("the texts of one batch hold more than 2 GiB", fix="use batches with fewer rows")
    nulls = len(valid) - int(np.count_nonzero(valid))
    mask = pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None
    buffers = [mask, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(valid), buffers, nulls)
