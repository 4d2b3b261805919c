"""The judge: the one middle through which every event goes, live, in batches and in replays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from gatehouse.detectors.base import Detector
from gatehouse.detectors.run import run_all
from gatehouse.features.define import FeatureSet
from gatehouse.policies.decide import BoundPolicy, decide
from gatehouse.records.decision import Judgement


def judge(
    events: pa.RecordBatch,
    features: pa.RecordBatch,
    detectors: Sequence[Detector],
    policies: Sequence[BoundPolicy],
    time_left: Callable[[], float] = lambda: float("inf"),
) -> Judgement:
    """Signals and outcomes for a batch of events; one event is a batch of one.

    Pure: no store, no network, no clock of its own. `features` has one row per event in the same order;
    `time_left` gives the seconds until the deadline.
    """
    signals = run_all(detectors, events, features, time_left)
    outcomes = tuple(decide(policy, signals, len(events)) for policy in policies)
    return Judgement(events.column("id"), signals, outcomes)


@dataclass(frozen=True, eq=False)
class Judge:
    """What a judgement stands on, put together once: declared columns, detectors, bound policies.

    `releases` maps each pack to the release that these came from.
    """

    features: FeatureSet
    detectors: tuple[Detector, ...]
    policies: tuple[BoundPolicy, ...]
    releases: Mapping[str, str]

    def __call__(self, events: pa.RecordBatch) -> Judgement:
        """Judge a batch of events, computing the columns that need nothing but the events."""
        return self.with_features(events, self.features.compute(events))

    def with_features(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Judgement:
        """Judge a batch of events whose feature rows are at hand."""
        return judge(events, features, self.detectors, self.policies)
