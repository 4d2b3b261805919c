"""The public histories that are known: events of accounts, and claims about who they are.

A new one is a reader in a file beside this one and a line in EVENT_SOURCES.
"""

from collections.abc import Iterable
from pathlib import Path

from gatehouse.datasets import ira, starscout, twitter_bots
from gatehouse.datasets.event_source import EventSource
from gatehouse.datasets.sources import digest
from gatehouse.errors import UserError

EVENT_SOURCES: dict[str, EventSource] = {reader.SOURCE.name: reader.SOURCE for reader in (ira, starscout, twitter_bots)}


def locate(source: EventSource, roots: Iterable[Path]) -> Path | None:
    """The first folder that holds all files of the source: `root/<name>` or a root itself."""
    folders = (folder for root in roots for folder in (root / source.name, root))
    return next((folder for folder in folders if all((folder / file.name).is_file() for file in source.files)), None)


def require(source: EventSource, roots: Iterable[Path]) -> Path:
    """The folder of the source's files; raises UserError, saying how they come here, when they are not there."""
    searched = list(roots)
    folder = locate(source, searched)
    if folder is None:
        files = ", ".join(file.name for file in source.files)
        raise UserError(
            f"the files of '{source.name}' are not there ({files})",
            where=", ".join(map(str, searched)),
            fix=f"they come from {source.home}; put them into a folder {source.name} and name the folder above it in "
            "GATEHOUSE_DATA",
        )
    return folder


def provenance(source: EventSource, folder: Path) -> list[str]:
    """One sentence for each file: its SHA-256, and whether it is the copy that the known figures speak of."""
    said = []
    for file in source.files:
        found = digest(folder / file.name)
        known = "the known copy" if found == file.sha256 else "NOT the known copy, so known figures do not speak of it"
        said.append(f"{file.name} has SHA-256 {found}: {known}")
    return said
