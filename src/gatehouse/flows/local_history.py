"""A history in this process's memory that keeps up with a ledger which others may write too."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from gatehouse.features import snapshot
from gatehouse.features.plan import Coded
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import each_id_once, rows_of
from gatehouse.flows.restore import BLOCK, restore_with_position
from gatehouse.ports.ledger import Ledger
from gatehouse.records.event import Event
from gatehouse.text.rows import Rows

FORGOTTEN = "history.erased"
"""A file beside snapshots that is another after each erasure; who has counted since before it saves no snapshot."""


class LocalHistory:
    """The windows of one judge, restored from the ledger; keeps the promise of `ports.history.History`.

    What is advanced here is expected on record; what is on record without having been advanced here was another
    writer's, and counts after `catch_up`. Not for several threads at once.
    """

    def __init__(self, ledger: Ledger, judge: Judge, path: Path) -> None:
        self.judge = judge
        self.path = path
        self._ledger = ledger
        self._forgotten = self._last_erasure()
        self.live, self.position, self.said = restore_with_position(ledger, judge, path)
        self._own: Counter[str] = Counter()
        self._latest: list[str] = []
        self._ahead: snapshot.Ahead | None = None

    def advance(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        """Each event's windows; the events then count."""
        return self.advance_coded(self.live.read(coded)).batch

    def advance_coded(self, coded: Coded) -> Rows:
        """The same past Arrow."""
        self._settle()
        windows = self.live.advance_coded(coded)
        self._latest = list(coded.events.one("id"))
        return windows

    def replay(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        """Like `advance`, for events of a log."""
        return self.live.replay(coded)

    def roll_back(self) -> None:
        """Forget the batch that was advanced last."""
        self.live.roll_back()
        self._latest = []

    def catch_up(self) -> int:
        """Count what other writers recorded since the last time; gives back how many events that were.

        Raises OutsideError where the ledger cannot be read; the rest then counts the next time.
        """
        self._settle()
        last = self._ledger.last()
        if last == self.position + self._own.total():
            self.position = last
            self._own.clear()
            return 0
        others = 0
        while self.position < last and (block := self._ledger.log(self.position, min(BLOCK, last - self.position))):
            others += self._count_others(block[-1][0], [event for _, event in block if not self._was_own(event.id)])
        return others

    def _count_others(self, position: int, others: list[Event]) -> int:
        for part in each_id_once(others):
            self.live.replay(self.judge.prepare_rows(rows_of(part)).coded)
        self.position = position
        return len(others)

    def _was_own(self, event_id: str) -> bool:
        if not self._own[event_id]:
            del self._own[event_id]
            return False
        self._own[event_id] -= 1
        return True

    def keep(self) -> None:
        """Save a snapshot, from which the next start restores. Raises OutsideError where it cannot be written."""
        self.taken()()

    def ahead(self) -> list[Callable[[], None]]:
        """Make room for a copy, in any thread; each of what is given back copies a part, between two batches.

        The next `taken` then copies only what has come or changed since.
        """
        self._ahead = None  # the one before, if it was not used: its memory is free for this one
        self._ahead = snapshot.Ahead(self.live)
        return self._ahead.pieces()

    def taken(self) -> Callable[[], None]:
        """Copy what is known now; what is given back saves it, in any thread, and raises OutsideError where it cannot.

        After an erasure none is saved: what was erased is counted in it, and the next start counts without it.
        """
        ahead, self._ahead = self._ahead, None
        self.catch_up()
        save = snapshot.taken(self.path, self.live, self.position, self.judge.features_version, ahead)

        def unless_erased() -> None:
            if self._last_erasure() != self._forgotten:
                return
            save()
            if self._last_erasure() != self._forgotten:  # while it was written
                self.path.unlink(missing_ok=True)

        return unless_erased

    def _last_erasure(self) -> bytes:
        path = self.path.with_name(FORGOTTEN)
        return path.read_bytes() if path.exists() else b""

    def _settle(self) -> None:
        """The batch advanced last was not rolled back: it is on record."""
        if self._latest:
            self._own.update(self._latest)
            self._latest = []
