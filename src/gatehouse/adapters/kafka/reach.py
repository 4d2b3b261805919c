"""Whether brokers answer and have the topic, asked without joining any group."""

from collections.abc import Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from gatehouse.adapters.kafka.connection import made_by, outside, quiet
from gatehouse.errors import OutsideError


def answers(brokers: str, topic: str, seconds: float, options: Mapping[str, str] | None = None) -> int:
    """How many partitions the topic has; raises OutsideError where no broker answers in time or it is not there.

    `options` are the client's own settings, such as how to log in.
    """
    where = f"kafka://{brokers}/{topic}"
    own = {"bootstrap.servers": brokers, "socket.timeout.ms": str(round(seconds * 1_000))}
    with made_by(where):
        client = AdminClient({**own, **(options or {})}, logger=quiet())
    try:
        found = client.list_topics(topic, timeout=seconds).topics.get(topic)
    except KafkaException as error:
        raise outside(error.args[0], where) from error
    if found is None or found.error is not None or not found.partitions:
        raise OutsideError(f"the bus has no topic '{topic}'", where=where, fix="make it: a worker waits for it")
    return len(found.partitions)
