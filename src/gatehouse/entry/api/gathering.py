"""Gathering: requests that come while the judge is at work are judged together.

Nothing waits for company: a judge that is idle takes what there is at once, and what comes meanwhile is its next batch.
So batches grow by themselves under load, where they are cheaper an event.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType

from gatehouse.entry.api.errors import AnswerError
from gatehouse.flows.live import Answer
from gatehouse.flows.observe import WAITED, Observer
from gatehouse.records.event import Event

_SWEEPS_EVERY_SECONDS = 0.1
_NEWEST_COUNTS = 0.05
"""The weight of the newest batch in what an event is expected to take: one that was held up says little of the next."""

_HELD_UP = 10.0
"""Times its expected seconds that a batch counts for at most: a disk that stops for a moment is no pace."""


@dataclass(frozen=True)
class Terms:
    """Bounds of the gathering.

    A batch has at most `most` events, unless one list alone has more. At most `waiting` events wait, and none that
    would wait longer than `patience` seconds by the pace of now. Whoever has no answer after `deadline` seconds is
    told so.
    """

    most: int = 64
    waiting: int = 4_000
    patience: float = 1.0
    deadline: float = 10.0


class Gathering:
    """Hands events of many requests to one judge, a batch at a time; to be entered by the loop that asks."""

    def __init__(
        self,
        judge: Callable[[Sequence[Event]], Awaitable[list[Answer]]],
        observer: Observer,
        terms: Terms | None = None,
    ) -> None:
        self._judge = judge
        self._observer = observer
        self._terms = terms or Terms()
        self._queue: deque[_Asked] = deque()
        self._open: deque[_Asked] = deque()
        self._events = 0
        self._judged_seconds = self._judged_events = 0.0
        self._sweeping = False
        self._stopped = True
        self._loop: asyncio.AbstractEventLoop
        self._came: asyncio.Event
        self._work: asyncio.Task[None]

    @property
    def waiting(self) -> int:
        """Events that have no answer yet."""
        return self._events

    def admit(self, n: int) -> None:
        """Raises AnswerError where `n` events more would be refused now, which costs less before they are read."""
        if self._stopped:
            raise AnswerError(503, "the server is about to stop", fix="send it again", headers={"Retry-After": "1"})
        if self._events and self._events + n > self._room():
            self._observer.counted("refused", n)
            what = "1 event waits already" if self._events == 1 else f"{self._events:,} events wait already"
            raise AnswerError(429, what, fix="send it again, later and slower", headers={"Retry-After": "1"})

    async def decide(self, events: Sequence[Event], trace: str | None = None) -> list[Answer]:
        """One answer an event, in order; `trace` is the `traceparent` of who asks.

        Raises AnswerError 429 where too much waits already, 503 where the judge stops or did not answer in time.
        """
        self.admit(n := len(events))
        asked = _Asked(events, trace, self._loop.create_future(), perf_counter())
        self._open.append(asked)
        self._events += n
        self._queue.append(asked)
        self._came.set()
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(_SWEEPS_EVERY_SECONDS, self._sweep)
        return await asked.answered

    def _room(self) -> int:
        """How many events may wait: what the judge does, at the pace of now, in the time that anyone should wait."""
        if not self._judged_events:
            return self._terms.waiting
        pace = self._judged_seconds / self._judged_events
        return min(self._terms.waiting, max(self._terms.most, int(self._terms.patience / pace)))

    def _sweep(self) -> None:
        """Tell those who waited too long; they stand in the order in which they came."""
        late = perf_counter() - self._terms.deadline
        while self._open and (self._open[0].done or self._open[0].at < late):
            asked = self._open.popleft()
            if not asked.done:
                asked.given_up = True
                self._observer.counted("late", len(asked.events))
                what = f"no decision within {self._terms.deadline:g} seconds; it may yet come to be on record"
                error = AnswerError(
                    503, what, fix="send it again: nothing is decided twice", headers={"Retry-After": "2"}
                )
                asked.fail(error)
        self._sweeping = bool(self._open)
        if self._sweeping:
            self._loop.call_later(_SWEEPS_EVERY_SECONDS, self._sweep)

    async def __aenter__(self) -> "Gathering":
        """Begin to have batches judged."""
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        self._work = self._loop.create_task(self._judge_all())
        self._stopped = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take nothing more, and finish what was taken."""
        self._stopped = True
        self._came.set()
        await self._work

    async def _judge_all(self) -> None:
        """Have batch after batch judged until nothing waits and nothing more is taken."""
        while self._queue or not self._stopped:
            if not self._queue:
                self._came.clear()
                await self._came.wait()
                continue
            batch = self._gathered()
            taken = [asked for asked in batch if not asked.given_up]
            answers, seconds = await self._judged(taken) if taken else ([], 0.0)
            self._deliver(batch, taken, answers, seconds)

    async def _judged(self, taken: "list[_Asked]") -> tuple[list[Answer] | Exception, float]:
        """The answers to these requests, one behind the other, or why there are none; and what that took."""
        events = [event for asked in taken for event in asked.events]
        begun = perf_counter()
        self._observer.spent(WAITED, sum((begun - asked.at) * len(asked.events) for asked in taken), len(events))
        traces = [asked.trace for asked in taken if asked.trace]
        self._observer.gathered(len(events), self._events - len(events), traces)
        answers: list[Answer] | Exception
        try:
            answers = await self._judge(events)
        except Exception as error:
            answers = error
        return answers, perf_counter() - begun

    def _gathered(self) -> "list[_Asked]":
        """What waits, up to a batch; the one that would make it too large is left for the next."""
        batch = [self._queue.popleft()]
        n = len(batch[0].events)
        while self._queue and n + len(self._queue[0].events) <= self._terms.most:
            batch.append(self._queue.popleft())
            n += len(batch[-1].events)
        return batch

    def _deliver(
        self, batch: "list[_Asked]", taken: "list[_Asked]", answers: list[Answer] | Exception, seconds: float
    ) -> None:
        """Give each request its answers."""
        if n := sum(len(asked.events) for asked in taken):
            if self._judged_events:
                seconds = min(seconds, _HELD_UP * n * self._judged_seconds / self._judged_events)
            self._judged_seconds = (1 - _NEWEST_COUNTS) * self._judged_seconds + seconds
            self._judged_events = (1 - _NEWEST_COUNTS) * self._judged_events + n
        self._events -= sum(len(asked.events) for asked in batch)
        start = 0
        for asked in taken:
            end = start + len(asked.events)
            if isinstance(answers, Exception):
                asked.fail(answers)
            else:
                asked.answer(answers[start:end])
            start = end
        while self._open and self._open[0].done:
            self._open.popleft()


class _Asked:
    """One request's events, and what it waits for."""

    __slots__ = ("answered", "at", "events", "given_up", "trace")

    def __init__(
        self, events: Sequence[Event], trace: str | None, answered: "asyncio.Future[list[Answer]]", at: float
    ) -> None:
        self.events = events
        self.trace = trace
        self.answered = answered
        self.at = at
        self.given_up = False

    @property
    def done(self) -> bool:
        return self.answered.done()

    def answer(self, answers: list[Answer]) -> None:
        if not self.answered.done():
            self.answered.set_result(answers)

    def fail(self, error: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(error)
