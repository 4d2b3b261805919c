"""The actor detector: calibrated probabilities from an account's features, and the features that carried them."""

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gatehouse.detectors.actor_columns import ActorColumns, Floats, Places
from gatehouse.detectors.actor_file import ActorModel, Header
from gatehouse.detectors.model_file import again
from gatehouse.errors import UserError
from gatehouse.records.signal import FeatureWeight, Signals, State

if TYPE_CHECKING:
    from lightgbm import Booster
    from onnxruntime import InferenceSession

NO_ACTOR = "no actor"
"""Why the detector abstains where an event names nobody."""

_ASKED = ["probability"]
_NONE = np.int32(-1)


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
        self._session = _session(model.onnx, name)
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
        silent: list[tuple[str, Places]] = []
        reasons: tuple[str, ...] = ()
        if why := self._read.why_not(features.schema):
            reasons = (why,)
            found = Signals.blank(self.name, self.version, self.labels, len(events), State.FAILED)
            found.evidence[:] = 0
        else:
            x = self._read.matrix(features)
            [score] = self._session.run(_ASKED, {"x": x})
            state, evidence = np.zeros(score.shape, np.uint8), np.full(score.shape, _NONE)
            found = Signals(self.name, self.version, self.labels, state, score, evidence)
            silent = self._read.lacking(x)
        actors = events.column("actor")
        if actors.null_count:
            silent.append((NO_ACTOR, np.flatnonzero(actors.is_null())))
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


def _session(onnx: bytes, name: str) -> "InferenceSession":
    """A session that scores on the thread that asks."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no base of their own
        what = f"ONNX Runtime {onnxruntime.__version__} cannot read the model"
        raise UserError(what, where=name, fix=again(name)) from error
