"""The judge: the one middle through which every event goes, live, in batches and in replays."""

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from gatehouse.detectors.base import Detector
from gatehouse.detectors.run import Panel
from gatehouse.features.define import FeatureSet, ScoreColumn
from gatehouse.features.plan import Coded
from gatehouse.policies.decide import BoundPolicy, Policies
from gatehouse.records.decision import Judgement
from gatehouse.records.signal import Signals
from gatehouse.text.rows import Rows

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
    known = early or {}
    panel = Panel([detector for detector in detectors if detector.name not in known])
    found = panel(Rows.of(events), Rows.of(features), time_left)
    return _concluded(events.column("id"), detectors, (*known.values(), *found), Policies(policies))


def _concluded(ids: pa.Array, detectors: Sequence[Detector], found: Iterable[Signals], policies: Policies) -> Judgement:
    known = {block.detector: block for block in found}
    signals = tuple(known[detector.name] for detector in detectors)
    return Judgement(ids, signals, policies(signals, len(ids)))


class Prepared(NamedTuple):
    """Events on their way to the judge, with all that they say by themselves.

    `rows` are their own columns, `early` the signals of detectors whose scores later events may count, `codes` what a
    history needs of them.
    """

    given: Rows
    rows: Rows
    early: Mapping[str, Signals]
    codes: Coded

    @property
    def coded(self) -> pa.RecordBatch:
        """What a history needs of them as a batch."""
        return self.codes.batch

    @property
    def events(self) -> pa.RecordBatch:
        """The events as a batch."""
        return self.given.batch

    @property
    def own(self) -> pa.RecordBatch:
        """Their own columns as a batch; of the windows nothing is known."""
        return self.rows.batch


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
        return self.prepare_rows(Rows.of(events), first_row)

    def prepare_rows(self, events: Rows, first_row: int = 0) -> Prepared:
        """The same of rows."""
        rows = self.features.compute_rows(events)
        early = {block.detector: block for block in self._early(events, rows)} if self.features.scores else {}
        scores = {score.name: _thousandths(early[score.detector], score) for score in self.features.scores}
        return Prepared(events, rows, early, self.features.plan.coded_of(events, rows, scores, first_row))

    def whole(self, prepared: Prepared, windows: pa.RecordBatch | None) -> pa.RecordBatch:
        """The feature rows of prepared events; `windows` is None where the history could not be asked."""
        return self.whole_rows(prepared, windows).batch

    def whole_rows(self, prepared: Prepared, windows: Rows | pa.RecordBatch | None) -> Rows:
        """The same with its columns at hand."""
        return self.features.rows_with_windows(prepared.rows, windows)

    def conclude(self, prepared: Prepared, features: pa.RecordBatch) -> Judgement:
        """Judge prepared events with their whole feature rows."""
        return self.conclude_rows(prepared, Rows.of(features))

    def conclude_rows(self, prepared: Prepared, features: Rows) -> Judgement:
        """The same of rows."""
        found = self._late(prepared.given, features)
        ids = prepared.given.column("id")
        return _concluded(ids, self.detectors, (*prepared.early.values(), *found), self._policies)

    def with_features(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Judgement:
        """Judge a batch of events whose feature rows are at hand."""
        given, rows = Rows.of(events), Rows.of(features)
        found = (*self._early(given, rows), *self._late(given, rows))
        return _concluded(events.column("id"), self.detectors, found, self._policies)

    @functools.cached_property
    def _early(self) -> Panel:
        """The detectors whose scores windows count."""
        counted = {score.detector for score in self.features.scores}
        return Panel([detector for detector in self.detectors if detector.name in counted])

    @functools.cached_property
    def _late(self) -> Panel:
        """All others."""
        counted = {score.detector for score in self.features.scores}
        return Panel([detector for detector in self.detectors if detector.name not in counted])

    @functools.cached_property
    def _policies(self) -> Policies:
        return Policies(self.policies)


def _thousandths(block: Signals, score: ScoreColumn) -> list[int | None]:
    """A label's scores in whole thousandths; None where the detector did not score."""
    scores = block.scores(score.label).tolist()
    return [math.floor(one * THOUSANDTHS + 0.5) if one == one else None for one in scores]
