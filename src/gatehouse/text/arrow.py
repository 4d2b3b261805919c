"""Bytes and offsets of Arrow text columns, without a copy."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.errors import UserError

_MOST_BYTES = 2**31 - 1
_NOTHING = np.frombuffer(b" ", np.uint8)[:0]
"""No bytes, and none that may be written: for kernels the same type as all others."""

_WIDTHS: dict[int, type[np.int32 | np.int64]] = {pa.string().id: np.int32, pa.large_string().id: np.int64}


@dataclass(frozen=True, eq=False)
class TextBytes:
    """The texts of a column: row i is `data[offsets[i]:offsets[i + 1]]`, and null where `valid[i]` is False.

    `data` is uint8, `offsets` int64 [n + 1] from 0, `valid` bool [n]; `nulls` are the rows that are not valid. A null
    row's bytes mean nothing.
    """

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    valid: npt.NDArray[np.bool_]
    nulls: int


def text_bytes(texts: pa.Array) -> TextBytes:
    """The bytes of a string or large_string array, sliced or not; an array of type null holds only nulls."""
    n, width = len(texts), _WIDTHS.get(texts.type.id)
    if width is None and not pa.types.is_null(texts.type):
        raise TypeError(f"texts are string or large_string, not {texts.type}")
    if width is None or n == 0:
        return TextBytes(_NOTHING, np.zeros(n + 1, np.int64), np.zeros(n, np.bool_), n)
    _, offset_buffer, data_buffer = texts.buffers()
    absolute = np.frombuffer(offset_buffer, width)[texts.offset : texts.offset + n + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else _NOTHING
    nulls = texts.null_count
    valid = texts.is_valid().to_numpy(zero_copy_only=False) if nulls else np.ones(n, np.bool_)
    first, last = int(absolute[0]), int(absolute[-1])
    return TextBytes(data[first:last], absolute.astype(np.int64) - first, valid, nulls)


def bytes_of(texts: Sequence[str | None]) -> TextBytes:
    """The same of Python's texts, None for null; raises UnicodeEncodeError for half of a surrogate pair."""
    encoded = [b"" if text is None else text.encode() for text in texts]
    offsets = np.array(list(itertools.accumulate(map(len, encoded), initial=0)), np.int64)
    nulls = texts.count(None)
    valid = np.array([text is not None for text in texts], np.bool_) if nulls else np.ones(len(texts), np.bool_)
    data = np.frombuffer(b"".join(encoded), np.uint8) if offsets[-1] else _NOTHING
    return TextBytes(data, offsets, valid, nulls)


def joined(parts: Sequence[TextBytes]) -> TextBytes:
    """The texts of several columns as those of one, each behind the one before."""
    ends = itertools.accumulate((len(part.data) for part in parts), initial=0)
    offsets = [part.offsets[:-1] + end for part, end in zip(parts, ends, strict=False)]
    data = np.concatenate([_NOTHING, *(part.data for part in parts)])
    data.flags.writeable = False
    return TextBytes(
        data,
        np.concatenate([*offsets, [len(data)]]),
        np.concatenate([np.zeros(0, np.bool_), *(part.valid for part in parts)]),
        sum(part.nulls for part in parts),
    )


def texts_of(given: TextBytes) -> list[str | None]:
    """The texts that were laid out, as Python's."""
    data, offsets = given.data.tobytes(), given.offsets.tolist()
    return [
        data[start:end].decode() if known else None
        for start, end, known in zip(offsets, offsets[1:], given.valid.tolist(), strict=False)
    ]


def text_array(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_]) -> pa.Array:
    """A string array over UTF-8 bytes; raises UserError where they are more than one array can hold."""
    if offsets[-1] > _MOST_BYTES:
        raise UserError("the texts of one batch hold more than 2 GiB", fix="use batches with fewer rows")
    nulls = len(valid) - int(np.count_nonzero(valid))
    mask = pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None
    buffers = [mask, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(valid), buffers, nulls)
