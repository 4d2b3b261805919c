"""What tells a pack's detector most: words of texts, or features of actors."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from gatehouse.detectors.base import ExplainsFeatures
from gatehouse.detectors.linear import LinearDetector
from gatehouse.evaluation import slices
from gatehouse.evaluation.pack_report import TellingFeature
from gatehouse.features.reasons import meaning
from gatehouse.flows.judge import Judge
from gatehouse.flows.packs import Pack

TELLING = 10
TELLING_TEXTS = 2_000
TELLING_ACTORS = 300
SLICED = 6
"""By so many of the features that tell most the rows of actors are sliced."""


def telling_words(pack: Pack, judge: Judge, normalised: pa.Array) -> dict[str, tuple[tuple[str, float], ...]]:
    """The words that carry most weight on average, for and against, for each label that is learnt from texts."""
    sample = normalised.drop_null().slice(0, TELLING_TEXTS)
    return {
        label: tuple(detector.telling(label, sample, TELLING))
        for detector in judge.detectors
        if isinstance(detector, LinearDetector) and detector.name == pack.recipe.detector
        for label in pack.recipe.labels
    }


def telling_features(pack: Pack, judge: Judge, rows: pa.RecordBatch) -> dict[str, tuple[TellingFeature, ...]]:
    """The features that move scores most on average, whichever way, for each label that is learnt of actors."""
    return {
        label: tuple(_heaviest(detector, label, rows, judge))
        for detector in judge.detectors
        if isinstance(detector, ExplainsFeatures) and detector.name == pack.recipe.detector
        for label in pack.recipe.labels
    }


def _heaviest(detector: ExplainsFeatures, label: str, rows: pa.RecordBatch, judge: Judge) -> Iterator[TellingFeature]:
    # Rows from all over the part, and the same ones each time.
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), TELLING_ACTORS)).astype(np.int64))
    moved: dict[str, float] = defaultdict(float)
    for place in chosen.tolist():
        for one in detector.explain_features(rows.slice(place, 1), label):
            moved[one.feature] += abs(one.weight) / len(chosen)
    for name in sorted(moved, key=lambda name: (-moved[name], name))[:TELLING]:
        yield TellingFeature(name=name, meaning=meaning(name, judge.features), weight=moved[name])


def slices_of(
    pack: Pack, judge: Judge, label: str, events: pa.RecordBatch, rows: pa.RecordBatch
) -> Iterator[slices.Slice]:
    """The slices that make sense of what a pack judges: of texts by what they are, of actors by their features."""
    if pack.recipe.learner == "linear":
        yield from slices.of_texts(events.column("text"), rows.column("language"), events.column("occurred"))
        return
    told = telling_features(pack, judge, rows)[label]
    yield from slices.of_features(rows, [one.name for one in told[:SLICED]], judge.features)
