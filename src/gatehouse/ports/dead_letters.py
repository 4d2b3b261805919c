"""What the house asks of the place where messages lie that could not be decided on."""

import hashlib
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

LetterState = Literal["waiting", "retried", "dropped"]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not become a decision: its value as it came, from where, why, and when (microseconds UTC).

    `state` is `waiting`, `retried` (it became a decision) or `dropped` (a person said so); `tries` counts how often it
    was tried. `reason` tells no content.
    """

    id: str
    value: bytes
    source: str
    reason: str
    at: int
    event_id: str | None = None
    state: LetterState = "waiting"
    tries: int = 1
    settled: int | None = None
    settled_by: str | None = None


def letter_id(value: bytes, source: str) -> str:
    """Sixteen hex digits that a message has each time it comes: of its place, and of what it says there."""
    return hashlib.sha256(source.encode() + b"\n" + value).hexdigest()[:16]


class DeadLetters(Protocol):
    """Messages that wait for somebody to mend what was wrong."""

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep them durably, all or none; one that is known counts one try more and has the new reason.

        Its state stays: what a person dropped is not brought back by a message that comes again.
        """
        ...

    def list(self, *, state: LetterState | None = "waiting", limit: int = 100, after: str = "") -> Sequence[DeadLetter]:
        """Letters by id, those after `after`; of any state where it is None."""
        ...

    def find(self, id: str) -> DeadLetter | None:
        """One letter, or None."""
        ...

    def failed_again(self, id: str, reason: str, event_id: str | None) -> None:
        """Count one try more of a letter that is there, with the new reason; one that was erased does not come back."""
        ...

    def settle(self, id: str, state: LetterState, at: int, by: str) -> None:
        """Say what became of a letter.

        Raises UserError where there is none of this id, and where one that became a decision is to be dropped.
        """
        ...

    def erase(self, ids: Sequence[str]) -> int:
        """Take letters away for ever, whatever their state; gives back how many there were."""
        ...

    def waiting(self) -> int:
        """How many wait."""
        ...
