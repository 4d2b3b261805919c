"""Workers that are killed: forked from a process that has everything loaded and warm, so that each starts at once."""

from pathlib import Path
from time import time_ns

from tests.flows.remembering import make_judge

from gatehouse.adapters.kafka.consumer import KafkaConsumer
from gatehouse.adapters.kafka.producer import KafkaProducer
from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.work import Worker
from gatehouse.testing.memory import MemoryLedger

TOPIC = "events"
PARTITIONS = range(4)
JUDGE = make_judge()


def now() -> int:
    return time_ns() // 1_000


LiveGate(JUDGE, MemoryLedger(), None, now).warm()


def send(brokers: str, values: list[bytes]) -> None:
    """Put messages on the bus; in a process of its own, for the client's threads do not survive a fork."""
    KafkaProducer(brokers).send(TOPIC, values)


def work(brokers: str, home: Path, name: str, *, once: bool) -> None:
    """Work on all partitions until killed, or until nothing waits."""
    database = Database(home / "ledger.db")
    ledger = SqlLedger(database, writer=name)
    history = LocalHistory(ledger, JUDGE, home / f"{name}.snapshot")
    gate = LiveGate(JUDGE, ledger, history, now)
    consumer = KafkaConsumer(brokers, TOPIC, "workers", partitions=PARTITIONS)
    worker = Worker(consumer, gate, SqlDeadLetters(database), now, batch=20)
    worker.run(once=(lambda: True) if once else None)
    consumer.close()
    gate.close()
