"""The stream worker: one poll of the bus is one batch, and nothing is done with before it is durable.

The order of a batch is what makes a kill at any moment harmless: decide and record, keep what could not be decided on,
then say to the bus that these messages are done with. What was cut off in between comes again, and the ledger knows it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from gatehouse.errors import GatehouseError, OutsideError
from gatehouse.flows.live import Unrecorded
from gatehouse.flows.live_gate import Clock, LiveGate
from gatehouse.flows.read_event import UnreadableError, read_event
from gatehouse.ports.bus import Consumer, Message
from gatehouse.ports.dead_letters import DeadLetter, DeadLetters, letter_id
from gatehouse.ports.ledger import ConflictError
from gatehouse.records.event import Event

BATCH = 500
WAIT_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0

_Done = TypeVar("_Done")


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked for it
    """Somebody asked to stop before the batch was done; its messages come again."""


@dataclass
class Batch:
    """The messages of one poll on their way: events that were read, and letters for what is set aside."""

    messages: Sequence[Message]
    events: list[tuple[Message, Event]]
    letters: list[DeadLetter]


class Worker:
    """Consumes batches until it is asked to stop; for one thread.

    Where ledger or bus cannot be used it says so through `said`, consumes nothing, and tries again by and by.
    """

    def __init__(
        self,
        consumer: Consumer,
        gate: LiveGate,
        letters: DeadLetters,
        clock: Clock,
        *,
        batch: int = BATCH,
        stopping: Callable[[], bool] = lambda: False,
        said: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._consumer = consumer
        self._gate = gate
        self._letters = letters
        self._clock = clock
        self._most = batch
        self._stopping = stopping
        self._said = said
        self._observer = gate.observer

    def run(self, *, once: Callable[[], bool] | None = None, after_poll: Sequence[Callable[[], None]] = ()) -> None:
        """Work until asked to stop, or until nothing waits and `once` says that no more will come.

        The batch at hand is finished first. With `once` an unreachable bus raises OutsideError; otherwise it is waited
        for.
        """
        while not self._stopping():
            try:
                came = self.step()
            except Stopped:
                return
            except OutsideError as down:
                if once is not None:
                    raise
                self._said(f"waiting: {down}")
                self._observer.counted("bus out of reach")
                self._consumer.rest(FIRST_PAUSE_SECONDS * 10)
                continue
            for look in after_poll:
                look()
            # Asked in this order: what was sent before `once` said so is seen to wait.
            if once is not None and not came and once() and self._consumer.behind() == 0:
                return

    def step(self) -> int:
        """One batch, from the poll to the commit of its offsets; gives back how many messages came.

        Raises OutsideError where the bus cannot be reached, and Stopped where it was asked to stop while the ledger
        could not be used.
        """
        begun = perf_counter()
        messages = self._consumer.poll(self._most, WAIT_SECONDS)
        if not messages:
            self._gate.keep_up()
            return 0
        n = len(messages)
        self._observer.spent("poll", perf_counter() - begun, n)
        batch = self._timed("read", n, lambda: self._read(messages))
        self._insist(batch, lambda: self._decide(batch))
        if batch.letters:
            self._insist(batch, lambda: self._timed("letters", n, lambda: self._letters.add(batch.letters)))
            self._observer.counted("letters", len(batch.letters))
        self._timed("offsets", n, lambda: self._commit(batch.messages))
        self._observer.counted("messages", n)
        return n

    def _read(self, messages: Sequence[Message]) -> Batch:
        batch = Batch(messages, [], [])
        now = self._clock()
        profile = self._gate.judge.features.profile
        for message in messages:
            try:
                batch.events.append((message, read_event(message.value, now, profile)))
            except UnreadableError as error:
                batch.letters.append(letter_for(message, error, now, error.event_id))
        return batch

    def _decide(self, batch: Batch) -> None:
        """Decide on the events of a batch, and set aside those that cannot be recorded."""
        if traces := [message.trace for message, _ in batch.events if message.trace is not None]:
            self._observer.gathered(len(batch.events), 0, traces)
        answers = self._gate.decide([event for _, event in batch.events])
        refused = [
            (message, answer)
            for (message, _), answer in zip(batch.events, answers, strict=True)
            if isinstance(answer, Unrecorded)
        ]
        for _, answer in refused:
            if isinstance(answer.error, OutsideError):
                raise answer.error
        now = self._clock()
        batch.letters += [letter_for(message, answer.error, now, answer.event_id) for message, answer in refused]

    def _insist(self, batch: Batch, deed: Callable[[], None]) -> None:
        """Do it, and where something outside fails do it again, with pauses in which nothing is read."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return deed()
            except OutsideError as down:
                self._observer.counted("retries")
                self._said(f"nothing is read until this is mended: {down}")
            self._pause(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            # Another worker may have been given what this one held: it is decided there.
            batch.messages = self._consumer.ours(batch.messages)
            held = {(one.partition, one.offset) for one in batch.messages}
            batch.events = [one for one in batch.events if (one[0].partition, one[0].offset) in held]

    def _pause(self, seconds: float) -> None:
        while seconds > 0:
            if self._stopping():
                raise Stopped
            self._consumer.rest(min(seconds, WAIT_SECONDS))
            seconds -= WAIT_SECONDS

    def _commit(self, messages: Sequence[Message]) -> None:
        try:
            self._consumer.commit(messages)
        except OutsideError as error:
            # All of it is on record: where these messages come again, they are known.
            self._observer.counted("offsets not committed")
            self._said(str(error))

    def _timed(self, stage: str, n: int, deed: Callable[[], _Done]) -> _Done:
        begun = perf_counter()
        done = deed()
        self._observer.spent(stage, perf_counter() - begun, n)
        return done


def letter_for(message: Message, error: GatehouseError, now: int, event_id: str | None) -> DeadLetter:
    """A message as a dead letter, with the reason in one line a fault."""
    source = f"{message.topic}/{message.partition}/{message.offset}"
    return DeadLetter(
        id=letter_id(message.value, source),
        value=message.value,
        source=source,
        reason=reason_of(error),
        at=now,
        event_id=event_id,
    )


def reason_of(error: GatehouseError) -> str:
    """Every fault of an error in one line each, without the next steps."""
    if isinstance(error, ConflictError):
        return "id: is known with other content"  # the error itself speaks of a whole batch, and this is one of it
    return "\n".join(f"{fault.where}: {fault.what}" if fault.where else fault.what for fault in error.faults)
