"""Makers of records for tests: whole and valid, with only what a test cares about said by name."""

from typing import Any

from gatehouse.ports.ledger import Judged, Run
from gatehouse.records.bank import EntryChange, EntryState
from gatehouse.records.case import Case
from gatehouse.records.dataset import DatasetInfo, LifeState, Model, Release, Transition
from gatehouse.records.decision import Decision, PolicyOutcome
from gatehouse.records.enforcement import Enforcement, Kind
from gatehouse.records.event import Entity, Event
from gatehouse.records.policy import Clause, Point, Policy, Step, Target
from gatehouse.records.signal import Signal

NOW = 1_700_000_000_000_000
"""A moment in microseconds UTC, when everything made here happens."""


def make_event(id: str = "e1", text: str | None = "win a free prize now", **said: Any) -> Event:
    """An event of an account."""
    known = {"occurred": NOW - 1_000_000, "seen": NOW, "actor": Entity("account", "a1"), "language": "en"}
    return Event(id=id, text=text, **{**known, **said})


def make_signal(event_id: str = "e1", **said: Any) -> Signal:
    """A score of a linear detector."""
    known = {"detector": "spam.linear", "detector_version": "d1", "label": "spam", "state": "scored", "score": 0.97}
    return Signal(event_id=event_id, **{**known, **said})


def make_outcome(policy: str = "spam", **said: Any) -> PolicyOutcome:
    """A policy's conclusion that an event violates it."""
    known = {
        "policy_version": "p1",
        "outcome": "violating",
        "enforce": "remove",
        "review": False,
        "step": "certain_spam",
        "clause": "S1",
        "reason": "spam.linear scores spam at or above 0.83",
    }
    return PolicyOutcome(policy=policy, **{**known, **said})


def make_decision(event: Event | None = None, **said: Any) -> Decision:
    """A live decision to remove an event; its id follows from the event's."""
    event = event or make_event()
    known = {
        "id": f"d-{event.id}-{event.revision}",
        "mode": "live",
        "outcome": "violating",
        "enforce": "remove",
        "policies": (make_outcome(),),
        "releases": {"spam": "r1"},
        "decided": event.seen + 1,
    }
    return Decision(event_id=event.id, revision=event.revision, **{**known, **said})


def make_judged(event: Event | None = None, *, decision: Decision | None = None, **said: Any) -> Judged:
    """An event with features, signals of two detectors, a decision, a planned removal and a case."""
    event = event or make_event()
    decision = decision or make_decision(event)
    known = {
        "features": {"language": "en", "normalised": event.text, "url_count": 0, "caps_share": 0.25, "new": None},
        "signals": (
            make_signal(event.id),
            make_signal(event.id, detector="spam.rules", state="matched", score=None, evidence="premium_number"),
        ),
        "enforcements": (
            Enforcement(
                id=f"n-{decision.id}", decision_id=decision.id, event_id=event.id, policy="spam", kind="remove"
            ),
        ),
        "cases": (
            Case(
                id=f"c-{decision.id}",
                event_id=event.id,
                policy="spam",
                decision_id=decision.id,
                opened_by="policy",
                reason="a removal is looked at",
                chance=0.5,
            ),
        ),
    }
    return Judged(event=event, decision=decision, **{**known, **said})


def make_run(id: str = "run1", **said: Any) -> Run:
    """A run of `score` over a file."""
    known = {
        "source": "messages.csv",
        "source_digest": "00" * 32,
        "out": "decisions.parquet",
        "releases": {"spam": "r1"},
        "at": NOW,
        "rows": 100,
        "rejected": 2,
    }
    return Run(id=id, **{**known, **said})


def make_policy(name: str = "spam", version: str = "p1", **said: Any) -> Policy:
    """A policy of one clause and two steps."""
    known = {
        "title": "Spam and scams",
        "text": "Unsolicited bulk messages are not welcome.",
        "owner": "trust-and-safety",
        "clauses": (Clause(id="S1", title="Unsolicited offers", text="Offers nobody asked for."),),
        "steps": (
            Step(name="known_spam", detector="spam.bank", label="spam", clause="S1", enforce=Kind.REMOVE),
            Step(
                name="certain_spam",
                detector="spam.linear",
                label="spam",
                clause="S1",
                target=Target(aim="precision_at_least", value=0.95),
                enforce=Kind.REMOVE,
            ),
        ),
    }
    return Policy(name=name, version=version, **{**known, **said})


def make_point(step: str = "certain_spam", **said: Any) -> Point:
    """A provisional operating point with a threshold."""
    known = {
        "policy": "spam",
        "policy_version": "p1",
        "detector": "spam.linear",
        "detector_version": "d1",
        "label": "spam",
        "aim": "precision_at_least",
        "value": 0.95,
        "confidence": 0.95,
        "dataset": "sms-spam@v1",
        "population": "messages of the set",
        "n": 800,
        "positives": 110,
        "threshold": 0.83,
        "flagged": 90,
        "errors": 1,
        "estimate": 0.989,
        "bound": 0.948,
        "recall": 0.81,
        "precision": 0.989,
    }
    return Point(step=step, **{**known, **said})


def make_model(name: str = "spam.linear", version: str = "d1", **said: Any) -> Model:
    """A linear detector version of one file."""
    known = {
        "kind": "linear",
        "labels": ("spam",),
        "files": {"linear.bin": "11" * 32},
        "languages": ("en",),
        "dataset": "sms-spam@v1",
    }
    return Model(name=name, version=version, **{**known, **said})


def make_dataset_info(name: str = "sms-spam", version: str = "v1", **said: Any) -> DatasetInfo:
    """What a small data set says of itself."""
    known = {
        "title": "Text messages",
        "licence": "CC BY 4.0",
        "population": "text messages in English",
        "labels": ("spam",),
        "rows": 100,
        "parts": {"train": 60, "calibration": 10, "points": 15, "test": 15},
        "positives": {"spam": {"train": 8, "calibration": 1, "points": 2, "test": 2}},
    }
    return DatasetInfo(name=name, version=version, **{**known, **said})


def make_release(pack: str = "spam", policy_version: str = "p1", **said: Any) -> Release:
    """A release whose version is the hash of what it holds; another `policy_version` makes another release."""
    held: dict[str, Any] = {
        "policy_version": policy_version,
        "detectors": {"spam.linear": "d1", "spam.rules": "d2"},
        "features": "f1",
        "points": (make_point(policy_version=policy_version),),
        **said,
    }
    return Release(pack=pack, version=Release.version_of(pack, **held), **held)


def make_transition(release: Release, state: LifeState, **said: Any) -> Transition:
    """A change in a release's life."""
    known = {"at": NOW, "by": "sam", "why": "the gate passed"}
    return Transition(pack=release.pack, version=release.version, state=state, **{**known, **said})


def make_entry_change(entry: str = "known-1", state: EntryState = "active", **said: Any) -> EntryChange:
    """A change of an entry of the pack's bank of near-duplicates."""
    known = {
        "pack": "spam",
        "bank": "near",
        "content": '{"id":"known-1","label":"spam","text":"buy this and never be poor again in your life"}',
        "source": "by hand",
        "at": NOW,
        "by": "sam",
        "why": "copied a lot",
    }
    return EntryChange(entry=entry, state=state, **{**known, **said})
