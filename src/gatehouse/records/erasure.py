"""Erasure: content that is taken away for ever, what keeps it from that, and what is left to show that it was."""

from typing import Literal

import msgspec

from gatehouse.records.event import Entity


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """The wish to forget an actor, or `event:ID` where an event has none: when (microseconds UTC), by whom and why.

    `why` stays for ever, so it must not name the actor.
    """

    entity: Entity
    at: int
    by: str
    why: str


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken away, without a word of it; `number` is 1, 2, 3 ... in the order in which it was done.

    `pseudonym` stands where the actor stood, and is empty for a retention. `events` lost their content and `decisions`
    what they were decided on; `elsewhere` counts rows by the table in which the actor stood. `covered` is the SHA-256
    of what exactly that was.
    """

    number: int
    kind: Literal["erasure", "retention"]
    at: int
    by: str
    why: str
    pseudonym: str
    events: int
    decisions: int
    elsewhere: dict[str, int]
    covered: str


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A legal hold: nothing of this entity may be taken away before `until`, unless it `ended` earlier.

    An entity is an actor as `kind:id`, or `event:ID` for one event. `owner` answers for the hold.
    """

    id: str
    entity: Entity
    owner: str
    why: str
    made: int
    until: int
    ended: int | None = None

    def holds(self, now: int) -> bool:
        """Whether it is in force."""
        return now < self.until and (self.ended is None or now < self.ended)


class Stripped(msgspec.Struct, frozen=True, kw_only=True):
    """What a retention took away, a record for each block, and how many events each hold kept."""

    erased: tuple[Erased, ...]
    held: dict[str, int]
