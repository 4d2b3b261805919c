"""The public data sets that are known, and where their files lie.

A new one is a reader in a file beside this one and a line in SOURCES.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from gatehouse.datasets import (
    bias_templates,
    davidson,
    edos,
    jigsaw_slice,
    prompt_injections,
    sms_spam,
    told_br,
    toxic_spans,
    vicomtech,
)
from gatehouse.datasets.items import Source
from gatehouse.errors import UserError, did_you_mean

_READERS = (
    sms_spam,
    edos,
    jigsaw_slice,
    davidson,
    vicomtech,
    told_br,
    toxic_spans,
    bias_templates,
    prompt_injections,
)
SOURCES: dict[str, Source] = {reader.SOURCE.name: reader.SOURCE for reader in _READERS}


def find(name: str) -> Source:
    """The source of this name; raises UserError, naming the known ones, when there is none."""
    if name in SOURCES:
        return SOURCES[name]
    guess = did_you_mean(name, SOURCES)
    raise UserError(f"there is no public data set '{name}'", fix=f"{guess}known are {', '.join(SOURCES)}")


def locate(source: Source, roots: Iterable[Path]) -> Path | None:
    """The first folder that holds all files of the source: `root/<name>` or a root itself."""
    for root in roots:
        for folder in (root / source.name, root):
            if all((folder / file.name).is_file() for file in source.files):
                return folder
    return None


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def provenance(source: Source, folder: Path) -> list[str]:
    """One sentence per file: its SHA-256, and whether it is the copy that the known figures speak of."""
    said = []
    for file in source.files:
        found = digest(folder / file.name)
        known = "the known copy" if found == file.sha256 else "NOT the known copy, so known figures do not speak of it"
        said.append(f"{file.name} has SHA-256 {found}: {known}")
    return said
