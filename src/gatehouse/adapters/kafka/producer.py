"""Sends to Kafka: each message once and in order, and done only when every replica in sync has it."""

from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage

from gatehouse.adapters.kafka.connection import made_by, outside, quiet
from gatehouse.errors import OutsideError

PATIENCE_SECONDS = 30.0
"""How long brokers are waited for before a message counts as not sent."""

_Told = Callable[[KafkaError | None, KafkaMessage], None]


class KafkaProducer:
    """Sends to these brokers (`HOST:PORT`, more with commas between); keeps the promise of `ports.bus.Producer`."""

    def __init__(self, brokers: str, options: Mapping[str, str | int | bool] | None = None) -> None:
        self._where = f"kafka://{brokers}"
        own = {
            "bootstrap.servers": brokers,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 5,
            "compression.type": "lz4",
            "message.timeout.ms": round(PATIENCE_SECONDS * 1_000),
            "logger": quiet(),
        }
        with made_by(self._where):
            self._producer = Producer({**own, **(options or {})})

    def send(self, topic: str, values: Sequence[bytes], keys: Sequence[bytes | None] | None = None) -> None:
        """All of these, those of one key in order; raises OutsideError where brokers do not hold all of them."""
        refused: list[KafkaError] = []

        def told(error: KafkaError | None, _: KafkaMessage) -> None:
            if error is not None:
                refused.append(error)

        try:
            for value, key in zip(values, keys or [None] * len(values), strict=True):
                self._produce(topic, value, key, told)
            left = self._producer.flush(PATIENCE_SECONDS + 1.0)
        except KafkaException as error:
            raise outside(error.args[0], self._where) from error
        if refused:
            raise outside(refused[0], self._where, f"{len(refused):,} of {len(values):,} messages were not sent")
        if left:
            raise OutsideError(f"{left:,} messages were not sent in time", where=self._where, fix="send them again")

    def _produce(self, topic: str, value: bytes, key: bytes | None, told: _Told) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=told)
            except BufferError:
                # What waits to be sent is at its limit: let some of it go first.
                self._producer.poll(0.5)
            else:
                self._producer.poll(0)
                return
