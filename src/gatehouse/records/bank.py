"""Living banks: entries of a pack's banks come, are accepted and go, each change with who, when and why."""

from typing import Literal

import msgspec

BankKind = Literal["bank", "near", "media"]
"""Known texts (`PACK.bank`), texts nearly the same as known ones (`PACK.near`), media by hash (`PACK.media`)."""

EntryState = Literal["proposed", "active", "retired"]
"""Only active entries match; proposed ones wait for somebody to accept or retire them."""


class EntryChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change in the life of an entry: to which state, who, when (microseconds UTC), and why; the latest counts.

    `content` is the entry as its line in the bank's file says it (JSON); `source` is where it came from.
    """

    pack: str
    bank: BankKind
    entry: str
    state: EntryState
    content: str
    source: str
    at: int
    by: str
    why: str
