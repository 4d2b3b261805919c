"""HTTP as it is read: bounds before a request is whole, answered in the API's own form."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


@contextmanager
def served(app: Any) -> Iterator[int]:
    """The port at which an application is served."""
    config = uvicorn.Config(app, loop="uvloop", http=BoundedProtocol, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with listening("127.0.0.1", 0) as sockets:
        thread = threading.Thread(target=server.run, args=(sockets,))
        thread.start()
        yield sockets[0].getsockname()[1]
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(protocol, "HEADERS_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 3)
    with served(application) as port:
        yield port


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


async def an_echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers method, path and body, when the body is whole; notes whether its client left."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            LEFT.set()
            return
        body += message["body"]
        if not message["more_body"]:
            break
    said = scope["method"].encode() + b" " + scope["raw_path"] + b" " + body
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})


LEFT = threading.Event()


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(protocol, "BODY_SECONDS", 0.3)
    with served(an_echo) as port:
        yield port


def test_a_body_that_does_not_come_in_time_is_given_up_and_who_waits_for_it_is_told(echo: int) -> None:
    LEFT.clear()
    slow = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n12345"
    assert exchange(echo, slow) == (408, "no whole body within 0.3 seconds")
    assert LEFT.wait(2)
    drop_by_drop = (slow, b"6", b"7", b"8", b"9")
    assert exchange(echo, *drop_by_drop[:3], pause=0.12) == (408, "no whole body within 0.3 seconds")
    with socket.create_connection(("127.0.0.1", echo), timeout=5) as connection:
        for part in drop_by_drop:
            connection.sendall(part)
        assert connection.recv(65_536).endswith(b"POST / 123456789")


def test_a_body_that_nobody_reads_ends_its_connection(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "BODY_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1")
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    assert answer.endswith(b"\r\n\r\nok")


async def a_long_answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"50000000")]})
    for _ in range(50):
        await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def test_a_client_that_does_not_read_its_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(pause: float) -> int:
        n = 0
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(REQUEST)
            time.sleep(pause)
            with suppress(ConnectionResetError):
                while n < 50_000_000 and (piece := connection.recv(1 << 20)):
                    n += len(piece)
        return n

    monkeypatch.setattr(protocol, "UNREAD_SECONDS", 0.3)
    with served(a_long_answer) as port:
        assert read(0.6) < 50_000_000
        assert read(0.1) >= 50_000_000


@pytest.mark.parametrize("trailers", [b"a: b\r\n" * 20_000, b"a: " + b"b" * 100_000])
def test_what_comes_after_a_body_is_bounded_as_headers_are(echo: int, trailers: bytes) -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert exchange(echo, chunked + b"0\r\n" + trailers)[0] == 431
    with socket.create_connection(("127.0.0.1", echo), timeout=5) as connection:
        connection.sendall(chunked + b"1\r\nx\r\n" * 30_000 + b"0\r\na: b\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")


def test_a_wish_for_another_protocol_is_passed_over(echo: int) -> None:
    wish = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    head = b"POST /a HTTP/1.1\r\nHost: x\r\n" + wish + b"Content-Length: 5\r\n\r\n"
    websocket = b"GET /b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    for parts in (
        (head + b"hello" + websocket,),
        (head, b"hel", b"lo", websocket),
        (head[:90], head[90:], b"hello", websocket),
    ):
        with socket.create_connection(("127.0.0.1", echo), timeout=5) as connection:
            answer = b""
            for part in parts:
                connection.sendall(part)
                time.sleep(0.02)
            while b"GET /b " not in answer:
                answer += connection.recv(65_536)
        assert b"POST /a hello" in answer, parts
    assert exchange(echo, b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n") == (400, "no HTTP request")
