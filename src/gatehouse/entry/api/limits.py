"""How much a client may send, and how much the server holds at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from litestar import Request
from litestar.exceptions import InternalServerException

from gatehouse.entry.api.errors import AnswerError
from gatehouse.flows.read_event import LARGEST

LARGEST_BODY = LARGEST
"""Bytes of a request about one thing."""

LARGEST_LIST = 16 << 20
"""Bytes of a list of events."""

MOST_EVENTS = 1_000
"""Events of a list."""

MOST_HELD = 256 << 20
"""Bytes of bodies that are being read or wait to be decided on, of all clients together."""

_SHOWN_TYPE = 60


class Room:
    """Counts the bytes that bodies take, so that many large ones at once are refused before they fill the memory."""

    def __init__(self, most: int = MOST_HELD) -> None:
        self._free = most

    @contextmanager
    def hold(self) -> Iterator["Held"]:
        """Bytes taken inside are free again at the end."""
        held = Held(self)
        try:
            yield held
        finally:
            self._free += held.taken

    def check(self, n: int) -> None:
        """Raises AnswerError where so many bytes are not free."""
        if n > self._free:
            fix = "send it again in a second"
            raise AnswerError(503, "too much is being sent at once", fix=fix, headers={"Retry-After": "1"})

    def take(self, n: int) -> None:
        """Take so many bytes; raises AnswerError where they are not free."""
        self.check(n)
        self._free -= n


class Held:
    """What one request takes of the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.check = room.check
        self.taken = 0

    def up_to(self, n: int) -> None:
        """Take what is missing to so many bytes."""
        if n > self.taken:
            self._room.take(n - self.taken)
            self.taken = n


def refuse_other_kinds(request: "Request[Any, Any, Any]") -> None:
    """Raise AnswerError 415 where a request does not say that its body is plain JSON."""
    headers = request.headers
    kind = headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        said = f"'{kind[:_SHOWN_TYPE]}' is not taken" if kind else "what is sent is not said"
        raise AnswerError(415, said, where="Content-Type", fix="send Content-Type: application/json")
    if (coding := headers.get("content-encoding", "identity").lower()) != "identity":
        what = f"'{coding[:_SHOWN_TYPE]}' is not taken"
        raise AnswerError(415, what, where="Content-Encoding", fix="send the body as it is")


async def read_json(request: "Request[Any, Any, Any]", held: Held, most: int) -> bytes:
    """The body of a request, which must say that it is JSON and have at most `most` bytes; it is not looked into.

    Raises AnswerError 415, 413 (before more is read than that), 400 for an empty one, 503 where there is no room.
    """
    refuse_other_kinds(request)
    held.check(_length(request.headers.get("content-length", "0"), most))
    chunks = []
    n = 0
    try:
        async for chunk in request.stream():
            n += len(chunk)
            if n > most:
                raise too_large(most)
            held.up_to(n)
            chunks.append(chunk)
    except InternalServerException:  # Litestar's word for a client that left
        raise AnswerError(400, "the body is not whole") from None
    if not n:
        raise AnswerError(400, "the body is empty", fix="send JSON")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _length(said: str, most: int) -> int:
    if not said.isdecimal():
        raise AnswerError(400, "is no number", where="Content-Length", fix="leave it to the client")
    if len(said) > len(str(most)) or int(said) > most:
        raise too_large(most)
    return int(said)


def too_large(most: int) -> AnswerError:
    """What is answered to a body over the limit."""
    return AnswerError(
        413, f"the body has more than {most:,} bytes", fix="send less at once, and media by their hashes"
    )
