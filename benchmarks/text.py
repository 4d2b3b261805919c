"""How fast the linear detector is: against TF-IDF + logistic regression and HashingVectorizer + SGD, on one core.

All are fitted on the same rows and score the same texts in turn within one run; medians of CPU seconds, because cores
are shared. Ours reads Arrow batches, the peers lists of strings. The floor is the sum of as many weights, at indices
drawn beforehand, from a table of the same size. Ends with 1 where a target is missed.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import re
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from _data import data_root, davidson
from gatehouse.datasets.build import targets
from gatehouse.detectors.linear import LinearDetector
from gatehouse.records.dataset import Dataset
from gatehouse.stats.metrics import roc_auc
from gatehouse.text.ngrams import Scorer
from gatehouse.text.normalise import normalise
from gatehouse.training.linear import train
from gatehouse.training.recipe import LinearRecipe, Recipe

TIMES, LOSS, BYTES = 100.0, 0.006, 2_000_000
ROUNDS, BATCH = 9, 4_096
LABELS = ("offensive",)
OURS, FLOOR = "linear detector", "scalar-gather floor"


def peers() -> dict[str, Pipeline]:
    """The two usual ways, with the n-grams that ours has."""
    words, characters = {"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (3, 5)}
    return {
        "tf-idf + logistic regression": make_pipeline(
            make_union(TfidfVectorizer(**words), TfidfVectorizer(**characters)),
            LogisticRegression(C=4.0, max_iter=5_000),
        ),
        "hashing + SGD": make_pipeline(
            make_union(HashingVectorizer(**words), HashingVectorizer(**characters)),
            SGDClassifier(loss="log_loss", alpha=1e-6, random_state=0),
        ),
    }


@njit(cache=True)
def gathered(table: npt.NDArray[np.int16], indices: npt.NDArray[np.uint32]) -> int:
    total = 0
    for i in range(len(indices)):
        total += table[indices[i]]
    return total


def lookups(texts: pa.Array) -> int:
    """Weights that the kernel adds up for these texts: three a byte and two a word."""
    contents = [text.encode() for text in texts.to_pylist()]
    words = sum(len(re.findall(rb"[A-Za-z0-9_\x80-\xff]+", content)) for content in contents)
    return 3 * sum(len(content) + 1 for content in contents) + 2 * words


def medians(runs: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """CPU seconds of each run: the median of ROUNDS rounds, which take all in turn and each as often as it says."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, (run, times) in runs.items():
            began = time.process_time()
            for _ in range(times):
                run()
            seconds[name].append((time.process_time() - began) / times)
    return {name: float(np.median(each)) for name, each in seconds.items()}


def microseconds(score: Callable[[str], float], texts: Sequence[str]) -> tuple[float, float]:
    """The 50th and 99th percentile of one call from Python."""
    taken = []
    for text in texts:
        began = time.perf_counter_ns()
        score(text)
        taken.append(time.perf_counter_ns() - began)
    p50, p99 = np.percentile(taken, [50, 99]) / 1_000
    return float(p50), float(p99)


def fitted(dataset: Dataset) -> tuple[bytes, dict[str, Pipeline]]:
    """Our model's file and the peers, all from the same rows and with the values that they usually take."""
    linear = LinearRecipe(buckets=2**17)
    written = Recipe(pack="davidson", dataset="davidson", languages=(), labels=LABELS, sensitive=False, linear=linear)
    texts, y = targets(dataset, "train", LABELS)
    return train(dataset, written), {name: model.fit(texts.to_pylist(), y[:, 0]) for name, model in peers().items()}


def speeds(detector: LinearDetector, others: dict[str, Pipeline], test: pa.Array) -> dict[str, float]:
    """Texts a second on one core, of everything that scores them."""
    table = pa.table({"text": test, "normalised": normalise(test)})
    parts = table.combine_chunks().to_batches(max_chunksize=BATCH)
    plain = test.to_pylist()

    def with_normaliser() -> None:
        for part in parts:
            fresh = pa.RecordBatch.from_pydict({"normalised": normalise(part.column("text"))})
            detector.signals(fresh, fresh)

    rng = np.random.default_rng(0)
    buckets = detector.header.buckets
    weights = rng.integers(-999, 999, buckets).astype(np.int16)
    indices = rng.integers(0, buckets, lookups(table["normalised"].combine_chunks())).astype(np.uint32)
    many = Scorer(rng.integers(-99, 99, (2**16, 16)).astype(np.int8), np.full(16, 1e-3), np.zeros(16))
    runs: dict[str, tuple[Callable[[], object], int]] = {
        OURS: (lambda: [detector.signals(part, part) for part in parts], 20),
        "normaliser + linear detector": (with_normaliser, 10),
        "linear, 16 labels in one pass": (lambda: [many.score(part.column("normalised")) for part in parts], 10),
        FLOOR: (lambda: gathered(weights, indices), 20),
        **{name: (partial(model.decision_function, plain), 1) for name, model in others.items()},
    }
    for run, _ in runs.values():
        run()
    return {name: len(test) / seconds for name, seconds in medians(runs).items()}


def told(name: str, said: str, kept: bool) -> bool:
    print(f"{name:36}{said:44}{'kept' if kept else 'MISSED'}")
    return kept


def main() -> None:
    dataset = davidson(data_root())
    data, others = fitted(dataset)
    detector = LinearDetector.from_bytes(data, "davidson.linear")
    test, truth = targets(dataset, "test", LABELS)
    plain, normalised = test.to_pylist(), normalise(test)
    columns = pa.RecordBatch.from_pydict({"text": test, "normalised": normalised})
    areas = {name: roc_auc(truth[:, 0], model.decision_function(plain)) for name, model in others.items()}
    areas[OURS] = roc_auc(truth[:, 0], detector.signals(columns, columns).score[:, 0])
    rate = speeds(detector, others, test)

    print(f"{len(test):,} tweets of {np.mean([len(text) for text in plain]):.0f} characters, one core, CPU time")
    print(f"{'':36}{'texts/s':>12}{'ours is':>10}{'ROC-AUC':>10}")
    for name, each in rate.items():
        area = f"{areas[name]:10.4f}" if name in areas else ""
        print(f"{name:36}{each:12,.0f}{rate[OURS] / each:9.2f}x{area}")
    print()
    quickest, best = max(rate[name] for name in others), max(areas[name] for name in others)
    alone = microseconds(detector.score_normalised, normalised.to_pylist())
    both = microseconds(detector.score_text, plain)
    kept = [
        told(
            "speed",
            f"{rate[OURS] / quickest:.0f} x the faster peer, at least {TIMES:.0f}",
            rate[OURS] >= TIMES * quickest,
        ),
        told("ROC-AUC", f"{areas[OURS] - best:+.4f} to the better, at least -{LOSS}", areas[OURS] >= best - LOSS),
        told("one text, normalised already", f"p50 {alone[0]:.2f} us (p99 {alone[1]:.1f}), at most 3", alone[0] <= 3),
        told("one text with the normaliser", f"p50 {both[0]:.2f} us (p99 {both[1]:.1f}), at most 6", both[0] <= 6),
        told("model", f"{len(data) / 1e6:.2f} MB, under 2", len(data) < BYTES),
    ]
    print(f"{'share of the scalar-gather floor':36}{rate[OURS] / rate[FLOOR]:.0%}")
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
