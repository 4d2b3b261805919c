"""Media banks: known images and videos, found again by their hashes; no image is read or stored."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.detectors.banks_file import Form, Wrong, labels_of, not_within, read
from gatehouse.detectors.banks_share import Shares
from gatehouse.detectors.base import Asked
from gatehouse.detectors.media_index import NEAR, DigestIndex, PdqIndex, pdq_words
from gatehouse.records.event import DIGITS, hash_fault
from gatehouse.records.signal import Signals, State
from gatehouse.text.rows import Rows

FARTHEST = 64
"""The largest distance that an entry may have: two images that have nothing in common differ in about 128 bits."""

PLAIN = (64, 192)
"""Bits that a PDQ hash has at least and at most: about half are set in that of an image, few or nearly all in that of a
plain surface, which would match every other one."""

_Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MediaEntry:
    """One known hash (`pdq:...`, `md5:...`, `sha256:...`), how far a PDQ hash may lie, and its share of traffic."""

    id: str
    label: str
    hash: str
    distance: int = 0
    share: float = 1.0

    @property
    def same(self) -> str:
        """What it is known by."""
        return self.hash


class MediaDetector:
    """Matches events that name a medium by a known hash, or by a PDQ hash within the distance of a known one.

    Evidence is the id of the entry that is nearest among those that are on, and its distance in bits (0 where the
    hashes are equal). Where none is known, and where an event names no media, it abstains.
    """

    languages: frozenset[str] = frozenset()

    def __init__(self, name: str, entries: Sequence[MediaEntry], labels: Collection[str] = ()) -> None:
        self.name = name
        entries = sorted(entries, key=lambda entry: entry.id)
        self.labels = labels_of(entries, labels)
        said = [(one.id, one.label, one.hash, one.distance, one.share) for one in entries]
        self.version = hashlib.sha256(json.dumps([said, self.labels]).encode()).hexdigest()[:12]
        # A bank may hold a million entries, so they are kept as columns, not as objects.
        self._ids = pa.array([entry.id for entry in entries], pa.string())
        places = {label: place for place, label in enumerate(self.labels)}
        self._label_of = np.array([places[entry.label] for entry in entries], np.int16)
        self._distance = np.array([entry.distance for entry in entries], np.uint8)
        self._shares = Shares([entry.id for entry in entries], [entry.share for entry in entries])
        self._indexes = list(_indexes(entries))

    @classmethod
    def from_jsonl(cls, text: str, where: str, name: str, labels: Collection[str] = ()) -> "MediaDetector":
        """The bank that JSON lines of {"id", "label"} and one of "pdq", "md5" and "sha256" say.

        It also speaks of `labels` that no entry has. Raises UserError with every fault and its line.
        """
        return cls(name, read(text, where, FORM), labels)

    @property
    def nbytes(self) -> int:
        """Bytes that the bank holds in memory."""
        held: int = self._ids.nbytes + self._label_of.nbytes + self._distance.nbytes + self._shares.nbytes
        return held + sum(rows.nbytes + index.nbytes for _, rows, index in self._indexes)

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        """MATCHED with the nearest entry where one of the event's media is known, else ABSTAINED."""
        return self._signals(Rows.of(events), Rows.of(features))

    @classmethod
    def together(cls, detectors: "Sequence[MediaDetector]") -> Asked:
        """Each is asked of the one column that it reads."""
        return lambda events, features: [detector._signals(events, features) for detector in detectors]

    def _signals(self, events: Rows, features: Rows) -> Signals:
        signals = Signals.blank(self.name, self.version, self.labels, len(events), State.ABSTAINED)
        media = events.one("media") if self._indexes else ()
        rows = [row for row, said in enumerate(media) if said is not None]
        if not rows:
            return signals
        of_events = Shares.of_events(events.column("id"))
        reasons: dict[str, int] = {}
        for row in rows:
            entries, distances = self._found(media[row].split())
            on = self._shares.on(entries, of_events[row])
            for entry, distance in zip(entries[on].tolist(), distances[on].tolist(), strict=True):
                label = self._label_of[entry]
                if signals.evidence[row, label] < 0:
                    said = f"{self._ids[entry].as_py()} at distance {distance}"
                    signals.evidence[row, label] = reasons.setdefault(said, len(reasons))
                    signals.state[row, label] = State.MATCHED
        return Signals(
            self.name, self.version, self.labels, signals.state, signals.score, signals.evidence, tuple(reasons)
        )

    def matching(self, normalised: str | None, media: Sequence[str]) -> list[tuple[str, str]]:
        """Ids of all entries that some media match, whatever their share, and how near; the nearest first."""
        entries, distances = self._found(media)
        found = zip(entries.tolist(), distances.tolist(), strict=True)
        return list(dict.fromkeys((self._ids[entry].as_py(), f"distance {distance}") for entry, distance in found))

    def _found(self, media: Sequence[str]) -> tuple[_Rows, _Rows]:
        """Entries that some media match, with their distances: the nearest first, then by their ids."""
        entries: list[npt.NDArray[np.integer]] = [np.empty(0, np.int64)]
        distances = [np.empty(0, np.int64)]
        for said in media:
            kind, _, digits = said.partition(":")
            for index_kind, own, index in self._indexes:
                if index_kind == kind:
                    rows, found = index.find(digits)
                    entries.append(own[rows])
                    distances.append(found)
        all_entries, all_distances = np.concatenate(entries), np.concatenate(distances)
        fits = all_distances <= self._distance[all_entries]
        all_entries, all_distances = all_entries[fits], all_distances[fits]
        order = np.lexsort((all_entries, all_distances))
        return all_entries[order], all_distances[order]


def _indexes(entries: Sequence[MediaEntry]) -> Iterator[tuple[str, npt.NDArray[np.int32], PdqIndex | DigestIndex]]:
    """An index of each kind of hash with the entries of its rows; PDQ hashes that reach far have one of their own."""
    rows: dict[tuple[str, bool], list[int]] = {}
    for row, entry in enumerate(entries):
        rows.setdefault((entry.hash.partition(":")[0], entry.distance > NEAR), []).append(row)
    for (kind, _), own in rows.items():
        digits = [entries[row].hash.partition(":")[2] for row in own]
        index = (
            PdqIndex(pdq_words(digits), max(entries[row].distance for row in own))
            if kind == "pdq"
            else DigestIndex(digits, DIGITS[kind])
        )
        yield kind, np.array(own, np.int32), index


def _wrong(said: Mapping[str, Any]) -> Wrong:
    kinds = [kind for kind in DIGITS if kind in said]
    if len(kinds) != 1:
        yield "an entry has one of 'md5', 'pdq' and 'sha256'", "give one of the three"
        return
    kind = kinds[0]
    digits = said[kind].lower() if isinstance(said[kind], str) else ""
    if fault := hash_fault(kind, digits):
        yield fault, "take the hash as the tool prints it"
    elif kind == "pdq" and not PLAIN[0] <= (bits := int(digits, 16).bit_count()) <= PLAIN[1]:
        what = f"the pdq hash '{digits[:16]}...' has {bits} of 256 bits set, as plain surfaces have"
        yield what, "leave it out: it would match every plain image; add the file by md5 or sha256"
    if kind == "pdq":
        yield from not_within(said, "distance", 0, FARTHEST, whole=True)
    elif "distance" in said:
        yield f"'distance' is of pdq hashes; {kind} hashes are equal or not", "leave 'distance' out"
    yield from not_within(said, "share", 0, 1)


def _entry(said: Mapping[str, Any]) -> MediaEntry:
    kind = next(kind for kind in DIGITS if kind in said)
    distance = said.get("distance", NEAR) if kind == "pdq" else 0
    return MediaEntry(
        said["id"], said["label"], f"{kind}:{said[kind].lower()}", distance, float(said.get("share", 1.0))
    )


FORM = Form(
    ("id", "label", *DIGITS, "distance", "share"),
    _wrong,
    _entry,
    '{"id": ..., "label": ..., "pdq": ..., "distance": 31}',
    "one hash",
)
"""How the entries of a media bank are written."""
