"""A history in one file, so that a start need not replay the whole log.

The file is a line with the SHA-256 of all that follows, a line with the header as JSON, then the tables' rows as
little-endian int64. It comes to its name whole or not at all.
"""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from io import BufferedReader
from pathlib import Path

import msgspec
import numpy as np

from gatehouse.errors import OutsideError, UserError
from gatehouse.features.live import LiveHistory
from gatehouse.features.live_copy import TableCopy
from gatehouse.features.live_kernel import Cells
from gatehouse.features.plan import Plan

FORMAT = 1
PIECE = 1 << 20
"""Bytes that are written at once: a ledger on the same disk waits for no more than that."""

_REPLAY = "replay the log from its beginning and save a new snapshot"


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says of itself; `position` is that in the log up to which it knows."""

    format: int
    declarations: tuple[str, ...]
    version: str
    position: int
    clock: int
    shapes: tuple[tuple[int, int], ...]


class _Format(msgspec.Struct):
    """What headers of every format have."""

    format: int


def save(path: Path, history: LiveHistory, position: int, version: str) -> None:
    """Write what a history knows, having replayed a log up to `position`; `version` is that of its features' values.

    Raises OutsideError where the file cannot be written; the one that was there is then still there.
    """
    taken(path, history, position, version)()


class Ahead:
    """What a history knows, copied in pieces before a snapshot is taken of it, while it goes on counting.

    To make one takes memory and its time, and need not wait for the history's batches. It is of one snapshot.
    """

    def __init__(self, history: LiveHistory) -> None:
        self._tables = [TableCopy(table) for table in history.tables]

    def pieces(self) -> list[Callable[[], None]]:
        """Each copies a part, between two batches of the history."""
        return [piece for table in self._tables for piece in table.pieces()]

    def finished(self) -> list[list[Cells]]:
        """The rows that each table has now, in parts; what is not copied yet or has changed since is copied first."""
        return [table.finished() for table in self._tables]


def taken(
    path: Path, history: LiveHistory, position: int, version: str, ahead: Ahead | None = None
) -> Callable[[], None]:
    """Copy what a history knows now; what is given back writes it as `save` does, whatever the history does meanwhile.

    To copy is a matter of memory alone, of which little is left where it was done `ahead`; whoever writes waits for the
    disk, and nobody else need wait for that.
    """
    tables = [[table.rows.astype("<i8")] for table in history.tables] if ahead is None else ahead.finished()
    header = _Header(
        format=FORMAT,
        declarations=_declared(history.plan),
        version=version,
        position=position,
        clock=history.clock,
        shapes=tuple((sum(map(len, parts)), parts[0].shape[1]) for parts in tables),
    )
    rows = [part.reshape(-1).data for parts in tables for part in parts]
    body: list[bytes | memoryview] = [msgspec.json.encode(header), b"\n", *rows]
    return lambda: _save(path, body)


def _save(path: Path, body: Sequence[bytes | memoryview]) -> None:
    digest = hashlib.sha256()
    for part in body:
        digest.update(part)
    try:
        _write(path, [digest.hexdigest().encode(), b"\n", *body])
    except OSError as error:
        fix = "free the disk or name another place; until then a start replays the log"
        raise OutsideError(f"the snapshot cannot be written: {error.strerror}", where=str(path), fix=fix) from error


def load(path: Path, plan: Plan, version: str) -> tuple[LiveHistory, int]:
    """The history that was saved, and the position in the log from which to replay.

    Raises OutsideError where the file is missing, cut or changed, and UserError where it is sound but of another
    format, other declarations or another version of their values; none of it is used then.
    """
    try:
        with path.open("rb") as file:
            header = _header(path, file)
            tables = [_table(file, shape) for shape in header.shapes]
    except OSError as error:
        raise OutsideError(f"no snapshot can be read: {error.strerror}", where=str(path), fix=_REPLAY) from error
    if header.declarations != _declared(plan):
        raise UserError("the snapshot is of other declared windows", where=str(path), fix=_REPLAY)
    if header.version != version:
        what = f"the snapshot is of version {header.version} of the features, not {version}"
        raise UserError(what, where=str(path), fix=_REPLAY)
    return LiveHistory.restored(plan, header.clock, tables), header.position


def _header(path: Path, file: BufferedReader) -> _Header:
    """The header of a whole, unchanged file; reading goes on behind it."""
    said = file.readline(65).rstrip(b"\n")
    digest, start = hashlib.sha256(), file.tell()
    while part := file.read(1 << 20):
        digest.update(part)
    if said != digest.hexdigest().encode():
        raise OutsideError("the snapshot is damaged: it is cut or was changed", where=str(path), fix=_REPLAY)
    file.seek(start)
    line = file.readline()
    if (known := msgspec.json.decode(line, type=_Format).format) != FORMAT:
        raise UserError(f"the snapshot has format {known}, not {FORMAT}", where=str(path), fix=_REPLAY)
    return msgspec.json.decode(line, type=_Header)


def _table(file: BufferedReader, shape: tuple[int, int]) -> Cells:
    rows = np.empty(shape, "<i8")
    file.readinto(rows.reshape(-1).data)
    return rows.astype(np.int64, copy=False)


def _declared(plan: Plan) -> tuple[str, ...]:
    return tuple(said.said() for said in plan.declarations)


def _write(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with made.open("xb") as file:
            for part in filter(len, parts):  # what is empty cannot be cast
                whole = memoryview(part).cast("B")
                for start in range(0, len(whole), PIECE):
                    file.write(whole[start : start + PIECE])
                    file.flush()
                    os.fsync(file.fileno())
        made.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            made.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
