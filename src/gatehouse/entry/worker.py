"""The stream worker as a process: the bus, the live gate and the dead letters put together, and told when to stop."""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Thread

import msgspec

from gatehouse.bootstrap import Bus, House
from gatehouse.entry.cli.show import now
from gatehouse.entry.live import Releases, Stop, open_gate
from gatehouse.entry.metrics_server import Address, MetricsServer, door_of
from gatehouse.entry.observing import Observing, open_access
from gatehouse.errors import GatehouseError, OutsideError
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.observe import Tally
from gatehouse.flows.releases import versions_in_words
from gatehouse.flows.work import BATCH, Worker
from gatehouse.ports.bus import Consumer, Producer

SENT_AT_ONCE = 500
TELLS_EVERY_SECONDS = 10.0
COUNTS_EVERY_SECONDS = 10.0


class Feed(Thread):
    """Sends the lines of a file to the bus, those of one actor in order, in a thread of its own."""

    def __init__(self, path: Path, producer: Producer, topic: str, stop: Stop) -> None:
        super().__init__(daemon=True)
        self._file = path.open("rb")
        self._producer = producer
        self._topic = topic
        self._stop_asked = stop
        self.sent = 0
        self.error: GatehouseError | None = None

    def run(self) -> None:
        """Send all lines that are not blank, some hundred at a time."""
        with self._file as file:
            lines = (line.rstrip(b"\r\n") for line in file if line.strip())
            while (values := list(islice(lines, SENT_AT_ONCE))) and not self._stop_asked():
                try:
                    self._producer.send(self._topic, values, [_key_of(value) for value in values])
                except GatehouseError as error:
                    self.error = error
                    return
                self.sent += len(values)


class _Actor(msgspec.Struct):
    actor: str | None = None


_actor_of = msgspec.json.Decoder(_Actor).decode


def _key_of(value: bytes) -> bytes | None:
    """The actor, so that what one does stays in order; None where a line does not say."""
    try:
        actor = _actor_of(value).actor
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return actor.encode() if actor else None


@dataclass(frozen=True)
class Working:
    """How a worker works: the group it shares the bus with, its largest batch, a file that it feeds to the bus first.

    With `once` it stops when nothing waits any more; at `metrics` it serves these and its readiness.
    """

    group: str = "gatehouse"
    batch: int = BATCH
    source: Path | None = None
    once: bool = False
    metrics: Address | None = None


def work(house: House, packs: tuple[str, ...], bus: Bus, how: Working, said: Callable[[str], None]) -> Tally:
    """Work until SIGTERM or SIGINT asks to stop; with `once`, or where only a file feeds the bus, until nothing waits.

    Releases that are promoted meanwhile are taken up. Raises OutsideError where the file could not be sent on.
    """
    tally = Tally()
    observing = Observing("gatehouse-worker", tally)
    gate, restored = open_gate(house, packs, observing.observer)
    for sentence in restored:
        said(sentence)
    gate.warm()
    with Stop() as stop, ExitStack() as closing:
        closing.callback(observing.close)
        closing.callback(gate.close)
        consumer = bus.consumer(how.group)
        closing.callback(consumer.close)
        looks: list[Callable[[], None]] = [Releases(house, packs, gate, said), Telling(tally, consumer, said)]
        if how.metrics is not None:
            looks.append(polls := Polls(consumer))
            closing.callback(_served(house, gate, observing, polls, how.metrics, said).close)
        worker = Worker(consumer, gate, house.letters, now, batch=how.batch, stopping=stop, said=said)
        feed = Feed(how.source, bus.producer(), bus.topic, stop) if how.source else None
        said(f"ready: deciding by {versions_in_words(gate.judge.releases)}")
        if feed:
            feed.start()
        ends = how.once or bus.in_process
        worker.run(once=(lambda: feed is None or not feed.is_alive()) if ends else None, after_poll=looks)
    if feed and feed.error:
        raise feed.error
    return tally


def _served(
    house: House, gate: LiveGate, observing: Observing, polls: "Polls", at: Address, said: Callable[[str], None]
) -> MetricsServer:
    door = door_of(open_access(house.settings), now, at)
    ready = observing.watch(house, lambda: gate.judge, lambda: True, behind=lambda: polls.behind, quiet=polls.quiet)
    server = MetricsServer(at, observing.metrics, ready, door)
    said(f"metrics: http://{at.host}:{server.port}/metrics")
    return server


class Polls:
    """What the worker's own thread learns of the bus, for others to read: a consumer is for one thread."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._polled, self._counted = time.monotonic(), float("-inf")
        self.behind: int | None = None

    def __call__(self) -> None:
        """A poll came back; now and then count what waits."""
        self._polled = time.monotonic()
        if self._polled - self._counted >= COUNTS_EVERY_SECONDS:
            self._counted = self._polled
            try:
                self.behind = self._consumer.behind()
            except OutsideError:
                self.behind = None

    def quiet(self) -> float:
        """For how many seconds no poll has come back."""
        return time.monotonic() - self._polled


class Telling:
    """Says now and then how far the worker is."""

    def __init__(self, tally: Tally, consumer: Consumer, said: Callable[[str], None]) -> None:
        self._tally, self._consumer, self._said = tally, consumer, said
        self._told, self._messages = time.monotonic(), 0

    def __call__(self) -> None:
        """Say it, unless it was only just said or nothing came since."""
        seconds = time.monotonic() - self._told
        n = self._tally.counts["messages"]
        if seconds < TELLS_EVERY_SECONDS or n == self._messages:
            return
        set_aside = self._tally.counts["letters"]
        rate = (n - self._messages) / seconds
        self._said(f"{n:,} messages, {rate:,.0f} a second, {set_aside:,} set aside, {self._waiting()} waiting")
        self._told, self._messages = time.monotonic(), n

    def _waiting(self) -> str:
        # That the bus is gone is for the next poll to say, which waits for it.
        with suppress(OutsideError):
            if (waiting := self._consumer.behind()) is not None:
                return f"{waiting:,}"
        return "an unknown number"
