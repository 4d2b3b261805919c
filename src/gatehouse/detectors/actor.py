"""The actor detector: calibrated probabilities from an account's features, and the features that carried them."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gatehouse.detectors.actor_arrow import Floats, Integers
from gatehouse.detectors.actor_columns import ActorColumns
from gatehouse.detectors.actor_file import ActorModel, Header
from gatehouse.detectors.actor_trees import Trees
from gatehouse.detectors.base import Asked
from gatehouse.detectors.model_file import again
from gatehouse.errors import UserError
from gatehouse.records.signal import FeatureWeight, Signals, State
from gatehouse.text.rows import Rows

if TYPE_CHECKING:
    from lightgbm import Booster

NO_ACTOR = "no actor"
"""Why the detector abstains where an event names nobody."""


class ActorDetector:
    """Scores the actor of each event by its feature row.

    It abstains where an event has no actor, and where a value is not known that the model was never without when it
    learned. `columns` are the features that it reads. An infinite value is larger, or smaller, than all others.
    """

    languages: frozenset[str] = frozenset()

    def __init__(self, name: str, version: str, model: ActorModel) -> None:
        self.name = name
        self.version = version
        self.header: Header = model.header
        self.labels = model.header.labels
        self.columns = tuple(column.name for column in model.header.columns)
        self._read = ActorColumns(model.header.columns)
        self._trees = _trees(model, name)
        self._texts = dict(zip(self.labels, model.boosters, strict=True))
        self._boosters: dict[str, Booster] = {}

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> "ActorDetector":
        """The detector that a model's file holds; raises OutsideError or UserError where the file cannot be used."""
        return cls(name, hashlib.sha256(data).hexdigest()[:12], ActorModel.from_bytes(data, name))

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        """Calibrated probabilities.

        ABSTAINED, with the reason, where an event has no actor or a needed value is NULL; FAILED, with their names,
        where columns could not be had at all or are of another type.
        """
        return self._signals(Rows.of(events), Rows.of(features))

    @classmethod
    def together(cls, detectors: "Sequence[ActorDetector]") -> Asked:
        """Each is asked of the columns that it reads."""
        return lambda events, features: [detector._signals(events, features) for detector in detectors]

    def _signals(self, events: Rows, features: Rows) -> Signals:
        silent: list[tuple[str, Integers]] = []
        reasons: tuple[str, ...] = ()
        if why := self._read.why_not(features.schema):
            reasons = (why,)
            found = Signals.blank(self.name, self.version, self.labels, len(events), State.FAILED)
            found.evidence[:] = 0
        else:
            x = self._read.matrix_of(features)
            score = self._trees.probabilities(x)
            state, evidence = np.zeros(score.shape, np.uint8), np.empty(score.shape, np.int32)
            evidence.fill(-1)  # np.full takes several times as long for one row
            found = Signals(self.name, self.version, self.labels, state, score, evidence)
            silent = self._read.lacking(x)
        if len(absent := events.nulls("actor")):
            silent.append((NO_ACTOR, absent))
        for code, (_, rows) in enumerate(silent, len(reasons)):
            found.state[rows], found.score[rows], found.evidence[rows] = State.ABSTAINED, np.nan, code
        return replace(found, reasons=(*reasons, *(reason for reason, _ in silent))) if silent or reasons else found

    def bias(self, label: str) -> float:
        """Log-odds of a label before any feature is looked at."""
        line = self.header.calibration[self._column(label)]
        return line.slope * float(self._shares(label, np.full(len(self.columns), np.nan))[-1]) + line.offset

    def explain_features(self, features: pa.RecordBatch, label: str) -> list[FeatureWeight]:
        """Features of the one row given with what each added to the label's log-odds, heaviest first.

        They add up to the log-odds of the score less `bias`: exact Shapley values of the trees (Lundberg et al. 2020)
        times the slope of the calibration. Raises UserError where a column is not there or of another type.
        """
        slope = self.header.calibration[self._column(label)].slope
        if why := self._read.why_not(features.schema):
            raise UserError(f"{self.name} cannot be explained: {why}", fix="give the feature row as it was judged")
        shares = self._shares(label, self._read.matrix(features)[0])
        found = [
            FeatureWeight(feature=name, value=features.column(name)[0].as_py(), weight=slope * float(share))
            for name, share in zip(self.columns, shares[:-1], strict=True)
        ]
        return sorted(found, key=lambda one: -abs(one.weight))

    def _shares(self, label: str, row: Floats) -> Floats:
        """What each column that is read added to the sum of the trees, and the sum's mean as the last."""
        text = self._texts[label]
        if not text:
            return np.zeros(len(self.columns) + 1)
        if label not in self._boosters:
            from lightgbm import Booster

            self._boosters[label] = Booster(model_str=text.decode())
        booster = self._boosters[label]
        names = booster.feature_name()
        places = [names.index(name) for name in self.columns]
        # The trees split no other column, so whatever stands there adds nothing.
        whole = np.full((1, len(names)), np.nan)
        whole[0, places] = row
        shares: Floats = booster.predict(whole, pred_contrib=True, num_threads=1)[0]
        return shares[[*places, -1]]

    def _column(self, label: str) -> int:
        if label not in self.labels:
            raise UserError(f"{self.name} knows no label '{label}'", fix=f"known: {', '.join(self.labels)}")
        return self.labels.index(label)


def _trees(model: ActorModel, name: str) -> Trees:
    try:
        return Trees(model.onnx, len(model.header.columns), len(model.header.labels))
    except ValueError as error:
        raise UserError(f"the model's ONNX graph cannot be read: {error}", where=name, fix=again(name)) from error
