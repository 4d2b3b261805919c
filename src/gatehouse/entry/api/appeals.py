"""`/v1/appeals`: actors contest decisions, and learn what became of it."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gatehouse.entry.api.bodies import ENTITY, NAME, PERHAPS_NAME, TEXT, answered, on_record, schema
from gatehouse.entry.api.cases import desk
from gatehouse.entry.api.parts import Parts
from gatehouse.flows.appeals import contest, known_appeal, read_appeal, state_of
from gatehouse.records.access import Caller
from gatehouse.records.case_answers import AppealAnswer

BODIES = {
    "/v1/appeals": schema(
        {
            "id": {**NAME, "description": "By which it is known when it comes again."},
            "decision_id": {**PERHAPS_NAME, "description": "What is contested; or give `event_id`."},
            "event_id": {**PERHAPS_NAME, "description": "Then the decision that stands for it is contested."},
            "by": {**ENTITY, "description": "The event's actor, for whom the platform vouches."},
            "statement": TEXT,
        },
        ("id", "by", "statement"),
        "An event's actor contests a decision.",
    )
}
"""What is sent to these routes, by path."""


@post("/v1/appeals", opt={"scope": "ingest"}, status_code=200)
async def appeal(parts: NamedDependency[Parts], request: Request[Caller, Any, Any]) -> AppealAnswer:
    """Record an appeal by the event's actor and open its case; of a decision one appeal is open at a time.

    The same appeal again changes nothing.
    """

    def taken(body: bytes) -> AppealAnswer:
        asked = read_appeal(body)
        with on_record():
            _, came = contest(desk(parts), asked, vouched=request.user.name, now=parts.clock())
        return _answer(parts, asked.id, known_before=came.known)

    return await answered(parts, request, taken)


@get("/v1/appeals/{appeal_id:path}", opt={"scope": "ingest"}, sync_to_thread=True)
def appealed(parts: NamedDependency[Parts], appeal_id: FromPath[str]) -> AppealAnswer:
    """What became of an appeal, and what its actor is to be told."""
    return _answer(parts, appeal_id, known_before=True)


def _answer(parts: Parts, appeal_id: str, *, known_before: bool) -> AppealAnswer:
    with on_record():
        said, filed = known_appeal(desk(parts), appeal_id)
    return AppealAnswer(
        id=said.id,
        event_id=said.event_id,
        decision_id=said.decision_id,
        case_id=filed.case.id,
        state=state_of(filed),
        opened=said.at,
        closed=None if filed.closing is None else filed.closing.at,
        led_to=filed.decision_id,
        notice=None if filed.notice is None else filed.notice.text,
        known=known_before,
    )


ROUTES: list[HTTPRouteHandler] = [appeal, appealed]
