"""Decisions: what the policies conclude for events, one by one and column-wise."""

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.records.enforcement import Kind
from gatehouse.records.signal import Signals


class Outcome(IntEnum):
    """What a policy concludes; UNDECIDED wants a person or more evidence and is never silently allowed."""

    CLEAR = 0
    UNDECIDED = 1
    VIOLATING = 2

    @property
    def word(self) -> str:
        """The outcome as it is written in files and screens."""
        return self.name.lower()


class PolicyOutcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One policy version's conclusion for one event: outcome, enforcement, the step that led to it, and why."""

    policy: str
    policy_version: str
    outcome: str
    enforce: str
    review: bool
    step: str | None
    clause: str | None
    reason: str


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What all policies conclude for one event; never changed, only superseded.

    `releases` maps each pack to the release that judged it, which is all that a replay needs.
    `enforce` and `outcome` are the severest of the policies' in the stated order.
    """

    id: str
    event_id: str
    revision: int
    mode: Literal["live", "shadow"]
    outcome: str
    enforce: str
    policies: tuple[PolicyOutcome, ...]
    releases: dict[str, str]
    decided: int
    supersedes: str | None = None


Concluded = tuple[int, int, bool, int, int]
"""One row of outcomes: outcome, enforce, review, step, reason."""

_OUTCOMES = {outcome.value: outcome.word for outcome in Outcome}
_KINDS = {kind.value: kind.word for kind in Kind}


@dataclass(frozen=True, eq=False)
class Outcomes:
    """One policy version's conclusions for a batch of n events.

    `outcome` and `enforce` are uint8 [n] of Outcome and Kind; `review` is bool [n]; `step` is int16 [n], an index
    into `steps`, -1 where no step led there; `reason` is int32 [n], an index into `reasons`. `made` are records of
    conclusions of this policy version that were asked for before: there are few different ones.
    """

    policy: str
    version: str
    outcome: npt.NDArray[np.uint8]
    enforce: npt.NDArray[np.uint8]
    review: npt.NDArray[np.bool_]
    step: npt.NDArray[np.int16]
    reason: npt.NDArray[np.int32]
    steps: tuple[str, ...]
    clauses: tuple[str, ...]
    reasons: tuple[str, ...]
    made: dict[Concluded, PolicyOutcome] = field(default_factory=dict)

    def slice(self, rows: slice) -> "Outcomes":
        """The conclusions for some of the rows."""
        return replace(
            self,
            outcome=self.outcome[rows],
            enforce=self.enforce[rows],
            review=self.review[rows],
            step=self.step[rows],
            reason=self.reason[rows],
        )

    def of(self, row: int) -> PolicyOutcome:
        """The conclusion for one row as a record."""
        return self.slice(slice(row, row + 1)).records()[0]

    def records(self) -> list[PolicyOutcome]:
        """The conclusion for each row; rows with one conclusion share one record."""
        rows = zip(
            self.outcome.tolist(),
            self.enforce.tolist(),
            self.review.tolist(),
            self.step.tolist(),
            self.reason.tolist(),
            strict=True,
        )
        made = self.made
        return [made.get(one) or made.setdefault(one, self._record(*one)) for one in rows]

    def _record(self, outcome: int, enforce: int, review: bool, step: int, reason: int) -> PolicyOutcome:
        return PolicyOutcome(
            policy=self.policy,
            policy_version=self.version,
            outcome=_OUTCOMES[outcome],
            enforce=_KINDS[enforce],
            review=review,
            step=self.steps[step] if step >= 0 else None,
            clause=self.clauses[step] if step >= 0 else None,
            reason=self.reasons[reason],
        )


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the judge gives back for a batch: event ids, every detector's signals, every policy's outcomes."""

    event_ids: pa.Array
    signals: tuple[Signals, ...]
    outcomes: tuple[Outcomes, ...]

    def __len__(self) -> int:
        return len(self.event_ids)

    def slice(self, rows: slice) -> "Judgement":
        """The judgement of some of the events."""
        return Judgement(
            self.event_ids[rows],
            tuple(signals.slice(rows) for signals in self.signals),
            tuple(outcomes.slice(rows) for outcomes in self.outcomes),
        )


OUTCOME_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("policy", pa.string(), nullable=False),
        pa.field("policy_version", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("enforce", pa.string(), nullable=False),
        pa.field("review", pa.bool_(), nullable=False),
        pa.field("step", pa.string()),
        pa.field("clause", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
