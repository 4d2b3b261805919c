"""Near-duplicate banks: known texts, found again when most of their wording is the same."""

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from gatehouse.detectors.banks_file import Form, Wrong, is_text, labels_of, not_within, read
from gatehouse.detectors.banks_share import Shares
from gatehouse.detectors.base import Asked
from gatehouse.detectors.near_index import NearIndex
from gatehouse.records.signal import Signals, State
from gatehouse.text.normalise import normalise_text
from gatehouse.text.rows import Rows

SHORTEST = 32
"""Characters that a known text must have once normalised: shorter ones are nearly the same as too much."""

SIMILARITY = 0.8
LEAST_SIMILAR = 0.5


@dataclass(frozen=True, slots=True)
class NearEntry:
    """One known text in its normalised form, the similarity from which a text counts, and its share of traffic."""

    id: str
    label: str
    normalised: str
    similarity: float = SIMILARITY
    share: float = 1.0

    @property
    def same(self) -> str:
        """What it is known by."""
        return self.normalised


class NearDetector:
    """Matches events whose normalised text has most of its character 5-grams in common with a known text.

    Evidence is the id of the entry that is nearest among those that are on, and how similar it is. Where none is near
    enough, and where there is no text, it abstains.
    """

    languages: frozenset[str] = frozenset()

    def __init__(self, name: str, entries: Sequence[NearEntry], labels: Collection[str] = ()) -> None:
        self.name = name
        entries = sorted(entries, key=lambda entry: entry.id)
        self.labels = labels_of(entries, labels)
        said = [(one.id, one.label, one.normalised, one.similarity, one.share) for one in entries]
        self.version = hashlib.sha256(json.dumps([said, self.labels]).encode()).hexdigest()[:12]
        self._ids = [entry.id for entry in entries]
        self._label_of = np.array([self.labels.index(entry.label) for entry in entries], np.int64)
        self._index = NearIndex([entry.normalised for entry in entries], [entry.similarity for entry in entries])
        self._shares = Shares(self._ids, [entry.share for entry in entries])

    @classmethod
    def from_jsonl(cls, text: str, where: str, name: str, labels: Collection[str] = ()) -> "NearDetector":
        """The bank that JSON lines of {"id", "label", "text"} say, each with "similarity" and "share" where wanted.

        It also speaks of `labels` that no entry has. Raises UserError with every fault and its line.
        """
        return cls(name, read(text, where, FORM), labels)

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        """MATCHED with the nearest entry where the text in `features["normalised"]` is near enough, else ABSTAINED."""
        return self._signals(Rows.of(events), Rows.of(features))

    @classmethod
    def together(cls, detectors: "Sequence[NearDetector]") -> Asked:
        """Each is asked of the one column that it reads."""
        return lambda events, features: [detector._signals(events, features) for detector in detectors]

    def _signals(self, events: Rows, features: Rows) -> Signals:
        signals = Signals.blank(self.name, self.version, self.labels, len(events), State.ABSTAINED)
        if not self._ids:
            return signals
        alike = self._index.alike(features.column("normalised"))
        if not len(alike.asked):
            return signals
        of_events = Shares.of_events(events.column("id"))
        reasons: dict[str, int] = {}
        # The nearest comes first, of equal ones that with the first id.
        for place in np.lexsort((alike.known, -alike.similarity)):
            row, entry = alike.asked[place], alike.known[place]
            label = self._label_of[entry]
            if signals.evidence[row, label] < 0 and self._shares.on(alike.known[place : place + 1], of_events[row])[0]:
                said = f"{self._ids[entry]} at {_how_near(alike.similarity[place])}"
                signals.evidence[row, label] = reasons.setdefault(said, len(reasons))
                signals.state[row, label] = State.MATCHED
        return Signals(
            self.name, self.version, self.labels, signals.state, signals.score, signals.evidence, tuple(reasons)
        )

    def matching(self, normalised: str | None, media: Sequence[str]) -> list[tuple[str, str]]:
        """Ids of all entries that a text is near enough to, whatever their share, and how near; the nearest first."""
        alike = self._index.alike(pa.array([normalised], pa.string()))
        order = np.lexsort((alike.known, -alike.similarity))
        return [(self._ids[alike.known[place]], _how_near(alike.similarity[place])) for place in order]


def _how_near(similarity: float) -> str:
    """A similarity in words, never rounded up: 1.00 is only said of the same shingles."""
    return f"similarity {math.floor(similarity * 100) / 100:.2f}"


def _wrong(said: Mapping[str, Any]) -> Wrong:
    if not is_text(said.get("text")):
        yield "'text' must be text with something in it", "give the known text"
    elif len(normalised := normalise_text(said["text"])) < SHORTEST:
        what = (
            f"the text is '{normalised}' once normalised, which is too short to be nearly the same as only its copies"
        )
        yield what, f"a text has at least {SHORTEST} characters here; add a shorter one to the bank of exact texts"
    yield from not_within(said, "similarity", LEAST_SIMILAR, 1)
    yield from not_within(said, "share", 0, 1)


def _entry(said: Mapping[str, Any]) -> NearEntry:
    return NearEntry(
        said["id"],
        said["label"],
        normalise_text(said["text"]),
        float(said.get("similarity", SIMILARITY)),
        float(said.get("share", 1.0)),
    )


FORM = Form(
    ("id", "label", "text", "similarity", "share"),
    _wrong,
    _entry,
    '{"id": ..., "label": ..., "text": ..., "similarity": 0.8}',
    "one text",
)
"""How the entries of a near-duplicate bank are written."""
