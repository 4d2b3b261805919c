"""`/v1/events`: what is known of one event, content and all; every look is recorded."""

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gatehouse.entry.api.decisions import no_event, planned_answer
from gatehouse.entry.api.parts import Parts
from gatehouse.ports.ledger import Judged
from gatehouse.records.access import Caller
from gatehouse.records.api import EventAnswer, SeenEvent


@get("/v1/events/{event_id:path}", opt={"scope": "read"}, sync_to_thread=True)
def event(parts: NamedDependency[Parts], event_id: FromPath[str], request: Request[Caller, Any, Any]) -> EventAnswer:
    """An event with its content, what was computed and said of it, its decision, enforcements and cases.

    That somebody looked is recorded.
    """
    found = parts.house.ledger.find(event_id)
    if found is None:
        raise no_event()
    parts.access.read(request.user, "event", event_id)
    return _said(found)


def _said(found: Judged) -> EventAnswer:
    seen = found.event
    return EventAnswer(
        event=SeenEvent(
            id=seen.id,
            kind=seen.kind,
            text=seen.text,
            language=seen.language,
            occurred=seen.occurred,
            seen=seen.seen,
            imported=seen.imported,
            actor=None if seen.actor is None else str(seen.actor),
            target=None if seen.target is None else str(seen.target),
            parent=seen.parent,
            thread=seen.thread,
            revision=seen.revision,
            address=seen.address,
            device=seen.device,
            amount=seen.amount,
            attributes=None if seen.attributes is None else dict(seen.attributes),
            media=seen.media,
        ),
        features=dict(found.features),
        signals=tuple(found.signals),
        decision=found.decision,
        enforcements=tuple(map(planned_answer, found.enforcements)),
        cases=tuple(found.cases),
    )


ROUTES: list[HTTPRouteHandler] = [event]
