"""Cases that a person looks at, what brings them and ends them, and labels: claims of truth about events."""

from typing import Literal, get_args

import msgspec
import pyarrow as pa

from gatehouse.records.event import ERASED

CaseState = Literal["open", "closed"]

Finding = Literal["violating", "not_violating", "upheld", "overturned"]
"""What a person finds: of an event whether it violates, of an appeal whether the decision that it contests stands."""

FINDINGS: tuple[Finding, ...] = get_args(Finding)

_FORGOTTEN = f"{ERASED}:"

BY_A_PERSON = "a person decided"
"""How the reason of a policy's outcome begins where a person concluded it."""


class Case(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a person is asked to look at; `chance` is the probability with which it was drawn."""

    id: str
    event_id: str
    policy: str
    decision_id: str
    opened_by: str
    reason: str
    chance: float = 1.0
    state: str = "open"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's word that an event should be looked at, as the platform passes it on. Times are microseconds UTC.

    `reporter` is an entity as `kind:id`. `policy` is the one that they say is violated; `category` is the platform's
    own word for what they chose. `by` is the caller that sent it.
    """

    id: str
    event_id: str
    reporter: str
    at: int
    by: str
    policy: str | None = None
    category: str | None = None
    comment: str | None = None
    occurred: int | None = None

    @property
    def content(self) -> tuple[str | int | None, ...]:
        """What makes it the same report when it comes again."""
        return self.event_id, self.reporter, self.policy, self.category, self.comment, self.occurred

    def left_of(self, again: "Report", *, event_erased: bool = False) -> "Report":
        """What would be left of one that comes again, where its reporter or its event's actor was erased since."""
        if self.reporter.startswith(_FORGOTTEN):
            return msgspec.structs.replace(again, reporter=self.reporter, comment=None)
        return msgspec.structs.replace(again, comment=None) if event_erased else again


class Appeal(msgspec.Struct, frozen=True, kw_only=True):
    """An event's actor contests a live decision; `vouched` is the caller that says that it was this actor."""

    id: str
    event_id: str
    decision_id: str
    by: str
    statement: str
    at: int
    vouched: str

    @property
    def content(self) -> tuple[str, ...]:
        """What makes it the same appeal when it comes again, whichever decision stands by then."""
        return self.event_id, self.by, self.statement

    @property
    def forgotten(self) -> bool:
        """Whether its actor was erased since, and with them what they said."""
        return self.by.startswith(_FORGOTTEN)


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What a person found in a case, when (microseconds UTC) and why; a case is closed once.

    `policy` is the one that the finding speaks of, None for all that judged the event; `step` is the policy's step that
    the person says applies.
    """

    case_id: str
    finding: Finding
    by: str
    why: str
    at: int
    policy: str | None = None
    step: str | None = None

    @property
    def content(self) -> tuple[str | None, ...]:
        """What makes it the same closing when it comes again."""
        return self.finding, self.by, self.policy, self.step


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What an event's actor is told of a person's decision: a statement of reasons, or what was taken back."""

    case_id: str
    event_id: str
    decision_id: str
    to: str
    text: str
    at: int


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A claim of truth about an event: many per event, kept as they were given, never averaged away.

    `value` is 1 (holds) or 0; `votes` counts raters who gave this value where the source names none;
    `chance` is the probability with which the event was drawn for labelling, None where unknown.
    """

    event_id: str
    label: str
    value: int
    source: str
    rater: str | None = None
    votes: int = 1
    at: int | None = None
    policy_version: str | None = None
    chance: float | None = None


LABEL_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("value", pa.int8(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("rater", pa.string()),
        pa.field("votes", pa.int32(), nullable=False),
        pa.field("at", pa.int64()),
        pa.field("policy_version", pa.string()),
        pa.field("chance", pa.float64()),
    ]
)
