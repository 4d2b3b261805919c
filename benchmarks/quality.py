"""How good the linear detectors are: against TF-IDF and logistic regression fitted on the same rows in the same run.

PR-AUC of both on the fixed test part, and the 95 % interval of their difference over paired bootstrap draws: for every
label with enough test positives, and for the pack as the mean over these labels. The peer has word 1-2-grams and
character 3-5-grams, within word edges or across them, whichever ranks the test part better. Ends with 1 where the
lower end of a pack's interval is not above -.01 (of a pack in OPEN: where its upper end is not above 0). Where a
label's is not, the last column says with about how many positives an interval around the same difference would be
narrow enough: its width falls with their square root.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union

import _data
from _data import data_root, recipe
from gatehouse.datasets.build import build, targets
from gatehouse.detectors.linear import LinearDetector
from gatehouse.stats.intervals import Interval, Measure, paired_difference
from gatehouse.stats.metrics import Ranked
from gatehouse.text.normalise import normalise
from gatehouse.training.linear import train

PACKS = (*_data.PACKS, "hate", "extremism", "toxicity-pt", "injection")
OPEN = ("extremism",)
"""Packs with too few test positives for the promise: an interval reaches .03 to either side, so that neither a loss nor
its absence would show. All that is promised of them is that no loss is shown."""

ENOUGH = 50
DRAWS = 2_000
MARGIN = -0.01
BYTES = 2_000_000

Floats = npt.NDArray[np.float64]


def peer_scores(texts: Sequence[str], y: Floats, test: Sequence[str], analyzer: str) -> Floats:
    """Decision values of TF-IDF and logistic regression for every label, [n test, L]; NaN where it cannot be fitted."""
    features = make_union(TfidfVectorizer(ngram_range=(1, 2)), TfidfVectorizer(analyzer=analyzer, ngram_range=(3, 5)))
    x, x_test = features.fit_transform(texts), features.transform(test)
    scores = np.full((len(test), y.shape[1]), np.nan)
    for label in range(y.shape[1]):
        known = ~np.isnan(y[:, label])
        model = LogisticRegression(C=4.0, max_iter=5_000).fit(x[known], y[known, label])
        scores[:, label] = model.decision_function(x_test)
    return scores


@dataclass(frozen=True)
class Pair:
    """The PR-AUC of ours and of the peer on the same rows, under any weighing; a mean over labels has no positives."""

    name: str
    n: int
    positives: int | None
    ours: Measure
    peer: Measure

    def told(self) -> Interval:
        """Print one line; gives back how much ours is ahead."""
        gain = paired_difference(self.ours, self.peer, self.n, np.random.default_rng(0), draws=DRAWS)
        whole = np.ones(self.n)
        rate = "" if self.positives is None else f"{self.positives:6}{self.positives / self.n:7.1%}"
        print(
            f"{self.name:28}{self.n:6}{rate:13}"
            f"{self.ours(whole):8.4f}{self.peer(whole):8.4f}"
            f"{gain.estimate:+9.4f} [{gain.low:+.4f}, {gain.high:+.4f}]  {self._verdict(gain)}",
            flush=True,
        )
        return gain

    def _verdict(self, gain: Interval) -> str:
        if gain.low > MARGIN:
            return "above"
        if gain.estimate <= MARGIN or self.positives is None:
            return "BELOW"
        needed = self.positives * ((gain.estimate - gain.low) / (gain.estimate - MARGIN)) ** 2
        return f"open: takes {needed:,.0f} positives"


def pair_of(name: str, truth: Floats, ours: Floats, peers: Sequence[Floats]) -> Pair:
    """Ours beside the better of the peers."""
    known = ~np.isnan(truth)
    ranked = [Ranked(truth[known], scores[known]).pr_auc for scores in (ours, *peers)]
    whole = np.ones(int(known.sum()))
    better = max(ranked[1:], key=lambda measure: float(measure(whole)))
    return Pair(name, len(whole), int(truth[known].sum()), ranked[0], better)


def mean_of(pairs: Sequence[Pair]) -> Pair:
    """The mean over labels, under the same weighing of the same rows."""

    def mean(measures: Sequence[Measure]) -> Measure:
        return lambda weights: np.mean([measure(weights) for measure in measures], axis=0)

    name = f"mean of {len(pairs)} labels"
    return Pair(name, pairs[0].n, None, mean([p.ours for p in pairs]), mean([p.peer for p in pairs]))


def bench(pack: str, root: Path) -> bool:
    """Train and compare one pack; whether all of its promises are kept."""
    written = recipe(pack)
    dataset = build(written.dataset, root)
    began = time.perf_counter()
    data = train(dataset, written)
    seconds = time.perf_counter() - began
    texts, y = targets(dataset, "train", written.labels)
    test, truth = targets(dataset, "test", written.labels)
    columns = pa.RecordBatch.from_pydict({"text": test, "normalised": normalise(test)})
    ours = LinearDetector.from_bytes(data, f"{pack}.linear").signals(columns, columns).score

    counted = np.nansum(truth, axis=0).astype(int)
    reported = np.flatnonzero(counted >= ENOUGH)
    peers = [peer_scores(texts.to_pylist(), y[:, reported], test.to_pylist(), kind) for kind in ("char_wb", "char")]
    pairs = [
        pair_of(written.labels[label], truth[:, label], ours[:, label], [scores[:, place] for scores in peers])
        for place, label in enumerate(reported)
    ]

    print(f"\n{pack}: fitted on {len(texts):,} rows in {seconds:.1f} s, {len(data) / 1e6:.2f} MB")
    print(f"{'label':28}{'n':>6}{'pos':>6}{'base':>7}{'ours':>8}{'tf-idf':>8}{'difference, 95 %':>28}")
    gains = [pair.told() for pair in pairs]
    if len(pairs) > 1:
        gains = [mean_of(pairs).told()]
    for label in np.flatnonzero(counted < ENOUGH):
        print(f"{written.labels[label]:28}{len(test):6}{counted[label]:6}  under {ENOUGH} positives: counts only")
    ahead = all(gain.high > 0 if pack in OPEN else gain.low > MARGIN for gain in gains)
    return ahead and len(data) < BYTES


def main() -> None:
    root = data_root()
    began = time.perf_counter()
    kept = [bench(pack, root) for pack in sys.argv[1:] or PACKS]
    seconds = time.perf_counter() - began
    print(f"\n{seconds:.0f} s; promised: every pack's lower end above {MARGIN}, models under 2 MB")
    print(f"of {', '.join(OPEN)} only that no loss is shown: the upper end above 0")
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
