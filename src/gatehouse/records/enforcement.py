"""Enforcement: what is done about an event or an actor, in a stated order of severity."""

from enum import IntEnum
from typing import Literal

import msgspec


class Kind(IntEnum):
    """Kinds of enforcement, from nothing to the severest; a decision takes the severest of its policies."""

    NONE = 0
    OFFER_HELP = 1
    LABEL = 2
    WARN = 3
    BLUR = 4
    AGE_GATE = 5
    LIMIT = 6
    REMOVE = 7
    STRIKE = 8
    SUSPEND = 9
    TERMINATE = 10
    ESCALATE = 11

    @property
    def word(self) -> str:
        """The kind as it is written in policies, files and screens."""
        return self.name.lower()


NEEDS_A_PERSON = frozenset({Kind.SUSPEND, Kind.TERMINATE})
"""Kinds that no shipped policy may carry out without a person, and that two people must agree to."""

URGENT = frozenset({Kind.OFFER_HELP, Kind.ESCALATE})
"""Kinds that nothing may hold up: somebody may be in danger."""

ON_ACTORS = frozenset({Kind.STRIKE, Kind.SUSPEND, Kind.TERMINATE})
"""Kinds that a decision does to the actor of an event; all others are done to the event."""


State = Literal["planned", "held", "done", "failed", "undone"]
"""planned: to be done; held: a person decides first; done; failed: tried for the last time; undone: taken back."""


class Enforcement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One deed of a decision, and what became of it; `id` is the key by which a receiver knows one that comes again.

    `subject` is what it is done to: `event:ID`, or an actor as `kind:id`; where it is empty, the event. `step` is the
    policy's step that led to it. `until` is when it ends by itself (microseconds UTC). One that `undoes` another takes
    it back; one that `follows` another was planned because of it: a rung of a ladder after a strike, or a limit in the
    place of one that is held.
    """

    id: str
    decision_id: str
    event_id: str
    policy: str
    kind: str
    state: State = "planned"
    policy_version: str = ""
    subject: str = ""
    step: str | None = None
    until: int | None = None
    undoes: str | None = None
    follows: str | None = None

    @property
    def on(self) -> str:
        """What it is done to, in words that a file holds: `event:ID` or `kind:id` of an actor."""
        return self.subject or f"event:{self.event_id}"

    @property
    def stands_in(self) -> bool:
        """Whether it keeps an event from spreading while a severer one is held."""
        return self.follows is not None and self.kind == Kind.LIMIT.word and self.on.startswith("event:")


class Told(Enforcement, frozen=True, kw_only=True, gc=False):
    """An enforcement as whoever carries it out is told of it: with what the platform is to tell whom it is done to."""

    notice: str | None = None


class StateChange(msgspec.Struct, frozen=True, kw_only=True):
    """An enforcement's step from one state to another: when (microseconds UTC), by whom, and why.

    `receipt` is what whoever carried it out gave back. `until` is how long a held one is held. `approves` marks the
    word of a person that it may be carried out; where two people must agree, the first leaves it held.
    """

    enforcement_id: str
    state: State
    at: int
    by: str
    why: str = ""
    receipt: str = ""
    until: int | None = None
    approves: bool = False


class BreakerChange(msgspec.Struct, frozen=True, kw_only=True):
    """A policy's circuit breaker trips or closes: when (microseconds UTC), by whom, and why."""

    policy: str
    state: Literal["tripped", "closed"]
    at: int
    by: str
    why: str
