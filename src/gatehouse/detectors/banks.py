"""Banks: known texts, found again by the SHA-256 of their normalised form."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.detectors.banks_file import Form, Wrong, is_text, labels_of, read
from gatehouse.records.signal import Signals, State
from gatehouse.text.normalise import normalise_text

SHORTEST = 8
"""Characters that a known text must have once normalised: a shorter one says too little to be known by."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One known text: the SHA-256 of its normalised form in hex, and that form where the bank holds it."""

    id: str
    label: str
    sha256: str
    normalised: str | None = None

    @property
    def same(self) -> str:
        """What it is known by."""
        return self.sha256


class BankDetector:
    """Matches events whose normalised text is known, whatever else the text says of itself.

    Evidence is the id of the entry. Where nothing is known, and where there is no text, it abstains: to be absent
    from a bank says nothing. Entries given by text are looked up as text, so only a bank with entries given by hash
    alone takes the hash of each event.
    """

    languages: frozenset[str] = frozenset()

    def __init__(self, name: str, entries: Sequence[Entry], labels: Collection[str] = ()) -> None:
        self.name = name
        self.labels = labels_of(entries, labels)
        said = [
            *sorted((entry.sha256, entry.label, entry.id) for entry in entries),
            *sorted({*self.labels} - {entry.label for entry in entries}),
        ]
        self.version = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]
        self._reasons = tuple(entry.id for entry in entries)
        rows = {digest: i for i, digest in enumerate(dict.fromkeys(entry.sha256 for entry in entries))}
        # Which entry stands for each known hash and label, -1 for none.
        self._evidence = np.full((len(rows), len(self.labels)), -1, np.int32)
        for i, entry in enumerate(entries):
            self._evidence[rows[entry.sha256], self.labels.index(entry.label)] = i
        texts = {entry.sha256: entry.normalised for entry in entries if entry.normalised is not None}
        self._texts = pa.array(texts.values(), pa.string())
        self._rows_of_texts = np.array([rows[digest] for digest in texts], np.int64)
        self._only_hashes = {bytes.fromhex(digest): row for digest, row in rows.items() if digest not in texts}

    @classmethod
    def from_jsonl(cls, text: str, where: str, name: str, labels: Collection[str] = ()) -> "BankDetector":
        """The bank that JSON lines of {"id", "label", "text"} or {"id", "label", "sha256"} say.

        It also speaks of `labels` that no entry has. Raises UserError with every fault and its line.
        """
        return cls(name, read(text, where, FORM), labels)

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        """MATCHED with the entry's id where the text in `features["normalised"]` is known, else ABSTAINED."""
        signals = Signals.blank(self.name, self.version, self.labels, len(events), State.ABSTAINED)
        found = self._find(features.column("normalised"))
        events_found = np.flatnonzero(found >= 0)
        signals.evidence[events_found] = self._evidence[found[events_found]]
        signals.state[signals.evidence >= 0] = State.MATCHED
        return Signals(
            self.name, self.version, self.labels, signals.state, signals.score, signals.evidence, self._reasons
        )

    def matching(self, normalised: str | None, media: Sequence[str]) -> list[tuple[str, str]]:
        """Ids of all entries that are this text."""
        row = self._find(pa.array([normalised], pa.string()))[0]
        entries = self._evidence[row] if row >= 0 else ()
        return [(self._reasons[entry], "the same text") for entry in entries if entry >= 0]

    def _find(self, normalised: pa.Array) -> npt.NDArray[np.int64]:
        """Row of the table of evidence for each text, -1 for none."""
        found = np.full(len(normalised), -1, np.int64)
        if len(self._texts):
            place = pc.index_in(normalised, value_set=self._texts.cast(normalised.type)).fill_null(-1)
            which = place.to_numpy(zero_copy_only=False)
            seen = np.flatnonzero(which >= 0)
            found[seen] = self._rows_of_texts[which[seen]]
        if self._only_hashes:
            long_enough = pc.greater_equal(pc.utf8_length(normalised), SHORTEST).fill_null(False)
            places = np.flatnonzero(long_enough.to_numpy(zero_copy_only=False))
            for i, text in zip(places, normalised.take(pa.array(places)).to_pylist(), strict=True):
                row = self._only_hashes.get(hashlib.sha256(text.encode()).digest())
                if row is not None:
                    found[i] = row
        return found


def _wrong(said: Mapping[str, Any]) -> Wrong:
    if ("text" in said) == ("sha256" in said):
        yield "an entry has either 'text' or 'sha256'", "give one of the two"
    elif "sha256" in said:
        if not (isinstance(said["sha256"], str) and _DIGEST.fullmatch(said["sha256"].lower())):
            yield "'sha256' must be 64 hexadecimal digits", "take the SHA-256 of the normalised text in UTF-8"
    elif not is_text(said["text"]):
        yield "'text' must be text with something in it", "give the known text"
    elif len(normalised := normalise_text(said["text"])) < SHORTEST:
        what = f"the text is '{normalised}' once normalised, which is too general to be known by"
        yield what, f"a known text has at least {SHORTEST} characters; for a word, write a rule"


def _entry(said: Mapping[str, Any]) -> Entry:
    if "sha256" in said:
        return Entry(said["id"], said["label"], said["sha256"].lower())
    normalised = normalise_text(said["text"])
    return Entry(said["id"], said["label"], hashlib.sha256(normalised.encode()).hexdigest(), normalised)


FORM = Form(("id", "label", "text", "sha256"), _wrong, _entry, '{"id": ..., "label": ..., "text": ...}', "one text")
"""How the entries of a bank of known texts are written."""
