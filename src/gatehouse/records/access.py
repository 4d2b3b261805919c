"""Who may ask what of the house: keys of programs and people, and what they looked at."""

from typing import Annotated, Literal, get_args

import msgspec

Scope = Literal["ingest", "read", "review", "admin"]
"""ingest: send events, reports and appeals, and read their answers; read: read everything, metrics too; review: decide
cases, appeals and marks; admin: keys, versions, erasure. None holds another."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

NAME = "^[0-9A-Za-z][0-9A-Za-z ._@/+-]{0,99}$"
"""What a key may be called: names stand in logs and answers, where each must read as what it is."""

LONGEST_LIFE = 100 * 366 * 86_400
"""Seconds for which a key may be good at most, unless it has no end."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as it is kept: the key itself is shown once and only its hash is stored. Times are microseconds UTC.

    `rate` is how many events, reports or reads it may ask for a second, None for the house's own limit. `replaces` is
    the key that this one was made for, when it was rotated.
    """

    id: str
    name: str
    hash: str
    scopes: tuple[Scope, ...]
    made: int
    by: str
    expires: int | None = None
    revoked: int | None = None
    revoked_by: str | None = None
    rate: int | None = None
    replaces: str | None = None

    def __repr__(self) -> str:
        """What a log may show of it."""
        return f"Key(id={self.id!r}, name={self.name!r}, scopes={self.scopes!r})"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: the name that records say, the key's id, what it may do, and its own rate where it has one."""

    name: str
    key_id: str
    scopes: frozenset[Scope]
    rate: int | None = None


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody looked at content: who, by which key, what (`event`, `actor`, …), which one, and when."""

    at: int
    by: str
    key_id: str
    what: str
    which: str


State = Literal["good", "ending", "expired", "revoked"]
"""How a key stands; `ending` has its end ahead, by its age or because it was rotated."""


class KeyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is shown: everything but the key and its hash. Times are microseconds UTC."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    state: State
    made: int
    by: str
    expires: int | None
    revoked: int | None
    revoked_by: str | None
    rate: int | None
    replaces: str | None


class MadeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A new key: `key` is what the caller sends from now on, and is shown this one time."""

    key: str
    made: KeyAnswer

    def __repr__(self) -> str:
        """What a log may show of it."""
        return f"MadeAnswer({self.made!r})"


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The key that is wanted; without `lasts_seconds` it has no end, without `rate` the house's own."""

    name: Annotated[str, msgspec.Meta(pattern=NAME)]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1)]
    rate: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] | None = None
    lasts_seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_LIFE)] | None = None
