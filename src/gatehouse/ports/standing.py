"""What the house asks of the place where actors' records lie."""

from collections.abc import Sequence
from typing import Protocol

from gatehouse.records.standing import Mark, Strike


class Standing(Protocol):
    """Strikes and marks; what is taken back stays on record with when it was."""

    def strike(self, strike: Strike) -> None:
        """Put a strike on an actor's record; one that is there already stays as it is, taken back or not."""
        ...

    def take_back(self, strike_id: str, at: int) -> None:
        """A strike no longer counts from `at` on; one that is not there or was taken back stays as it is."""
        ...

    def strikes(self, actor: str) -> Sequence[Strike]:
        """All strikes that an actor ever got, oldest first."""
        ...

    def mark(self, mark: Mark) -> None:
        """Put a mark on an entity; where it bears one of that name, who, why and until are the new one's."""
        ...

    def unmark(self, entity: str, name: str, at: int) -> None:
        """A mark no longer holds from `at` on."""
        ...

    def marks(self, entity: str, now: int) -> Sequence[Mark]:
        """The marks that hold for an entity now, by name."""
        ...
