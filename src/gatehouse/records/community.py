"""Communities: accounts that acted together more often than chance allows, and the evidence for it."""

from typing import Literal

import msgspec

Means = Literal["target", "text", "address"]
"""By what accounts are tied: they acted on one target, wrote one text, or came from one address, at about one time."""


class Tie(msgspec.Struct, frozen=True, kw_only=True):
    """Two accounts that acted together: how often, how often chance alone would have it, and how likely that is.

    `together` counts time buckets and things (a target, a text, an address) that they share; `p` is the chance of at
    least so many under the null model.
    """

    a: str
    b: str
    together: int
    expected: float
    p: float


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that members did together: what it was, when (microseconds UTC), who, and the events that show it."""

    means: Means
    what: str
    at: int
    members: tuple[str, ...]
    event_ids: tuple[str, ...]
    said: str


class Community(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts (`kind:id`) tied to one another; an entity of its own, which keeps its id while most members stay.

    `first_seen` and `last_seen` are of what they did together, microseconds UTC; `acts` counts it by means; `p` is the
    chance of so much under the null model, corrected for all groups that were looked at. `evidence` shows the most
    telling first.
    """

    id: str
    members: tuple[str, ...]
    first_seen: int
    last_seen: int
    acts: dict[str, int]
    ties: int
    p: float
    evidence: tuple[Evidence, ...] = ()
