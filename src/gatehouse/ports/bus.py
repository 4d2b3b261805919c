"""What the house asks of the bus that events come by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its value as it came, and its place on the bus; `trace` is its `traceparent`, where it has one."""

    value: bytes
    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    trace: str | None = None


class Consumer(Protocol):
    """Reads a topic as one of a group, among which its partitions are shared out; not for several threads at once.

    Messages come in the order of each partition. What was not committed comes again: to this consumer's successor, or
    to another of the group that is given the partition.
    """

    def poll(self, most: int, seconds: float) -> Sequence[Message]:
        """At most `most` messages, waiting up to `seconds` for the first; empty where none came.

        Raises OutsideError where the bus cannot be reached.
        """
        ...

    def rest(self, seconds: float) -> None:
        """Read nothing for so long, and stay one of the group."""
        ...

    def ours(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Those of these messages whose partitions are still read here; the others come again elsewhere."""
        ...

    def commit(self, messages: Sequence[Message]) -> None:
        """These messages, and all before them on their partitions, are done with and do not come again.

        Those that are no longer ours are left to whoever has them now. Raises OutsideError where it could not be said;
        the messages may then come again.
        """
        ...

    def behind(self) -> int | None:
        """How many messages wait on the partitions that are read here; None while none have been given out yet.

        Raises OutsideError where it cannot be told.
        """
        ...

    def close(self) -> None:
        """Leave, so that another consumer may take over at once; a second time does nothing."""
        ...


class Producer(Protocol):
    """Puts messages on the bus; those of one key go to one partition."""

    def send(self, topic: str, values: Sequence[bytes], keys: Sequence[bytes | None] | None = None) -> None:
        """All of these, those of one key in order; returns when the bus holds them.

        Raises OutsideError where it does not hold all of them: some may have been sent.
        """
        ...
