"""What the house asks of the place where reports, appeals and cases lie, and what people found in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gatehouse.errors import UserError
from gatehouse.records.case import Appeal, Case, Closing, Label, Notice, Report
from gatehouse.records.standing import Reporter


class ContradictionError(UserError):
    """What was said contradicts what is on record, and nothing of it was recorded."""


class UnknownError(UserError):
    """What is named is not on record."""


@dataclass(frozen=True)
class Taken:
    """A report or an appeal is on record: in which case, and whether it was so before.

    `case_id` is None while the reported event is not known.
    """

    case_id: str | None
    known: bool


@dataclass(frozen=True)
class Filed:
    """A case with what brought and ended it, of many reports the first ones; times are microseconds UTC.

    `reported` is how many reports belong to it, `settled` when all that follows from its closing was done.
    """

    case: Case
    opened: int
    reported: int = 0
    reports: tuple[Report, ...] = ()
    appeal: Appeal | None = None
    closing: Closing | None = None
    settled: int | None = None
    decision_id: str | None = None
    notice: Notice | None = None


@dataclass(frozen=True)
class Spoken:
    """An open case for which somebody spoke: when it was opened, who reported, and whether it is an appeal."""

    case_id: str
    opened: int
    appeal: bool = False
    reporters: tuple[str, ...] = ()


class Cases(Protocol):
    """Reports, appeals, cases and labels. Nothing is ever taken away; a case is closed once.

    Cases of policies come with the ledger's decisions; those of reports and appeals are opened here, beside them.
    """

    def report(self, report: Report) -> Taken:
        """Record a report; the event's open case that it belongs to, or a new one, takes it.

        The case is about the live decision that stands for the event's latest revision; without one the report waits.
        Raises ContradictionError where the id is known with other content.
        """
        ...

    def join(self, most: int = 1_000) -> int:
        """Bring waiting reports whose events have come to their cases, oldest first; gives back how many."""
        ...

    def reported(self, id: str) -> tuple[Report, str | None] | None:
        """A report and the id of its case, or None."""
        ...

    def appeal(self, appeal: Appeal) -> Taken:
        """Record an appeal and open its case.

        Raises ContradictionError where the id is known with other content, or an appeal of the decision is open.
        """
        ...

    def appealed(self, id: str) -> tuple[Appeal, str] | None:
        """An appeal and the id of its case, or None."""
        ...

    def place_in_log(self, decision_id: str) -> int | None:
        """The number, in the ledger's log, of the event that a live decision is about; None where there is none."""
        ...

    def find(self, case_id: str, most: int = 100) -> Filed | None:
        """A case with at most so many of its reports, or None."""
        ...

    def cases(self, ids: Sequence[str]) -> Mapping[str, Case]:
        """The cases with these ids, with their present states."""
        ...

    def spoken(self) -> Sequence[Spoken]:
        """All open cases that somebody reported or that appeals opened."""
        ...

    def unspoken(self, after: tuple[int, str] | None, most: int) -> Sequence[tuple[int, Case]]:
        """At most `most` of the other open cases, after this time and id, with when they were opened, oldest first."""
        ...

    def closed(self, before: tuple[int, str] | None, most: int) -> Sequence[tuple[int, Case]]:
        """At most `most` closed cases, before this time and id, with when they were closed, latest first."""
        ...

    def close(self, closing: Closing, labels: Sequence[Label]) -> bool:
        """Close a case, with what is found to be true; gives back whether it was open. Of two at once one closes it."""
        ...

    def settle(self, case_id: str, at: int, decision_id: str | None, notice: Notice | None) -> None:
        """Say that all that follows from a closing was done: the decision that it led to, what the actor is told."""
        ...

    def unsettled(self) -> Sequence[str]:
        """The closed cases from which not all has followed yet, oldest first."""
        ...

    def closers(self, event_id: str) -> Sequence[str]:
        """Who closed cases of an event."""
        ...

    def labels(self, event_id: str) -> Sequence[Label]:
        """What people found to be true of an event, oldest first."""
        ...

    def reporters(self, names: Sequence[str]) -> Mapping[str, Reporter]:
        """How the reports of these reporters ended, by the latest finding on each event and policy; one a case counts.

        Those of open cases do not count, and a reporter of whom nothing is known is left out.
        """
        ...
