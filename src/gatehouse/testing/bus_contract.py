"""What every bus promises; whoever writes one subclasses BusContract and gets the tests."""

import time
from collections.abc import Callable
from typing import Protocol

import pytest

from gatehouse.ports.bus import Consumer, Message, Producer

PATIENCE_SECONDS = 30.0
"""How long a group may take to share out its partitions."""

KEYS = 12


class Bus(Protocol):
    """One topic of a bus, with more than one partition."""

    topic: str

    def producer(self) -> Producer:
        """Something that sends to it."""
        ...

    def consumer(self, group: str) -> Consumer:
        """One more that reads it in a group."""
        ...


class BusContract:
    """Subclass it and give the fixture `bus`: an empty topic for each test."""

    @pytest.fixture
    def bus(self) -> Bus:
        """An empty topic."""
        raise NotImplementedError("give a fixture `bus`")

    def test_messages_come_in_order_and_what_is_not_committed_comes_again_to_whoever_has_the_partition(
        self, bus: Bus
    ) -> None:
        """Nobody commits for another, and who leaves hands over what it had not committed, and nothing else."""
        send(bus, 120)
        first = bus.consumer("g")
        came = gather(first, 120, most=7)
        for number in range(KEYS):
            of_key = [one for one in came if one.key == b"k%d" % number]
            assert [one.value for one in of_key] == values(120)[number::KEYS]
            assert len({one.partition for one in of_key}) == 1
        assert (first.ours(came), first.behind()) == (came, 0)
        done = came[:50]
        first.commit(done)
        first.commit(done[:3])
        ends = {one.partition: one.offset for one in done}
        left = {place(one) for one in came if one.offset > ends.get(one.partition, -1)}
        second = bus.consumer("g")
        there: list[Message] = []

        def shared_out() -> bool:
            came.extend(first.poll(500, 0.05))
            there.extend(second.poll(500, 0.05))
            here = set(map(place, first.ours(came)))
            return bool(there) and not here & set(map(place, there)) and left <= here | set(map(place, there))

        wait_until(shared_out)
        assert set(map(place, there)) <= left
        first.commit(came)
        second.close()
        second.close()
        again = gather(first, len(set(map(place, there))), most=500)
        assert set(map(place, again)) == set(map(place, there))
        first.close()

    def test_resting_reads_nothing_and_loses_nothing(self, bus: Bus) -> None:
        """What was read before stays ours; what came meanwhile is read after."""
        send(bus, 6)
        consumer = bus.consumer("g")
        came = gather(consumer, 6, most=500)
        send(bus, 6)
        consumer.rest(0.3)
        assert consumer.ours(came) == came
        assert sorted(one.value for one in gather(consumer, 6, most=500)) == values(6)
        begun = time.monotonic()
        assert consumer.poll(5, 0.2) == []
        assert time.monotonic() - begun < 5
        consumer.close()


def values(n: int) -> list[bytes]:
    """Messages to send."""
    return [b"%03d" % number for number in range(n)]


def send(bus: Bus, n: int) -> None:
    """Send messages of some keys in turn."""
    bus.producer().send(bus.topic, values(n), [b"k%d" % (number % KEYS) for number in range(n)])


def place(message: Message) -> tuple[int, int]:
    """Where a message lies on its topic."""
    return message.partition, message.offset


def gather(consumer: Consumer, n: int, *, most: int) -> list[Message]:
    """The next `n` messages, and no more may come by then; a new group takes a while to give out partitions."""
    found: list[Message] = []

    def enough() -> bool:
        came = consumer.poll(most, 0.2)
        assert len(came) <= most
        found.extend(came)
        return len(found) >= n

    wait_until(enough)
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again; fails when it takes too long."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, "it took too long"
