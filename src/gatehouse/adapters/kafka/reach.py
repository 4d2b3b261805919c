"""Whether brokers answer and have the topic, asked without joining any group."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from gatehouse.adapters.kafka.connection import outside, quiet
from gatehouse.errors import OutsideError


def answers(brokers: str, topic: str, seconds: float) -> int:
    """How many partitions the topic has; raises OutsideError where no broker answers in time or it is not there."""
    where = f"kafka://{brokers}/{topic}"
    client = AdminClient({"bootstrap.servers": brokers, "socket.timeout.ms": round(seconds * 1_000)}, logger=quiet())
    try:
        found = client.list_topics(topic, timeout=seconds).topics.get(topic)
    except KafkaException as error:
        raise outside(error.args[0], where) from error
    if found is None or found.error is not None or not found.partitions:
        raise OutsideError(f"the bus has no topic '{topic}'", where=where, fix="make it: a worker waits for it")
    return len(found.partitions)
