"""The judge's process as the API asks it: without blocking the loop, one batch at a time."""

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Literal, cast

from gatehouse.adapters.logs import kind_and_place
from gatehouse.bootstrap import House
from gatehouse.entry.cli.score import live_releases
from gatehouse.entry.judge_process import (
    LENGTH,
    Answered,
    Broken,
    Started,
    decode_said,
    encode,
    judge,
    receive,
)
from gatehouse.errors import GatehouseError, OutsideError
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import Answer
from gatehouse.flows.live_gate import warm
from gatehouse.flows.observe import Observer
from gatehouse.flows.releases import open_judge
from gatehouse.records.event import Event
from gatehouse.settings import Settings

ASKS_EVERY_SECONDS = 1.0
STOP_SECONDS = 30.0

Method = Literal["spawn", "fork"]

_LOG = logging.getLogger("gatehouse.api")


class JudgeProcess:
    """A process that decides; to be entered before anything else is open, for what is open does not survive a fork.

    `fork` starts it in a moment where everything is loaded already, as tests have it. `judge` is the judge that decides
    there, as it is here too: for what it reads of events, and for questions that nothing is decided by.
    """

    def __init__(self, settings: Settings, packs: tuple[str, ...] = (), *, start: Method = "spawn") -> None:
        self._settings, self.packs, self._start = settings, packs, start
        self._house: House
        self._observer: Observer
        self._wire: _Wire | None = None
        self._asked = 0.0
        self._ready = False
        self.judge: Judge
        self.ended = False
        """Whether it ended by itself."""

    def __enter__(self) -> "JudgeProcess":
        """Start it."""
        self._socket, theirs = socket.socketpair()
        words = (theirs, self._settings, self.packs, self._socket if self._start == "fork" else None)
        self._process = _process(self._start)(target=judge, args=words, name="gatehouse-judge")
        self._process.start()
        theirs.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Have it finish, and wait until it has; one that never decided has nothing to finish."""
        self._socket.close()
        if self._ready:
            self._process.join(STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    @property
    def pid(self) -> int:
        """Its number."""
        number: int = self._process.pid
        return number

    def wait_until_ready(self, house: House, observer: Observer) -> Sequence[str]:
        """Until it can decide; gives back what it has to say.

        `observer` is told from then on what happens there. Raises UserError where nothing is live.
        """
        self._house, self._observer = house, observer
        self.judge = open_judge(house.shelf, live_releases(house, self.packs))
        warm(self.judge)
        with self._socket.makefile("rb") as answers:
            body = receive(answers.read)
        said = decode_said(body) if body is not None else None
        if isinstance(said, Broken):
            raise said.failure.error()
        if not isinstance(said, Started):
            raise self.gone()
        self._live = said.live
        if self._live != dict(self.judge.releases):  # others were promoted meanwhile
            self.judge = self._opened(self._live)
        self._ready = True
        return said.said

    async def decide(self, events: Sequence[Event]) -> list[Answer]:
        """What the live gate answers there; not for several tasks at once. Raises OutsideError where it is gone."""
        said = await self._ask(events)
        answers = said.answers(events)
        self._observer.answered(answers, said.now)
        return answers

    async def __aenter__(self) -> "JudgeProcess":
        """Listen to it, in the loop that asks."""
        loop = asyncio.get_running_loop()
        _, self._wire = await loop.create_unix_connection(lambda: _Wire(self._lost), sock=self._socket)
        self._turn = asyncio.Lock()
        self._follows = loop.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ask nothing more."""
        self._follows.cancel()
        if self._wire is not None:
            self._wire.close()

    async def _ask(self, events: Sequence[Event]) -> Answered:
        assert self._wire is not None
        async with self._turn:
            self._asked = asyncio.get_running_loop().time()
            try:
                said = decode_said(await self._wire.ask(encode(events)))
            except ConnectionError:
                raise self.gone() from None
        if isinstance(said, Broken):
            raise said.failure.error()
        answered = cast(Answered, said)
        answered.told.tell(self._observer)
        self._live = answered.live
        return answered

    async def _follow(self) -> None:
        """Ask it now and then even if nothing is to be decided: other releases may be live, and it has counts."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(ASKS_EVERY_SECONDS)
            try:
                if loop.time() - self._asked >= ASKS_EVERY_SECONDS:
                    await self._ask(())
                if self._live != dict(self.judge.releases):
                    self.judge = await asyncio.to_thread(self._opened, self._live)
            except GatehouseError:
                # What is wrong is told to whoever asks for a decision; here the judge of before is good enough.
                continue
            except Exception as error:
                # Whatever it was, it is asked again: else releases and counts would stand still, and nobody know.
                _LOG.error("the judge of before is kept: %s", kind_and_place(error))

    def _opened(self, live: dict[str, str]) -> Judge:
        registry = self._house.shelf.registry
        return open_judge(self._house.shelf, [registry.release(*one) for one in sorted(live.items())])

    def _lost(self) -> None:
        """It ended by itself: whoever watches over servers starts all of it again."""
        self.ended = True
        os.kill(os.getpid(), signal.SIGTERM)

    def gone(self) -> OutsideError:
        """What is told of a process that ended by itself."""
        self._process.join(1.0)
        code = self._process.exitcode
        what = f"the judge's process ended by itself{'' if code is None else f' with {code}'}"
        return OutsideError(what, fix="start gatehouse serve again; what it printed, or the system's log, says why")


def _process(start: Method) -> Any:
    # Both kinds of context have it, and their base does not say so.
    return multiprocessing.get_context(start).Process  # type: ignore[attr-defined]


class _Wire(asyncio.Protocol):
    """The socket in the loop: a question, and the bytes of its answer."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._data = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can be asked."""
        self._transport = cast(asyncio.Transport, transport)

    async def ask(self, question: bytes) -> bytes:
        """The answer's body; raises ConnectionError where it is gone."""
        if self._transport is None:
            raise ConnectionError
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(LENGTH.pack(len(question)) + question)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._data += data
        if len(self._data) < LENGTH.size:
            return
        end = LENGTH.size + LENGTH.unpack_from(self._data)[0]
        if len(self._data) >= end and self._answer is not None:
            body = bytes(self._data[LENGTH.size : end])
            del self._data[:end]
            if not self._answer.done():
                self._answer.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone, or was let go."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())
        if not self._closed:
            self._lost()

    def close(self) -> None:
        """Let it go."""
        self._closed = True
        if self._transport is not None:
            self._transport.close()
