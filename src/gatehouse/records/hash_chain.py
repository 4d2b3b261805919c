"""The hash chain of a writer: links by which a change of what was recorded is found."""

import hashlib

import msgspec

GENESIS = bytes(32)
"""What the first link of a writer follows."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One decision in the hash chain of who wrote it; `seq` is 1, 2, 3 ... in the order of commit.

    `digest` is the SHA-256 of all that was recorded with the decision, `hash` that of the link before and this one.
    """

    writer: str
    seq: int
    decision_id: str
    digest: bytes
    hash: bytes


def linked(previous: bytes, decision_id: str, digest: bytes) -> bytes:
    """The hash of a link that follows one with the hash `previous`; both that and the digest have 32 bytes."""
    return hashlib.sha256(previous + digest + decision_id.encode()).digest()
