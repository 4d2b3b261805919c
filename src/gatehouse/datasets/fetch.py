"""Bringing a public data set's files here: from a mirror folder, else from where they are published."""

import http.client
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gatehouse.datasets.items import Source, SourceFile
from gatehouse.datasets.sources import digest
from gatehouse.errors import Fault, OutsideError, RefusedError

Opener = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Opens an address for reading."""

_SPARE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Fetched:
    """One file that is in its place now, and where it came from: `already there`, a mirror's path or an address."""

    path: Path
    origin: str


def open_address(address: str) -> AbstractContextManager[IO[bytes]]:
    """An http or https address, opened for reading; gives up after 30 seconds of silence."""
    try:
        opened: AbstractContextManager[IO[bytes]] = urllib.request.urlopen(address, timeout=30)
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"the server answered {error.code} {error.reason}") from None
    return opened


def fetch(
    source: Source,
    into: Path,
    mirrors: Iterable[Path],
    sha256: Collection[str] = (),
    opener: Opener = open_address,
) -> list[Fetched]:
    """Put all files of the source into `into/<name>`; each is looked at before it is moved into its place.

    A file must have the known SHA-256 or one of `sha256`. Raises RefusedError, naming every file that has another and
    how to accept it, and OutsideError when a file is on no mirror and cannot be downloaded.
    """
    folder = into / source.name
    folder.mkdir(parents=True, exist_ok=True)
    places = [place for root in mirrors for place in (root / source.name, root) if place.resolve() != folder.resolve()]
    done: list[Fetched] = []
    strange: list[tuple[SourceFile, str, str]] = []
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
        for file in source.files:
            target = folder / file.name
            accepted = {file.sha256, *sha256}
            if target.is_file() and digest(target) in accepted:
                done.append(Fetched(target, "already there"))
                continue
            made = Path(scratch) / file.name
            origin = _bring(file, made, places, accepted, opener)
            found = digest(made)
            if found in accepted:
                os.replace(made, target)
                done.append(Fetched(target, origin))
            else:
                strange.append((file, origin, found))
    if strange:
        raise RefusedError(_refusals(source, strange))
    return done


def _bring(file: SourceFile, made: Path, places: list[Path], accepted: set[str], opener: Opener) -> str:
    """Write the file to `made` and say where it came from; a mirror's copy is taken only when it is accepted."""
    for place in places:
        if (place / file.name).is_file() and digest(place / file.name) in accepted:
            shutil.copyfile(place / file.name, made)
            return str(place / file.name)
    by_hand = f"copy {file.name} into a folder and name that folder in GATEHOUSE_DATA"
    if file.address is None:
        raise OutsideError(f"{file.name} is published at no address that is known", fix=by_hand)
    loaded = made.with_name(f"{made.name}.part")
    try:
        with opener(file.address) as stream, loaded.open("wb") as out:
            _copy(stream, out, 4 * file.size + _SPARE_BYTES)
        if file.member is None:
            os.replace(loaded, made)
            return file.address
        with zipfile.ZipFile(loaded) as archive, archive.open(file.member) as stream, made.open("wb") as out:
            _copy(stream, out, 4 * file.size + _SPARE_BYTES)
    except (OSError, http.client.HTTPException, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise OutsideError(
            f"{file.name} could not be downloaded ({error})",
            where=file.address,
            fix=f"try again when the network is there, or {by_hand}",
        ) from None
    return file.address


def _copy(stream: IO[bytes], out: IO[bytes], limit: int) -> None:
    left = limit
    while piece := stream.read(2**20):
        left -= len(piece)
        if left < 0:
            raise ValueError(f"it is longer than {limit:,} bytes")
        out.write(piece)


def _refusals(source: Source, strange: list[tuple[SourceFile, str, str]]) -> list[Fault]:
    accept = " ".join(f"--sha256 {found}" for _, _, found in strange)
    command = f"gatehouse data fetch {source.name} {accept}"
    return [
        Fault(
            f"{file.name} has SHA-256 {found}, known is {file.sha256}; nothing was kept",
            origin,
            f"look at what it holds; to accept it: {command}",
        )
        for file, origin, found in strange
    ]
