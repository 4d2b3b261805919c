"""Events a second of the stream worker, from messages on the bus to decisions on record and offsets committed.

    python benchmarks/worker.py [--events 20000] [--batch 500] [--packs spam,sexism,toxicity] [--folder FOLDER]

Stages are time that passed, CPU is what this process spent of it: on shared cores the two differ. Packs are trained on
their own examples. Ledgers: one that forgets, one in memory (the tests' own), and SQLite with synchronous=FULL in a
folder, which decides which disk pays. Beside them in the same run a plain loop that decides nothing: JSON to a dict to
one row in sqlite3, as durable and in the same batches.
"""

import argparse
import json
import random
import sqlite3
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from gatehouse.adapters.memory_bus import MemoryBus
from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.bootstrap import open_house
from gatehouse.flows import learn, packs
from gatehouse.flows.judge import Judge
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.observe import Tally
from gatehouse.flows.releases import open_judge
from gatehouse.flows.work import Worker
from gatehouse.ports.ledger import Judged, Ledger
from gatehouse.records.decision import Decision
from gatehouse.records.event import Event
from gatehouse.settings import Settings
from gatehouse.testing.memory import MemoryLedger

SENTENCES = """
good morning everyone see you at lunch tomorrow the meeting moved to three please bring the notes
win a free prize now reply to claim it call this number
great match yesterday who is in for the weekend thanks that helped a lot
"""
STAGES = ("poll", "read", "catch up", "judge", "ledger", "letters", "offsets")
TURNS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--packs", default="spam,sexism,toxicity")
    parser.add_argument("--folder", type=Path, default=None, help="where files are written, a temporary one if absent")
    options = parser.parse_args()
    values = list(messages(options.events))
    with TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        judge = live_judge(folder / "home", options.packs.split(","))
        print(
            f"{options.events:,} events in batches of {options.batch}, packs {options.packs}; median of {TURNS} turns"
        )
        print(f"{'':<26}{'events/s':>10}   µs an event: {' '.join(f'{stage:>8}' for stage in (*STAGES, 'CPU'))}")
        for ledger in ("nothing kept", "ledger in memory", "ledger in sqlite"):
            turns = [work(judge, values, options.batch, folder, ledger) for _ in range(TURNS)]
            report(f"worker, {ledger}", turns, len(values))
        plain = statistics.median(insert(values, options.batch, folder / f"{turn}.plain") for turn in range(TURNS))
        print(f"{'plain loop, sqlite3':<26}{len(values) / plain:>10,.0f}")


def messages(n: int) -> Iterator[bytes]:
    """Posts of a few thousand accounts, as a platform would send them."""
    chance = random.Random(7)
    words = SENTENCES.split()
    for number in range(n):
        said = {
            "id": f"event-{number}",
            "kind": "post",
            "text": " ".join(chance.choices(words, k=chance.randint(5, 30))),
            "language": "en",
            "occurred": "2026-01-31T12:00:00Z",
            "actor": f"account:{chance.randint(1, 4_000)}",
        }
        yield json.dumps(said).encode()


class Forgetful(MemoryLedger):
    """Keeps nothing, so that what is left is the price of everything else."""

    def __init__(self) -> None:
        super().__init__()
        self._n = 0

    def standing(self, events: Sequence[Event]) -> list[Decision | None]:
        """Nothing is known."""
        return [None] * len(events)

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        """Every decision stands."""
        self._n += len(judged)
        return [one.decision for one in judged]

    def last(self) -> int:
        """How many went by."""
        return self._n


def live_judge(home: Path, names: list[str]) -> Judge:
    """The judge of these packs, each learnt from its own examples."""
    settings = Settings(home=home)
    house = open_house(settings)
    learned = []
    for name in names:
        pack = packs.load(name)
        dataset, examples = learn.dataset_for(pack, house.shelf, settings.datasets, ())
        learned.append(learn.train(pack, dataset, examples, house.shelf, at=1, by="benchmark").release)
    return open_judge(house.shelf, learned)


Turn = tuple[float, float, Tally]
"""Seconds from the first poll to the last committed offset, seconds of CPU, and where they went."""


def work(judge: Judge, values: list[bytes], batch: int, folder: Path, kind: str) -> Turn:
    """One turn of a worker on a new ledger."""
    with TemporaryDirectory(dir=folder) as name:
        database = Database(Path(name) / "ledger.db")
        ledgers: dict[str, Ledger] = {"nothing kept": Forgetful(), "ledger in memory": MemoryLedger()}
        ledger = ledgers.get(kind) or SqlLedger(database)
        bus = MemoryBus(capacity=len(values))
        consumer = bus.consumer("events")
        bus.producer().send("events", values)
        history = LocalHistory(ledger, judge, Path(name) / "history.snapshot")
        gate = LiveGate(judge, ledger, history, now)
        gate.warm()
        worker = Worker(consumer, gate, SqlDeadLetters(database), now, batch=batch)
        begun, busy = time.perf_counter(), time.process_time()
        while consumer.behind():
            worker.step()
        seconds, busy = time.perf_counter() - begun, time.process_time() - busy
        database.close()
    assert isinstance(gate.observer, Tally)
    assert gate.observer.counts["decided"] == len(values)
    return seconds, busy, gate.observer


def now() -> int:
    return time.time_ns() // 1_000


def report(name: str, turns: list[Turn], n: int) -> None:
    seconds, busy, tally = sorted(turns, key=lambda turn: turn[0])[len(turns) // 2]
    stages = tally.microseconds()
    parts = " ".join(f"{spent:>8.1f}" for spent in (*(stages.get(stage, 0.0) for stage in STAGES), busy / n * 1e6))
    print(f"{name:<26}{n / seconds:>10,.0f}{'':>16}{parts}")


def insert(values: list[bytes], batch: int, path: Path) -> float:
    """Seconds of a loop that only keeps what came."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE events (id TEXT PRIMARY KEY, kind TEXT, actor TEXT, occurred TEXT, text TEXT)")
        begun = time.perf_counter()
        for start in range(0, len(values), batch):
            said = [json.loads(value) for value in values[start : start + batch]]
            rows = [(one["id"], one["kind"], one["actor"], one["occurred"], one["text"]) for one in said]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
        return time.perf_counter() - begun


if __name__ == "__main__":
    main()
