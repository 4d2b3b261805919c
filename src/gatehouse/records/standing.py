"""An entity's record: strikes that expire, lasting marks, what follows from them, and how its reports ended."""

import msgspec


class Strike(msgspec.Struct, frozen=True, kw_only=True):
    """One violation on an actor's record; `removed` says when it was taken back. Times are microseconds UTC."""

    id: str
    actor: str
    policy: str
    policy_version: str
    decision_id: str
    at: int
    expires: int | None = None
    points: int = 1
    removed: int | None = None


class Reporter(msgspec.Struct, frozen=True):
    """How many of a reporter's reports were upheld, and how many not, by what people found since."""

    upheld: int = 0
    rejected: int = 0


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A lasting tag on an entity, such as `trusted_flagger`: who set it, why, and until when."""

    entity: str
    name: str
    at: int
    by: str
    why: str
    until: int | None = None
    removed: int | None = None


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One rung of a ladder: from `strikes` on, do this; `seconds` is how long it holds, None for ever."""

    strikes: int
    enforce: str
    seconds: int | None = None


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """What strikes of a policy lead to, and after how many seconds one expires."""

    rungs: tuple[Rung, ...]
    expires: int | None = None
