"""Finding communities in simulated events: seconds, memory and growth, and inputs made to break it.

Each run is a process of its own, whose peak memory is read. The peer in the same run is the usual way: all pairs that
act on one target in one hour by a join of the table with itself in pandas, without a null model, texts or addresses.
"""

import argparse
import json
import math
import os
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

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.detectors.coordination import DAY, HOUR, Settings, find
from gatehouse.records.event import EVENT_SCHEMA
from gatehouse.simulation.bursts import BreakingNews, Fandom, Giveaway, Petition
from gatehouse.simulation.campaigns import MANNERS, Campaigns
from gatehouse.simulation.corpus import Corpus
from gatehouse.simulation.events import Names, batches
from gatehouse.simulation.members import Members
from gatehouse.simulation.platform import simulate

SIZES = (100_000, 300_000, 1_000_000)
EVENTS_A_MEMBER, DAYS = 33, 14
SECONDS, GIGABYTES = 120.0, 4.0
HUB = 1_000_000
PEER = 100_000


def simulated(folder: Path, events: int) -> Path:
    """A file of about so many events of a platform with campaigns and crowds in step with its size."""
    members = events // EVENTS_A_MEMBER
    casts = [Campaigns(shape=shape, count=max(1, members // 2_500)) for shape in MANNERS]
    done = simulate(1, DAYS, [Members(members), *casts, Fandom(), Petition(), BreakingNews(), Giveaway()], Corpus())
    return _written(folder / f"simulated{events}.parquet", batches(done, Names(done)), events)


def hub(folder: Path) -> Path:
    """A target on which a million accounts act over two weeks, each once."""
    return _written(folder / "hub.parquet", _likes(np.zeros(HUB, np.int64), 14 * DAY))


def bucket(folder: Path) -> Path:
    """A million accounts that act within one minute, on a target of every hundred."""
    return _written(folder / "bucket.parquet", _likes(np.arange(HUB) // 100, 60_000_000))


def crowds(folder: Path) -> Path:
    """The most pairs that crowds under the limit can make: 200 accounts on one target after another, day by day."""
    return _written(folder / "crowds.parquet", _likes(np.arange(HUB) // 200, 14 * DAY, actors=20_000))


def _likes(target: np.ndarray, span: int, actors: int = HUB) -> Iterator[pa.RecordBatch]:
    rng = np.random.default_rng(1)
    for start in range(0, len(target), 65_536):
        some = target[start : start + 65_536]
        n = len(some)
        place = np.arange(start, start + n)
        columns: dict[str, Any] = {
            "id": [f"e{i}" for i in place],
            "kind": ["like"] * n,
            "seen": 1_740_960_000_000_000 + rng.integers(0, span, n),
            "imported": [True] * n,
            "actor": [f"account:{i % actors}" for i in place],
            "target": [f"item:{i}" for i in some],
            "revision": [0] * n,
        }
        yield pa.RecordBatch.from_arrays(
            [pa.array(columns.get(field.name, [None] * n), field.type) for field in EVENT_SCHEMA], schema=EVENT_SCHEMA
        )


def _written(path: Path, given: Iterator[pa.RecordBatch], most: int | None = None) -> Path:
    left = most
    with pq.ParquetWriter(path, EVENT_SCHEMA) as file:
        for batch in given:
            file.write_batch(batch.slice(0, left) if left is not None else batch)
            left = None if left is None else max(0, left - len(batch))
    return path


def child(way: str, path: Path) -> None:
    """One run in this process: prints what it took as JSON."""
    began, times = time.perf_counter(), os.times()
    said = _joined(path) if way == "peer" else _found(path)
    ended = os.times()
    took = {
        "seconds": time.perf_counter() - began,
        "cpu": ended.user + ended.system - times.user - times.system,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    print(json.dumps({**took, **said}))


def _found(path: Path) -> dict[str, int]:
    with pq.ParquetFile(path) as file:
        found = find(lambda: file.iter_batches(65_536), DuckDbEngine(), Settings())
        return {
            "events": file.metadata.num_rows,
            "ties": found.ties.num_rows,
            "communities": len(found.communities),
            "left_out": max(acts for _, _, acts in found.left_out.crowds.values()),
        }


def _joined(path: Path) -> dict[str, int]:
    import pandas as pd

    table = pq.read_table(path, columns=["actor", "target", "seen"]).to_pandas().dropna()
    table["hour"] = table["seen"] // HOUR
    acts = table[["actor", "target", "hour"]].drop_duplicates().astype({"actor": "category", "target": "category"})
    acts = pd.DataFrame({"actor": acts.actor.cat.codes, "target": acts.target.cat.codes, "hour": acts.hour})
    both = acts.merge(acts, on=["target", "hour"])
    pairs = both[both.actor_x < both.actor_y].groupby(["actor_x", "actor_y"]).size()
    return {"events": len(table), "ties": int((pairs >= Settings().fewest).sum()), "communities": 0, "left_out": 0}


def run(name: str, path: Path, way: str = "ours") -> dict[str, float]:
    """One run in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--child", way, str(path)], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{name} failed")
    found: dict[str, float] = json.loads(done.stdout)
    print(
        f"{name:>20}: {found['events']:>9,} events, {found['seconds']:6.1f} s, {found['cpu']:6.1f} CPU-s, peak "
        f"{found['gigabytes']:.2f} GB, {found['ties']:,} ties, {found['communities']} communities, "
        f"{found['left_out']:,} acts in crowds",
        flush=True,
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the smallest size only")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], Path(given.child[1]))
        return
    sizes = SIZES[:1] if given.quick else SIZES
    with tempfile.TemporaryDirectory(prefix="gatehouse-coordination-") as name:
        folder = Path(name)
        runs = [run("simulated", simulated(folder, size)) for size in sizes]
        peer = run("peer, pandas", folder / f"simulated{PEER}.parquet", "peer")
        print(
            f"  of which the peer does the counting by one means and one length; ours takes in all "
            f"{runs[0]['cpu'] / peer['cpu']:.1f} times its CPU time and {runs[0]['gigabytes'] / peer['gigabytes']:.1f} "
            "times its memory"
        )
        if not given.quick:
            growth = math.log(runs[-1]["cpu"] / runs[0]["cpu"]) / math.log(runs[-1]["events"] / runs[0]["events"])
            print(f"CPU time grows with the events to the power of {growth:.2f} ({SIZES[0]:,} to {SIZES[-1]:,})")
            runs += [run(made.__name__, made(folder)) for made in (hub, bucket, crowds)]
    worst = {name: max(one[name] for one in runs) for name in ("seconds", "gigabytes")}
    ok = worst["seconds"] < SECONDS and worst["gigabytes"] < GIGABYTES
    print(json.dumps({**{name: round(n, 2) for name, n in worst.items()}, "target": [SECONDS, GIGABYTES], "met": ok}))
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
