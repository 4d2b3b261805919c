"""Writing a file anew so that whoever reads sees the old one or the new one, and nothing in between."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_anew(path: Path) -> Iterator[Path]:
    """A place beside a file to write its new content to, which takes the file's name at the end, durably."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield beside
        _flush(beside)
        beside.replace(path)
        _flush(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def write_anew(path: Path, content: bytes) -> None:
    """Put this content in the place of a file's."""
    with written_anew(path) as beside:
        beside.write_bytes(content)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
