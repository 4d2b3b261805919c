"""HTTP as uvicorn reads it, bounded: how long and how large headers may be, and how many connections there are."""

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gatehouse.errors import Fault
from gatehouse.records.api import FaultsAnswer

MOST_CONNECTIONS = 1_000
"""Connections at once; each takes a file descriptor, of which a process often has 1,024."""

LONGEST_HEADERS = 64 * 1024
"""Bytes of all headers of a request."""

HEADERS_SECONDS = 10.0
"""How long a client may take until its headers are whole."""

_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which has no bounds of its own before a request's headers are whole."""

    def __init__(self, *said: Any, **named: Any) -> None:
        super().__init__(*said, **named)
        self._before_headers = 0
        self._waits: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or say that there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._refuse(503, "too many connections", "come again in a second, and keep connections open")
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._waited()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; headers that are too large are refused."""
        self._before_headers += len(data)
        super().data_received(data)
        if self._before_headers > LONGEST_HEADERS and self._waits is not None:
            self._refuse(431, f"the headers have more than {LONGEST_HEADERS:,} bytes", "send what is long in the body")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """Its headers are whole."""
        self._waited()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Its body is whole too; what comes now are headers again."""
        self._before_headers = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP."""
        self._refuse(400, "no HTTP request", "send HTTP/1.1")

    def _wait(self) -> None:
        self._waited()
        self._waits = self.loop.call_later(HEADERS_SECONDS, self._late)

    def _waited(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None

    def _late(self) -> None:
        self._refuse(408, f"no whole headers within {HEADERS_SECONDS:g} seconds", "send them at once")

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
