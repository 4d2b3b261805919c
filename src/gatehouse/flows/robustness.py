"""Robustness of a release: its texts disguised, and suites of functional checks, both through the judge."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.detectors.linear import LinearDetector
from gatehouse.errors import UserError
from gatehouse.evaluation import robustness, suite
from gatehouse.evaluation.attacks import Picks, Places, inside, long_words
from gatehouse.evaluation.estimate import FEWEST
from gatehouse.flows.subject import Subject, learnt_signals
from gatehouse.records.event import Event, to_batch

Floats = npt.NDArray[np.float64]
MOST_TEXTS = 400
"""Positives, and as many benign texts, that are disguised."""

CARRIERS = 5
"""Words of a positive that are disguised: those that add most to its score."""

SUITE_FILE = "suite.csv"
"""The file in which a pack may bring a suite of its own."""


def attacks(
    subject: Subject,
    label: str,
    texts: pa.Array,
    language: pa.Array,
    scores: Floats,
    truth: Floats,
    threshold: float,
    seed: int = 0,
) -> robustness.AttackReport | None:
    """Figures by family on texts with known truth and score; None where too few positives are flagged as written.

    In a positive the words are disguised that carry its score, as its author would; in a benign text all long words,
    as somebody writes who means no harm.
    """
    positive, before = truth == 1.0, scores >= threshold
    rows = np.sort(np.concatenate([_sample(texts, positive & before), _sample(texts, ~positive)]))
    if np.sum(positive[rows]) < FEWEST:
        return None
    chosen = [texts[row].as_py() for row in rows]
    usual = subject.pack.recipe.languages[0] if subject.pack.recipe.languages else None
    # The language is that of the text as written: a disguise must not make a detector abstain.
    spoken = [language[row].as_py() or usual for row in rows]
    carriers = _carriers(subject, label)
    made = robustness.disguise(chosen, [carriers if one else long_words for one in positive[rows]], seed)
    flags = [_scores(subject, label, one.texts, spoken) >= threshold for one in made]
    return robustness.figures(positive[rows], before[rows], made, flags)


def checks(subject: Subject, cases: suite.Suite, label: str, threshold: float) -> suite.SuiteReport:
    """How the release answers a suite: a case is flagged where the label's score is at least the threshold.

    Raises UserError where the release judges actors, of which a text says nothing.
    """
    if subject.rows_are == "accounts":
        what = f"'{subject.pack.name}' judges accounts by their features, and a suite holds texts"
        raise UserError(what, fix="leave --suite out, or name a pack that judges texts")
    scores = _scores(subject, label, cases.texts, [None] * len(cases))
    answer = np.where(np.isnan(scores), np.nan, (scores >= threshold).astype(np.float64))
    return suite.report(cases, answer, f"{label} of {subject.pack.name} from {threshold:.3f} on")


def own_checks(subject: Subject, label: str, threshold: float) -> suite.SuiteReport | None:
    """The suite that the pack brings, answered by the release; None where it brings none."""
    path = subject.pack.folder / SUITE_FILE
    return checks(subject, suite.read(path, {}), label, threshold) if path.is_file() else None


def review_threshold(subject: Subject) -> tuple[str, float]:
    """The pack's main label, and the score from which on the policy wants a text seen for it (.5 without a point)."""
    label, detector = subject.pack.recipe.labels[0], subject.pack.recipe.detector
    found = [
        point.threshold
        for point in subject.release.points
        if point.detector == detector and point.label == label and point.threshold is not None
    ]
    return label, min(found, default=0.5)


def _sample(texts: pa.Array, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """At most MOST_TEXTS rows of the mask, the same ones whatever their order: those whose hash is smallest."""
    rows = np.flatnonzero(mask)
    hashes = [hashlib.sha256(texts[row].as_py().encode("utf-8", "surrogatepass")).digest() for row in rows]
    return rows[sorted(range(len(rows)), key=hashes.__getitem__)[:MOST_TEXTS]]


def _carriers(subject: Subject, label: str) -> Picks:
    linear = next(detector for detector in subject.judge.detectors if isinstance(detector, LinearDetector))

    def picks(text: str) -> Places:
        pieces = [piece for piece in linear.explain(text, label) if piece.weight > 0][:CARRIERS]
        return inside(text, [(piece.start, piece.end) for piece in pieces])

    return picks


def _scores(subject: Subject, label: str, texts: Sequence[str], language: Sequence[str | None]) -> Floats:
    events = [Event(id=str(i), text=text, language=language[i]) for i, text in enumerate(texts)]
    return learnt_signals(subject, subject.judge(to_batch(events))).scores(label)
