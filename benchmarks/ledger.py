"""Events a second that the ledger commits, beside plain sqlite3 inserting the same rows in the same run.

    python benchmarks/ledger.py [--events 6000] [--signals 8] [--folder FOLDER]

Both write tables of the same making with synchronous=FULL, one transaction a batch. Plain sqlite3 is handed finished
rows, so the ratio is the price of checking, hashing, looking up and making rows. The folder decides which disk pays.
"""

import argparse
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.tables import metadata
from gatehouse.ports.ledger import Judged
from gatehouse.testing.makers import make_decision, make_event, make_judged, make_outcome, make_signal

TURNS = 5
KEYS = {
    "events": "id",
    "decisions": "event_id",
    "feature_rows": "decision_id",
    "policy_outcomes": "decision_id",
    "signals": "decision_id",
    "enforcements": "decision_id",
    "cases": "decision_id",
}

Statements = list[tuple[str, list[tuple[object, ...]]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=6_000, help="events a turn (a tenth of them one by one)")
    parser.add_argument("--signals", type=int, default=8, help="signals an event")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where files are written, a temporary folder if absent"
    )
    options = parser.parse_args()
    judged = [make_one(number, options.signals) for number in range(options.events)]
    print(f"events of {options.signals} signals and 3 policies; median of {TURNS} turns")
    print(f"{'batch':>6} {'ledger, events/s':>18} {'sqlite3, events/s':>18} {'ratio':>7}")
    for size in (1, 64, 500):
        part = judged if size > 1 else judged[: len(judged) // 10]
        batches = [part[start : start + size] for start in range(0, len(part), size)]
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            pairs = [measure(Path(folder) / str(turn), batches) for turn in range(TURNS)]
        ledger, plain = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
        ratio = statistics.median(own / other for other, own in pairs)
        print(f"{size:>6} {len(part) / ledger:>18,.0f} {len(part) / plain:>18,.0f} {ratio:>7.2f}")


def make_one(number: int, signals: int) -> Judged:
    """An event as most are: three policies say something, one event in twenty gets an enforcement and a case."""
    event = make_event(f"event-{number}", f"message number {number}: win a free prize now, reply to claim it")
    said = [make_signal(event.id, detector=f"spam.{i}", score=(number * 31 + i) % 97 / 97) for i in range(signals)]
    policies = tuple(make_outcome(name) for name in ("spam", "sexism", "toxicity"))
    todo = {} if number % 20 == 0 else {"enforcements": (), "cases": ()}
    return make_judged(event, decision=make_decision(event, policies=policies), signals=said, **todo)


def measure(path: Path, batches: list[list[Judged]]) -> tuple[float, float]:
    """Seconds that the ledger takes, and seconds that plain sqlite3 takes for the rows that the ledger wrote."""
    database = Database(path)
    ledger = SqlLedger(database)
    ledger.commit([make_judged(make_event("before the clock runs"))])
    begun = time.perf_counter()
    for batch in batches:
        ledger.commit(batch)
    seconds = time.perf_counter() - begun
    database.close()
    return seconds, insert(path.with_suffix(".plain"), rows_of(path, batches))


def rows_of(path: Path, batches: list[list[Judged]]) -> list[Statements]:
    """What each batch inserted, as it stands in the file."""
    kept: dict[str, dict[object, list[tuple[object, ...]]]] = {name: {} for name in KEYS}
    with closing(sqlite3.connect(path)) as connection:
        for name, key in KEYS.items():
            place = metadata.tables[name].columns.keys().index(key)
            for row in connection.execute(f"SELECT * FROM {name}"):
                kept[name].setdefault(row[place], []).append(row)
    found = []
    for batch in batches:
        statements: Statements = []
        for name, key in KEYS.items():
            ids = [one.decision.id if key == "decision_id" else one.event.id for one in batch]
            if values := [row for id_ in ids for row in kept[name].get(id_, ())]:
                statements.append((f"INSERT INTO {name} VALUES ({', '.join('?' * len(values[0]))})", values))
        found.append(statements)
    return found


def insert(path: Path, batches: list[Statements]) -> float:
    """Seconds that plain sqlite3 takes to insert these rows into the ledger's tables."""
    Database(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        begun = time.perf_counter()
        for statements in batches:
            connection.execute("BEGIN IMMEDIATE")
            for statement, values in statements:
                connection.executemany(statement, values)
            connection.execute("COMMIT")
        return time.perf_counter() - begun


if __name__ == "__main__":
    main()
