"""The judge: the one middle through which every event goes, live, in batches and in replays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from gatehouse.detectors.base import Detector
from gatehouse.detectors.run import run_all
from gatehouse.features.define import FeatureSet, ScoreColumn
from gatehouse.policies.decide import BoundPolicy, decide
from gatehouse.records.decision import Judgement
from gatehouse.records.signal import Signals

THOUSANDTHS = 1_000


def judge(
    events: pa.RecordBatch,
    features: pa.RecordBatch,
    detectors: Sequence[Detector],
    policies: Sequence[BoundPolicy],
    time_left: Callable[[], float] = lambda: float("inf"),
    early: Mapping[str, Signals] | None = None,
) -> Judgement:
    """Signals and outcomes for a batch of events; one event is a batch of one.

    Pure: no store, no network, no clock of its own. `features` has one row per event in the same order;
    `time_left` gives the seconds until the deadline; `early` holds signals that are at hand, by detector.
    """
    known = dict(early or {})
    asked = [detector for detector in detectors if detector.name not in known]
    known |= {block.detector: block for block in run_all(asked, events, features, time_left)}
    signals = tuple(known[detector.name] for detector in detectors)
    outcomes = tuple(decide(policy, signals, len(events)) for policy in policies)
    return Judgement(events.column("id"), signals, outcomes)


class Prepared(NamedTuple):
    """Events on their way to the judge, with all that they say by themselves.

    `own` are their own columns, `early` the signals of detectors whose scores later events may count, `coded` what a
    history needs of them.
    """

    events: pa.RecordBatch
    own: pa.RecordBatch
    early: Mapping[str, Signals]
    coded: pa.RecordBatch


@dataclass(frozen=True, eq=False)
class Judge:
    """What a judgement stands on, put together once: declared features, detectors, bound policies.

    `releases` maps each pack to the release that these came from.
    """

    features: FeatureSet
    detectors: tuple[Detector, ...]
    policies: tuple[BoundPolicy, ...]
    releases: Mapping[str, str]

    def __call__(self, events: pa.RecordBatch) -> Judgement:
        """Judge a batch of events of which no history is known."""
        features = self.features.with_windows(
            self.features.compute(events), self.features.plan.nothing_known(len(events))
        )
        return self.with_features(events, features)

    @property
    def features_version(self) -> str:
        """The version of the feature values that this judge sees."""
        return self.features.version_with({detector.name: detector.version for detector in self.detectors})

    def prepare(self, events: pa.RecordBatch, first_row: int = 0) -> Prepared:
        """The events with their own columns, and coded for a history; rows are numbered from `first_row`."""
        own = self.features.compute(events)
        counted = {score.detector for score in self.features.scores}
        asked = [detector for detector in self.detectors if detector.name in counted]
        early = {block.detector: block for block in run_all(asked, events, own)}
        columns = own
        for score in self.features.scores:
            columns = columns.append_column(score.name, _thousandths(early[score.detector], score))
        return Prepared(events, own, early, self.features.plan.code(events, columns, first_row))

    def whole(self, prepared: Prepared, windows: pa.RecordBatch | None) -> pa.RecordBatch:
        """The feature rows of prepared events; `windows` is None where the history could not be asked."""
        return self.features.with_windows(prepared.own, windows)

    def conclude(self, prepared: Prepared, features: pa.RecordBatch) -> Judgement:
        """Judge prepared events with their whole feature rows."""
        return judge(prepared.events, features, self.detectors, self.policies, early=prepared.early)

    def with_features(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Judgement:
        """Judge a batch of events whose feature rows are at hand."""
        return judge(events, features, self.detectors, self.policies)


def _thousandths(block: Signals, score: ScoreColumn) -> pa.Array:
    """A label's scores in whole thousandths; NULL where the detector did not score."""
    scores = block.scores(score.label)
    scored = ~np.isnan(scores)
    return pa.array(np.floor(np.where(scored, scores, 0.0) * THOUSANDTHS + 0.5).astype(np.int64), mask=~scored)
