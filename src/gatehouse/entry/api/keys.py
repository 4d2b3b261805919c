"""`/v1/keys` and `/v1/reads`: for who looks after the house, which keys there are and who looked at content."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from gatehouse.entry.api.bodies import only
from gatehouse.entry.api.errors import AnswerError, missing
from gatehouse.entry.api.limits import refuse_other_kinds
from gatehouse.entry.api.parts import Parts
from gatehouse.errors import Fault, UserError, suggestion
from gatehouse.flows.access import Made, UnknownKeyError, shown
from gatehouse.flows.read_said import read_object
from gatehouse.records.access import LONGEST_LIFE, SCOPES, Caller, KeyAnswer, MadeAnswer, NewKey, Read

_DAY = 86_400
_SECOND = 1_000_000
_LATEST = 10**17  # microseconds: the year 5138
_SHOWN = 40

_WANTED = {
    "name": "give 1 to 100 letters and digits of ASCII, with . _ @ / + - and spaces between",
    "scopes": f"give a list of one or more of {', '.join(SCOPES)}",
    "rate": "give 1 to 10,000,000 events a second as a whole number, or leave it out",
    "lasts_seconds": f"give 1 to {LONGEST_LIFE:,} seconds as a whole number, or leave it out",
}
"""What each field of a new key may be, in words."""


@get("/v1/keys", opt={"scope": "admin"}, sync_to_thread=True)
def keys(parts: NamedDependency[Parts]) -> list[KeyAnswer]:
    """Every key that was ever made, oldest first; never a key itself or its hash."""
    now = parts.clock()
    return [shown(key, now) for key in parts.access.keys.all()]


async def _only_a_key(request: Request[Caller, Any, Any]) -> None:
    """Refuses what a key cannot be with every fault: reading it by its type would end at the first."""
    refuse_other_kinds(request)
    if found := list(_wrong(read_object(await request.body()))):
        raise UserError(found)


def _wrong(said: Mapping[str, Any]) -> Iterator[Fault]:
    for name in said:
        if name not in _WANTED:
            yield Fault("is unknown", name[:_SHOWN], suggestion(name[:_SHOWN], _WANTED))
    for field in msgspec.structs.fields(NewKey):
        name, value = field.name, said.get(field.name)
        if name not in said:
            if field.required:
                yield Fault("is missing", name, _WANTED[name])
        elif name == "scopes" and (unknown := _unknown_scopes(value)):
            yield from (Fault(f"no scope '{one[:_SHOWN]}'", name, suggestion(one[:_SHOWN], SCOPES)) for one in unknown)
        elif not _fits(value, field.type):
            yield Fault("is not what it may be", name, _WANTED[name])


def _unknown_scopes(said: Any) -> list[str]:
    """The words that name no scope, in a list of words."""
    words = isinstance(said, list) and all(isinstance(one, str) for one in said)
    return [one for one in said if one not in SCOPES] if words else []


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


@post("/v1/keys", opt={"scope": "admin"}, sync_to_thread=True, before_request=_only_a_key)
def make(
    parts: NamedDependency[Parts], request: Request[Caller, Any, Any], data: JSONBody[NewKey]
) -> Response[MadeAnswer]:
    """Make a key; the answer is the one time that it is shown."""
    lasts = None if data.lasts_seconds is None else data.lasts_seconds * _SECOND
    return _told(parts, parts.access.make(request.user, data.name, data.scopes, data.rate, lasts))


@post(
    "/v1/keys/{key_id:str}/rotate", opt={"scope": "admin"}, sync_to_thread=True, before_request=only("overlap_seconds")
)
def rotate(
    parts: NamedDependency[Parts],
    request: Request[Caller, Any, Any],
    key_id: FromPath[str],
    overlap_seconds: Annotated[int, QueryParameter(ge=0, le=LONGEST_LIFE)] = _DAY,
) -> Response[MadeAnswer]:
    """Make a key in the place of another, with its name, scopes and rate; both are good for the overlap."""
    try:
        return _told(parts, parts.access.rotate(request.user, key_id, overlap_seconds * _SECOND))
    except UnknownKeyError as unknown:
        raise _no_key(unknown) from unknown


@delete("/v1/keys/{key_id:str}", opt={"scope": "admin"}, sync_to_thread=True)
def revoke(parts: NamedDependency[Parts], request: Request[Caller, Any, Any], key_id: FromPath[str]) -> None:
    """End a key: here at once, in other processes within five seconds."""
    try:
        parts.access.revoke(request.user, key_id)
    except UnknownKeyError as unknown:
        raise _no_key(unknown) from unknown


@get(
    "/v1/reads",
    opt={"scope": "admin"},
    sync_to_thread=True,
    before_request=only("which", "by", "since", "limit"),
)
def reads(
    parts: NamedDependency[Parts],
    which: Annotated[str | None, QueryParameter(max_length=1_000)] = None,
    by: Annotated[str | None, QueryParameter(max_length=100)] = None,
    since: Annotated[int, QueryParameter(ge=0, le=_LATEST)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=1_000)] = 100,
) -> list[Read]:
    """Who looked at content, newest first: at `which` one, `by` whom, `since` a time in microseconds."""
    return list(parts.access.looked(which=which, by=by, since=since, limit=limit))


def _told(parts: Parts, made: Made) -> Response[MadeAnswer]:
    answer = MadeAnswer(key=made.secret, made=shown(made.key, parts.clock()))
    return Response(answer, status_code=201, headers={"Cache-Control": "no-store"})


def _no_key(unknown: UnknownKeyError) -> AnswerError:
    return missing(unknown.faults[0].what, fix="GET /v1/keys shows all of them")


ROUTES: list[HTTPRouteHandler] = [keys, make, rotate, revoke, reads]
