"""How long the figures take: a pack's full report with 1,000 draws, and that of a million logged answers with
five slices, from rows to page.

Each runs in a process of its own, so that its memory is its own. Limits: the report of the pack `toxicity` 60 s, the
million rows 30 s and 2 GB, with rows drawn and with authors drawn. Seconds are of the clock, of the quietest of two
runs, since the machine is shared. Ends with 1 where a limit is missed.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from _data import data_root
from gatehouse.bootstrap import open_house
from gatehouse.entry.cli.evaluate_pack import subject_of
from gatehouse.evaluation.answers import page
from gatehouse.evaluation.answers import report as answer_report
from gatehouse.evaluation.logged import Logged
from gatehouse.evaluation.report import RunInfo, render
from gatehouse.flows import assess, learn, packs
from gatehouse.settings import Settings
from gatehouse.stats.operating import Costs

ROWS = 1_000_000
LIMITS = {"report": (60, 4_000), "rows": (30, 2_000), "authors": (30, 2_000)}


def report() -> float:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), data_roots=(data_root(),))
        house = open_house(settings)
        pack = packs.load("toxicity")
        dataset, examples = learn.dataset_for(pack, house.shelf, settings.datasets, settings.data_roots)
        learn.train(pack, dataset, examples, house.shelf, at=0, by="benchmark")
        start = time.perf_counter()
        made = assess.assess(subject_of(house, pack, None), 1_000, 7)
        render([made], RunInfo(made=0, version="", seed=7, draws=1_000))
        return time.perf_counter() - start


def answers(authors: int | None) -> float:
    rng = np.random.default_rng(1)
    truth = (rng.random(ROWS) < 0.02).astype(float)
    score = 1 / (1 + np.exp(-(rng.normal(size=ROWS) + 3 * truth - 4)))
    members = rng.integers(0, authors, ROWS) if authors else None
    logged = Logged(
        detector="drawn",
        ids=pa.array(np.arange(ROWS)).cast(pa.string()),
        truth=truth,
        score=score,
        verdict=np.full(ROWS, "", "U10"),
        views=rng.integers(0, 1_000, ROWS).astype(float),
        authors=None if members is None else pa.array(members).cast(pa.string()),
        texts=None,
        slices={"market": pa.array(rng.integers(0, 5, ROWS)).cast(pa.string())},
    )
    start = time.perf_counter()
    made = answer_report(logged, threshold=0.5, prevalences=(0.001,), costs=Costs(5, 0.01, 1), draws=1_000)
    page([made], "drawn", (), RunInfo(made=0, version="", seed=0, draws=1_000))
    return time.perf_counter() - start


def child(what: str) -> None:
    runs = {"report": report, "rows": lambda: answers(None), "authors": lambda: answers(200_000)}
    seconds = runs[what]()
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000]))


def main() -> int:
    missed = 0
    for what, (seconds, megabytes) in LIMITS.items():
        if what == "report" and data_root() is None:
            print("report: skipped, the public data are not there")
            continue
        found = []
        for _ in range(2):
            ran = subprocess.run([sys.executable, __file__, what], stdout=subprocess.PIPE, check=True)
            found.append(json.loads(ran.stdout.splitlines()[-1]))
        took, peak = min(one[0] for one in found), max(one[1] for one in found)
        kept = took <= seconds and peak <= megabytes
        missed += not kept
        print(
            f"{what:8} {took:6.1f} s (at most {seconds}), peak {peak:,.0f} MB (at most {megabytes:,})"
            f"{'' if kept else '  MISSED'}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1])
    else:
        sys.exit(main())
