"""HTTP as uvicorn reads it, bounded: how long requests and how large headers may be, and how many connections."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gatehouse.errors import Fault
from gatehouse.records.api import FaultsAnswer

MOST_CONNECTIONS = 1_000
"""Connections at once; each takes a file descriptor, of which a process often has 1,024."""

LONGEST_HEADERS = 64 * 1024
"""Bytes of all headers of a request, and of what comes after its body."""

MARKS_PER_BYTE = 8
"""Bytes that may mark the chunks of a body, for each of its own: one that comes byte by byte has five."""

HEADERS_SECONDS = 10.0
"""How long a client may take until its headers are whole."""

BODY_SECONDS = 30.0
"""How long it may take from then until its body is whole."""

UNREAD_SECONDS = 30.0
"""How long a client may leave lie what it is answered."""

_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which has no bounds of its own until a request is whole."""

    def __init__(self, *said: Any, **named: Any) -> None:
        super().__init__(*said, **named)
        self._beside_bodies = 0
        self._in_headers = True
        self._whole = True
        self._waits: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or say that there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._refuse(503, "too many connections", "come again in a second, and keep connections open")
        else:
            self._wait(HEADERS_SECONDS, self._late_headers)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._waited()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read what it is answered."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads on."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read on; what is no body is bounded, and a body must be whole in time."""
        self._unset_keepalive_if_required()
        self._beside_bodies += len(data)
        try:
            while data:
                data = self._read(data)
        except httptools.HttpParserError:
            self.send_400_response("")
            return
        if self._beside_bodies > LONGEST_HEADERS:
            what = f"the headers have more than {LONGEST_HEADERS:,} bytes"
            self._refuse(431, what, "send what is long in the body, and its chunks not byte by byte")
        elif not self._whole and self._waits is None:
            self._wait(BODY_SECONDS, self._late_body)

    def _read(self, data: bytes) -> bytes:
        """Read all of it, or up to a wish for another protocol; gives back what is to be read then.

        HTTP lets a server pass such wishes over, and some clients send them with every first request.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as wished:
            method = self.parser.get_method()
            if method == b"CONNECT":
                raise httptools.HttpParserError from None
            kept = [one for one in self.headers if one[0] not in (b"upgrade", b"connection")]
            head = b"".join(b"%b: %b\r\n" % one for one in kept)
            version = self.parser.get_http_version().encode()
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, head) + data[wished.args[0] :]
        return b""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_headers = True
        self._wait(HEADERS_SECONDS, self._late_headers)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those after a body are not kept."""
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Its headers are whole."""
        self._waited()
        self._in_headers = False
        if not self.parser.should_upgrade():
            self._whole = False
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        self._beside_bodies -= MARKS_PER_BYTE * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Its body is whole too; what comes now are headers again."""
        self._waited()
        self._beside_bodies = 0
        if not self.parser.should_upgrade():
            self._whole = True
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP."""
        self._refuse(400, "no HTTP request", "send HTTP/1.1")

    def _wait(self, seconds: float, late: Callable[[], None]) -> None:
        self._waited()
        self._waits = self.loop.call_later(seconds, late)

    def _waited(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None

    def _late_headers(self) -> None:
        self._refuse(408, f"no whole headers within {HEADERS_SECONDS:g} seconds", "send them at once")

    def _late_body(self) -> None:
        if self.cycle.response_started:
            self.transport.close()
        else:
            self._refuse(408, f"no whole body within {BODY_SECONDS:g} seconds", "send less at once")

    def _refuse(self, status: int, what: str, fix: str) -> None:
        self._waited()
        if self.transport.is_closing():
            return
        body = msgspec.json.encode(FaultsAnswer((Fault(what, fix=fix),)))
        again = "retry-after: 1\r\n" if status == 503 else ""
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n{again}connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
