"""The bus within one process."""

import threading
import time
from dataclasses import dataclass, field

import pytest

from gatehouse.adapters.memory_bus import MemoryBus, MemoryConsumer, MemoryProducer
from gatehouse.errors import OutsideError
from gatehouse.testing.bus_contract import BusContract


@dataclass
class Topic:
    topic: str = "t"
    inner: MemoryBus = field(default_factory=MemoryBus)

    def producer(self) -> MemoryProducer:
        return self.inner.producer()

    def consumer(self, group: str) -> MemoryConsumer:
        return self.inner.consumer(self.topic, group)


class TestMemoryBus(BusContract):
    @pytest.fixture
    def bus(self) -> Topic:
        return Topic()


def test_who_sends_waits_for_those_who_read_and_then_gives_up() -> None:
    bus = MemoryBus(partitions=1, capacity=10, patience=0.05)
    consumer = bus.consumer("t")
    producer = bus.producer()
    producer.send("t", [b"x"] * 10)
    with pytest.raises(OutsideError, match="the bus is full: 10 messages wait on a partition of 't'"):
        producer.send("t", [b"y"])
    assert MemoryBus().patience is None, "a file is held back for as long as the ledger is down"
    bus.patience = None
    sender = threading.Thread(target=producer.send, args=("t", [b"z"] * 25))
    sender.start()
    read = 0
    while read < 35:
        messages = consumer.poll(4, 5.0)
        read += len(messages)
        assert consumer.behind() <= 10
        consumer.commit(messages)
    sender.join(10)
    assert not sender.is_alive()
    assert not bus.topic("t")[0].messages


def test_a_reader_wakes_when_something_comes() -> None:
    bus = MemoryBus()
    consumer = bus.consumer("t")
    threading.Timer(0.1, bus.producer().send, args=("t", [b"x"])).start()
    begun = time.monotonic()
    assert [one.value for one in consumer.poll(5, 30.0)] == [b"x"]
    assert time.monotonic() - begun < 10


def test_what_one_group_has_not_read_is_kept_for_it() -> None:
    bus = MemoryBus(partitions=1)
    slow, quick = bus.consumer("t", "slow"), bus.consumer("t", "quick")
    bus.producer().send("t", [b"x", b"y"])
    quick.commit(quick.poll(5, 1.0))
    assert [one.value for one in slow.poll(5, 1.0)] == [b"x", b"y"]
