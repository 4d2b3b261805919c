"""Taking rows out of frozen data sets and imported histories, in place and for ever."""

import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gatehouse.datasets import build, card, erased, event_sets
from gatehouse.datasets.erased import ErasedRows
from gatehouse.errors import OutsideError
from gatehouse.ports.erasing import NOBODY, Whom

ROWS, CLAIMS, FEATURES, CARD = "rows.parquet", "labels.parquet", "features.parquet", "CARD.md"

_MARK = "\n## Erased\n\n"

Mask = npt.NDArray[np.bool_]

_OLD, _NEW = ".erasing-old", ".erasing-new"


def ids(folder: Path, whom: Whom) -> set[str]:
    """Ids of rows whose author, or of events whose actor, is named; none where the folder is neither."""
    for file, column in ((folder / ROWS, "author"), (folder / event_sets.EVENTS, "actor")):
        if file.is_file():
            rows = _read(file, ["id", column])
            return set(rows.filter(_names(rows[column], whom))["id"].to_pylist())
    return set()


def erase(folder: Path, whom: Whom, *, at: int, dry: bool) -> int:
    """Take out the rows of somebody, and what a history says of it elsewhere; gives back how many rows and claims.

    A row is somebody's where it says so; one that names nobody is where its id is of one of the events.
    """
    if (folder / ROWS).is_file():
        return _erase_rows(folder, whom, at, dry)
    if (folder / event_sets.EVENTS).is_file():
        return _erase_events(folder, whom, at, dry)
    return 0


def recover(folder: Path) -> None:
    """Bring back a folder that stood under another name when an erasure was cut off, and remove what it left."""
    made, old = _beside(folder)
    shutil.rmtree(made, ignore_errors=True)
    if old.is_dir():
        if folder.exists():
            shutil.rmtree(old)
        else:
            old.rename(folder)


def cut_off(root: Path) -> list[Path]:
    """Folders below this one at which an erasure was cut off."""
    left = [path for end in (_OLD, _NEW) for path in root.glob(f".*{end}")]
    return [root / path.name.removeprefix(".").removesuffix(_OLD).removesuffix(_NEW) for path in left]


def _erase_rows(folder: Path, whom: Whom, at: int, dry: bool) -> int:
    rows, claims = _read(folder / ROWS), _read(folder / CLAIMS)
    gone = _theirs(rows, "author", whom)
    theirs = _is_in(claims["event_id"], set(rows.filter(gone)["id"].to_pylist()))
    by_them = _is_in(claims["rater"], whom.names & {str(whom.entity)}) & ~theirs
    total = int(gone.sum() + theirs.sum() + by_them.sum())
    if dry or not total:
        return total
    left = rows.filter(~gone)
    claims = _renamed(claims, "rater", by_them).filter(~theirs)
    features = _read(folder / FEATURES).filter(~gone) if (folder / FEATURES).is_file() else None
    before = erased.read(folder)
    with _anew(folder) as made:
        pq.write_table(left, made / ROWS, compression="zstd")
        pq.write_table(claims, made / CLAIMS, compression="zstd")
        if features is not None:
            pq.write_table(features, made / FEATURES, compression="zstd")
        note = ErasedRows(
            rows=int(gone.sum()) + (before.rows if before else 0),
            claims=int(theirs.sum()) + (before.claims if before else 0),
            at=at,
            content=build.version_of(left, claims, features),
        )
        _write_note(made, note)
        (made / CARD).write_text(card.write(build.load(made)), encoding="utf-8")
    return total


def _erase_events(folder: Path, whom: Whom, at: int, dry: bool) -> int:
    path, claims, rejects = folder / event_sets.EVENTS, _read(folder / event_sets.LABELS), folder / event_sets.REJECTS
    events = _read(path, ["id", "actor", "target"])
    gone = _theirs(events, "actor", whom)
    named = _names(events["target"], whom) & ~gone
    theirs = _names(claims["subject"], whom)
    lines = rejects.read_bytes().splitlines(keepends=True) if rejects.is_file() else []
    kept = [line for line in lines if not _speaks(line, whom)]
    total = int(gone.sum() + named.sum() + theirs.sum()) + len(lines) - len(kept)
    if dry or not total:
        return total
    with _anew(folder) as made:
        with (
            pq.ParquetFile(path) as file,
            pq.ParquetWriter(made / event_sets.EVENTS, file.schema_arrow, compression="zstd") as writer,
        ):
            for batch in file.iter_batches():
                rows = pa.Table.from_batches([batch])
                left = rows.filter(~_theirs(rows, "actor", whom))
                writer.write_table(_renamed(left, "target", _names(left["target"], whom)))
        pq.write_table(claims.filter(~theirs), made / event_sets.LABELS, compression="zstd")
        if lines:
            (made / event_sets.REJECTS).write_bytes(b"".join(kept))
        _tell(folder, made, at, int(gone.sum()), int(theirs.sum()))
    return total


def _tell(folder: Path, made: Path, at: int, events: int, claims: int) -> None:
    """The note of a history, its card, and what it says of itself, by what is left."""
    said = msgspec.json.decode((folder / event_sets.INFO).read_bytes(), type=event_sets.EventSet)
    before = erased.read(folder)
    note = ErasedRows(
        rows=events + (before.rows if before else 0),
        claims=claims + (before.claims if before else 0),
        at=at,
        content=said.version,
    )
    told = [one for one in said.notes if before is None or one != before.said("event")]
    left = msgspec.structs.replace(said, events=said.events - events, notes=(*told, note.said("event")))
    (made / event_sets.INFO).write_bytes(msgspec.json.format(msgspec.json.encode(left), indent=2) + b"\n")
    words = (folder / CARD).read_text(encoding="utf-8").split(_MARK)[0]
    (made / CARD).write_text(f"{words}{_MARK}{note.said('event')}.\n", encoding="utf-8")
    _write_note(made, note)


def _write_note(made: Path, note: ErasedRows) -> None:
    (made / erased.NOTE).write_bytes(msgspec.json.encode(note) + b"\n")


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns)
    except (pa.ArrowException, OSError) as error:
        fix = "mend the folder or remove it, then erase again: what was done stays done"
        raise OutsideError(f"cannot be read ({error})", where=str(path), fix=fix) from error


def _names(column: pa.ChunkedArray, whom: Whom) -> Mask:
    return _is_in(column, whom.names)


def _is_in(column: pa.ChunkedArray, known: Collection[str]) -> Mask:
    found = pc.is_in(column, value_set=pa.array(sorted(known), pa.string()))
    return np.asarray(found.to_numpy(), np.bool_)


def _theirs(rows: pa.Table, who: str, whom: Whom) -> Mask:
    """Rows that name it, and those that name nobody and have the id of one of its events."""
    unnamed = np.asarray(pc.is_null(rows[who]).to_numpy(), np.bool_)
    return _names(rows[who], whom) | (unnamed & _is_in(rows["id"], whom.ids))


def _renamed(rows: pa.Table, column: str, named: Mask) -> pa.Table:
    """The rows with NOBODY where it was named."""
    values = pc.if_else(pa.array(named), pa.scalar(NOBODY, rows[column].type), rows[column])
    return rows.set_column(rows.schema.get_field_index(column), rows.schema.field(column), values)


def _speaks(line: bytes, whom: Whom) -> bool:
    try:
        said = json.loads(line)
    except ValueError:
        return whom.stands_in(line.decode(errors="replace"))
    return said.get("id") in whom.ids or whom.stands_in(str(said.get("begins")))


@contextmanager
def _anew(folder: Path) -> Iterator[Path]:
    """A folder with what this one holds, to be changed, which takes its place at the end.

    Cut off between its two steps, `recover` brings the old one back.
    """
    made, old = _beside(folder)
    shutil.rmtree(made, ignore_errors=True)
    try:
        shutil.copytree(folder, made)
        yield made
        for path in made.iterdir():
            _flush(path)
        folder.rename(old)
        made.rename(folder)
        _flush(folder.parent)
        shutil.rmtree(old)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _beside(folder: Path) -> tuple[Path, Path]:
    """Where the new one is made, and where the old one is put aside."""
    return folder.with_name(f".{folder.name}{_NEW}"), folder.with_name(f".{folder.name}{_OLD}")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
