"""A server that takes a question and never answers: its connection is cut, so that whoever waits hears of it.

A server's own limits do not hold where it is frozen, and TCP's do not where something in between still says that it got
every packet. One thread a process looks after all connections.
"""

import os
import socket
import threading
from contextlib import suppress
from time import monotonic, sleep
from typing import Protocol

LOOKS_EVERY_SECONDS = 0.25


class Connection(Protocol):
    """A driver's connection."""

    def fileno(self) -> int:
        """Its socket."""
        ...


class Stalls:
    """Connections that wait for an answer, each with the time until which it may; for several threads at once."""

    def __init__(self) -> None:
        self._due: dict[int, tuple[Connection, float]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def asked(self, connection: Connection, seconds: float) -> None:
        """A question was put, or put anew, that has to be answered within these seconds."""
        self._due[id(connection)] = connection, monotonic() + seconds
        # A thread does not survive a fork.
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._watch, name="stalls", daemon=True)
                    self._thread.start()

    def answered(self, connection: Connection) -> None:
        """It was answered, or nobody waits for it any more."""
        self._due.pop(id(connection), None)

    def _watch(self) -> None:
        while True:
            sleep(LOOKS_EVERY_SECONDS)
            now = monotonic()
            for connection, end in list(self._due.values()):
                if end < now:
                    self.answered(connection)
                    cut(connection)


def cut(connection: Connection) -> None:
    """End what a connection waits for; its own thread then finds the server gone."""
    with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
