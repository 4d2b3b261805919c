"""Opening cases: which case a report or an appeal belongs to. Pure."""

import hashlib
from collections.abc import Iterable

import msgspec

from gatehouse.records.case import Appeal, Case, Report


def case_id(*said: str) -> str:
    """Sixteen hex digits of what opened a case, so that the same opens the same."""
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def joined(report: Report, open_cases: Iterable[Case]) -> Case | None:
    """The open case of the reported event, oldest first given, that a report belongs to; None where it opens one.

    A report of a policy belongs to the case of that policy; one that names none to any that is there. So however many
    report one event, it is one case a policy. An appeal is no case for reports.
    """
    for case in open_cases:
        if case.opened_by != "appeal" and report.policy in (None, case.policy):
            return case
    return None


def opened_by_report(report: Report, decision_id: str) -> Case:
    """The case that a report opens on the decision that stands; its policy is empty where the report names none."""
    return Case(
        id=case_id("report", report.id),
        event_id=report.event_id,
        policy=report.policy or "",
        decision_id=decision_id,
        opened_by="report",
        reason=f"reported as {report.policy or report.category}",
    )


def opened_by_appeal(appeal: Appeal) -> Case:
    """The case that an appeal opens: it is about all that the decision concluded."""
    return Case(
        id=case_id("appeal", appeal.id),
        event_id=appeal.event_id,
        policy="",
        decision_id=appeal.decision_id,
        opened_by="appeal",
        reason="its actor contests the decision",
    )
