"""Two workers on the same partitions, killed at any moment: nothing is lost and nothing is decided twice."""

import json
import multiprocessing
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest

pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed: pip install 'gatehouse[kafka]'")

from tests.adapters.kafka.mock_broker import broker
from tests.flows import killed_worker

from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger

KILLS = 16
EVENTS = 800
FORKED = multiprocessing.get_context("forkserver")


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    with broker() as address:
        yield address


def messages(chance: random.Random) -> tuple[list[bytes], set[str]]:
    """What is sent, out of order and some of it again, and the ids of its events."""
    events = [
        {"id": f"e{number}", "actor": f"a{number % 40}", "text": chance.choice(["hello", "a prize"])}
        for number in range(EVENTS)
    ]
    again = [one for one in events for _ in range(chance.choice([0, 0, 1, 2]))]
    other = [{**one, "text": "other content"} for one in chance.sample(events, 20)]
    bad: list[object] = [{"id": f"bad{number}", "text": number} for number in range(20)]
    sent = [*events, *again, *other, *bad]
    # Later by up to a few hundred places than it happened, as buses of several senders are.
    sent = [one for _, one in sorted(enumerate(sent), key=lambda place: place[0] % EVENTS + chance.uniform(0, 300))]
    return [json.dumps(one).encode() for one in sent], {str(one["id"]) for one in events}


def run(brokers: str, home: Path, *, once: bool) -> list[multiprocessing.process.BaseProcess]:
    workers = [
        FORKED.Process(target=killed_worker.work, args=(brokers, home, name), kwargs={"once": once}, daemon=True)
        for name in ("w1", "w2")
    ]
    for worker in workers:
        worker.start()
    return workers


def test_what_was_sent_decided_and_recorded_agree_however_often_workers_are_killed(
    brokers: str, tmp_path: Path
) -> None:
    chance = random.Random(7)
    FORKED.set_forkserver_preload(["tests.flows.killed_worker"])
    sent, ids = messages(chance)
    database = Database(tmp_path / "ledger.db")
    sender = FORKED.Process(target=killed_worker.send, args=(brokers, sent))
    sender.start()
    sender.join(60)
    assert sender.exitcode == 0
    recorded = [0]
    for kill in range(0, KILLS, 2):
        workers = run(brokers, tmp_path, once=False)
        if kill % 3:
            wait_for(lambda: SqlLedger(database).last() > recorded[-1])
        for worker in chance.sample(workers, 2):
            sleep(chance.uniform(0.0, 0.2))
            worker.kill()
        for worker in workers:
            worker.join(10)
        recorded.append(SqlLedger(database).last())
    for worker in run(brokers, tmp_path, once=True):
        worker.join(60)
        assert worker.exitcode == 0
    assert len(set(recorded)) > KILLS // 4, f"most kills met no work: {recorded}"
    reconcile(database, sent, ids)


def wait_for(holds: Callable[[], bool]) -> None:
    end = monotonic() + 5.0
    while not holds() and monotonic() < end:
        sleep(0.01)


def reconcile(database: Database, sent: list[bytes], ids: set[str]) -> None:
    """Nothing lost, nothing decided twice, and every message accounted for."""
    ledger, letters = SqlLedger(database), SqlDeadLetters(database)
    log = [event for _, event in ledger.log(most=10 * EVENTS)]
    assert Counter(event.id for event in log) == Counter(ids)
    decisions = Counter(decision.event_id for decision in ledger.decisions())
    assert decisions == Counter(ids)
    planned = {deed.id for judged in ledger.judged(log) for deed in judged.enforcements}
    assert len(planned) == sum(decision.enforce != "none" for decision in ledger.decisions())
    waiting = letters.list(limit=len(sent))
    texts = {event.id: event.text for event in log}
    refused = Counter(value for value in sent if not keeps(json.loads(value), texts))
    assert Counter(letter.value for letter in waiting) == refused
    assert sum("other content" in letter.reason for letter in waiting) >= 20
    with closing(sqlite3.connect(database.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def keeps(said: dict[str, object], texts: dict[str, str | None]) -> bool:
    """Whether a message says what is on record of its event."""
    id_ = str(said["id"])
    return id_ in texts and texts[id_] == said["text"]
