"""What the house asks of the place that knows what tried releases said beside the live ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gatehouse.records.decision import Decision


@dataclass(frozen=True)
class Made:
    """How many decisions a release of a pack had a part in, and when the first and the last were made."""

    version: str
    mode: Literal["live", "shadow"]
    decisions: int
    first: int
    last: int


@dataclass(frozen=True)
class Beside:
    """What a release in shadow decided about an event, and the live decision that stands; `actor` as `kind:id`."""

    actor: str | None
    shadow: Decision
    live: Decision


class TriedDecisions(Protocol):
    """Decisions by the releases that made them."""

    def made(self, pack: str) -> Sequence[Made]:
        """What each release of a pack decided, by version and mode; superseded decisions count."""
        ...

    def beside(self, pack: str, version: str, since: int = 0, most: int = 20_000) -> Sequence[Beside]:
        """The latest decisions of a release in shadow since then, oldest first, each with the live one that stands.

        Events without a live decision are left out.
        """
        ...
