"""Kafka's end of the bus against a broker that speaks its protocol."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic

import pytest
from tests.adapters.kafka.mock_broker import broker

pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed: pip install 'gatehouse[kafka]'")

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from gatehouse.adapters.kafka import consumer as kafka_consumer
from gatehouse.adapters.kafka.connection import options_in
from gatehouse.adapters.kafka.consumer import KafkaConsumer
from gatehouse.adapters.kafka.producer import KafkaProducer
from gatehouse.adapters.kafka.reach import answers
from gatehouse.errors import OutsideError, UserError
from gatehouse.ports.bus import Message
from gatehouse.testing.bus_contract import BusContract, gather, place, send, wait_until
from gatehouse.testing.faults_proxy import Proxy, renamed_port

_topics = count()

QUICK = {"heartbeat.interval.ms": 100, "session.timeout.ms": 6_000}
"""The broker waits out a session before it shares out anew."""


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    with broker() as address:
        yield address


@dataclass
class Topic:
    brokers: str
    topic: str
    how: Mapping[str, str | int]

    def producer(self) -> KafkaProducer:
        return KafkaProducer(self.brokers)

    def consumer(self, group: str) -> KafkaConsumer:
        return KafkaConsumer(self.brokers, self.topic, f"{self.topic}-{group}", self.how)


class TestKafkaBus(BusContract):
    @pytest.fixture
    def bus(self, brokers: str) -> Topic:
        return Topic(brokers, f"t{next(_topics)}", QUICK)


def test_partitions_that_move_one_by_one_while_a_worker_rests_are_left_and_taken(brokers: str) -> None:
    how = QUICK | {"partition.assignment.strategy": "cooperative-sticky"}
    topic = Topic(brokers, f"t{next(_topics)}", how)
    send(topic, 24)
    first = topic.consumer("g")
    came = gather(first, 24, most=500)
    second = topic.consumer("g")
    there: list[Message] = []

    def moved() -> bool:
        first.rest(0.1)
        there.extend(second.poll(500, 0.05))
        return len(there) + len(first.ours(came)) == 24 and bool(there)

    wait_until(moved)
    assert set(map(place, there)) == set(map(place, came)) - set(map(place, first.ours(came)))
    assert first.ours(came)
    first.close()
    second.close()


class Said:
    """A message as the client gives it, or an error in the place of one."""

    def __init__(self, offset: int, wrong: int | None = None) -> None:
        self._offset, self._wrong = offset, wrong

    def error(self) -> KafkaError | None:
        return None if self._wrong is None else KafkaError(self._wrong)

    def value(self) -> bytes:
        return b"%d" % self._offset

    def key(self) -> None:
        return None

    def headers(self) -> None:
        return None

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset


class Client:
    """A client that was given one partition and gives what it is told to: messages, errors among them, a failure."""

    def __init__(self, *parts: Sequence[Said] | KafkaException) -> None:
        self._parts = iter(parts)

    def consume(self, most: int, seconds: float) -> list[Said]:
        part = next(self._parts, [])
        if isinstance(part, KafkaException):
            raise part
        assert len(part) <= most
        return list(part)

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition("t", 0)]

    def pause(self, _: object) -> None:
        pass

    resume = pause


REFUSED = KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize(
    ("parts", "offsets"),
    [
        (([Said(0)], [Said(1), Said(2, REFUSED), Said(3)]), [0, 1, 3]),
        (([Said(0)], KafkaException(KafkaError(REFUSED))), [0]),
    ],
)
def test_an_error_among_messages_loses_none_of_them_and_is_told_when_they_are_done_with(
    monkeypatch: pytest.MonkeyPatch, parts: tuple[Sequence[Said] | KafkaException, ...], offsets: list[int]
) -> None:
    consumer = KafkaConsumer("127.0.0.1:1", "t", partitions=[0])
    monkeypatch.setattr(consumer, "_consumer", Client(*parts))
    assert [one.offset for one in consumer.poll(10, 0.0)] == offsets
    with pytest.raises(OutsideError, match="the bus cannot be used"):
        consumer.poll(10, 0.0)
    assert consumer.poll(10, 0.0) == []


def test_an_error_after_which_messages_come_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = KafkaConsumer("127.0.0.1:1", "t", partitions=[0])
    monkeypatch.setattr(consumer, "_consumer", Client([Said(0)], [Said(1, REFUSED)], [Said(1)], []))
    assert [[one.offset for one in consumer.poll(10, 0.0)] for _ in range(3)] == [[0], [1], []]


def test_resting_fails_in_nothing_and_what_was_wrong_is_told_by_the_next_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = KafkaConsumer("127.0.0.1:1", "t", partitions=[0])
    came = [[Said(4)], KafkaException(KafkaError(REFUSED))]
    monkeypatch.setattr(consumer, "_consumer", Client(*came))
    consumer.rest(0.05)
    assert [one.offset for one in consumer.poll(10, 0.0)] == [4]
    with pytest.raises(OutsideError, match="the bus cannot be used"):
        consumer.poll(10, 0.0)


def test_brokers_that_cannot_be_reached_are_told_of_on_both_ends() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{taken.getsockname()[1]}"
        consumer = KafkaConsumer(nowhere, "t")
        with pytest.raises(OutsideError, match="the bus cannot be used") as caught:
            consumer.poll(10, 2.0)
        assert caught.value.faults[0].where == f"kafka://{nowhere}/t"
        assert consumer.behind() is None
        consumer.close()
        with pytest.raises(OutsideError, match="1 of 1 messages were not sent"):
            KafkaProducer(nowhere, {"message.timeout.ms": 300, "linger.ms": 0}).send("t", [b"x"])


def test_a_broker_that_takes_a_commit_and_never_answers_holds_up_nobody(
    brokers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_consumer, "ANSWER_SECONDS", 0.3)
    KafkaProducer(brokers).send("stalled", [b"x"])
    host, _, port = brokers.partition(":")
    with Proxy((host, int(port)), renamed_port(int(port))) as proxy:
        consumer = KafkaConsumer(f"{host}:{proxy.port}", "stalled", partitions=range(4))
        came = gather(consumer, 1, most=10)
        proxy.stall()
        begun = monotonic()
        for _ in range(2):
            with pytest.raises(OutsideError, match=r"no broker has answered a commit for 0\.3 s; these messages may"):
                consumer.commit(came)
        assert monotonic() - begun < 2.0
        proxy.mend()
        monkeypatch.undo()
        wait_until(lambda: said(consumer, came))
        consumer.close()
    after = KafkaConsumer(brokers, "stalled", partitions=range(4))
    assert (after.poll(10, 0.5), after.behind()) == ([], 0)
    after.close()


def test_a_broker_that_does_not_let_a_worker_go_holds_up_its_end_no_longer_than_any_answer(
    brokers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    KafkaProducer(brokers).send("kept", [b"x"])
    host, _, port = brokers.partition(":")
    with Proxy((host, int(port)), renamed_port(int(port))) as proxy:
        consumer = KafkaConsumer(f"{host}:{proxy.port}", "kept", "kept", QUICK)
        gather(consumer, 1, most=10)
        monkeypatch.setattr(kafka_consumer, "ANSWER_SECONDS", 0.3)
        proxy.stall()
        begun = monotonic()
        consumer.close()
        assert 0.3 <= monotonic() - begun < 2.0


def said(consumer: KafkaConsumer, came: Sequence[Message]) -> bool:
    with suppress(OutsideError):
        consumer.commit(came)
        return True
    return False


def test_a_message_brings_the_trace_that_it_belongs_to(brokers: str) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    plain = Producer({"bootstrap.servers": brokers})
    for headers in ([("other", b"x"), ("traceparent", trace.encode())], [("traceparent", None)], None):
        plain.produce("traced", b"x", headers=headers, partition=0)
    plain.flush()
    consumer = KafkaConsumer(brokers, "traced", partitions=[0])
    assert [one.trace for one in gather(consumer, 3, most=10)] == [trace, None, None]
    consumer.close()


def test_settings_come_from_a_file_and_every_line_that_is_none_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "kafka.properties"
    path.write_text("# how to log in\nsasl.mechanism = PLAIN\n\nsasl.password=a=b\n")
    assert options_in(path) == {"sasl.mechanism": "PLAIN", "sasl.password": "a=b"}
    path.write_text("sasl.mechanism\nx=1\nsecret words\n")
    with pytest.raises(UserError) as caught:
        options_in(path)
    assert [fault.where for fault in caught.value.faults] == [f"{path}:1", f"{path}:3"]
    assert "secret" not in str(caught.value)
    with pytest.raises(UserError, match="the settings cannot be read"):
        options_in(tmp_path / "none")


def test_settings_on_which_it_rests_that_nothing_is_lost_are_not_for_the_file_to_say(tmp_path: Path) -> None:
    path = tmp_path / "kafka.properties"
    path.write_text("sasl.mechanism=PLAIN\nenable.auto.commit=true\nbootstrap.servers=other:9092\nacks=0\n")
    with pytest.raises(UserError) as caught:
        options_in(path)
    assert str(caught.value) == (
        f"{path}:2: 'enable.auto.commit' is not for this file to say\n"
        "    → leave it out: offsets are committed after the ledger\n"
        f"{path}:3: 'bootstrap.servers' is not for this file to say\n"
        "    → name the brokers in the bus itself\n"
        f"{path}:4: 'acks' is not for this file to say\n"
        "    → leave it out: a message counts as sent when all replicas hold it"
    )


def test_settings_that_the_client_does_not_take_are_for_the_user_to_mend() -> None:
    misspelt = {"sasl.mechanismm": "PLAIN"}
    for made in (
        lambda: KafkaConsumer("127.0.0.1:1", "t", options=misspelt),
        lambda: KafkaProducer("127.0.0.1:1", misspelt),
        lambda: answers("127.0.0.1:1", "t", 0.1, misspelt),
    ):
        with pytest.raises(UserError, match=r'settings: No such configuration property: "sasl\.mechanismm"'):
            made()
