"""Settings: read once from the environment, listed here, handed on as values."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gatehouse.errors import UserError


@dataclass(frozen=True)
class Settings:
    """Where things lie.

    `home` holds the ledger, model files and data sets; `data_roots` are folders searched for public data;
    `pack_roots` are folders searched for packs beside the shipped ones.
    """

    home: Path
    data_roots: tuple[Path, ...] = ()
    pack_roots: tuple[Path, ...] = ()

    @property
    def ledger(self) -> Path:
        """The ledger's database file."""
        return self.home / "ledger.sqlite"

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
    "GATEHOUSE_DEBUG": "show where Gatehouse itself failed (off)",
}
"""Every environment variable that is read, with its meaning and default."""


def read(environment: Mapping[str, str] = os.environ, working_directory: Path | None = None) -> Settings:
    """Settings from the environment; relative paths are taken from the working directory.

    Raises UserError where GATEHOUSE_DATA names no folder. Fetched public data are searched after it.
    """
    here = working_directory or Path.cwd()
    home = here / environment.get("GATEHOUSE_HOME", ".gatehouse")
    data = environment.get("GATEHOUSE_DATA")
    if data and not (here / data).is_dir():
        raise UserError(f"GATEHOUSE_DATA names {data}, which is no folder", fix="correct it, or unset it")
    candidates = [here / data] if data else [here.parent / "shared" / "data", here / "shared" / "data"]
    packs = [here / part for part in environment.get("GATEHOUSE_PACKS", "").split(os.pathsep) if part]
    return Settings(
        home=home,
        data_roots=(*(path for path in candidates if path.is_dir()), home / "public"),
        pack_roots=tuple(packs),
    )
