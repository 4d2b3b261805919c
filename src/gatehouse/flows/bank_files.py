"""The banks of a pack: their files, what reads each, and what living entries make of them."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from gatehouse.detectors import banks, media, near
from gatehouse.detectors.banks_file import Form, read
from gatehouse.detectors.base import Detector
from gatehouse.records.bank import BankKind, EntryChange
from gatehouse.records.policy import Policy


class Bank(Detector, Protocol):
    """A detector that matches known things."""

    def matching(self, normalised: str | None, media: Sequence[str]) -> list[tuple[str, str]]:
        """Ids of all entries that a text or media match, whatever their share of traffic, and how near each is."""
        ...


BANK_FILES: dict[BankKind, str] = {"bank": "bank.jsonl", "near": "near.jsonl", "media": "media.jsonl"}
"""The file of each kind of bank."""

FORMS: Mapping[BankKind, Form[Any]] = {"bank": banks.FORM, "near": near.FORM, "media": media.FORM}
"""How the entries of each kind are written."""

_BANKS: Mapping[BankKind, Any] = {
    "bank": banks.BankDetector,
    "near": near.NearDetector,
    "media": media.MediaDetector,
}


def open_bank(kind: BankKind, entries: Sequence[Any], name: str, labels: Collection[str]) -> Bank:
    """The bank of these entries, which also speaks of these labels."""
    bank: Bank = _BANKS[kind](name, entries, labels)
    return bank


def read_bank(kind: BankKind, text: str, where: str, name: str, policy: Policy) -> Bank:
    """The bank that a file holds; without an entry it still speaks of the labels that the policy reads."""
    return open_bank(kind, read(text, where, FORMS[kind]), name, read_labels(policy, name))


def read_labels(policy: Policy, detector: str) -> list[str]:
    """The labels of a detector that steps of a policy read."""
    return [step.label for step in policy.steps if step.detector == detector]


def living(text: str, kind: BankKind, changes: Sequence[EntryChange]) -> str:
    """A bank's file with the entries that are active by now and without those that are not any more.

    `changes` are the latest of each entry; a proposed one changes nothing.
    """
    own = [change for change in changes if change.bank == kind and change.state != "proposed"]
    if not own:
        return text
    changed = {change.entry for change in own}
    lines = [line for line in text.removeprefix("\ufeff").split("\n") if line.strip()]
    kept = [line for line in lines if json.loads(line)["id"] not in changed]
    return "".join(f"{line}\n" for line in (*kept, *(one.content for one in own if one.state == "active")))
