"""Reads of content on their way to the record: gathered for a moment, then written together."""

from collections.abc import Callable
from threading import Condition, Lock, Thread

from gatehouse.errors import GatehouseError, OutsideError
from gatehouse.ports.access import Reads
from gatehouse.records.access import Read

WAIT_SECONDS = 1.0
BATCH = 100
MOST_WAITING = 10_000
"""Reads that wait at most while they cannot be recorded; content is not shown any more then."""


class Audit:
    """Writes reads by a thread of its own, each within a second or as soon as a hundred wait, and the rest when closed.

    While they cannot be recorded they are kept and tried again. A process that is killed loses the last second's.
    """

    def __init__(
        self, reads: Reads, *, most_waiting: int = MOST_WAITING, said: Callable[[str], None] = lambda _: None
    ) -> None:
        self._reads = reads
        self._most = most_waiting
        self._said = said
        self._waiting: list[Read] = []
        self._changed = Condition()
        self._writing = Lock()
        self._thread: Thread | None = None
        self._closing = False
        self._failing = False

    def add(self, read: Read) -> None:
        """Have a read recorded.

        Raises OutsideError, and what was asked for must not be shown, where too many wait already or it is closed.
        """
        with self._changed:
            if self._closing or len(self._waiting) >= self._most:
                raise OutsideError(
                    "content is not shown while it cannot be recorded who looks at it",
                    fix="do it again when the ledger can be written",
                )
            self._waiting.append(read)
            if self._thread is None:
                # A daemon, so that a process that forgot to close ends all the same.
                self._thread = Thread(target=self._run, name="audit of reads", daemon=True)
                self._thread.start()
            elif len(self._waiting) in (1, BATCH):
                self._changed.notify()

    def flush(self) -> None:
        """Write what was added until now, also what is being written just then.

        Raises OutsideError where it cannot be written; then it goes on waiting.
        """
        if not self._write():
            raise OutsideError(
                "who looked at content cannot be recorded now", fix="do it again when the ledger can be written"
            )

    def close(self) -> None:
        """Write what waits and end; raises OutsideError, which says how many were lost, where it cannot be written."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        if self._waiting and not self._write():
            raise OutsideError(
                f"{len(self._waiting):,} reads of content could not be recorded before the end",
                fix="the ledger could not be written: look there first",
            )

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._waiting)
                self._changed.wait_for(self._due, WAIT_SECONDS)
            if self._closing:
                return
            if not self._write():
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, WAIT_SECONDS)

    def _due(self) -> bool:
        return self._closing or len(self._waiting) >= BATCH

    def _write(self) -> bool:
        """Write what waits now; gives back whether that is on record."""
        with self._writing:
            with self._changed:
                batch = self._waiting[:]
            if not batch:
                return True
            try:
                self._reads.add(batch)
            except Exception as error:
                # Whatever it was, the thread goes on: without it the next reads would be shown and wait for nothing.
                if not self._failing:
                    reason = error if isinstance(error, GatehouseError) else type(error).__name__
                    self._said(f"reads of content wait to be recorded: {reason}")
                self._failing = True
                return False
            with self._changed:
                del self._waiting[: len(batch)]
            self._failing = False
            return True
