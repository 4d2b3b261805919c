"""HTTP as it is read: bounds before a request is whole, answered in the API's own form."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from gatehouse.entry.api import protocol
from gatehouse.entry.api.protocol import BoundedProtocol
from gatehouse.entry.api.server import listening

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(protocol, "HEADERS_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 3)
    config = uvicorn.Config(
        application, loop="uvloop", http=BoundedProtocol, log_config=None, lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    with listening("127.0.0.1", 0) as sockets:
        port = sockets[0].getsockname()[1]
        thread = threading.Thread(target=server.run, args=(sockets,))
        thread.start()
        yield port
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


def exchange(port: int, *parts: bytes, pause: float = 0.0) -> tuple[int, Any]:
    """What is answered to these parts until the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["faults"][0]["what"]


def test_headers_that_do_not_come_in_time_are_given_up(port: int) -> None:
    assert exchange(port) == (408, "no whole headers within 0.3 seconds")
    assert exchange(port, b"GET / HTTP/1.1\r\nHos") == (408, "no whole headers within 0.3 seconds")


def test_a_second_request_on_a_connection_has_the_same_time(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for pause in (0.0, 0.4):
            time.sleep(pause)
            connection.sendall(REQUEST)
            assert connection.recv(65_536).endswith(b"ok")
        connection.sendall(b"GET / HTTP/1.1\r\nHos")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 408 Request Timeout")


def test_headers_that_are_too_large_are_refused_and_large_bodies_are_not_taken_for_them(port: int) -> None:
    long = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000
    assert exchange(port, long) == (431, "the headers have more than 65,536 bytes")
    body = b"x" * 500_000
    whole = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + body
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for _ in range(2):
            connection.sendall(whole)
            assert connection.recv(65_536).endswith(b"ok")


def test_what_is_no_http_is_told_so(port: int) -> None:
    assert exchange(port, b"\x16\x03\x01 hello\r\n\r\n") == (400, "no HTTP request")


def test_connections_over_the_limit_are_told_to_come_again(port: int) -> None:
    kept = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(3)]
    for one in kept:
        one.sendall(REQUEST)
        assert one.recv(65_536).endswith(b"ok")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as more:
        answer = more.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable")
    assert b"retry-after: 1" in answer
    for one in kept:
        one.close()
