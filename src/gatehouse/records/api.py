"""What the API answers, as the server writes it and the client reads it. Times are microseconds UTC."""

import msgspec

from gatehouse.errors import Fault
from gatehouse.records.case import Case
from gatehouse.records.decision import Decision, PolicyOutcome
from gatehouse.records.enforcement import State
from gatehouse.records.policy import Aim, Clause
from gatehouse.records.signal import Signal


class FaultsAnswer(msgspec.Struct, frozen=True):
    """Why something was not done: every fault with its place and the next step."""

    faults: tuple[Fault, ...]


class PlannedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One enforcement of a decision: its kind, to what (`event:ID` or an actor), and how far it is.

    `until` is when it ends by itself; one that `undoes` another takes it back.
    """

    id: str
    policy: str
    kind: str
    subject: str
    state: State
    until: int | None = None
    undoes: str | None = None


class DecisionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The decision that stands for an event, why, by which releases, and what follows from it.

    `known` says that it stood before it was asked for.
    """

    event_id: str
    revision: int
    decision_id: str
    outcome: str
    enforce: str
    policies: tuple[PolicyOutcome, ...]
    releases: dict[str, str]
    planned: tuple[PlannedAnswer, ...]
    decided: int
    known: bool


class ListEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one event of a list: a decision, or why there is none, with the status it would have had alone."""

    status: int
    decision: DecisionAnswer | None = None
    faults: tuple[Fault, ...] = ()


class SeenEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was sent, and when the gate saw it; actor and target are `kind:id`."""

    id: str
    kind: str
    text: str | None
    language: str | None
    occurred: int | None
    seen: int
    imported: bool
    actor: str | None
    target: str | None
    parent: str | None
    thread: str | None
    revision: int
    address: str | None
    device: str | None
    amount: int | None
    attributes: dict[str, str | int | float | bool] | None
    media: tuple[str, ...]


class EventAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of an event: content, features, signals, the decision that stands, and what followed."""

    event: SeenEvent
    features: dict[str, str | int | float | bool | None]
    signals: tuple[Signal, ...]
    decision: Decision
    enforcements: tuple[PlannedAnswer, ...]
    cases: tuple[Case, ...]


class AliveAnswer(msgspec.Struct, frozen=True):
    """The process runs."""

    alive: bool


class ReadyAnswer(msgspec.Struct, frozen=True):
    """Decisions can be made."""

    ready: bool


class PointAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The operating point of a step: what it promises, for whom, and on how many labelled rows that rests.

    `words` says it for people. `errors` of `flagged` rows were wrong; `precision_low` and `precision_high` are the 95 %
    Clopper-Pearson interval of the precision there, None where nothing was flagged. `bound` is the one-sided bound of
    the promise at `confidence`. A provisional point speaks for its population alone, and may only send to review.
    """

    words: str
    aim: Aim
    value: float
    threshold: float | None
    provisional: bool
    population: str
    dataset: str
    n: int
    positives: int
    flagged: int
    errors: int
    precision_low: float | None
    precision_high: float | None
    bound: float | None
    confidence: float
    missing_labels: int | None


class StepAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a policy: when which detector says what, what follows; `then` says it for people."""

    name: str
    clause: str
    detector: str
    label: str
    enforce: str
    review: bool
    then: str
    point: PointAnswer | None


class PolicySummary(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that is in force, its version, and the release by which it is."""

    name: str
    title: str
    owner: str
    version: str
    release: str


class PolicyAnswer(PolicySummary, frozen=True, kw_only=True):
    """A policy that is in force, as people read it.

    What happens where a detector failed (`missing`) or abstained: a person looks (`review`) or it stays undecided
    (`pass`).
    """

    text: str
    notes: str
    missing: str
    abstained: str
    clauses: tuple[Clause, ...]
    steps: tuple[StepAnswer, ...]


class ReleaseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A release of a pack, and the last change in its life: into which state, when, by whom and why."""

    pack: str
    version: str
    policy_version: str
    detectors: dict[str, str]
    state: str
    at: int
    by: str
    why: str
