"""The bus within one process: bounded topics, groups whose consumers share out the partitions, nothing to install.

It lasts as long as the object. What survives a restart is the ledger; whoever sent the messages sends them again.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Condition
from time import monotonic, sleep

from gatehouse.errors import OutsideError
from gatehouse.ports.bus import Message


@dataclass
class _Partition:
    """Messages that not every group is done with; the first of them has the offset `first`."""

    first: int = 0
    messages: list[Message] = field(default_factory=list)
    committed: dict[str, int] = field(default_factory=dict)

    @property
    def end(self) -> int:
        return self.first + len(self.messages)

    def commit(self, group: str, offset: int) -> None:
        """Note how far a group is, and let go of what no group needs."""
        self.committed[group] = max(offset, self.committed.get(group, self.first))
        done = min(self.committed.values()) - self.first
        del self.messages[:done]
        self.first += done


class MemoryBus:
    """Topics of `partitions` partitions, each of which holds at most `capacity` messages; for several threads at once.

    A sender waits for room, up to `patience` seconds where they are given: that is how those who read slowly hold back
    those who send.
    """

    def __init__(self, *, partitions: int = 4, capacity: int = 10_000, patience: float | None = None) -> None:
        self.capacity = capacity
        self.patience = patience
        self.changed = Condition()
        self._count = partitions
        self._topics: dict[str, list[_Partition]] = {}
        self._members: dict[tuple[str, str], list[MemoryConsumer]] = {}

    def consumer(self, topic: str, group: str = "gatehouse") -> "MemoryConsumer":
        """One more consumer of a topic in a group; the group's partitions are shared out anew."""
        with self.changed:
            made = MemoryConsumer(self, topic, group)
            members = self._members.setdefault((topic, group), [])
            for partition in self.topic(topic):
                partition.committed.setdefault(group, partition.first)
            members.append(made)
            self._share_out(topic, group)
        return made

    def producer(self) -> "MemoryProducer":
        """Something that sends."""
        return MemoryProducer(self)

    def topic(self, name: str) -> list[_Partition]:
        """The partitions of a topic, made when it is first named."""
        return self._topics.setdefault(name, [_Partition() for _ in range(self._count)])

    def leave(self, consumer: "MemoryConsumer") -> None:
        """Give a consumer's partitions to the others of its group."""
        with self.changed:
            members = self._members[consumer.topic, consumer.group]
            if consumer in members:
                members.remove(consumer)
                consumer.positions = {}
                self._share_out(consumer.topic, consumer.group)

    def _share_out(self, topic: str, group: str) -> None:
        members = self._members[topic, group]
        partitions = self.topic(topic)
        for place, member in enumerate(members):
            own = range(place, len(partitions), len(members))
            member.positions = {
                number: member.positions.get(number, partitions[number].committed[group]) for number in own
            }
        self.changed.notify_all()


class MemoryConsumer:
    """Reads a topic of a MemoryBus; keeps the promise of `ports.bus.Consumer`."""

    def __init__(self, bus: MemoryBus, topic: str, group: str) -> None:
        self.topic = topic
        self.group = group
        self.positions: dict[int, int] = {}
        self._bus = bus
        self._turn = 0

    def poll(self, most: int, seconds: float) -> list[Message]:
        """At most `most` messages, waiting up to `seconds` for the first."""
        end = monotonic() + seconds
        with self._bus.changed:
            while not (found := self._take(most)):
                left = end - monotonic()
                if left <= 0 or not self._bus.changed.wait(left):
                    return self._take(most)
            return found

    def _take(self, most: int) -> list[Message]:
        found: list[Message] = []
        partitions = self._bus.topic(self.topic)
        self._turn += 1
        # Each poll begins with another partition, so that a busy one does not keep the others waiting.
        for number in sorted(self.positions, key=lambda number: (number + self._turn) % len(partitions)):
            partition = partitions[number]
            start = self.positions[number] - partition.first
            found += (more := partition.messages[start : start + most - len(found)])
            self.positions[number] += len(more)
        return found

    def rest(self, seconds: float) -> None:
        """Read nothing for so long."""
        sleep(seconds)

    def ours(self, messages: Sequence[Message]) -> list[Message]:
        """Those of these messages whose partitions are still read here."""
        with self._bus.changed:
            return [one for one in messages if one.offset < self.positions.get(one.partition, 0)]

    def commit(self, messages: Sequence[Message]) -> None:
        """These messages, and all before them on their partitions, do not come again."""
        partitions = self._bus.topic(self.topic)
        with self._bus.changed:
            for number, offset in ends(self.ours(messages)).items():
                partitions[number].commit(self.group, offset)
            self._bus.changed.notify_all()

    def behind(self) -> int:
        """How many messages wait on the partitions that are read here."""
        partitions = self._bus.topic(self.topic)
        with self._bus.changed:
            return sum(partitions[number].end - position for number, position in self.positions.items())

    def close(self) -> None:
        """Leave the group."""
        self._bus.leave(self)


def ends(messages: Sequence[Message]) -> dict[int, int]:
    """For each partition, the offset that follows the last of these messages."""
    found: dict[int, int] = {}
    for message in messages:
        found[message.partition] = max(message.offset + 1, found.get(message.partition, 0))
    return found


class MemoryProducer:
    """Sends to a MemoryBus; keeps the promise of `ports.bus.Producer`."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus
        self._turn = 0

    def send(self, topic: str, values: Sequence[bytes], keys: Sequence[bytes | None] | None = None) -> None:
        """All of these, in order, waiting for room; raises OutsideError where none comes."""
        with self._bus.changed:
            partitions = self._bus.topic(topic)
            for value, key in zip(values, keys or [None] * len(values), strict=True):
                number = self._number(key, len(partitions))
                self._wait_for_room(partitions[number], topic)
                partitions[number].messages.append(Message(value, topic, number, partitions[number].end, key))
            self._bus.changed.notify_all()

    def _wait_for_room(self, partition: _Partition, topic: str) -> None:
        capacity = self._bus.capacity
        if len(partition.messages) < capacity:
            return
        self._bus.changed.notify_all()
        if not self._bus.changed.wait_for(lambda: len(partition.messages) < capacity, self._bus.patience):
            what = f"the bus is full: {capacity:,} messages wait on a partition of '{topic}'"
            raise OutsideError(what, fix="let a worker read them, then send the rest")

    def _number(self, key: bytes | None, partitions: int) -> int:
        if key is not None:
            return zlib.crc32(key) % partitions
        self._turn += 1
        return self._turn % partitions
