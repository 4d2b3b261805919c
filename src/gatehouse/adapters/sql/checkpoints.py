"""The log of a SQLite file is moved into the file beside the commits: within one, everybody would wait for it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from threading import Event, Lock, Thread
from typing import Any

ROWS = 1_000
"""Rows written after which the log is moved: some 2,500 of its pages, written into the file in a few milliseconds."""


class Checkpoints:
    """Moves the log of one file in a thread of its own, once this process has written enough; safe for several threads.

    `connect` opens a connection that hardly waits for others.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._lock = Lock()
        self._due = Event()
        self._rows = 0
        self._closed = False
        self._thread: Thread | None = None
        self.alone = Lock()
        """Whoever holds it empties the log without this thread in the way."""

    def written(self, connection: sqlite3.Connection | None, record: Any) -> None:
        """A connection comes back to the pool, maybe from a commit."""
        if connection is None:
            return
        rows = connection.total_changes
        self._rows += rows - record.info.get("written", 0)
        record.info["written"] = rows
        if self._rows >= ROWS and not self._due.is_set():
            self._begin()

    def _begin(self) -> None:
        with self._lock:
            self._rows = 0
            self._due.set()
            # A thread does not survive a fork.
            if not self._closed and (self._thread is None or not self._thread.is_alive()):
                self._thread = Thread(target=self._work, name="checkpoints", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread; what is in the log then stays there until somebody else moves it."""
        with self._lock:
            self._closed = True
            self._due.set()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        with suppress(sqlite3.Error), closing(self._connect()) as connection:
            while self._due.wait() and not self._closed:
                self._due.clear()
                with self.alone, suppress(sqlite3.Error):
                    # Nearly all of it while others write on; then what these wrote, while they wait, so that the log
                    # begins anew. Where somebody is in the way it grows on until the next time.
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
