"""Files of detector versions in a folder, each under the hash of its content."""

import hashlib
import os
import re
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gatehouse.errors import OutsideError
from gatehouse.ports.erasing import ErasedError

_SHA256 = re.compile(r"[0-9a-f]{64}")

_MAKE_AGAIN = "gatehouse train PACK makes it again, or bring the folder back from a copy"


class FolderModelFiles:
    """Files in a folder as `aa/bb/<sha-256>`; equal content is kept once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Store each file; gives back the SHA-256 of each by its name.

        A file is there whole or not at all, also when the power goes. One that lies there damaged is replaced.
        """
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        for name, digest in digests.items():
            path = self._path(digest)
            try:
                if not (path.is_file() and path.read_bytes() == files[name]):
                    _write(path, files[name])
            except OSError as error:
                raise OutsideError(
                    f"{name} cannot be stored: {error.strerror or error}",
                    where=str(path),
                    fix="check that the folder may be written and that the disk has room",
                ) from error
        return digests

    def get(self, name: str, digest: str) -> bytes:
        """The file with this content hash; raises OutsideError when it is missing, cut short or changed."""
        if not _SHA256.fullmatch(digest):
            raise OutsideError(f"{name} has no SHA-256 but {digest!r}", where=str(self.root), fix=_MAKE_AGAIN)
        path = self._path(digest)
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            if (note := _note(path)).exists():
                raise ErasedError(
                    f"{name} was erased on {note.read_text().strip()}: what it was made of had to be forgotten",
                    where=str(path),
                    fix="go on with a later release: gatehouse releases PACK shows them",
                ) from None
            raise OutsideError(f"{name} is missing", where=str(path), fix=_MAKE_AGAIN) from error
        except OSError as error:
            raise OutsideError(f"{name} cannot be read: {error.strerror}", where=str(path), fix=_MAKE_AGAIN) from error
        if hashlib.sha256(content).hexdigest() != digest:
            what = f"{name} was cut short or changed: its {len(content)} bytes have another SHA-256"
            raise OutsideError(what, where=str(path), fix=_MAKE_AGAIN)
        return content

    def erase(self, digest: str, at: int) -> bool:
        """Take a file away for ever and leave a note of the day (from microseconds UTC); False where there is none."""
        path = self._path(digest)
        if not path.exists():
            return False
        _write(_note(path), time.strftime("%Y-%m-%d", time.gmtime(at / 1e6)).encode() + b"\n")
        path.unlink()
        _flush_folder(path.parent)
        return True

    def _path(self, digest: str) -> Path:
        return self.root / digest[:2] / digest[2:4] / digest


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.erased")


def _write(path: Path, content: bytes) -> None:
    """Write beside, flush, then rename: whoever reads sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
        _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    """Make a folder's names durable; a system that cannot open folders does so by itself."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
