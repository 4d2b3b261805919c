"""What the house asks of the place where decisions are recorded and versions live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from gatehouse.errors import UserError
from gatehouse.records.bank import EntryChange
from gatehouse.records.case import Case
from gatehouse.records.dataset import DatasetInfo, LifeState, Model, Release, Transition
from gatehouse.records.decision import Decision
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.erasure import Erased, Erasure, Hold, Stripped
from gatehouse.records.event import Entity, Event
from gatehouse.records.hash_chain import Link
from gatehouse.records.policy import Policy
from gatehouse.records.signal import Signal

EventKey = tuple[str, int]
"""An event's id and revision."""


@dataclass(frozen=True)
class Judged:
    """One event with everything that was known, said, decided and planned about it."""

    event: Event
    features: Mapping[str, Any]
    signals: Sequence[Signal]
    decision: Decision
    enforcements: Sequence[Enforcement] = ()
    cases: Sequence[Case] = ()


@dataclass(frozen=True)
class Grounds:
    """Why something is done to an event: the event, the decision that stands for it, and the cases behind that one.

    Of one that supersedes no other there are no cases behind it.
    """

    event: Event
    decision: Decision
    cases: Sequence[Case] = ()


@dataclass(frozen=True)
class Run:
    """One run of `score`: where it read and wrote, and which releases judged."""

    id: str
    source: str
    source_digest: str
    out: str
    releases: Mapping[str, str]
    at: int
    rows: int
    rejected: int


@dataclass(frozen=True)
class Matches:
    """How often one detector gave one evidence of a match: events, and when the first and last were decided."""

    evidence: str
    events: int
    first: int
    last: int


Content = Literal["whole", "changed", "erased", "stripped", "unrecorded"]
"""What became of what a decision was decided on: stripped of content by a retention, erased together with its key, or
gone without a record of who took it."""


@dataclass(frozen=True)
class Walked:
    """A link of a hash chain, the open part that stands there now (None where it is not whole), and the content."""

    link: Link
    opened: bytes | None
    content: Content


@dataclass(frozen=True)
class WalkedErasure:
    """What was erased, whether its record follows the one before it, and whether just that is covered now."""

    erased: Erased
    follows: bool
    covers: bool


class ConflictError(UserError):
    """Events that are known with other content; `event_ids` names every one of them."""

    def __init__(self, event_ids: Sequence[str], *, where: str = "") -> None:
        self.event_ids = tuple(event_ids)
        names = ", ".join(f"{id_!r}" for id_ in self.event_ids)
        what = f"known with other content: {names}; nothing of this batch was recorded"
        super().__init__(what, where=where, fix="an edit is a new event: send it with the next revision or a new id")


class Ledger(Protocol):
    """Events and decisions, each committed once and never changed."""

    def revisions(self, event_ids: Sequence[str]) -> dict[str, int]:
        """The latest revision of each of these events that is known."""
        ...

    def standing(self, events: Sequence[Event]) -> Sequence[Decision | None]:
        """The live decision that stands for each of these events, in order; None for one that has none.

        Raises ConflictError (naming the ids) for events known with other content, or given twice with different one.
        What was erased cannot be compared any more, so its decision is given whatever the event says.
        """
        ...

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        """Record all of them in one transaction and give back the decision that now stands for each, in order.

        An event that another writer recorded first with the same content keeps that writer's decision.
        A decision that supersedes another is recorded if that one still stands, else the one that stands is given.
        Raises ConflictError (naming the ids, nothing written) where an event is known with other content.
        """
        ...

    def find(self, event_id: str) -> Judged | None:
        """The event with its standing decision and all that belongs to it, or None.

        Of one that was erased only `id`, `revision`, `seen` and `imported` are left and its kind is ERASED; it has no
        features and no signals.
        """
        ...

    def judged(self, recorded: Sequence[Event]) -> Sequence[Judged]:
        """What belongs to each of these recorded events, such as those of `log`, in order."""
        ...

    def grounds(self, decision_id: str) -> Grounds | None:
        """What stands now for the event revision that a live decision is about; None where there is none such."""
        ...

    def decisions(self, since: int = 0, limit: int | None = None) -> Sequence[Decision]:
        """Standing decisions made at or after `since` (microseconds UTC), oldest first."""
        ...

    def log(self, after: int = 0, most: int = 10_000) -> Sequence[tuple[int, Event]]:
        """At most `most` events with their numbers, in the order of their commit, from the first number over `after`.

        Events are numbered 1, 2, 3 ... in the order of commit, within a batch in the order given. A number stays its
        event's for ever; each revision of an event has its own.
        """
        ...

    def last(self) -> int:
        """The number of the event that was committed last; 0 where there is none."""
        ...

    def matches(self, detector: str) -> Sequence[Matches]:
        """What a detector of any version gave as evidence of matches in standing live decisions, by evidence."""
        ...

    def heads(self) -> Sequence[Link]:
        """The end of each writer's hash chain, by writer.

        Each decision that is committed is linked to the one that the same writer committed before.
        """
        ...

    def walk(self, writer: str, after: int = 0, most: int = 1_000) -> Sequence[Walked]:
        """At most `most` links of a writer in their order, from the first whose `seq` is over `after`."""
        ...

    def first_since(self, writer: str, since: int) -> int | None:
        """The `seq` of a writer's first link whose decision was made at or after `since`, or is gone; else None."""
        ...

    def erase(self, erasure: Erasure) -> Erased:
        """Forget an actor: its key, the content of all its events, and its name wherever it stands in the ledger.

        Outcomes, kinds and times of decisions stay. Raises RefusedError, naming the holds, where something is held.
        """
        ...

    def strip(self, before: int, *, at: int, by: str, why: str, most: int = 10_000) -> Stripped:
        """Take away the content of events seen before a moment (microseconds UTC), `most` events in one transaction.

        Keys stay, so that an event that comes again is still compared. What is held is left as it is.
        """
        ...

    def erasures(self) -> Sequence[WalkedErasure]:
        """All that was erased or stripped, in order."""
        ...

    def said_by(self, entity: Entity) -> Sequence[Event]:
        """Every revision of the events that an erasure of this entity would reach, in the order of commit."""
        ...

    def erased_at(self, event_id: str, revision: int) -> Erased | None:
        """The last erasure or retention that took an event's content; None where none did."""
        ...

    def hold(self, hold: Hold) -> None:
        """Keep an entity from being erased or stripped; raises UserError where the hold's id is taken."""
        ...

    def release_hold(self, id: str, at: int) -> None:
        """End a hold before its time; raises UserError for one that is not known."""
        ...

    def holds(self) -> Sequence[Hold]:
        """All holds, also those that are over, by when they were made."""
        ...

    def add_run(self, run: Run) -> None:
        """Remember a run of `score`."""
        ...

    def runs(self) -> Sequence[Run]:
        """All runs of `score`, newest first."""
        ...


class Registry(Protocol):
    """Versions of policies, data sets, detectors and releases, and the life of releases and of banks' entries."""

    def add_policy(self, policy: Policy) -> None:
        """Remember a policy version; adding it again changes nothing."""
        ...

    def policy(self, name: str, version: str) -> Policy:
        """A policy version; raises UserError when it is not known."""
        ...

    def add_dataset(self, info: DatasetInfo, path: str) -> None:
        """Remember a frozen data set and the folder that holds it."""
        ...

    def datasets(self) -> Sequence[tuple[DatasetInfo, str]]:
        """All frozen data sets with their folders."""
        ...

    def add_model(self, model: Model) -> None:
        """Remember a detector version."""
        ...

    def model(self, name: str, version: str) -> Model:
        """A detector version; raises UserError when it is not known."""
        ...

    def add_release(self, release: Release, *, at: int, by: str, why: str) -> None:
        """Remember a release as a draft; adding it again changes nothing."""
        ...

    def release(self, pack: str, version: str) -> Release:
        """A release; raises UserError, naming the known ones, when it is not known."""
        ...

    def releases(self, pack: str | None = None) -> Sequence[tuple[Release, Transition]]:
        """Releases with the latest transition of each, newest first."""
        ...

    def move(self, transition: Transition, was: LifeState | None = None) -> None:
        """Record a change of state; making one release of a pack live retires the one that was.

        Raises RefusedError, with nothing recorded, where `was` is given and the release stands in another state by now.
        """
        ...

    def life(self, pack: str) -> Sequence[Transition]:
        """All transitions of a pack's releases, oldest first."""
        ...

    def live(self, pack: str) -> Release | None:
        """The release that is live, or None."""
        ...

    def change_entries(self, changes: Sequence[EntryChange]) -> None:
        """Record changes of banks' entries, all or none."""
        ...

    def entries(self, pack: str) -> Sequence[EntryChange]:
        """The latest change of each entry of a pack's banks, in the order of these changes."""
        ...

    def entry_life(self, pack: str) -> Sequence[EntryChange]:
        """All changes of entries of a pack's banks, oldest first."""
        ...
