"""What the house asks of the place where keys are kept and reads of content are recorded."""

from collections.abc import Sequence
from typing import Protocol

from gatehouse.records.access import Key, Read


class Keys(Protocol):
    """API keys, by their hashes; a key is never taken away, only revoked."""

    def add(self, key: Key) -> None:
        """Keep a key."""
        ...

    def by_hash(self, hash: str) -> Key | None:
        """The key with this hash, revoked and expired ones too, or None."""
        ...

    def all(self) -> Sequence[Key]:
        """Every key, oldest first."""
        ...

    def end(self, key_id: str, *, revoked: int | None = None, expires: int | None = None) -> bool:
        """Revoke a key, or have it expire; gives back whether there is one. One that ended earlier stays so."""
        ...


class Reads(Protocol):
    """Who looked at which content, and when."""

    def add(self, reads: Sequence[Read]) -> None:
        """Record them."""
        ...

    def find(
        self, *, which: str | None = None, by: str | None = None, since: int = 0, limit: int = 1000
    ) -> Sequence[Read]:
        """Reads with these properties, newest first."""
        ...
