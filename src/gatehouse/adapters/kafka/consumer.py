"""Reads a topic as one of a Kafka consumer group; offsets are committed when the worker says so, never by a timer."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Thread
from time import monotonic

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from gatehouse.adapters.kafka.connection import made_by, outside, quiet
from gatehouse.errors import OutsideError
from gatehouse.ports.bus import Message

ANSWER_SECONDS = 10.0
"""How long a broker may take to answer a question."""

JOIN_SECONDS = 30.0
"""How long a group may take to give out its partitions before a worker says that it waits."""

_NOTHING_YET = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._PARTITION_EOF, KafkaError._UNKNOWN_TOPIC})
"""What a consumer is told before anything was sent."""


class KafkaConsumer:
    """Reads a topic on these brokers (`HOST:PORT`, more with commas between); keeps `ports.bus.Consumer`'s promise.

    librdkafka connects again by itself. `options` are its own settings, for example how to log in. With `partitions` it
    reads those, from where the group left off, and the group shares out none to it.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        group: str = "gatehouse",
        options: Mapping[str, str | int | bool] | None = None,
        partitions: Sequence[int] = (),
    ) -> None:
        self.topic = topic
        self._where = f"kafka://{brokers}/{topic}"
        self._read: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._early: list[Message] = []
        self._closed = self._joined = False
        self._asked = monotonic()
        self._unreachable: KafkaError | None = None
        self._wrong: OutsideError | None = None
        self._commit: _Asked | None = None
        own = {
            "bootstrap.servers": brokers,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "error_cb": self._told,
            "logger": quiet(),
        }
        with made_by(self._where):
            self._consumer = Consumer({**own, **(options or {})})
        if partitions:
            self._joined = True
            self._consumer.assign([TopicPartition(topic, number) for number in partitions])
        else:
            self._consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def poll(self, most: int, seconds: float) -> list[Message]:
        """At most `most` messages, waiting up to `seconds` for the first.

        Raises OutsideError where no broker can be reached, and where one refuses; what came before that is given first.
        """
        found, self._early = self._early[:most], self._early[most:]
        if not found:
            found = self._consumed(most, seconds)
        if not found:
            self._look_after()
        for message in found:
            self._read[message.partition] = message.offset + 1
        return found

    def rest(self, seconds: float) -> None:
        """Read nothing for so long, and stay one of the group: brokers drop those that ask for nothing."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            # Each time anew: partitions that are given out meanwhile come unpaused, and bring one message at the most.
            with suppress(KafkaException):
                self._consumer.pause(self._consumer.assignment())
            self._early += self._consumed(1, left)
        with suppress(KafkaException):
            self._consumer.resume(self._consumer.assignment())

    def ours(self, messages: Sequence[Message]) -> list[Message]:
        """Those of these messages whose partitions are still read here."""
        return [one for one in messages if one.offset < self._read.get(one.partition, 0)]

    def commit(self, messages: Sequence[Message]) -> None:
        """These messages, and all before them on their partitions, do not come again.

        Raises OutsideError where the broker does not say so; they may then come again.
        """
        ends: dict[int, int] = {}
        for message in self.ours(messages):
            ends[message.partition] = max(message.offset + 1, ends.get(message.partition, 0))
        # A broker takes an earlier offset as well, and would send again what lies between.
        ends = {number: offset for number, offset in ends.items() if offset > self._done.get(number, 0)}
        if not ends:
            return
        if self._commit is None or not self._commit.is_alive():
            offsets = [TopicPartition(self.topic, *end) for end in ends.items()]
            self._commit = _Asked(lambda: self._consumer.commit(offsets=offsets, asynchronous=False))
        if self._commit.is_alive():
            what = f"no broker has answered a commit for {ANSWER_SECONDS:g} s; these messages may come again"
            raise OutsideError(what, where=self._where, fix="see that the brokers run; reading goes on meanwhile")
        if self._commit.error is not None:
            raise outside(self._commit.error, self._where, "these messages may come again")
        self._done |= ends

    def behind(self) -> int | None:
        """How many messages wait on the partitions that are read here; None before the group gave out any."""
        if not self._joined:
            return None
        waiting, until = 0, monotonic() + ANSWER_SECONDS
        try:
            for one in self._consumer.committed(self._consumer.assignment(), timeout=ANSWER_SECONDS):
                left = max(until - monotonic(), 0.1)
                first, end = self._consumer.get_watermark_offsets(one, timeout=left)
                waiting += end - self._read.get(one.partition, max(first, one.offset))
        except KafkaException as error:
            raise outside(error.args[0], self._where) from error
        return waiting

    def close(self) -> None:
        """Leave the group; a second time does nothing, and neither does the first while a broker owes an answer.

        Where brokers do not let it go in time they find out by themselves, when its session is over.
        """
        if not self._closed:
            self._closed = True
            if self._commit is None or not self._commit.is_alive():
                _Asked(self._consumer.close)

    def _consumed(self, most: int, seconds: float) -> list[Message]:
        """What came; an error beside it is kept, for what was read is not read again by this consumer."""
        came: list[KafkaMessage] = []
        wrong = None
        try:
            # Asked for many at once, the client waits for all of them; so for one, and then for what lies there.
            came += self._consumer.consume(1, seconds)
            if came and most > 1:
                came += self._consumer.consume(most - 1, 0.0)
        except KafkaException as error:
            wrong = error.args[0]
        found = []
        assigned = {one.partition for one in self._consumer.assignment()} if came else set()
        for message in came:
            if (said := message.error()) is not None:
                wrong = said if said.code() not in _NOTHING_YET else wrong
            # A partition may be taken away while its messages are handed over: they come again elsewhere.
            elif message.partition() in assigned:
                found.append(_message(message))
        if found:
            self._unreachable = None
        if found or wrong is not None:
            self._wrong = None if wrong is None else outside(wrong, self._where)
        return found

    def _told(self, error: KafkaError) -> None:
        if error.fatal() or error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._unreachable = error

    def _look_after(self) -> None:
        """Say why nothing comes; brokers that went away say so once, and only asking tells whether they are back."""
        wrong, self._wrong = self._wrong, None
        if wrong is not None:
            raise wrong
        error = self._unreachable
        if error is None:
            if not self._joined and monotonic() - self._asked > JOIN_SECONDS:
                self._asked = monotonic()
                what = f"no partition of '{self.topic}' is given out to this worker"
                raise OutsideError(what, where=self._where, fix="see that the topic is there; a worker waits for it")
            return
        try:
            self._consumer.list_topics(self.topic, timeout=1.0)
        except KafkaException:
            raise outside(error, self._where) from None
        if error.fatal():
            raise outside(error, self._where)
        self._unreachable = None

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._joined = True

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._joined, self._asked = False, monotonic()
        gone = {one.partition for one in partitions}
        self._early = [one for one in self._early if one.partition not in gone]
        for number in gone:
            self._read.pop(number, None)
            self._done.pop(number, None)


class _Asked(Thread):
    """What brokers are asked, given some time to answer, and what they said: the client would wait without end."""

    def __init__(self, ask: Callable[[], Sequence[TopicPartition] | None]) -> None:
        super().__init__(daemon=True, name="asked")
        self._ask = ask
        self.error: KafkaError | None = None
        self.start()
        self.join(ANSWER_SECONDS)

    def run(self) -> None:
        """Until it is answered."""
        try:
            said = self._ask()
        except KafkaException as error:
            self.error = error.args[0]
        else:
            self.error = next((one.error for one in said or () if one.error is not None), None)


def _message(message: KafkaMessage) -> Message:
    key = message.key()
    return Message(
        value=message.value() or b"",
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=key.encode() if isinstance(key, str) else key,
        trace=_trace_of(message),
    )


def _trace_of(message: KafkaMessage) -> str | None:
    said = dict(message.headers() or ()).get("traceparent")
    return said.decode("ascii", "replace") if isinstance(said, bytes) else None
