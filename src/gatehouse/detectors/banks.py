"""Banks: known texts, found again by the SHA-256 of their normalised form."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.errors import Fault, UserError, suggestion
from gatehouse.records.signal import Signals, State
from gatehouse.text.normalise import normalise_text

SHORTEST = 8
"""Characters that a known text must have once normalised: a shorter one says too little to be known by."""

_KEYS = ("id", "label", "text", "sha256")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One known text: the SHA-256 of its normalised form in hex, and that form where the bank holds it."""

    id: str
    label: str
    sha256: str
    normalised: str | None = None


class BankDetector:
    """Matches events whose normalised text is known, whatever else the text says of itself.

    Evidence is the id of the entry. Where nothing is known, and where there is no text, it abstains: to be absent
    from a bank says nothing. Entries given by text are looked up as text, so only a bank with entries given by hash
    alone takes the hash of each event.
    """

    languages: frozenset[str] = frozenset()

    def __init__(self, name: str, entries: Sequence[Entry]) -> None:
        self.name = name
        self.labels = tuple(sorted({entry.label for entry in entries}))
        said = sorted((entry.sha256, entry.label, entry.id) for entry in entries)
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
    def from_jsonl(cls, text: str, where: str, name: str) -> "BankDetector":
        """The bank that JSON lines of {"id", "label", "text"} or {"id", "label", "sha256"} say.

        Raises UserError with every fault and its line.
        """
        entries: dict[str, Entry] = {}
        known: dict[tuple[str, str], str] = {}
        faults: list[Fault] = []
        for line, said in _lines(text, where, faults):
            wrong = list(_wrong(said))
            entry = None if wrong else _entry(said)
            if entry is not None and entry.id in entries:
                wrong.append((f"entry '{entry.id}' is there twice", "give each entry an id of its own"))
            elif entry is not None and (same := known.get((entry.sha256, entry.label))):
                wrong.append((f"entry '{entry.id}' says the same as '{same}'", "remove one: they are one text"))
            faults += [Fault(what, f"{where}:{line}", fix) for what, fix in wrong]
            if entry is not None and not wrong:
                entries[entry.id] = entry
                known[entry.sha256, entry.label] = entry.id
        if faults:
            raise UserError(faults)
        return cls(name, tuple(entries.values()))

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


def _lines(text: str, where: str, faults: list[Fault]) -> Iterator[tuple[int, Any]]:
    """Number and value of each line that is JSON; notes the others."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as error:
            what = f"not valid JSON: {error.msg}"
            faults.append(Fault(what, f"{where}:{number}:{error.colno}", "write one JSON object a line"))
        except RecursionError:
            faults.append(Fault("nested too deeply to be read", f"{where}:{number}", "an entry has no lists"))


def _wrong(said: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with one line, and what to do."""
    if not isinstance(said, dict):
        yield "not a JSON object", 'write {"id": ..., "label": ..., "text": ...}'
        return
    for key in said:
        if key not in _KEYS:
            yield f"unknown key '{key}'", suggestion(key, _KEYS)
    for key in ("id", "label"):
        if not _is_text(said.get(key)):
            yield f"'{key}' must be text with something in it", f'write "{key}": "..."'
    if ("text" in said) == ("sha256" in said):
        yield "an entry has either 'text' or 'sha256'", "give one of the two"
    elif "sha256" in said:
        if not (isinstance(said["sha256"], str) and _DIGEST.fullmatch(said["sha256"].lower())):
            yield "'sha256' must be 64 hexadecimal digits", "take the SHA-256 of the normalised text in UTF-8"
    elif not _is_text(said["text"]):
        yield "'text' must be text with something in it", "give the known text"
    elif len(normalised := normalise_text(said["text"])) < SHORTEST:
        what = f"the text is '{normalised}' once normalised, which is too general to be known by"
        yield what, f"a known text has at least {SHORTEST} characters; for a word, write a rule"


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or not value.strip():
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entry(said: Mapping[str, str]) -> Entry:
    if "sha256" in said:
        return Entry(said["id"], said["label"], said["sha256"].lower())
    normalised = normalise_text(said["text"])
    return Entry(said["id"], said["label"], hashlib.sha256(normalised.encode()).hexdigest(), normalised)
