"""Questions to what may hang: asked in threads of their own, so that whoever wants to know waits only so long."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Generic, TypeVar

from gatehouse.errors import OutsideError

_Answer = TypeVar("_Answer")


class LateError(OutsideError):
    """Something did not answer in time."""


class Asked(Generic[_Answer]):
    """A question whose answer is kept for `keep` seconds; while one hangs, no second one is asked."""

    def __init__(
        self, ask: Callable[[], _Answer], *, keep: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask, self._keep, self._clock = ask, keep, clock
        self._lock = Lock()
        self._begun = self._ended = float("-inf")
        self._future: Future[_Answer] | None = None

    def begin(self) -> "Future[_Answer]":
        """Ask, unless it was only just answered or still hangs; gives back what will hold the answer."""
        with self._lock:
            over = self._future is None or (self._future.done() and self._clock() - self._ended >= self._keep)
            if self._future is None or over:
                self._future, self._begun = Future(), self._clock()
                # A thread that hangs must not keep the process from ending, as one of an executor would.
                Thread(target=self._run, args=(self._future,), daemon=True, name="gatehouse-asks").start()
            return self._future

    def answer(self, seconds: float) -> _Answer:
        """The answer; raises LateError where none came in so many seconds, else what the question raised."""
        return self.answer_of(self.begin(), seconds)

    def answer_of(self, future: "Future[_Answer]", seconds: float) -> _Answer:
        """The same of what `begin` gave back, however long ago, without asking again."""
        try:
            return future.result(max(seconds, 0.0))
        except TimeoutError:
            if future.done():
                raise
            raise LateError(f"has not answered for {self._clock() - self._begun:.1f} s") from None

    def _run(self, future: "Future[_Answer]") -> None:
        try:
            answer = self._ask()
        except BaseException as error:
            self._ended = self._clock()
            future.set_exception(error)
        else:
            self._ended = self._clock()
            future.set_result(answer)
