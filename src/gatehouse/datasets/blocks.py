"""What the readers of files give to `tables`: blocks of records with their places, and the records that are broken."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

BLOCK_BYTES = 4 * 2**20
"""How much of a file is read at a time."""

MAX_RECORD_BYTES = 8 * 2**20
"""A record longer than this is a bad record: no reader keeps more of a file in memory than this and one block."""

_RAW_BYTES = 200


@dataclass(frozen=True)
class BadRecord:
    """A record that could not be read: where it starts, why, and its raw beginning."""

    row: int
    reason: str
    raw: str


@dataclass(frozen=True, eq=False)
class Block:
    """Records read together; `columns` are of one length, `raw` gives the beginning of the i-th record as it stood."""

    columns: dict[str, pa.Array]
    rows: npt.NDArray[np.int64]
    bad: list[BadRecord]
    raw: Callable[[int], str]


def beginning(raw: bytes) -> str:
    """The first bytes of a record as text; bytes that are not UTF-8 are written out as escapes."""
    return raw[:_RAW_BYTES].decode("utf-8", "backslashreplace").rstrip("\r\n")


def too_long(row: int, raw: bytes) -> BadRecord:
    """The bad record for one that is over the limit."""
    return BadRecord(row, f"longer than {MAX_RECORD_BYTES:,} bytes", beginning(raw))


def skip_line(stream: IO[bytes]) -> bytes:
    """Read past the next line break and give back what was read beyond it."""
    while piece := stream.read(BLOCK_BYTES):
        end = piece.find(b"\n") + 1
        if end:
            return piece[end:]
    return b""


def line_blocks(stream: IO[bytes]) -> Iterator[tuple[int, bytes, list[BadRecord]]]:
    """Whole lines a block, with the number of the first; a line that is too long is given as a bad record."""
    number, rest = 1, b""
    while piece := stream.read(BLOCK_BYTES):
        rest += piece
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield number, rest[:cut], []
            number += rest.count(b"\n", 0, cut)
            rest = rest[cut:]
        elif len(rest) > MAX_RECORD_BYTES:
            yield number, b"", [too_long(number, rest)]
            rest = skip_line(stream)
            number += 1
    if rest:
        yield number, rest, []
