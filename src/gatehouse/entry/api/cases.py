"""`/v1/cases`: what people are asked to look at, in order, and what they find."""

from typing import Annotated, Any, Literal

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from gatehouse.entry.api.bodies import PERHAPS_NAME, TEXT, answered, on_record, only, schema
from gatehouse.entry.api.parts import Parts
from gatehouse.flows.cases import Desk, close, queue, read_closing, shown
from gatehouse.ports.cases import Filed
from gatehouse.records.access import Caller
from gatehouse.records.case import FINDINGS, Case
from gatehouse.records.case_answers import CaseAnswer, CasesAnswer, WholeCaseAnswer

BODIES = {
    "/v1/cases/{case_id}/close": schema(
        {
            "value": {
                "enum": list(FINDINGS),
                "description": "Of appeals upheld or overturned, of all others violating or not_violating.",
            },
            "why": TEXT,
            "policy": {
                **PERHAPS_NAME,
                "description": "Of which policy; where the case names none, or another.",
            },
            "step": {**PERHAPS_NAME, "description": "The policy's step that applies, which says what is to be done."},
        },
        ("value", "why"),
        "What a person finds in a case; who it is the key says.",
    )
}
"""What is sent to these routes, by path."""


def desk(parts: Parts) -> Desk:
    """Where cases are looked at, of these parts."""
    return Desk(parts.enforcing.cases, parts.enforcing.ledger, parts.enforcing.outbox, parts.enforcing.policy)


@get("/v1/cases", opt={"scope": "review"}, sync_to_thread=True, before_request=only("state", "limit", "after"))
def cases(
    parts: NamedDependency[Parts],
    wanted: Annotated[Literal["open", "closed"], QueryParameter(name="state")] = "open",
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = 50,
    after: Annotated[str | None, QueryParameter(max_length=2_000)] = None,
) -> CasesAnswer:
    """Cases: open ones with what was most likely reported rightly first, closed ones with the latest first.

    Every open case is in the order; `after` of one page asks for the next.
    """
    page = queue(desk(parts), state=wanted, after=after, most=limit, now=parts.clock())
    return CasesAnswer(cases=tuple(_case(case, at) for at, case in page.cases), after=page.after)


@get("/v1/cases/{case_id:str}", opt={"scope": "review"}, sync_to_thread=True)
def case(parts: NamedDependency[Parts], case_id: FromPath[str], request: Request[Caller, Any, Any]) -> WholeCaseAnswer:
    """A case with what brought and ended it; what people wrote is content, so that somebody looked is recorded."""
    with on_record():
        filed = shown(desk(parts), case_id)
    parts.access.read(request.user, "case", case_id)
    return _whole(filed)


@post("/v1/cases/{case_id:str}/close", opt={"scope": "review"}, status_code=200)
async def closed(
    parts: NamedDependency[Parts], case_id: FromPath[str], request: Request[Caller, Any, Any]
) -> WholeCaseAnswer:
    """Close a case with what is found, and have what follows from it done or taken back.

    Of two people at once one closes it; the other is told. Who took part in a decision does not decide its appeal.
    """

    def found(body: bytes) -> WholeCaseAnswer:
        closing = read_closing(body, case_id, by=request.user.name, now=parts.clock())
        parts.access.read(request.user, "case", case_id)
        with on_record():
            return _whole(close(desk(parts), closing))

    return await answered(parts, request, found)


def _said(case: Case, at: int) -> dict[str, Any]:
    return {
        "id": case.id,
        "event_id": case.event_id,
        "policy": case.policy,
        "decision_id": case.decision_id,
        "opened_by": case.opened_by,
        "reason": case.reason,
        "chance": case.chance,
        "state": case.state,
        "at": at,
    }


def _case(case: Case, at: int) -> CaseAnswer:
    return CaseAnswer(**_said(case, at))


def _whole(filed: Filed) -> WholeCaseAnswer:
    return WholeCaseAnswer(
        **_said(filed.case, filed.opened if filed.closing is None else filed.closing.at),
        reported=filed.reported,
        reports=filed.reports,
        appeal=filed.appeal,
        closing=filed.closing,
        settled=filed.settled,
        led_to=filed.decision_id,
        notice=None if filed.notice is None else filed.notice.text,
    )


ROUTES: list[HTTPRouteHandler] = [cases, case, closed]
