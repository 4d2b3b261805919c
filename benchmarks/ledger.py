"""Events a second that the ledger commits, beside plain sqlite3 inserting the same rows in the same run.

    python benchmarks/ledger.py [--events 6000] [--signals 8] [--folder FOLDER]

Both write to a file with synchronous=FULL, one transaction a batch; the folder decides which disk pays.
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.tables import metadata
from gatehouse.ports.ledger import Judged
from gatehouse.testing.makers import make_event, make_judged, make_outcome, make_signal

TABLES = ("events", "decisions", "feature_rows", "policy_outcomes", "signals", "enforcements", "cases")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=6_000, help="events a measurement (at most; batch 1 takes a fifth)")
    parser.add_argument("--signals", type=int, default=8, help="signals an event")
    parser.add_argument("--folder", type=Path, default=None, help="where the files are written (a temporary folder)")
    options = parser.parse_args()
    judged = [make_one(i, options.signals) for i in range(options.events)]
    print(f"events of {options.signals} signals and 3 policies, synchronous=FULL; best of 3, events/s")
    print(f"{'batch':>6} {'ledger':>10} {'sqlite3':>10} {'ratio':>7}")
    for batch in (1, 64, 500):
        part = judged if batch > 1 else judged[: len(judged) // 5]
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            pairs = [measure(Path(folder) / f"{turn}", part, batch) for turn in range(3)]
        ledger, plain = (max(speeds) for speeds in zip(*pairs, strict=True))
        print(f"{batch:>6} {ledger:>10,.0f} {plain:>10,.0f} {ledger / plain:>7.2f}")


def make_one(number: int, signals: int) -> Judged:
    event = make_event(f"event-{number}", f"message number {number}: win a free prize now, reply to claim it")
    said = tuple(make_signal(event.id, detector=f"spam.{i}", score=(number * 31 + i) % 97 / 97) for i in range(signals))
    one = make_judged(event, signals=said)
    policies = tuple(make_outcome(name) for name in ("spam", "sexism", "toxicity"))
    # Most events are planned no enforcement and open no case.
    planned, opened = (one.enforcements, one.cases) if number % 20 == 0 else ((), ())
    return make_judged(
        event,
        decision=type(one.decision)(**{**{f: getattr(one.decision, f) for f in one.decision.__struct_fields__}, "policies": policies}),
        signals=said,
        enforcements=planned,
        cases=opened,
    )


def measure(path: Path, judged: list[Judged], batch: int) -> tuple[float, float]:
    """Speed of the ledger, then of plain sqlite3 with the rows that the ledger wrote."""
    database = Database(path.with_suffix(".db"))
    ledger = SqlLedger(database)
    begun = time.perf_counter()
    for part in batches(judged, batch):
        ledger.commit(part)
    ledger_seconds = time.perf_counter() - begun
    database.close()
    rows = read_back(path.with_suffix(".db"), judged, batch)
    plain_path = path.with_suffix(".plain.db")
    Database(plain_path).close()
    with closing(sqlite3.connect(plain_path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        begun = time.perf_counter()
        for part in rows:
            connection.execute("BEGIN IMMEDIATE")
            for statement, values in part:
                connection.executemany(statement, values)
            connection.execute("COMMIT")
        plain_seconds = time.perf_counter() - begun
    return len(judged) / ledger_seconds, len(judged) / plain_seconds


def read_back(path: Path, judged: list[Judged], batch: int) -> list[list[tuple[str, list[tuple[object, ...]]]]]:
    """The rows of each batch by table, as they stand in the file."""
    with closing(sqlite3.connect(path)) as connection:
        kept: dict[str, dict[str, list[tuple[object, ...]]]] = {}
        for table in TABLES:
            key = [column.name for column in metadata.tables[table].columns].index(
                "id" if table == "events" else "event_id" if table == "decisions" else "decision_id"
            )
            kept[table] = {}
            for row in connection.execute(f"SELECT * FROM {table}"):
                kept[table].setdefault(str(row[key]), []).append(row)
    found = []
    for part in batches(judged, batch):
        statements = []
        for table in TABLES:
            ids = [one.event.id if table in ("events", "decisions") else one.decision.id for one in part]
            values = [row for id_ in ids for row in kept[table].get(id_, ())]
            marks = ", ".join("?" * len(metadata.tables[table].columns))
            if values:
                statements.append((f"INSERT INTO {table} VALUES ({marks})", values))
        found.append(statements)
    return found


def batches(judged: list[Judged], size: int) -> Iterator[list[Judged]]:
    for start in range(0, len(judged), size):
        yield judged[start : start + size]


if __name__ == "__main__":
    main()
