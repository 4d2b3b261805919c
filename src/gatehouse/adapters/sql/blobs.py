"""What a decision was decided on, as two blobs, and what repeats from decision to decision beside them.

`features` is a msgpack array of values. `signals` is a msgpack array of three: a byte for each signal's state, with the
bit 8 where it has a score; 8 bytes for each score (a little-endian double); and pairs of a place and its evidence. The
names of the features and of the detectors, with versions and labels, are the layout, which is JSON and kept once.
"""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np

from gatehouse.adapters.sql.faults import scalars_kept
from gatehouse.ports.ledger import Judged
from gatehouse.records.decision import PolicyOutcome
from gatehouse.records.feature import FeatureRow
from gatehouse.records.signal import Signal, SignalRow, Signals, State

_HAS_SCORE = 8
_SCORED = int(State.SCORED)  # numpy takes long to look at an enumeration
_WITH_SCORE = bytes([_SCORED | _HAS_SCORE, *range(1, 256)])
"""What stands in a blob for each state of a judge's columns, where just what is scored has a score."""

WORDS = tuple(state.word for state in State)
_CODES = {word: code for code, word in enumerate(WORDS)}

_json = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
_unpack_features = msgspec.msgpack.Decoder(list[Any]).decode
_unpack_signals = msgspec.msgpack.Decoder(tuple[bytes, bytes, list[tuple[int, str]]]).decode

Evidence = list[tuple[int, str, str]]
"""Places of signals that matched, each with its detector and evidence."""


class Layout(msgspec.Struct, frozen=True, array_like=True):
    """The names beside the blobs: of features, and of each signal its detector, version and label."""

    features: tuple[str, ...]
    signals: tuple[tuple[str, str, str], ...]


class Repeated(NamedTuple):
    """Something that many decisions share, as JSON, under its SHA-256.

    `clean` says that it surely holds no character that a database does not keep.
    """

    digest: bytes
    content: bytes
    clean: bool

    @classmethod
    def of(cls, value: object) -> "Repeated":
        """A value in the form in which it is kept."""
        content = _json(value)
        return cls(hashlib.sha256(content).digest(), content, _clean(content))


class Blobs(NamedTuple):
    """What one decision was decided on; `clean` where its numbers and texts are surely such as come back."""

    layout: Repeated
    features: bytes
    signals: bytes
    matched: Evidence
    clean: bool


def layout_of(content: str | bytes) -> Layout:
    """The layout that was kept as this JSON."""
    return msgspec.json.decode(content, type=Layout)


def policies_of(content: str | bytes) -> tuple[PolicyOutcome, ...]:
    """The policies' outcomes that were kept as this JSON."""
    return msgspec.json.decode(content, type=tuple[PolicyOutcome, ...])


def features_of(layout: Layout, blob: bytes) -> dict[str, Any]:
    """Features as they were when the blob was made."""
    return dict(zip(layout.features, _unpack_features(blob), strict=True))


def signals_of(layout: Layout, blob: bytes, event_id: str) -> tuple[Signal, ...]:
    """Signals as they were when the blob was made; raises LookupError or ValueError where it is none."""
    states, packed, found = _unpack_signals(blob)
    evidence = dict(found)
    scores = iter(struct.unpack(f"<{len(packed) // 8}d", packed))
    return tuple(
        Signal(
            event_id=event_id,
            detector=detector,
            detector_version=version,
            label=label,
            state=WORDS[state & ~_HAS_SCORE],
            score=next(scores) if state & _HAS_SCORE else None,
            evidence=evidence.get(place),
        )
        for place, ((detector, version, label), state) in enumerate(zip(layout.signals, states, strict=True))
    )


class Encoder:
    """Makes the blobs of a batch; signals that a judge gave as columns are never made into records."""

    def __init__(self) -> None:
        self._columns: dict[int, _Columns] = {}
        self._places: Mapping[str, int] = {}
        self._names: tuple[Any, ...] = ()
        self._layout = _layout((), ())

    def blobs(self, judged: Judged) -> Blobs:
        """The blobs of one; raises LookupError, TypeError or ValueError for what has no form in them."""
        signals = judged.signals
        if isinstance(signals, SignalRow) and signals.blocks:
            columns = self._columns.get(id(signals.blocks))
            if columns is None:
                columns = self._columns[id(signals.blocks)] = _Columns(signals.blocks)
            names: tuple[Any, ...] = columns.names
            blob, matched = columns.row(signals.row)
            clean = columns.clean and signals.event_id == judged.event.id
        else:
            names = tuple((one.detector, one.detector_version, one.label) for one in signals)
            blob, matched = _alone(signals)
            clean = False
        values = self._values(judged.features, names)
        packed = _pack(values)
        clean = clean and self._layout.clean and scalars_kept(values, packed) and _clean(_json(values))
        return Blobs(self._layout, packed, blob, matched, clean)

    def _values(self, features: Mapping[str, Any], names: tuple[Any, ...]) -> Sequence[Any]:
        """The values of features; what they and the signals are called is from then on the layout."""
        if isinstance(features, FeatureRow):
            # Rows of one batch share the names of both, and to compare them takes longer than all else.
            if features.places is not self._places or names is not self._names:
                self._places, self._names = features.places, names
                self._layout = _layout(tuple(features), names)
            return features.row
        self._places, self._names = {}, names
        self._layout = _layout(tuple(features), names)
        return list(features.values())


def blobs_of(features: Mapping[str, Any], signals: Sequence[Signal]) -> Blobs:
    """The blobs of one decision by itself."""
    blob, matched = _alone(signals)
    names = tuple((one.detector, one.detector_version, one.label) for one in signals)
    layout = Repeated.of(Layout(tuple(features), names))
    return Blobs(layout, _pack(list(features.values())), blob, matched, False)


@lru_cache(maxsize=64)
def _layout(features: tuple[str, ...], signals: tuple[tuple[str, str, str], ...]) -> Repeated:
    return Repeated.of(Layout(features, signals))


def _clean(content: bytes) -> bool:
    """Whether JSON surely holds no NUL; an escaped one may be a backslash in the text."""
    return b"\\u0000" not in content


class _Columns:
    """The signals of a batch, all detectors side by side."""

    def __init__(self, blocks: Sequence[Signals]) -> None:
        self.names = tuple([(block.detector, block.version, label) for block in blocks for label in block.labels])
        self._width = len(self.names)
        state = np.concatenate([block.state for block in blocks], axis=1)
        score = np.concatenate([block.score for block in blocks], axis=1)
        scored = state == _SCORED
        scores = score[scored].astype("<f8", copy=False)
        self._states = state.tobytes().translate(_WITH_SCORE)
        self._scores = scores.tobytes()
        # Where the scores of each row end, in bytes.
        self._end = (8 * scored.sum(axis=1).cumsum()).tolist()
        self._evidence = _said(blocks)
        texts = {text for row in self._evidence.values() for _, text in row}
        self.clean = bool(np.isfinite(scores).all()) and not any("\0" in text for text in texts)

    def row(self, row: int) -> tuple[bytes, Evidence]:
        """The blob of one row, and what matched in it."""
        states = self._states[row * self._width : (row + 1) * self._width]
        evidence = self._evidence.get(row)
        scores = self._scores[self._end[row - 1] if row else 0 : self._end[row]]
        blob = _pack((states, scores, evidence or []))
        return blob, _matched(states, evidence, self.names) if evidence else []


def _said(blocks: Sequence[Signals]) -> Mapping[int, list[tuple[int, str]]]:
    """What gave evidence, by row: its place and the evidence."""
    codes = np.concatenate([block.evidence for block in blocks], axis=1)
    rows, places = (codes >= 0).nonzero()
    found: dict[int, list[tuple[int, str]]] = {}
    if rows.size:
        reasons = [block.reasons for block in blocks for _ in block.labels]
        for row, place, code in zip(rows.tolist(), places.tolist(), codes[rows, places].tolist(), strict=True):
            found.setdefault(row, []).append((place, reasons[place][code]))
    return found


def _matched(states: bytes, evidence: Sequence[tuple[int, str]], names: Sequence[tuple[str, str, str]]) -> Evidence:
    return [(place, names[place][0], said) for place, said in evidence if states[place] & ~_HAS_SCORE == State.MATCHED]


def _alone(signals: Sequence[Signal]) -> tuple[bytes, Evidence]:
    """The blob of signals that came as records, and what matched among them."""
    states = bytes(_CODES[one.state] | (_HAS_SCORE if one.score is not None else 0) for one in signals)
    scores = [one.score for one in signals if one.score is not None]
    evidence = [(place, one.evidence) for place, one in enumerate(signals) if one.evidence is not None]
    blob = _pack((states, struct.pack(f"<{len(scores)}d", *scores), evidence))
    return blob, _matched(states, evidence, [(one.detector, "", "") for one in signals])
