"""A question without an answer ends in time, and one that was answered never does."""

import socket
import time
from collections.abc import Iterator

import pytest

from gatehouse.adapters.sql import stalls
from gatehouse.adapters.sql.stalls import Stalls

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(stalls, "LOOKS_EVERY_SECONDS", 0.01)
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(5)
        yield here, there


def test_who_waits_for_a_silent_server_hears_that_it_is_gone(pair: Pair) -> None:
    here, _ = pair
    begun = time.monotonic()
    Stalls().asked(here, 0.05)
    assert here.recv(1) == b""
    assert time.monotonic() - begun < 2


def test_what_was_answered_in_time_goes_on(pair: Pair) -> None:
    here, there = pair
    watch = Stalls()
    watch.asked(here, 0.05)
    watch.answered(here)
    watch.answered(here)
    time.sleep(0.15)
    there.send(b"x")
    assert here.recv(1) == b"x"


def test_each_question_has_its_own_time(pair: Pair) -> None:
    here, there = pair
    watch = Stalls()
    for _ in range(5):
        watch.asked(here, 0.1)
        time.sleep(0.05)
    there.send(b"x")
    assert here.recv(1) == b"x"


def test_a_connection_that_is_closed_meanwhile_stops_nobody(pair: Pair) -> None:
    here, there = pair
    watch = Stalls()
    watch.asked(there, 0.0)
    there.close()
    watch.asked(here, 0.1)
    assert here.recv(1) == b""
    with socket.socket() as other:
        watch.asked(other, 0.0)
        time.sleep(0.1)
    assert watch._thread is not None
    assert watch._thread.is_alive()
