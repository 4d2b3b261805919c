"""The stream worker as a process: the bus, the live gate and the dead letters put together, and told when to stop."""

import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from threading import Thread

import msgspec

from gatehouse.bootstrap import Bus, House
from gatehouse.entry.cli.show import now
from gatehouse.entry.live import Releases, Stop, open_gate
from gatehouse.errors import GatehouseError
from gatehouse.flows.observe import Tally
from gatehouse.flows.releases import versions_in_words
from gatehouse.flows.work import Worker
from gatehouse.ports.bus import Consumer, Producer

SENT_AT_ONCE = 500
TELLS_EVERY_SECONDS = 10.0


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


def work(
    house: House,
    packs: tuple[str, ...],
    bus: Bus,
    *,
    group: str,
    batch: int,
    source: Path | None,
    once: bool,
    said: Callable[[str], None],
) -> Tally:
    """Work until SIGTERM or SIGINT asks to stop; with `once`, or where only a file feeds the bus, until nothing waits.

    Releases that are promoted meanwhile are taken up. Raises OutsideError where the file could not be sent on.
    """
    tally = Tally()
    gate, restored = open_gate(house, packs, tally)
    for sentence in restored:
        said(sentence)
    gate.warm()
    with Stop() as stop:
        consumer = bus.consumer(group)
        worker = Worker(consumer, gate, house.letters, now, batch=batch, stopping=stop, said=said)
        feed = Feed(source, bus.producer(), bus.topic, stop) if source else None
        ends = once or bus.in_process
        try:
            said(f"ready: deciding by {versions_in_words(gate.judge.releases)}")
            if feed:
                feed.start()
            look, tell = Releases(house, packs, gate, said), Telling(tally, consumer, said)
            worker.run(once=(lambda: feed is None or not feed.is_alive()) if ends else None, after_poll=(look, tell))
        finally:
            consumer.close()
            gate.close()
    if feed and feed.error:
        raise feed.error
    return tally


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
        waiting = self._consumer.behind() or 0
        set_aside = self._tally.counts["letters"]
        rate = (n - self._messages) / seconds
        self._said(f"{n:,} messages, {rate:,.0f} a second, {set_aside:,} set aside, {waiting:,} waiting")
        self._told, self._messages = time.monotonic(), n
