"""What the house asks of the place where keys are kept and reads of content are recorded."""

from collections.abc import Sequence
from typing import Protocol

from gatehouse.records.access import Key, Read


class Keys(Protocol):
    """API keys; a key is never taken away, only revoked."""

    def add(self, key: Key) -> None:
        """Keep a key. Raises UserError where its id or hash is taken."""
        ...

    def add_first(self, key: Key) -> bool:
        """Keep a key unless there is one already, be it revoked; gives back whether it is kept."""
        ...

    def replace(self, key: Key, expires: int) -> None:
        """Keep a key in the place of the one that it names as `replaces`, which then expires, in one step.

        The old one keeps an earlier end. Raises UserError where it is not there, is revoked or was replaced before.
        """
        ...

    def revoke(self, key_id: str, at: int, by: str) -> bool:
        """Revoke a key; gives back whether there is one. One that is revoked stays as it is."""
        ...

    def usable(self, now: int) -> Sequence[Key]:
        """Every key that is neither revoked nor expired, oldest first."""
        ...

    def all(self) -> Sequence[Key]:
        """Every key, oldest first."""
        ...


class Reads(Protocol):
    """Who looked at which content, and when."""

    def add(self, reads: Sequence[Read]) -> None:
        """Record them, all or none."""
        ...

    def find(
        self, *, which: str | None = None, by: str | None = None, since: int = 0, limit: int = 1000
    ) -> Sequence[Read]:
        """Reads with these properties, newest first."""
        ...
