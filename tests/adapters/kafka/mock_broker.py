"""A broker that speaks Kafka's protocol over TCP: librdkafka's mock cluster, in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

CODE = """
import sys
from confluent_kafka import Producer
cluster = Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 1, "log_level": 0})
print(*(f"{one.host}:{one.port}" for one in cluster.list_topics(timeout=10).brokers.values()), sep=",", flush=True)
sys.stdin.read()
"""


@contextmanager
def broker() -> Iterator[str]:
    """Its address; it lives until its parent closes its input. Topics make themselves, with 4 partitions."""
    process = subprocess.Popen([sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()
