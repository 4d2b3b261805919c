"""The hash chain of a writer: links by which a change of what was recorded is found."""

import hashlib

import msgspec

GENESIS = bytes(32)
"""What the first link of a writer follows."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One decision in the hash chain of who wrote it; `seq` is 1, 2, 3 ... in the order of commit.

    `sealed` commits to what erasure may take away, by a key that it then destroys; `hash` follows from the link before,
    from that, and from the open part, which stays.
    """

    writer: str
    seq: int
    decision_id: str
    sealed: bytes
    hash: bytes


def linked(previous: bytes, sealed: bytes, opened: bytes) -> bytes:
    """The hash of a link that follows one with the hash `previous`; both that and the seal have 32 bytes."""
    return hashlib.sha256(previous + sealed + opened).digest()
