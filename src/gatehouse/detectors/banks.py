"""Banks: known texts, found again by the SHA-256 of their normalised form."""

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.detectors.banks_file import Form, Wrong, is_text, labels_of, read
from gatehouse.detectors.base import Asked
from gatehouse.records.signal import Columns, Signals, State, blank_columns
from gatehouse.text.normalise import normalise_text
from gatehouse.text.rows import Rows

SHORTEST = 8
"""Characters that a known text must have once normalised: a shorter one says too little to be known by."""

Texts = Sequence[tuple[int, str]]
"""Rows of a batch that have a text, with its normalised form."""

Digests = Sequence[tuple[int, bytes]]
"""The same with SHA-256, where the text is long enough to be known."""

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
        self._texts = {entry.normalised: rows[entry.sha256] for entry in entries if entry.normalised is not None}
        by_text = {*self._texts.values()}
        self._only_hashes = {bytes.fromhex(digest): row for digest, row in rows.items() if row not in by_text}

    @classmethod
    def from_jsonl(cls, text: str, where: str, name: str, labels: Collection[str] = ()) -> "BankDetector":
        """The bank that JSON lines of {"id", "label", "text"} or {"id", "label", "sha256"} say.

        It also speaks of `labels` that no entry has. Raises UserError with every fault and its line.
        """
        return cls(name, read(text, where, FORM), labels)

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        """MATCHED with the entry's id where the text in `features["normalised"]` is known, else ABSTAINED."""
        return self.together([self])(Rows.of(events), Rows.of(features))[0]

    @classmethod
    def together(cls, detectors: "Sequence[BankDetector]") -> Asked:
        """Each text is read, and hashed where that is needed, once for all."""

        def asked(events: Rows, features: Rows) -> list[Signals]:
            texts = [(row, text) for row, text in enumerate(features.one("normalised")) if text is not None]
            digests = _digests(texts) if any(detector._only_hashes for detector in detectors) else ()
            blank = blank_columns(detectors, len(events), State.ABSTAINED)
            return [one._filled(columns, texts, digests) for one, columns in zip(detectors, blank, strict=True)]

        return asked

    def _filled(self, columns: Columns, texts: Texts, digests: Digests) -> Signals:
        state, _, evidence = columns
        for row, entries in self._find(texts, digests):
            evidence[row] = entries
            state[row, entries >= 0] = State.MATCHED
        return Signals(self.name, self.version, self.labels, *columns, self._reasons)

    def matching(self, normalised: str | None, media: Sequence[str]) -> list[tuple[str, str]]:
        """Ids of all entries that are this text."""
        texts = [] if normalised is None else [(0, normalised)]
        found = [entry for _, entries in self._find(texts, _digests(texts)) for entry in entries if entry >= 0]
        return [(self._reasons[entry], "the same text") for entry in found]

    def _find(self, texts: Texts, digests: Digests) -> Iterator[tuple[int, npt.NDArray[np.int32]]]:
        """Rows whose text is known, with the entry for each label, -1 for none."""
        if self._texts:
            for row, text in texts:
                if (known := self._texts.get(text)) is not None:
                    yield row, self._evidence[known]
        if self._only_hashes:
            for row, digest in digests:
                if (known := self._only_hashes.get(digest)) is not None:
                    yield row, self._evidence[known]


def _digests(texts: Texts) -> Digests:
    return [(row, hashlib.sha256(text.encode()).digest()) for row, text in texts if len(text) >= SHORTEST]


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
