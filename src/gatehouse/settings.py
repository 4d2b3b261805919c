"""Settings: read once from the environment, listed here, handed on as values."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


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
}
"""Every environment variable that is read, with its meaning and default."""


def read(environment: Mapping[str, str] = os.environ, working_directory: Path | None = None) -> Settings:
    """Settings from the environment; relative paths are taken from the working directory."""
    here = working_directory or Path.cwd()
    data = environment.get("GATEHOUSE_DATA")
    candidates = [here / data] if data else [here.parent / "shared" / "data", here / "shared" / "data"]
    packs = [here / part for part in environment.get("GATEHOUSE_PACKS", "").split(os.pathsep) if part]
    return Settings(
        home=here / environment.get("GATEHOUSE_HOME", ".gatehouse"),
        data_roots=tuple(path for path in candidates if path.is_dir()),
        pack_roots=tuple(packs),
    )
