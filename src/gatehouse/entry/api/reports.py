"""`/v1/reports`: what people report to the platform comes in, and what became of it goes out."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gatehouse.entry.api.bodies import ENTITY, NAME, PERHAPS_NAME, PERHAPS_TEXT, TIME, answered, on_record, schema
from gatehouse.entry.api.parts import Parts
from gatehouse.flows.reports import known_report, read_report, take
from gatehouse.records.access import Caller
from gatehouse.records.case_answers import ReportAnswer

BODIES = {
    "/v1/reports": schema(
        {
            "id": {**NAME, "description": "By which it is known when it comes again."},
            "event_id": NAME,
            "reporter": ENTITY,
            "policy": {**PERHAPS_NAME, "description": "One that is in force; or give the platform's own `category`."},
            "category": PERHAPS_NAME,
            "comment": PERHAPS_TEXT,
            "occurred": TIME,
        },
        ("id", "event_id", "reporter"),
        "Somebody's word that an event should be looked at; it names a policy or a category.",
    )
}
"""What is sent to these routes, by path."""


@post("/v1/reports", opt={"scope": "ingest"}, status_code=200)
async def report(parts: NamedDependency[Parts], request: Request[Caller, Any, Any]) -> ReportAnswer:
    """Record a report; it comes to the event's open case for the policy, or opens one.

    The same report again changes nothing. One whose event is not known waits for it.
    """

    def taken(body: bytes) -> ReportAnswer:
        policies = [bound.policy.name for bound in parts.judge().policies]
        said = read_report(body, policies, by=request.user.name, now=parts.clock())
        with on_record():
            came = take(parts.enforcing.cases, said)
        return _answer(parts, said.id, known_before=came.known)

    return await answered(parts, request, taken)


@get("/v1/reports/{report_id:path}", opt={"scope": "ingest"}, sync_to_thread=True)
def reported(parts: NamedDependency[Parts], report_id: FromPath[str]) -> ReportAnswer:
    """What became of a report."""
    return _answer(parts, report_id, known_before=True)


def _answer(parts: Parts, report_id: str, *, known_before: bool) -> ReportAnswer:
    with on_record():
        said, case_id, state = known_report(parts.enforcing.cases, report_id)
    return ReportAnswer(id=said.id, event_id=said.event_id, case_id=case_id, state=state, known=known_before)


ROUTES: list[HTTPRouteHandler] = [report, reported]
