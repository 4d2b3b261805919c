"""Who may ask what of the house: keys of programs and people, and what they looked at."""

from typing import Literal, get_args

import msgspec

Scope = Literal["ingest", "read", "review", "admin"]
"""ingest: send events, reports and appeals, and read their answers; read: read everything, metrics too; review: decide
cases, appeals and marks; admin: keys, versions, erasure. None holds another."""

SCOPES: tuple[Scope, ...] = get_args(Scope)


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
    rate: int | None = None
    replaces: str | None = None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: the name that records say, the key's id, and what it may do."""

    name: str
    key_id: str
    scopes: frozenset[Scope]


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody looked at content: who, by which key, what (`event`, `actor`, …), which one, and when."""

    at: int
    by: str
    key_id: str
    what: str
    which: str
