"""What the API answers when it cannot do what was asked: one form, `{"faults": [{"what", "where", "fix"}]}`."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, ValidationException
from litestar.types import ExceptionHandlersMap

from gatehouse.adapters.logs import kind_and_place
from gatehouse.errors import Fault, GatehouseError, OutsideError, RefusedError, UserError
from gatehouse.ports.ledger import ConflictError
from gatehouse.records.api import FaultsAnswer

RETRY_AFTER_SECONDS = 2
"""How long a client is asked to wait for something outside that failed."""

_LOG = logging.getLogger("gatehouse.api")
_encode = msgspec.json.Encoder().encode


class AnswerError(GatehouseError):
    """What is answered with this status; `headers` are sent along."""

    def __init__(
        self, status: int, what: str, *, where: str = "", fix: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.headers = dict(headers or {})
        super().__init__(what, where=where, fix=fix)


def missing(what: str, fix: str = "") -> AnswerError:
    """What is answered where something asked for by its name is not there: `raise missing(...)`."""
    return AnswerError(404, what, fix=fix)


def status_of(error: GatehouseError) -> int:
    """The status that says who must act."""
    match error:
        case AnswerError():
            return error.status
        case ConflictError():
            return 409
        case RefusedError():
            return 403
        case UserError():
            return 400
        case _:
            return 503


def faults_of(error: GatehouseError) -> Sequence[Fault]:
    """What is wrong, as it is told to a client: not where the server keeps things."""
    if isinstance(error, ConflictError):
        what = "known with other content"
        return [Fault(what, "id", "an edit is a new event: send it with the next revision, or another id")]
    if isinstance(error, OutsideError):
        return [Fault(fault.what, fix="send it again; nothing is decided twice") for fault in error.faults]
    return error.faults


def headers_of(error: GatehouseError) -> dict[str, str]:
    """Headers that go with it: whoever may come again is told when."""
    if isinstance(error, AnswerError):
        return error.headers
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if isinstance(error, OutsideError) else {}


def refusal(status: int, faults: Sequence[Fault], headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """An answer that says what is wrong."""
    body = _encode(FaultsAnswer(tuple(faults)))
    return Response(body, status_code=status, media_type=MediaType.JSON, headers=headers)


def _of_ours(request: "Request[Any, Any, Any]", error: Exception) -> Response[bytes]:
    told = cast(GatehouseError, error)
    return refusal(status_of(told), faults_of(told), headers_of(told))


def _of_http(request: "Request[Any, Any, Any]", error: Exception) -> Response[bytes]:
    """What Litestar itself refuses: paths, methods, parameters, sizes."""
    told = cast(HTTPException, error)
    path = request.scope["path"][:80]
    headers = dict(told.headers or {})
    match told:
        case ValidationException():
            return refusal(400, _wrong_parameters(told), headers)
        case MethodNotAllowedException():
            fault = Fault(f"{request.method} is not for {path}", fix=f"use {headers.get('allow', '')}")
        case HTTPException(status_code=500):
            return _of_nobody(request, error)
        case HTTPException(status_code=404):
            fault = Fault(f"there is no {path}", fix="see /openapi.json")
        case HTTPException(status_code=413):
            fault = Fault("the body is too large", fix="send less at once")
        case _:
            fault = Fault(told.detail or "cannot be answered", fix="see /openapi.json")
    return refusal(told.status_code, [fault], headers)


def _wrong_parameters(told: ValidationException) -> list[Fault]:
    said: list[dict[str, str]] = told.extra if isinstance(told.extra, list) else []
    return [Fault(one["message"], one.get("key", "")) for one in said] or [Fault("the parameters cannot be read")]


def _of_nobody(request: "Request[Any, Any, Any]", error: Exception) -> Response[bytes]:
    """A fault of Gatehouse itself: the log gets its kind and place, which quote no content, the client neither."""
    _LOG.error("%s", kind_and_place(error))
    fix = "try again; the log of the server says where it happened"
    return refusal(500, [Fault(f"a fault of Gatehouse itself ({type(error).__name__})", fix=fix)])


HANDLERS: ExceptionHandlersMap = {GatehouseError: _of_ours, HTTPException: _of_http, Exception: _of_nobody}
"""How each kind of error is answered."""
