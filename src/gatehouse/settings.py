"""Settings: read once from the environment, listed here, handed on as values."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gatehouse.errors import Faults


@dataclass(frozen=True)
class Settings:
    """Where things lie.

    `home` holds the ledger, model files and data sets; `data_roots` are folders searched for public data;
    `pack_roots` are folders searched for packs beside the shipped ones. `server` is the address of a ledger on
    PostgreSQL instead of the one in the home folder, `redis` that of the history which workers share, `bus` the one
    that workers read. `writer` names the hash chain of what is recorded in the ledger.
    """

    home: Path
    data_roots: tuple[Path, ...] = ()
    pack_roots: tuple[Path, ...] = ()
    server: str | None = None
    redis: str | None = None
    bus: str = "memory"
    writer: str = "local"

    @property
    def ledger(self) -> Path:
        """The ledger's database file, where it lies in the home folder."""
        return self.home / "ledger.sqlite"

    @property
    def ledger_there(self) -> bool:
        """Whether there is a ledger to open; a server is asked when it is opened."""
        return self.server is not None or self.ledger.exists()

    @property
    def ledger_name(self) -> str:
        """Where the ledger is, for people; without the password of a server."""
        return re.sub(r"(?<=://)([^:/@]+):[^@]*@", r"\1@", self.server) if self.server else str(self.ledger)

    @property
    def public(self) -> Path:
        """Folder of fetched public data."""
        return self.home / "public"

    @property
    def models(self) -> Path:
        """Folder of model files by content hash."""
        return self.home / "models"

    @property
    def datasets(self) -> Path:
        """Folder of frozen data sets."""
        return self.home / "datasets"


VARIABLES: dict[str, str] = {
    "GATEHOUSE_HOME": "folder for the ledger, models and data sets (.gatehouse in the working directory)",
    "GATEHOUSE_DATA": "folder that holds the public data sets (shared/data beside the project, when it is there)",
    "GATEHOUSE_PACKS": "folders with packs of your own, separated like PATH (none)",
    "GATEHOUSE_LEDGER": "postgresql://USER@HOST/NAME of a ledger on a server (a file in the home folder)",
    "GATEHOUSE_WRITER": "name of the hash chain to which this process adds what it decides (local)",
    "GATEHOUSE_SIGNING_KEY_FILE": "file with the key that signs exported heads of the ledger (none)",
    "GATEHOUSE_REDIS": "redis://HOST:PORT/NUMBER of the history that workers share (none: each process its own)",
    "GATEHOUSE_BUS": "the bus that workers read: memory, or kafka://HOST:PORT/TOPIC (memory)",
    "GATEHOUSE_OTEL_ENDPOINT": "http://HOST:4318 of a collector of traces (none)",
    "GATEHOUSE_OTEL_SAMPLE": "share of batches that are traced (0.01)",
    "GATEHOUSE_DEBUG": "show where Gatehouse itself failed (off)",
}
"""Every environment variable that is read, with its meaning and default."""

# It stands in commands, tables and messages, and beside every decision, so it must read the same in all of them.
_WRITER = re.compile(r"[A-Za-z0-9._-]{1,64}")


def read(environment: Mapping[str, str] = os.environ, working_directory: Path | None = None) -> Settings:
    """Settings from the environment; relative paths are taken from the working directory.

    Raises UserError where GATEHOUSE_DATA names no folder or GATEHOUSE_WRITER is no name for a writer. Fetched public
    data are searched after that folder.
    """
    faults = Faults()
    here = working_directory or Path.cwd()
    home = here / environment.get("GATEHOUSE_HOME", ".gatehouse")
    data = environment.get("GATEHOUSE_DATA")
    if data and not (here / data).is_dir():
        faults.add(f"GATEHOUSE_DATA names {data}, which is no folder", fix="correct it, or unset it")
    writer = environment.get("GATEHOUSE_WRITER") or Settings.writer
    if not _WRITER.fullmatch(writer):
        fix = "write 1 to 64 of the letters a to z and A to Z, digits, '.', '_' and '-', or unset it"
        faults.add(f"{writer[:80]!r} is no name for a writer", "GATEHOUSE_WRITER", fix)
    faults.raise_found()
    candidates = [here / data] if data else [here.parent / "shared" / "data", here / "shared" / "data"]
    packs = [here / part for part in environment.get("GATEHOUSE_PACKS", "").split(os.pathsep) if part]
    return Settings(
        home=home,
        data_roots=(*(path for path in candidates if path.is_dir()), home / "public"),
        pack_roots=tuple(packs),
        server=environment.get("GATEHOUSE_LEDGER") or None,
        redis=environment.get("GATEHOUSE_REDIS") or None,
        bus=environment.get("GATEHOUSE_BUS") or "memory",
        writer=writer,
    )
