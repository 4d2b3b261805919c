"""What a reader of a public data set gives: its source, its items and the claims about them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gatehouse.records.dataset import Part


class Claim(NamedTuple):
    """What a source says about one label of an item.

    Where raters are counted but not named there are two claims, one for each value, with their `votes`.
    """

    label: str
    value: int
    votes: int = 1
    rater: str | None = None


class Item(NamedTuple):
    """One row of a source as it stands there.

    `part` is set only where the source has a split of its own; elsewhere the author decides it where there is one,
    else the text.
    """

    id: str
    text: str
    claims: tuple[Claim, ...]
    part: Part | None = None
    author: str | None = None
    language: str | None = None
    occurred: int | None = None


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: the SHA-256 of the copy that the figures speak of, and where it is published.

    `member` is its name inside the archive at the address. `address` is None where no public file is known.
    """

    name: str
    sha256: str
    size: int
    address: str | None
    member: str | None = None


@dataclass(frozen=True)
class Source:
    """A public data set: what it is, for whom its figures speak, where it comes from, and how it is read.

    `rows` are the records of the known files; `limits` are sentences that its card repeats.
    """

    name: str
    title: str
    licence: str
    population: str
    home: str
    language: str | None
    labels: tuple[str, ...]
    rows: int
    files: tuple[SourceFile, ...]
    limits: tuple[str, ...]
    read: Callable[[Path], Iterator[Item]]

    @property
    def size(self) -> int:
        """Bytes of all the known files."""
        return sum(file.size for file in self.files)
