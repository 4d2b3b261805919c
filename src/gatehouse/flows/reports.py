"""Reports: somebody's word that an event should be looked at, taken in whatever is known of the event."""

from collections.abc import Collection, Sequence

from gatehouse.flows.read_said import Said
from gatehouse.ports.cases import Cases, Taken, UnknownError
from gatehouse.records.case import Closing, Label, Report
from gatehouse.records.case_answers import ReportState

KEYS = ("id", "event_id", "reporter", "policy", "category", "comment", "occurred")
"""What a report may say."""


def read_report(data: bytes, policies: Collection[str], *, by: str, now: int) -> Report:
    """The report that a JSON object says; `policies` are the names of those in force, `by` is the caller.

    Raises UserError with every fault.
    """
    said = Said(data, KEYS)
    id_, event_id = said.name("id", wanted=True), said.name("event_id", wanted=True)
    reporter = said.entity("reporter", wanted=True)
    policy = said.choice("policy", sorted(policies))
    category, comment = said.name("category"), said.text("comment")
    occurred = said.time("occurred", now)
    if not said.has("policy") and not said.has("category"):
        said.fault("policy", "is missing", "name the policy that is violated, or the platform's own category")
    said.finish()
    assert id_ is not None
    assert event_id is not None
    assert reporter is not None
    return Report(
        id=id_,
        event_id=event_id,
        reporter=reporter,
        at=now,
        by=by,
        policy=policy,
        category=category,
        comment=comment,
        occurred=occurred,
    )


def take(cases: Cases, report: Report) -> Taken:
    """Record a report; the same again changes nothing.

    One whose event is not known waits on record, and comes to a case when the event has come and anybody looks at the
    queue. Raises ContradictionError where its id is known with other content.
    """
    return cases.report(report)


def known_report(cases: Cases, id: str) -> tuple[Report, str | None, ReportState]:
    """A report, the id of its case, and what became of it by the latest finding on its event and policy.

    Raises UnknownError where none has this id.
    """
    found = cases.reported(id)
    if found is None:
        raise UnknownError(f"no report '{id}' is known", fix="look at the id")
    report, case_id = found
    if case_id is None:
        return report, None, "waiting"
    filed = cases.find(case_id, most=0)
    if filed is None or filed.closing is None:
        return report, case_id, "open"
    return report, case_id, _outcome(filed.closing, cases.labels(report.event_id))


def _outcome(closing: Closing, labels: Sequence[Label]) -> ReportState:
    """What a report came to, as its reporter's reliability counts it: an appeal may have overturned the closing."""
    found = [label.value for label in labels if label.label == closing.policy]
    right = bool(found[-1]) if found else closing.finding == "violating"
    return "upheld" if right else "rejected"
