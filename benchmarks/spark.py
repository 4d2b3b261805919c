"""Batch scoring on Spark against scoring here, on one file: seconds of start, and seconds per million rows.

The texts are those of the packs' public data, repeated with new ids; with actors and times a second table shows what
windows cost. Both run in this process and its children on the same cores; Spark gets as many tasks as there are cores.
A cluster only repays its start and its copying where the rows are many or lie there already.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import _data
from gatehouse.adapters.spark.score import score_on_spark
from gatehouse.adapters.spark.session import java, session
from gatehouse.bootstrap import House, open_house
from gatehouse.datasets import build
from gatehouse.flows import learn, packs, releases
from gatehouse.flows.score import score
from gatehouse.flows.spec import pack_files
from gatehouse.settings import Settings

ROWS, ROWS_WITH_WINDOWS = 1_000_000, 200_000
LONGEST = 160
ACTORS = 5_000
AT = 1_700_000_000_000_000


def texts(root: Path, n: int) -> list[str]:
    """Short texts of three public sets, repeated."""
    found = [
        text
        for name in ("sms-spam", "edos", "jigsaw-slice")
        for text in build.build(name, root).rows["text"].to_pylist()
        if len(text) <= LONGEST
    ]
    return (found * (n // len(found) + 1))[:n]


def write(path: Path, said: list[str], actors: bool) -> Path:
    """A Parquet file of texts, with an actor and a time each where windows are wanted."""
    n = len(said)
    columns: dict[str, list[object]] = {"id": [f"t{i}" for i in range(n)], "text": list(said)}
    if actors:
        columns["actor"] = [f"a{i * i % ACTORS}" for i in range(n)]
        columns["occurred"] = [AT - (n - i) * 1_000_000 for i in range(n)]
    pq.write_table(pa.table(columns), path, row_group_size=50_000)
    return path


def live_packs(home: Path, root: Path) -> tuple[House, list[str]]:
    """A house in which the benchmarks' packs are live."""
    settings = Settings(home=home, data_roots=(root,))
    house = open_house(settings)
    for name in _data.PACKS:
        pack = packs.load(name)
        dataset, examples = learn.dataset_for(pack, house.shelf, settings.datasets, settings.data_roots)
        learned = learn.train(pack, dataset, examples, house.shelf, at=AT, by="benchmark")
        releases.promote(house.shelf, name, learned.release.version, at=AT, by="benchmark", why="benchmark")
    return house, list(_data.PACKS)


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    if java() is None:
        sys.exit("skipped: Spark needs Java: make setup, or set JAVA_HOME")
    root, cores = _data.data_root(), os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        house, names = live_packs(place / "home", root)
        live = releases.live(house.shelf, names)
        judge, (spec, bundle) = releases.open_judge(house.shelf, live), pack_files(house.shelf, live)
        print(f"packs {', '.join(names)}; {cores} cores; texts of at most {LONGEST} characters")
        here, there = place / "here.parquet", place / "there.parquet"

        def locally(source: Path) -> None:
            score(source, here, judge, house.lake, house.engine, given={}, at=AT)

        def on_spark(source: Path) -> None:
            score_on_spark(source, there, spec, bundle, session=spark, given={}, at=AT)

        few = write(place / "few.parquet", texts(root, 1_000), False)
        locally(few)
        began = time.perf_counter()
        spark = session(f"local[{cores}]")
        started = time.perf_counter() - began
        first, again = seconds(lambda: on_spark(few)), seconds(lambda: on_spark(few))
        print(f"session start {started:.1f} s; first job, of 1,000 rows, {first:.1f} s; the same again {again:.1f} s")
        found = {"start_s": round(started, 1), "first_job_s": round(first, 1), "again_s": round(again, 1)}
        for what, n, actors in (("alone", ROWS, False), ("windows", ROWS_WITH_WINDOWS, True)):
            source = write(place / f"{what}.parquet", texts(root, n), actors)
            local, spark_s = seconds(lambda: locally(source)), seconds(lambda: on_spark(source))  # noqa: B023
            assert pq.ParquetDataset(there).read(columns=["score"]).num_rows == pq.read_metadata(here).num_rows
            million = 1_000_000 / n
            print(f"{n:,} rows {'with windows' if actors else 'by themselves'}, in seconds a million:")
            print(f"  Spark {spark_s * million:.1f}, here {local * million:.1f}, ratio {spark_s / local:.2f}")
            found[what] = {"spark_s_per_million": round(spark_s * million, 1), "ratio": round(spark_s / local, 2)}
        spark.stop()
        print(json.dumps(found))


if __name__ == "__main__":
    main()
