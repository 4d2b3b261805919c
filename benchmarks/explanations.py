"""Explanations: do the words that carry a linear decision meet those that people marked as toxic?

toxic-spans (SemEval-2021 task 5) with its official split: the mean over texts of the F1 of characters, 1 where nothing
is marked on either side. Four readings:

- the detector of the pack `toxicity`, learnt on whole comments of another platform (jigsaw-slice): the words that add
  the most to its score. It has never seen a span. One number is chosen here, the weight from which on a word counts,
  on the parts train and trial. toxic-spans itself cannot teach such a detector: all its comments are toxic;
- a linear reading of single words learnt on the spans of part train: logistic regression on the same hashed n-grams of
  each word; the chance from which on a word counts is chosen on trial;
- a lexicon learnt on the same spans: words marked more often than not; how often one must have been seen is chosen on
  trial;
- the whole text, where the pack's policy wants it seen.

Intervals are 95 %, texts of the test part drawn again; differences are paired.

Run: python benchmarks/explanations.py. Exits 1 where the pack's detector does not beat marking the whole text.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.linear_model import LogisticRegression

from _data import data_root
from _subject import trained
from gatehouse.datasets.toxic_spans import SpannedText, read_spans
from gatehouse.detectors.linear import LinearDetector
from gatehouse.evaluation.spans import Spans, best_threshold, carrying, char_f1, joined
from gatehouse.flows.robustness import review_threshold
from gatehouse.records.signal import Contribution
from gatehouse.stats.intervals import Interval, bootstrap
from gatehouse.text.ngrams import matrix
from gatehouse.text.normalise import normalise

Floats = npt.NDArray[np.float64]
WORD = re.compile(r"[^\W_]+(?:['’*][^\W_]+)*")
DRAWS = 2_000
SEED = 7
BUCKETS = 1 << 17
STRENGTH = 1.0
SEEN = (1, 2, 3, 5, 8)


class Word(NamedTuple):
    """A word of a text, in its plain form, with its place and whether most of it was marked."""

    plain: str
    start: int
    end: int
    marked: bool


def words(one: SpannedText) -> list[Word]:
    found = [match.span() for match in WORD.finditer(one.text)]
    plain = normalise(pa.array([one.text[start:end] for start, end in found], pa.string())).to_pylist()
    inside = np.zeros(len(one.text) + 1, bool)
    for start, end in one.spans:
        inside[start:end] = True
    return [
        Word(form, start, end, inside[start:end].mean() > 0.5) for form, (start, end) in zip(plain, found, strict=True)
    ]


def by_detector(detector: LinearDetector, rest: Sequence[SpannedText], test: Sequence[SpannedText]) -> list[Spans]:
    explained = [detector.explain(one.text, "toxic") for one in rest]
    thresholds = np.round(np.arange(0.1, 4.0, 0.1), 1).tolist()
    at, mean = best_threshold([one.text for one in rest], explained, [one.spans for one in rest], thresholds)
    print(f"the pack's detector: a word counts from {at:.1f} log-odds on, F1 {mean:.3f} on train and trial")
    return [carrying(one.text, detector.explain(one.text, "toxic"), at) for one in test]


class WordModel:
    """Chance that a word is marked, from the hashed n-grams of its plain form."""

    def __init__(self, train: Iterable[list[Word]]) -> None:
        counts = Counter((word.plain, word.marked) for text in train for word in text)
        keys = sorted(counts)
        grams = matrix(pa.array([plain for plain, _ in keys]), BUCKETS)
        self._model = LogisticRegression(C=STRENGTH, max_iter=500, solver="liblinear")
        self._model.fit(grams, [marked for _, marked in keys], sample_weight=[counts[key] for key in keys])
        self._known: dict[str, float] = {}

    def pieces(self, text: str, found: Sequence[Word]) -> list[Contribution]:
        """The words with their chances as weights."""
        new = sorted({word.plain for word in found} - self._known.keys())
        if new:
            chances = self._model.predict_proba(matrix(pa.array(new), BUCKETS))[:, 1]
            self._known.update(zip(new, chances.tolist(), strict=True))
        return [
            Contribution(
                piece=text[word.start : word.end], start=word.start, end=word.end, weight=self._known[word.plain]
            )
            for word in found
        ]


def by_words(train: Sequence[SpannedText], trial: Sequence[SpannedText], test: Sequence[SpannedText]) -> list[Spans]:
    model = WordModel(words(one) for one in train)
    pieces = [model.pieces(one.text, words(one)) for one in trial]
    thresholds = np.round(np.arange(0.05, 0.95, 0.05), 2).tolist()
    at, mean = best_threshold([one.text for one in trial], pieces, [one.spans for one in trial], thresholds)
    print(f"linear reading of words: a word counts from a chance of {at:.2f} on, F1 {mean:.3f} on trial")
    return [carrying(one.text, model.pieces(one.text, words(one)), at) for one in test]


def by_lexicon(train: Sequence[SpannedText], trial: Sequence[SpannedText], test: Sequence[SpannedText]) -> list[Spans]:
    seen: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    for one in train:
        for word in words(one):
            seen[word.plain] += 1
            marked[word.plain] += word.marked

    def spans(one: SpannedText, least: int) -> Spans:
        listed = [w for w in words(one) if seen[w.plain] >= least and marked[w.plain] > seen[w.plain] / 2]
        return joined(one.text, [(word.start, word.end) for word in listed])

    means = {least: float(np.mean(scores([spans(one, least) for one in trial], trial))) for least in SEEN}
    least = max(means, key=lambda one: means[one])
    size = sum(seen[word] >= least and marked[word] > seen[word] / 2 for word in seen)
    print(f"lexicon: {size:,} words seen at least {least} times, F1 {means[least]:.3f} on trial")
    return [spans(one, least) for one in test]


def scores(marked: Sequence[Spans], texts: Sequence[SpannedText]) -> Floats:
    return np.array([char_f1(ours, one.spans) for ours, one in zip(marked, texts, strict=True)])


def mean(values: Floats) -> Interval:
    rng = np.random.default_rng(SEED)
    return bootstrap(lambda weights: weights @ values / weights.sum(axis=-1), len(values), rng, draws=DRAWS)


def of(found: Interval, sign: str) -> str:
    return f"{found.estimate:{sign}.3f} [{found.low:{sign}.3f}, {found.high:{sign}.3f}]"


def main() -> int:
    root = data_root()
    texts = list(read_spans(root / "toxic-spans"))
    test = [one for one in texts if one.part == "test"]
    trial = [one for one in texts if one.part == "points"]
    train = [one for one in texts if one.part in ("train", "calibration")]
    print(f"toxic-spans: train {len(train):,}, trial {len(trial):,}, test {len(test):,}")
    with trained("toxicity", root) as subject:
        detector = next(one for one in subject.judge.detectors if isinstance(one, LinearDetector))
        _, threshold = review_threshold(subject)
    flagged = [detector.score_text(one.text) >= threshold for one in test]
    found = {
        "words by the pack's detector": by_detector(detector, [*train, *trial], test),
        "words by a linear reading learnt on spans": by_words(train, trial, test),
        "words of a lexicon learnt on spans": by_lexicon(train, trial, test),
        "the whole text where flagged": [
            ((0, len(one.text)),) if flag and one.text else () for one, flag in zip(test, flagged, strict=True)
        ],
    }
    empty = sum(not one.spans for one in test)
    print(f"test: {empty:,} texts without a gold span; {sum(flagged):,} flagged from {threshold:.3f} on")
    values = {name: scores(marked, test) for name, marked in found.items()}
    lexicon = values["words of a lexicon learnt on spans"]
    print(f"{'':44}{'char-F1':24}less the lexicon's")
    for name, own in values.items():
        print(f"{name:44}{of(mean(own), ''):24}{of(mean(own - lexicon), '+')}")
    ahead = mean(values["words by the pack's detector"] - values["the whole text where flagged"])
    print(f"the pack's detector less the whole text: {of(ahead, '+')}")
    return 0 if ahead.low > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
