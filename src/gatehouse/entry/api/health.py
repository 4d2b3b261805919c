"""`/health`: does the process run and can it decide, for whoever watches it; and what exactly is the matter."""

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from gatehouse.entry.api.errors import AnswerError
from gatehouse.entry.api.parts import Parts
from gatehouse.flows.health import Health
from gatehouse.records.api import AliveAnswer, ReadyAnswer


@get("/health", opt={"scope": "open"}, sync_to_thread=False)
def alive() -> AliveAnswer:
    """The process runs. Needs no key."""
    return AliveAnswer(alive=True)


@get("/health/ready", opt={"scope": "open"}, sync_to_thread=True)
def ready(parts: NamedDependency[Parts]) -> ReadyAnswer:
    """Decisions can be made. Needs no key, so it names no detail: those are in `/v1/status`."""
    if not parts.ready().ready:
        raise AnswerError(503, "not ready", fix="see /v1/status, with a key", headers={"Retry-After": "5"})
    return ReadyAnswer(ready=True)


@get("/v1/status", opt={"scope": "read", "watches": True}, sync_to_thread=True)
def status(parts: NamedDependency[Parts]) -> Health:
    """What was looked at, how it stands, and the command that mends it."""
    return parts.ready()


ROUTES: list[HTTPRouteHandler] = [alive, ready, status]
