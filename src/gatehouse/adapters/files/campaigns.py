"""Runs of `campaigns find` in folders, and what people said of communities in a file beside them."""

import hashlib
import json
import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from gatehouse.errors import Fault, OutsideError, UserError
from gatehouse.ports.campaigns import (
    ACTIVITY_SCHEMA,
    TEXT_SCHEMA,
    TIE_SCHEMA,
    CampaignRun,
    Kept,
    Sighting,
    Verdict,
)

VERSION = 1
"""Of what a run's folder holds."""

RUN, COMMUNITIES, VERDICTS = "run.json", "communities.jsonl", "verdicts.jsonl"
TABLES = {"ties.parquet": TIE_SCHEMA, "activity.parquet": ACTIVITY_SCHEMA, "texts.parquet": TEXT_SCHEMA}

_FIND_AGAIN = "bring the folder back from a copy, or move it away and run gatehouse campaigns find again"

_Answer = TypeVar("_Answer")


class FolderCampaigns:
    """Runs as `ROOT/RUN/`, each written whole under its final name; `run.json` holds the SHA-256 of the other files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def keep(self, kept: Kept) -> None:
        """Keep a run, whole or not at all; raises OutsideError where it cannot be written."""
        folder = self.root / kept.run.id
        made = self.root / f".{kept.run.id}.{secrets.token_hex(4)}"
        try:
            made.mkdir(parents=True)
            lines = b"".join(msgspec.json.encode(each) + b"\n" for each in kept.sightings)
            (made / COMMUNITIES).write_bytes(lines)
            for (name, schema), rows in zip(TABLES.items(), (kept.ties, kept.activity, kept.texts), strict=True):
                pq.write_table(rows.cast(schema), made / name, compression="zstd")
            files = {path.name: digest_of(path) for path in sorted(made.iterdir())}
            note = {"version": VERSION, "run": msgspec.to_builtins(kept.run), "files": files}
            (made / RUN).write_text(json.dumps(note, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            for path in made.iterdir():
                _flush(path)
            os.rename(made, folder)
        except OSError as error:
            raise OutsideError(
                f"the run cannot be kept: {error.strerror or error}",
                where=str(folder),
                fix="check that the folder may be written and that the disk has room",
            ) from error
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def runs(self) -> list[CampaignRun]:
        """All runs, oldest first; raises OutsideError, naming every one that is damaged."""
        found: list[CampaignRun] = []
        faults: list[Fault] = []
        folders = sorted(path for path in self.root.glob("*") if path.is_dir() and not path.name.startswith("."))
        for folder in folders:
            try:
                found.append(self._note(folder.name)[0])
            except OutsideError as error:
                faults += error.faults
        if faults:
            raise OutsideError(faults)
        return sorted(found, key=lambda run: (run.at, run.id))

    def sightings(self, run: str) -> list[Sighting]:
        """The communities of a run; raises OutsideError where they were cut short or changed."""
        path = self._checked(run, COMMUNITIES)
        return _read(
            path, lambda: [msgspec.json.decode(line, type=Sighting) for line in path.read_bytes().splitlines()]
        )

    def read(self, run: str) -> Kept:
        """All of a run; raises OutsideError where it was cut short or changed."""
        tables = [self._table(run, name, schema) for name, schema in TABLES.items()]
        return Kept(self._note(run)[0], self.sightings(run), *tables)

    def decide(self, verdict: Verdict) -> None:
        """Add what a person said; what was said before stays."""
        self.verdicts()  # A line must not be written behind one that was cut short.
        path = self.root / VERDICTS
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(msgspec.json.encode(verdict) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            what = f"the verdict cannot be recorded: {error.strerror or error}"
            raise OutsideError(what, where=str(path), fix="check that the file may be written") from error

    def verdicts(self) -> Mapping[str, Sequence[Verdict]]:
        """What was said of each community, oldest first; raises OutsideError, naming every line that is damaged."""
        path = self.root / VERDICTS
        said: dict[str, list[Verdict]] = defaultdict(list)
        faults: list[Fault] = []
        lines = _read(path, path.read_bytes).split(b"\n") if path.exists() else []
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                verdict = msgspec.json.decode(line, type=Verdict)
            except msgspec.MsgspecError as error:
                what = f"this is no verdict ({error})"
                faults.append(Fault(what, f"{path}:{number}", "mend the line, or remove it and decide again"))
                continue
            said[verdict.community].append(verdict)
        if faults:
            raise OutsideError(faults)
        return said

    def _note(self, run: str) -> tuple[CampaignRun, dict[str, str]]:
        """What a run says of itself, and the SHA-256 of its files."""
        path = self.root / run / RUN
        said: dict[str, Any] = _read(path, lambda: json.loads(path.read_bytes()))
        version = said.get("version") if isinstance(said, dict) else None
        if isinstance(version, int) and version > VERSION:
            what = f"the run was kept by a newer Gatehouse (version {version} of its files, this one knows {VERSION})"
            raise UserError(what, where=str(path), fix="install that Gatehouse, or move the folder away")
        if version != VERSION:
            raise OutsideError("this says not of which version it is", where=str(path), fix=_FIND_AGAIN)
        note, files = _read(path, lambda: (msgspec.convert(said["run"], CampaignRun), dict(said["files"])))
        if note.id != run:
            raise OutsideError(f"the folder holds run {note.id}", where=str(path.parent), fix="give it that name again")
        return note, files

    def _table(self, run: str, name: str, schema: pa.Schema) -> pa.Table:
        path = self._checked(run, name)
        table: pa.Table = _read(path, lambda: pq.read_table(path).cast(schema))
        return table

    def _checked(self, run: str, name: str) -> Path:
        """The path of a file of a run, whose content is what was written."""
        path = self.root / run / name
        wanted = self._note(run)[1].get(name)
        if _read(path, lambda: digest_of(path)) != wanted:
            raise OutsideError("the file was cut short or changed", where=str(path), fix=_FIND_AGAIN)
        return path


def _read(path: Path, read: Callable[[], _Answer]) -> _Answer:
    """What `read` gives; its failures as an OutsideError that names the file."""
    try:
        return read()
    except FileNotFoundError:
        raise OutsideError("the file is missing", where=str(path), fix=_FIND_AGAIN) from None
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(path), fix=_FIND_AGAIN) from error
    except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
        what = f"the file is damaged ({type(error).__name__})"
        raise OutsideError(what, where=str(path), fix=_FIND_AGAIN) from error


def digest_of(path: Path) -> str:
    """SHA-256 of a file, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
