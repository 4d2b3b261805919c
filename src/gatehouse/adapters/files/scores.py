"""Scores as Parquet, one file or a folder of parts: written beside their final name, moved there when whole."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gatehouse.errors import OutsideError, UserError
from gatehouse.records.score import SCORE_SCHEMA

NOTE = b"gatehouse.run"
FOLDER_NOTE = "_run.json"
"""The note of the run in a folder of scores; what reads such folders passes over names with an underscore."""


class ParquetScoreWriter:
    """Writes one row group a batch to `OUT.part` and renames it to OUT at the end."""

    def __init__(self, out: Path, run: Mapping[str, Any]) -> None:
        self._out = out
        self._part = out.with_name(out.name + ".part")
        self._schema = SCORE_SCHEMA.with_metadata({NOTE: json.dumps(run, sort_keys=True).encode()})
        if out.is_dir():
            raise UserError("a folder is there", where=str(out), fix="choose another --out, or remove the folder")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            self._file = pq.ParquetWriter(
                self._part,
                self._schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[name for name in self._schema.names if name != "score"],
                # Only ids are looked for; statistics of the other columns would cost a third of the writing.
                write_statistics=["event_id"],
            )
        except OSError as error:
            raise OutsideError(f"cannot write: {error.strerror}", where=str(out), fix="choose another --out") from error

    def __enter__(self) -> "ParquetScoreWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if error is None:
            self._part.replace(self._out)
        else:
            self._part.unlink(missing_ok=True)

    def write(self, rows: pa.Table) -> None:
        """Append rows in SCORE_SCHEMA."""
        if not len(rows):
            return
        try:
            self._file.write_table(rows.replace_schema_metadata(self._schema.metadata), row_group_size=len(rows))
        except OSError as error:
            raise OutsideError(
                f"writing failed: {error}", where=str(self._out), fix="make room on the disk and run it again"
            ) from error


class ParquetLake:
    """Scores on a disk, in files or in folders of parts."""

    def writer(self, out: Path, run: Mapping[str, Any]) -> ParquetScoreWriter:
        """Open a file of scores for writing; `run` is kept in the file's metadata."""
        return ParquetScoreWriter(out, run)

    def run(self, out: Path) -> dict[str, Any]:
        """The note of the run that wrote these scores; raises UserError when they are none."""
        note: dict[str, Any] = _folder_note(out) if out.is_dir() else _file_note(out)
        if not note:
            raise UserError("these are no scores", where=str(out), fix="gatehouse score IN --out OUT writes them")
        return note

    def rows(self, out: Path, event_id: str) -> list[dict[str, Any]]:
        """The rows of one event, read one row group at a time."""
        self.run(out)
        parts = sorted(out.glob("*.parquet")) if out.is_dir() else [out]
        return [row for part in parts for row in _rows(part, event_id)]


def publish(made: Path, run: Mapping[str, Any], out: Path) -> None:
    """Give a folder of parts its note and its final name; scores that stand there are replaced.

    Raises UserError, as `require_free` does, when something else stands there.
    """
    require_free(out)
    (made / FOLDER_NOTE).write_text(json.dumps(run, sort_keys=True), encoding="utf-8")
    replace_whole(made, out)


def require_free(out: Path) -> None:
    """Raises UserError when what stands at OUT is neither a file nor a folder of scores."""
    if out.is_dir() and not (out / FOLDER_NOTE).is_file():
        raise UserError("a folder with something else is there", where=str(out), fix="choose another --out")


def replace_whole(made: Path, out: Path) -> None:
    """Move a folder to its final name; what stands there goes once the new is in its place."""
    old = made.with_name(f"{made.name}.replaced")
    if out.exists():
        out.replace(old)
    made.replace(out)
    if old.is_dir():
        shutil.rmtree(old)
    else:
        old.unlink(missing_ok=True)


def _folder_note(out: Path) -> dict[str, Any]:
    note = out / FOLDER_NOTE
    found: dict[str, Any] = json.loads(note.read_bytes()) if note.is_file() else {}
    return found


def _file_note(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_schema(out).metadata or {}).get(NOTE, b"{}"))
    return found


def _rows(part: Path, event_id: str) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(part) as file:
        for group in range(file.num_row_groups):
            ids = file.read_row_group(group, columns=["event_id"])["event_id"]
            mask = pc.equal(ids.cast(pa.string()), event_id)
            if pc.any(mask).as_py():
                yield from file.read_row_group(group).filter(mask).to_pylist()


def _schema(out: Path) -> pa.Schema:
    try:
        return pq.read_schema(out)
    except FileNotFoundError:
        raise UserError("no such file", where=str(out), fix="give the file that score wrote with --out") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"cannot be read as Parquet: {error}", where=str(out), fix="run score again") from error
