"""Commitments: to what an event says, to what was decided on, and to the order of decisions.

Each is an HMAC-SHA256 by the key of the event's owner, so that nobody can tell what it stood for once the key is gone.
Another form, however good, would break every chain that was begun in this one.
"""

import hmac
from collections.abc import Sequence
from typing import Any

import msgspec

from gatehouse.records.event import Event

KEY_BYTES = 32

_encode = msgspec.msgpack.Encoder().encode


def owner_of(event: Event) -> str:
    """Whose key commits to an event: its actor as `kind:id`, or `event:ID` where it has none."""
    return f"event:{event.id}" if event.actor is None else f"{event.actor.kind}:{event.actor.id}"


def event_seal(key: bytes, digest: str) -> bytes:
    """The commitment to an event with this content digest."""
    return hmac.digest(key, digest.encode(), "sha256")


def decision_seal(key: bytes, event: bytes, opened: bytes, content: Sequence[Any]) -> bytes:
    """The commitment to a decision: the event's seal, the open part, and all that erasure may take away.

    `content` are the blobs of features and signals, rows of `matched`, and rows of `enforcements` as they were planned.
    """
    return hmac.digest(key, event + opened + _encode(content), "sha256")


def open_part(
    decision: Sequence[Any], number: int | None, planned: int, policies: bytes, layout: bytes, event: Sequence[Any]
) -> bytes:
    """What of a decision stays for ever: its columns, and of an event that it brought number, `seen` and `imported`."""
    return _encode((decision, number, planned, policies, layout, event if number is not None else None))
