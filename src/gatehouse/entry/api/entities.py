"""`/v1/entities`: what is on an entity's record, marks on it, and its erasure."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gatehouse.bootstrap.erasing import UnreadyError
from gatehouse.entry.api.bodies import NAME, TEXT, TIME, answered, on_record, schema
from gatehouse.entry.api.decisions import planned_answer
from gatehouse.entry.api.errors import AnswerError
from gatehouse.entry.api.parts import Parts
from gatehouse.flows.entities import read_entity, read_mark, read_why, record_of, unmark
from gatehouse.records.access import Caller
from gatehouse.records.case_answers import EntityAnswer, ErasedAnswer, ReporterAnswer
from gatehouse.records.standing import Mark

BODIES = {
    "/v1/entities/{entity}/marks": schema(
        {
            "name": {**NAME, "pattern": "^[^/\\u0000]*[^/\\s\\u0000][^/\\u0000]*$"},
            "why": TEXT,
            "until": {**TIME, "description": "When it ends by itself."},
        },
        ("name", "why"),
        "A lasting tag, such as trusted_flagger.",
    ),
    "/v1/entities/{entity}/erase": schema({"why": TEXT}, ("why",), "Why everything of it goes."),
}
"""What is sent to these routes, by path."""

MENDED_SECONDS = 60
"""How long a client is asked to wait for a person to mend the server."""

_LOG = logging.getLogger("gatehouse.api")


@get("/v1/entities/{entity:str}", opt={"scope": "read"}, sync_to_thread=True)
def record(parts: NamedDependency[Parts], entity: FromPath[str], request: Request[Caller, Any, Any]) -> EntityAnswer:
    """What is on an entity's record now; of one that nobody knows it is empty. That somebody looked is recorded."""
    one = read_entity(entity)
    parts.access.read(request.user, "actor", str(one))
    found = record_of(one, parts.enforcing.standing, parts.enforcing.outbox, parts.enforcing.cases, parts.clock())
    return EntityAnswer(
        entity=found.entity,
        strikes=found.strikes,
        marks=found.marks,
        enforcements=tuple(map(planned_answer, found.enforcements)),
        suspensions=tuple(map(planned_answer, found.suspensions)),
        decisions=found.decisions,
        reporter=ReporterAnswer(
            upheld=found.reporter.upheld, rejected=found.reporter.rejected, reliability=found.reliability
        ),
    )


@post("/v1/entities/{entity:str}/marks", opt={"scope": "review"}, status_code=200)
async def mark(parts: NamedDependency[Parts], entity: FromPath[str], request: Request[Caller, Any, Any]) -> Mark:
    """Put a mark on an entity; where it bears one of that name, who, why and until are the new one's."""

    def put(body: bytes) -> Mark:
        made = read_mark(body, read_entity(entity), by=request.user.name, now=parts.clock())
        parts.enforcing.standing.mark(made)
        return made

    return await answered(parts, request, put)


@delete("/v1/entities/{entity:str}/marks/{name:str}", opt={"scope": "review"}, sync_to_thread=True)
def unmarked(parts: NamedDependency[Parts], entity: FromPath[str], name: FromPath[str]) -> None:
    """Take a mark off an entity; it stays on record with when it was."""
    with on_record():
        unmark(parts.enforcing.standing, read_entity(entity), name, parts.clock())


@post("/v1/entities/{entity:str}/erase", opt={"scope": "admin"}, status_code=200)
async def erase(
    parts: NamedDependency[Parts], entity: FromPath[str], request: Request[Caller, Any, Any]
) -> ErasedAnswer:
    """Erase all content and identifiers of an entity, wherever they are.

    It is answered 503 too while a person must mend the server's own settings first; the server's log says which.
    """
    one = read_entity(entity)
    why = await answered(parts, request, read_why)

    def forget() -> Mapping[str, int]:
        # Who looked at it is on record under its name, so what waits to be must not come after the erasure.
        parts.access.flush()
        try:
            return parts.erase(one, request.user.name, why)
        except UnreadyError as unready:
            raise _to_be_mended(unready) from unready

    with on_record():
        erased = await asyncio.to_thread(forget)
    return ErasedAnswer(entity=str(one), erased=dict(erased))


def _to_be_mended(unready: UnreadyError) -> AnswerError:
    """The log gets all of it, for who keeps the server; the caller, who did nothing wrong, learns not where."""
    _LOG.error("nothing can be erased: %s", "; ".join(map(str, unready.faults)))
    what = "; ".join(fault.what for fault in unready.faults)
    fix = "whoever keeps the server must mend it, as its log says; then send it again"
    return AnswerError(503, what, fix=fix, headers={"Retry-After": str(MENDED_SECONDS)})


ROUTES: list[HTTPRouteHandler] = [record, mark, unmarked, erase]
