"""The linear detector: calibrated probabilities from hashed n-grams, and the words that carried them."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.detectors.base import Asked
from gatehouse.detectors.linear_file import Header, LinearModel
from gatehouse.errors import UserError
from gatehouse.records.signal import Contribution, Signals, State
from gatehouse.text.arrow import TextBytes
from gatehouse.text.ngrams import Scorer
from gatehouse.text.normalise import normalise_text, normalise_with_origin
from gatehouse.text.rows import Rows

NO_TEXT = "no text"
"""Why the detector abstains."""

_SCORED, _ABSTAINED = np.uint8(State.SCORED), np.uint8(State.ABSTAINED)
_NONE, _NO_TEXT = np.int32(-1), np.int32(0)

SEEN = 3
"""Times that a word must stand in a sample before it is told of: a mean of fewer says little."""


class LinearDetector:
    """Scores the normalised text of each event; where there is none it abstains."""

    def __init__(self, name: str, version: str, model: LinearModel) -> None:
        self.name = name
        self.version = version
        self.header: Header = model.header
        self.labels = model.header.labels
        self.languages = frozenset(model.header.languages)
        lines = model.header.calibration
        scale = np.array([line.slope * line.unit for line in lines])
        self._bias = np.array([line.slope * line.bias + line.offset for line in lines])
        self._scorer = Scorer(model.weights, scale, self._bias)

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> "LinearDetector":
        """The detector that a model's file holds; raises OutsideError or UserError where the file cannot be used."""
        return cls(name, hashlib.sha256(data).hexdigest()[:12], LinearModel.from_bytes(data, name))

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        """Calibrated probabilities; ABSTAINED with a reason where an event has no text."""
        return self.together([self])(Rows.of(events), Rows.of(features))[0]

    @classmethod
    def together(cls, detectors: "Sequence[LinearDetector]") -> Asked:
        """The texts are laid out once for all, and what each says of events without a text is one."""

        def asked(events: Rows, features: Rows) -> list[Signals]:
            return [
                detector._signals(features.texts("normalised") if detector.header.normalise else events.texts("text"))
                for detector in detectors
            ]

        return asked

    def _signals(self, texts: TextBytes) -> Signals:
        score = self._scorer.score_bytes(texts)
        if not texts.nulls:
            state, evidence = np.zeros(score.shape, np.uint8), np.empty(score.shape, np.int32)
            evidence.fill(_NONE)  # np.full takes several times as long for one row
        else:
            silent = np.broadcast_to(~texts.valid[:, None], score.shape)
            state = np.where(silent, _ABSTAINED, _SCORED)
            evidence = np.where(silent, _NO_TEXT, _NONE)
        return Signals(self.name, self.version, self.labels, state, score, evidence, (NO_TEXT,))

    def score_text(self, text: str) -> float:
        """Probability of the first label for one text, by the shortest way; the same as in a batch."""
        return self._scorer.score_text(normalise_text(text) if self.header.normalise else text)

    def score_normalised(self, text: str) -> float:
        """Probability of the first label for one text that is in its normalised form already."""
        return self._scorer.score_text(text)

    def bias(self, label: str) -> float:
        """Log-odds of a label before any n-gram is read."""
        return float(self._bias[self._column(label)])

    def explain(self, text: str, label: str) -> list[Contribution]:
        """Words of the text with what each added to the label's log-odds, heaviest first.

        They add up to the log-odds of the score less `bias`. An empty text has none.
        """
        column = self._column(label)
        read, origin = (
            normalise_with_origin(text) if self.header.normalise else (text, np.arange(len(text), dtype=np.int32))
        )
        if not read:
            return []
        carried = self._scorer.carried_by_character(read, column)
        pieces = _pieces(text, read, origin)
        # What falls on a space belongs to the word before it, at the start to the first word.
        piece = np.maximum(np.searchsorted(_starts(read), np.arange(len(read)), side="right") - 1, 0)
        weights = np.bincount(piece, carried, len(pieces))
        found = [
            Contribution(piece=text[start:end], start=start, end=end, weight=float(weight))
            for (start, end), weight in zip(pieces, weights, strict=True)
        ]
        return sorted(found, key=lambda piece: -abs(piece.weight))

    def telling(self, label: str, texts: pa.Array, k: int) -> list[tuple[str, float]]:
        """The `k` words of a sample of normalised texts that move a score most, with their mean log-odds.

        Heaviest first; words that stand in the sample fewer than SEEN times are left out.
        """
        sums: dict[str, float] = defaultdict(float)
        counts: dict[str, int] = defaultdict(int)
        for word, weight in self._scorer.carried_by_words(texts, self._column(label)):
            sums[word] += weight
            counts[word] += 1
        means = [(word, total / counts[word]) for word, total in sums.items() if counts[word] >= SEEN]
        return sorted(means, key=lambda told: (-abs(told[1]), told[0]))[:k]

    def _column(self, label: str) -> int:
        if label not in self.labels:
            raise UserError(f"{self.name} knows no label '{label}'", fix=f"known: {', '.join(self.labels)}")
        return self.labels.index(label)


def _starts(read: str) -> npt.NDArray[np.int64]:
    """Where words begin: characters that are no space, at the start or after one that is."""
    parting = np.array([_parts(character) for character in read])
    return np.flatnonzero(~parting & np.concatenate([[True], parting[:-1]]))


def _parts(character: str) -> bool:
    """Whether the n-gram kernel reads a space here."""
    return character <= " " or character == "\x7f"


def _pieces(text: str, read: str, origin: npt.NDArray[np.int32]) -> list[tuple[int, int]]:
    """Start and end in the original of every word as it was read.

    A word that was put together from letters apart is one piece; so are the signs inside it that were left out.
    """
    starts = _starts(read).tolist()
    if not starts:
        return [(0, len(text))]
    places = []
    for first, after in zip(starts, [*starts[1:], len(read)], strict=True):
        last = after - 1
        while _parts(read[last]):
            last -= 1
        limit = int(origin[after]) if after < len(read) else len(text)
        end = int(origin[last]) + 1
        while end < limit and not text[end].isspace():
            end += 1
        places.append((int(origin[first]), end))
    return places
