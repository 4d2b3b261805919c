"""Releases in shadow: they judge what was decided live, after it was answered, and act on nothing."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread
from time import monotonic, sleep
from typing import TypeVar

import pyarrow as pa

from gatehouse.errors import OutsideError
from gatehouse.flows.beside import in_shadow, judged_by, stored_windows
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import each_id_once
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.observe import Observer
from gatehouse.flows.restore import BLOCK
from gatehouse.ports.ledger import Judged, Ledger
from gatehouse.records.event import Event, to_batch

WAITING = 10_000
"""Events that may wait to be judged in shadow; what comes then is counted and left out."""

WAITING_CHARACTERS = 20_000_000
"""Characters of their texts that may wait: one text may have a million."""

AT_ONCE = 32
"""Events that are judged and recorded together: few, for the ledger and the interpreter are shared with live ones."""

GIVES_WAY_SECONDS = 0.05
STEP_SECONDS = 0.001

TRIES = 3
PAUSE_SECONDS = 0.2
CLOSING_SECONDS = 5.0

_Done = TypeVar("_Done")


@dataclass(eq=False)
class Shadow:
    """A release in shadow; `path` is where its own history is kept, None where the live one has its windows."""

    pack: str
    version: str
    judge: Judge
    path: Path | None = None
    _follows: "_Follows | None" = None
    _hopeless: bool = False

    def judged(self, ledger: Ledger, rows: Sequence[Judged], now: int) -> list[Judged]:
        """The rows as this release judges them, ready to be recorded; those that it could not judge are left out.

        Raises OutsideError where the ledger cannot be read; what was read by then is not read again.
        """
        if self.path is None:
            return self._judged(rows, stored_windows(self.judge, rows), now)
        if self._hopeless:
            return []
        if self._follows is None:
            self._follows = self._begun(ledger, self.path)
        return self._judged(*self._follows.placed(ledger, rows), now)

    def _begun(self, ledger: Ledger, path: Path) -> "_Follows":
        """A history that was restored; where an event on record breaks it, that is not tried again and again."""
        try:
            return _Follows(ledger, self.judge, path)
        except OutsideError:
            raise
        except Exception:
            self._hopeless = True
            raise

    def keep(self) -> None:
        """Save its own history, but none that knows what was erased since; raises OutsideError where it cannot."""
        if self._follows is not None:
            self._follows.history.keep()

    def _judged(self, rows: Sequence[Judged], windows: pa.RecordBatch | None, now: int) -> list[Judged]:
        if not rows:
            return []
        try:
            return [in_shadow(one) for one in judged_by(self.judge, rows, windows, now)]
        except Exception:
            # An event that breaks it must not cost the others.
            if len(rows) == 1:
                return []
        half = len(rows) // 2
        first, second = (None, None) if windows is None else (windows.slice(0, half), windows.slice(half))
        return [*self._judged(rows[:half], first, now), *self._judged(rows[half:], second, now)]


class _Follows:
    """A history that follows the ledger's log, event by event in its order, whoever recorded them."""

    def __init__(self, ledger: Ledger, judge: Judge, path: Path) -> None:
        self._judge = judge
        self.history = LocalHistory(ledger, judge, path)

    def placed(self, ledger: Ledger, rows: Sequence[Judged]) -> tuple[list[Judged], pa.RecordBatch | None]:
        """Follow the log to its end; gives back those of the rows that were met there, with their windows.

        What the log held before this began to follow it has had its place and is left out.
        """
        wanted = {(row.event.id, row.event.revision): row for row in rows}
        found: list[Judged] = []
        windows: list[pa.RecordBatch] = []
        while wanted and (block := ledger.log(self.history.position, BLOCK)):
            numbers = {(event.id, event.revision): number for number, event in block}
            for part in each_id_once(event for _, event in block):
                for events, given in self._counted(part):
                    keys = [(event.id, event.revision) for event in events]
                    if places := [place for place, key in enumerate(keys) if key in wanted]:
                        found += [wanted.pop(keys[place]) for place in places]
                        windows.append(given.take(pa.array(places, pa.int64())))
                self.history.position = numbers[part[-1].id, part[-1].revision]
        return found, pa.Table.from_batches(windows).combine_chunks().to_batches()[0] if windows else None

    def _counted(self, part: Sequence[Event]) -> list[tuple[Sequence[Event], pa.RecordBatch]]:
        """A part of the log with its windows, which then counts; an event that breaks this release is left out."""
        try:
            return [(part, self.history.replay(self._judge.prepare(to_batch(part)).coded))]
        except Exception:
            if len(part) == 1:
                return []
        half = len(part) // 2
        return [*self._counted(part[:half]), *self._counted(part[half:])]


class ShadowThread:
    """One thread of a process that has the releases in shadow judge what was decided live.

    It begins with the first event. Where too many wait, what comes is counted as "not shadowed" and left out.
    """

    def __init__(
        self, ledger: Ledger, observer: Observer, *, busy: Callable[[], bool] = lambda: False, most: int = WAITING
    ) -> None:
        """`busy` tells whether something is decided live just now: it goes first, for so long as is bearable."""
        self._ledger = ledger
        self._live_is_busy = busy
        self._observer = observer
        self._most = most
        self._queue: deque[tuple[Judged, int]] = deque()
        self._characters = 0
        self._changed = Condition()
        self._shadows: tuple[Shadow, ...] = ()
        self._busy = self._closing = False
        self._thread: Thread | None = None

    def use(self, shadows: tuple[Shadow, ...]) -> None:
        """Judge by these from the next events on; what waits for nobody is forgotten."""
        with self._changed:
            self._shadows = shadows
            if not shadows:
                self._forget()

    def offer(self, rows: Sequence[Judged], now: int) -> None:
        """Take recorded rows, as far as there is room; never waits."""
        if not self._shadows or not rows:
            return
        with self._changed:
            taken = sum(self._takes(row, now) for row in rows)
            if self._thread is None and taken:
                self._thread = Thread(target=self._run, name="shadow", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        if taken < len(rows):
            self._observer.counted("not shadowed", len(rows) - taken)

    def _takes(self, row: Judged, now: int) -> bool:
        """Put a row behind those that wait, where there is room; the first has room whatever its size."""
        size = len(row.event.text or "")
        full = len(self._queue) >= self._most or (self._characters and self._characters + size > WAITING_CHARACTERS)
        if full or self._closing:
            return False
        self._characters += size
        self._queue.append((row, now))
        return True

    def _next(self) -> tuple[Judged, int]:
        row, now = self._queue.popleft()
        self._characters -= len(row.event.text or "")
        return row, now

    def _forget(self) -> int:
        """Give up what waits; gives back how many that were."""
        n = len(self._queue)
        self._queue.clear()
        self._characters = 0
        return n

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Finish what waits, for so long, and save the histories; the rest is counted and left out."""
        if self._thread is not None:
            self.drain(seconds)
            with self._changed:
                self._closing = True
                left = self._forget()
                self._changed.notify_all()
            if left:
                self._observer.counted("not shadowed", left)
            self._thread.join(seconds)
        for shadow in self._shadows:
            try:
                if self._thread is not None and self._thread.is_alive():
                    # It counts yet: what was saved now would be neither before nor after an event.
                    raise OutsideError("the shadow did not come to an end")
                shadow.keep()
            except Exception:
                # A start without it follows the log from further back; nobody waits for this one's reasons.
                self._observer.counted("snapshots not kept")

    def drain(self, seconds: float) -> bool:
        """Wait until nothing waits any more, at most so long; gives back whether that came."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._queue or self._closing)
                if self._closing and not self._queue:
                    return
                part = [self._next() for _ in range(min(AT_ONCE, len(self._queue)))]
                self._busy, shadows = True, self._shadows
            self._give_way()
            rows, now = [row for row, _ in part], part[-1][1]
            for shadow in shadows:
                self._shadowed(shadow, rows, now)

    def _give_way(self) -> None:
        end = monotonic() + GIVES_WAY_SECONDS
        while self._live_is_busy() and monotonic() < end:
            sleep(STEP_SECONDS)

    def _shadowed(self, shadow: Shadow, rows: Sequence[Judged], now: int) -> None:
        """Judge and record; whatever goes wrong costs these events of this shadow alone."""
        found: list[Judged] = []
        try:
            found = self._insist(lambda: shadow.judged(self._ledger, rows, now))
            self._insist(lambda: self._ledger.commit(found))
        except Exception:
            found = []
        self._observer.counted("shadowed", len(found))
        if len(found) < len(rows):
            self._observer.counted("not shadowed", len(rows) - len(found))

    def _insist(self, deed: Callable[[], _Done]) -> _Done:
        """Do it, some times where something outside fails."""
        for attempt in range(TRIES - 1):
            try:
                return deed()
            except OutsideError:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, PAUSE_SECONDS * 2**attempt)
        return deed()
