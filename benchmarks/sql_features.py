"""Twenty windowed features by SQL on DuckDB, with a hot key of a quarter of all rows: seconds, memory, growth.

Each size runs in a process of its own, whose peak memory is read. Peers in the same run: the counts and sums of them by
DuckDB's own sliding frames over times, and one count of different values by a join of the table with itself.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.features import sql
from gatehouse.features.define import FeatureSet
from gatehouse.features.plan import Plan
from gatehouse.features.windows import Age, Count, Declaration, Distinct, RepeatShare, Sum, duration

ROWS, LARGE, SMALL = 1_000_000, 10_000_000, 250_000
JOINED = 20_000
SECONDS, GIGABYTES = 60.0, 1.5
MONTH = duration("1d") * 30
HOT = 0.25

ACTOR, TARGET, DEVICE, ADDRESS, THREAD = ("actor",), ("target",), ("device",), ("address",), ("thread",)
LINK = "kind = 'link'"
HOUR, DAY, WEEK = duration("1h"), duration("1d"), duration("7d")
SIMPLE: tuple[Declaration, ...] = (
    Count(name="messages_1h", key=ACTOR, window=HOUR),
    Count(name="messages_1d", key=ACTOR, window=DAY),
    Count(name="messages_7d", key=ACTOR, window=WEEK, cap=1_000),
    Count(name="links_1h", key=ACTOR, window=HOUR, where=LINK),
    Count(name="links_1d", key=ACTOR, window=DAY, where=LINK),
    Sum(name="paid_1d", key=ACTOR, window=DAY, of="amount"),
    Sum(name="paid_7d", key=ACTOR, window=WEEK, of="amount"),
)
ALL: tuple[Declaration, ...] = (
    *SIMPLE,
    Distinct(name="targets_1h", key=ACTOR, window=HOUR, of=TARGET),
    Distinct(name="targets_1d", key=ACTOR, window=DAY, of=TARGET),
    Distinct(name="devices_7d", key=ACTOR, window=WEEK, of=DEVICE),
    RepeatShare(name="same_thread_1h", key=ACTOR, window=HOUR, of=THREAD),
    RepeatShare(name="same_thread_1d", key=ACTOR, window=DAY, of=THREAD),
    Age(name="known_seconds", key=ACTOR, window=MONTH),
    Count(name="received_1h", key=TARGET, window=HOUR),
    Distinct(name="senders_1d", key=TARGET, window=DAY, of=ACTOR),
    Count(name="own_received_1d", key=ACTOR, under=TARGET, window=DAY),
    Distinct(name="own_senders_1d", key=ACTOR, under=TARGET, window=DAY, of=ACTOR),
    Count(name="here_1h", key=ADDRESS, window=HOUR),
    Distinct(name="actors_here_1d", key=ADDRESS, window=DAY, of=ACTOR),
    Distinct(name="actors_of_device_7d", key=DEVICE, window=WEEK, of=ACTOR),
)
SETS = {"all": ALL, "simple": SIMPLE, "one": ALL[8:9]}


def plan_of(name: str) -> Plan:
    return FeatureSet(windows=SETS[name]).plan


def events(plan: Plan, rows: int) -> Iterator[pa.RecordBatch]:
    """A month of coded events: a quarter by one actor, the others by actors of whom few write much."""
    rng = np.random.default_rng(1)
    clock, people = 1_700_000_000_000_000, max(rows // 5, 1)

    def person(n: int) -> npt.NDArray[np.int64]:
        return 1 + (rng.pareto(1.0, n) * rows / 40).astype(np.int64) % people

    for start in range(0, rows, 65_536):
        n = min(65_536, rows - start)
        seen = clock + np.cumsum(rng.integers(0, 2 * MONTH // rows + 1, n))
        clock = int(seen[-1])
        actor = np.where(rng.random(n) < HOT, 0, person(n))
        columns: dict[str, Any] = {
            "row": np.arange(start, start + n),
            "id": [f"e{row:09d}" for row in range(start, start + n)],
            "place": np.zeros(n, np.int64),
            "seen": seen,
            "known": seen,
            "k_actor": _hashed(actor),
            "k_target": _hashed(person(n)),
            "k_device": _hashed(actor * 3 + rng.integers(0, 2, n)),
            "k_address": _hashed(rng.integers(0, max(rows // 10, 1), n)),
            "k_thread": _hashed(rng.integers(0, 5_000, n)),
            "f_0": (rng.random(n) < 0.3).astype(np.int8),
            "a_amount": pa.array(rng.integers(0, 10_000, n), mask=rng.random(n) < 0.5),
        }
        yield pa.RecordBatch.from_arrays(
            [pa.array(columns[field.name], field.type) for field in plan.coded], plan.coded.names
        )


def _hashed(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return (numbers.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)).view(np.int64)


def sliding(plan: Plan) -> str:
    """The counts and sums by sliding frames over times; exact to the microsecond instead of to the step."""
    columns = []
    for said in plan.declarations:
        condition = plan.filter_name(said)
        value = "a_amount" if isinstance(said, Sum) else "1"
        counted = f"CASE WHEN {condition} = 1 THEN {value} END" if condition else value
        frame = f"PARTITION BY k_actor ORDER BY known RANGE BETWEEN {said.window} PRECEDING AND 1 PRECEDING"
        columns.append(f"CAST(sum({counted}) OVER ({frame}) AS BIGINT) AS {said.name}")
    return f"SELECT row, {', '.join(columns)} FROM coded ORDER BY row"


def joined(plan: Plan) -> str:
    """One count of different values by joining each event with all that came before it in the window."""
    (said,) = plan.declarations
    return (
        "SELECT e.row, count(DISTINCT g.k_target) AS n FROM coded e LEFT JOIN coded g ON g.k_actor = e.k_actor "
        f"AND g.known < e.known AND g.known >= e.known - {said.window} GROUP BY e.row ORDER BY e.row"
    )


def child(which: str, way: str, rows: int) -> None:
    """One run in this process: prints what it took as JSON."""
    plan = plan_of(which)
    text = {"ours": sql.query, "sliding": sliding, "joined": joined}[way](plan)
    began, times = time.perf_counter(), os.times()
    came = 0
    for batch in DuckDbEngine().query(text, events(plan, rows), plan.coded):
        numbers = batch.column("row").to_numpy()
        if not np.array_equal(numbers, np.arange(came, came + len(batch))):
            sys.exit("rows are lost, doubled or out of order")
        came += len(batch)
    ended = os.times()
    said = {
        "seconds": time.perf_counter() - began,
        "cpu": ended.user + ended.system - times.user - times.system,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "lost": rows - came,
    }
    print(json.dumps(said))


def run(which: str, way: str, rows: int) -> dict[str, float]:
    """One run in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--child", which, way, "--rows", str(rows)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{which} {way} of {rows:,} rows failed: {done.stdout}")
    found: dict[str, float] = json.loads(done.stdout)
    print(
        f"{way:>8}, {len(SETS[which]):2} features, {rows:>10,} rows: {found['seconds']:6.1f} s, "
        f"{found['cpu']:6.1f} CPU-s, peak {found['gigabytes']:.2f} GB, {found['lost']:.0f} rows lost",
        flush=True,
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--large", action="store_true", help=f"also {LARGE:,} rows; takes some minutes")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child, given.rows)
        return
    print(f"20 features, a month of events, {HOT:.0%} of them by one actor ({HOT * given.rows:,.0f} rows)")
    smallest, whole = run("all", "ours", SMALL), run("all", "ours", given.rows)
    sizes = {SMALL: smallest, given.rows: whole}
    if given.large:
        sizes[LARGE] = run("all", "ours", LARGE)
    largest = max(sizes)
    exponent = math.log(sizes[largest]["cpu"] / smallest["cpu"]) / math.log(largest / SMALL)
    print(f"CPU time grows with the rows to the power of {exponent:.2f} ({SMALL:,} to {largest:,})")
    for which, way, rows in (("simple", "sliding", given.rows), ("one", "joined", JOINED)):
        ours, peer = run(which, "ours", rows), run(which, way, rows)
        print(f"  {way} takes {peer['cpu'] / ours['cpu']:.1f} times the CPU time of ours")
    ok = whole["seconds"] < SECONDS and whole["gigabytes"] < GIGABYTES and not any(s["lost"] for s in sizes.values())
    print(json.dumps({**{name: round(n, 2) for name, n in whole.items()}, "target": [SECONDS, GIGABYTES], "met": ok}))
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
