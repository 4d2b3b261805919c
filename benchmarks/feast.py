"""Features against Feast, in one run on one machine: reading them live, and joining them to events as of their time.

Feast runs in an environment of its own, made here with pip on the first run (about 600 MB) and used again. It reads 20
features from its SQLite online store, and joins 5 at a million rows from its file offline store.

The two do not do the same work. Live, ours is in process and counts the event that it reads for; Feast reads what
something else has counted and stored. In the join, ours counts its windows from the events; Feast is handed finished
values and joins them. An actor has about five events there, because Feast's join makes a row for every pair of rows of
an actor; the first event of an actor has no earlier value, and those are the rows that it loses.
"""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gatehouse.features.define import FeatureSet
from gatehouse.features.windows import Count, Declaration, Distinct, Sum, duration
from gatehouse.records.event import EVENT_SCHEMA

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".gatehouse" / "bench-feast"
WANTED = "feast>=0.67,<0.68"

ACTORS, KNOWN = 5_000, 10
READS = {1: 3_000, 100: 200}
ROUNDS = 3
ROWS = 1_000_000
EVENTS_EACH = 5
BATCH = 32_768
BEGIN = 1_700_000_000_000_000
MONTH = duration("30d")


def declared(lengths: tuple[str, ...]) -> FeatureSet:
    """Five windows of each length."""
    windows: list[Declaration] = []
    for length in lengths:
        given: dict[str, Any] = {"key": ("actor",), "window": duration(length)}
        windows += [
            Count(name=f"events_{length}", **given),
            Count(name=f"messages_{length}", where="kind = 'message'", **given),
            Sum(name=f"paid_{length}", of="amount", **given),
            Distinct(name=f"targets_{length}", of=("target",), cap=16, **given),
            Distinct(name=f"devices_{length}", of=("device",), cap=16, **given),
        ]
    return FeatureSet(windows=tuple(windows))


def events(seen: np.ndarray[Any, np.dtype[np.int64]], actors: int, seed: int) -> pa.RecordBatch:
    """Random events of so many actors at these times."""
    rng = np.random.default_rng(seed)
    n = len(seen)
    columns = {name: pa.nulls(n, EVENT_SCHEMA.field(name).type) for name in EVENT_SCHEMA.names}
    columns |= {
        "id": pa.array([f"e{seed}-{i}" for i in range(n)]),
        "kind": pa.array(np.where(rng.random(n) < 0.7, "message", "follow")),
        "seen": pa.array(seen),
        "imported": pa.array(np.zeros(n, np.bool_)),
        "revision": pa.array(np.zeros(n, np.int64)),
        "actor": pa.array([f"account:{i}" for i in rng.integers(0, actors, n)]),
        "target": pa.array([f"account:{i}" for i in rng.integers(0, actors, n)]),
        "device": pa.array([f"d{i}" for i in rng.integers(0, 50, n)]),
        "amount": pa.array(rng.integers(0, 10_000, n)),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in EVENT_SCHEMA.names], schema=EVENT_SCHEMA)


def environment() -> Path:
    """The Python of Feast's environment, made where it is not there; ends the run where pip cannot fetch it."""
    python = HOME / "bin" / "python"
    if python.exists() and subprocess.run([python, "-I", "-c", "import feast"], capture_output=True).returncode == 0:
        return python
    print(f"making an environment for Feast in {HOME.relative_to(ROOT)} (about 600 MB, once)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", HOME], check=True)
    fetched = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", WANTED],
        capture_output=True,
        text=True,
    )
    if fetched.returncode:
        said = fetched.stderr.strip().splitlines()
        sys.exit(f"skipped: pip cannot fetch {WANTED}: {said[-1] if said else 'it says nothing'}")
    return python


def theirs(python: Path, what: str, folder: Path) -> dict[str, float]:
    """What Feast's side measured."""
    return _asked([str(python), "-I", str(Path(__file__).with_name("_feast_side.py")), what, str(folder)])


def _asked(command: list[str]) -> dict[str, float]:
    # Feast sends usage home unless told not to.
    quiet = {**os.environ, "FEAST_USAGE": "False", "FEAST_TELEMETRY": "False"}
    done = subprocess.run(command, capture_output=True, text=True, env=quiet)
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}\n{done.stderr[-2_000:]}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def read_live(features: FeatureSet) -> dict[str, tuple[float, float]]:
    """CPU seconds to code a batch of so many events, and to read and count it; the best of several rounds."""
    from gatehouse.features.live import LiveHistory

    history = LiveHistory(features.plan)
    clock = BEGIN

    def batch(size: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        nonlocal clock
        clock += 1_000_000
        made = events(np.arange(clock, clock + size), ACTORS, clock)
        return made, features.compute(made)

    for _ in range(KNOWN):
        history.advance(features.plan.code(*batch(ACTORS)))
    found: dict[str, tuple[float, float]] = {}
    for size, reads in READS.items():
        rounds = []
        for _ in range(ROUNDS):
            batches = [batch(size) for _ in range(reads)]
            times = [time.process_time()]
            coded = [features.plan.code(*one) for one in batches]
            times.append(time.process_time())
            for one in coded:
                history.advance(one)
            times.append(time.process_time())
            rounds.append(((times[1] - times[0]) / reads, (times[2] - times[1]) / reads))
        found[str(size)] = min(rounds, key=sum)
    return found


def write_online(features: FeatureSet, folder: Path) -> None:
    """A row of values for each actor, as Feast takes them."""
    rng = random.Random(7)
    columns: dict[str, Any] = {"actor": [f"account:{i}" for i in range(ACTORS)]}
    columns["event_timestamp"] = pa.array([BEGIN] * ACTORS, pa.timestamp("us", tz="UTC"))
    columns |= {name: [rng.randrange(1_000) for _ in range(ACTORS)] for name in features.schema.names}
    pq.write_table(pa.table(columns), folder / "online.parquet")


def write_rows(features: FeatureSet, folder: Path) -> None:
    """The events, and for Feast a value after each of them (any number will do) and the rows to be joined."""
    rng = np.random.default_rng(7)
    made = events(np.sort(rng.integers(BEGIN, BEGIN + MONTH, ROWS)), ROWS // EVENTS_EACH, 7)
    pq.write_table(pa.Table.from_batches([made]), folder / "events.parquet", row_group_size=BATCH)
    seen = made.column("seen").to_numpy()
    at = {step: pa.array(seen + step).cast(pa.timestamp("us", tz="UTC")) for step in (0, 1)}
    pq.write_table(pa.table({"actor": made["actor"], "event_timestamp": at[0]}), folder / "entities.parquet")
    values = {name: rng.integers(0, 1_000, ROWS) for name in features.schema.names}
    # What an event changes is known just after it, so that no row is joined to its own event.
    pq.write_table(pa.table({"actor": made["actor"], "event_timestamp": at[1], **values}), folder / "values.parquet")


def count_rows(folder: Path) -> dict[str, float]:
    """Seconds, CPU seconds, peak memory and rows of coding the events and counting their windows on DuckDB."""
    from gatehouse.adapters.duckdb.engine import DuckDbEngine
    from gatehouse.features.sql import query

    features = declared(("7d",))

    def coded() -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in pq.ParquetFile(folder / "events.parquet").iter_batches(BATCH):
            whole = pa.RecordBatch.from_arrays(batch.columns, schema=EVENT_SCHEMA)
            yield features.plan.code(whole, features.compute(whole), first)
            first += len(whole)

    start, cpu = time.perf_counter(), time.process_time()
    answer = DuckDbEngine().query(query(features.plan), coded(), features.plan.coded)
    rows = sum(len(batch) for batch in answer)
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
        "rows": rows,
    }


def main() -> int:
    python = environment()
    live, join = declared(("1h", "1d", "7d", "30d")), declared(("7d",))
    with tempfile.TemporaryDirectory(prefix="gatehouse-feast-") as made:
        folder = Path(made)
        write_online(live, folder)
        feast, read = theirs(python, "online", folder), read_live(live)
        print(f"live: {len(live.windows)} features, {ACTORS:,} actors, CPU time of one read")
        print("  entities   Feast, SQLite   ours: hash keys + read and count     ratio")
        for size in READS:
            a, (coding, reading) = feast[str(size)], read[str(size)]
            print(
                f"  {size:8d} {a * 1e3:12.3f} ms {coding * 1e3:17.3f} + {reading * 1e3:.3f} ms"
                f" {a / (coding + reading):16.1f}"
            )
        print("  remark: ours is in process and also counts the event; Feast opens a store that outlives the process")
        write_rows(join, folder)
        feast = theirs(python, "join", folder)
        ours = _asked([sys.executable, __file__, "count", str(folder)])
    print(f"as of their time: {len(join.windows)} features of {ROWS:,} events, {EVENTS_EACH} an actor")
    print("                    seconds   CPU seconds   peak MB   rows lost")
    for name, found in (("Feast, join", feast), ("ours, DuckDB", ours)):
        lost = ROWS - found["rows"]
        print(
            f"  {name:<14} {found['seconds']:10.1f} {found['cpu']:13.1f} {found['megabytes']:9,.0f}"
            f" {lost:9,.0f} ({lost / ROWS:.1%})"
        )
    ratio = {name: feast[name] / ours[name] for name in ("seconds", "cpu", "megabytes")}
    print(f"  ratio          {ratio['seconds']:10.1f} {ratio['cpu']:13.1f} {ratio['megabytes']:9.1f}")
    print("  remark: Feast joins values that were counted before; ours counts them from the events in that time")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["count"]:
        print(json.dumps(count_rows(Path(sys.argv[2]))))
    else:
        sys.exit(main())
