"""Bodies on their way: what a client announces, what it takes of the room, and that it may leave."""

import logging
import socket
import time
from dataclasses import replace

import httpx
import pytest
from tests.entry.api.conftest import Api, as_caller, serving
from tests.entry.api.test_api_protocol import served

from gatehouse.entry.api.limits import Room
from gatehouse.entry.api.parts import Parts
from gatehouse.flows.observe import Tally


def head(api: Api, length: int) -> bytes:
    return (
        f"POST /v1/reports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.keys['ingest']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def posted(api: Api, port: int, body: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/json", **as_caller(api.keys["ingest"])}
    return httpx.post(f"http://127.0.0.1:{port}/v1/reports", content=body, headers=headers)


def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_fault_of_the_server_s(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with served(api.client.app) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as leaving:
            leaving.sendall(head(api, 500) + b'{"id": "left')
            time.sleep(0.1)
        time.sleep(0.1)
        assert posted(api, port, b"{}").status_code == 400
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


def test_room_is_taken_by_what_came_and_not_by_what_was_announced(parts_and_tally: tuple[Parts, Tally]) -> None:
    parts, tally = parts_and_tally
    with serving(replace(parts, room=Room(300)), tally) as api, served(api.client.app) as port:
        slow = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(5)]
        for one in slow:
            one.sendall(head(api, 250) + b"x" * 10)
        time.sleep(0.2)
        assert posted(api, port, b" " * 240).status_code == 400
        for length in (260, 1_000):
            full = posted(api, port, b" " * length)
            assert (full.status_code, full.headers["Retry-After"]) == (503, "1")
        for one in slow:
            one.close()
        time.sleep(0.2)
        assert posted(api, port, b" " * 290).status_code == 400
