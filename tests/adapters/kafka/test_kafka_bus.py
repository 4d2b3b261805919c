"""Kafka's end of the bus against a broker that speaks its protocol."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from tests.adapters.kafka.mock_broker import broker

pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed: pip install 'gatehouse[kafka]'")

from gatehouse.adapters.kafka.connection import options_in
from gatehouse.adapters.kafka.consumer import KafkaConsumer
from gatehouse.adapters.kafka.producer import KafkaProducer
from gatehouse.errors import OutsideError, UserError
from gatehouse.testing.bus_contract import BusContract

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

    def producer(self) -> KafkaProducer:
        return KafkaProducer(self.brokers)

    def consumer(self, group: str) -> KafkaConsumer:
        return KafkaConsumer(self.brokers, self.topic, f"{self.topic}-{group}", QUICK)


class TestKafkaBus(BusContract):
    @pytest.fixture
    def bus(self, brokers: str) -> Topic:
        return Topic(brokers, f"t{next(_topics)}")


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
