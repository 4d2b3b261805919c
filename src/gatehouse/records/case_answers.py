"""What the API answers about reports, appeals, cases and entities. Times are microseconds UTC."""

from typing import Literal

import msgspec

from gatehouse.records.api import PlannedAnswer
from gatehouse.records.case import Appeal, CaseState, Closing, Report
from gatehouse.records.standing import Mark, Strike

ReportState = Literal["waiting", "open", "upheld", "rejected"]
"""waiting: its event is not known yet; open: a person will look; upheld and rejected: what a person found."""

AppealState = Literal["open", "upheld", "overturned"]


class ReportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A report is on record: in which case, and what became of it. `known` says that it was so before."""

    id: str
    event_id: str
    case_id: str | None
    state: ReportState
    known: bool


class AppealAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal and what became of it.

    `led_to` is the decision that supersedes the contested one, `notice` what its actor is to be told.
    """

    id: str
    event_id: str
    decision_id: str
    case_id: str
    state: AppealState
    opened: int
    closed: int | None
    led_to: str | None
    notice: str | None
    known: bool


class CaseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A case in the queue: about which event and decision, opened by what, and when (closed ones: when they were).

    `policy` is empty where it is about all of them; `chance` is the probability with which it was drawn.
    """

    id: str
    event_id: str
    policy: str
    decision_id: str
    opened_by: str
    reason: str
    chance: float
    state: CaseState
    at: int


class CasesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of cases, in order; `after` asks for the next, null where this is the last."""

    cases: tuple[CaseAnswer, ...]
    after: str | None


class WholeCaseAnswer(CaseAnswer, frozen=True, kw_only=True):
    """A case with what brought and ended it; of `reported` reports the first hundred.

    `settled` is when all that follows from its closing was done, `led_to` the decision that it led to.
    """

    reported: int
    reports: tuple[Report, ...]
    appeal: Appeal | None
    closing: Closing | None
    settled: int | None
    led_to: str | None
    notice: str | None


class ReporterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How an entity's own reports ended, and the share of them that is expected to be upheld."""

    upheld: int
    rejected: int
    reliability: float


class EntityAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is on an entity's record now: strikes that count, marks, and enforcements on the entity itself.

    `suspensions` are those that keep it out now; `decisions` is how many decisions did anything to it.
    """

    entity: str
    strikes: tuple[Strike, ...]
    marks: tuple[Mark, ...]
    enforcements: tuple[PlannedAnswer, ...]
    suspensions: tuple[PlannedAnswer, ...]
    decisions: int
    reporter: ReporterAnswer


class ErasedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased of an entity: how many of what."""

    entity: str
    erased: dict[str, int]
