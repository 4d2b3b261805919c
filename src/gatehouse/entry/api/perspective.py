"""`comments:analyze` as the Perspective API has it, answered by our detectors; nothing is kept of a text."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import anyio.to_thread
import msgspec
import numpy as np
from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from gatehouse.entry.api.errors import HANDLERS
from gatehouse.entry.api.limits import LARGEST_BODY
from gatehouse.entry.api.parts import Parts
from gatehouse.entry.api.perspective_discovery import described
from gatehouse.errors import GatehouseError, UserError
from gatehouse.flows.perspective import Analyser, Scores
from gatehouse.records.api import FaultsAnswer

PATH = "/v1alpha1/comments:analyze"
DISCOVERY = "/$discovery/rest"
LONGEST_BYTES = 20_480
"""Bytes that a comment may have, as at Perspective."""

MOST_SPANS = 1_000

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""What that API calls the kinds of errors, by their status."""

_SENTENCE = re.compile(r"\S[^.!?\n]*[.!?]*")
_encode = msgspec.json.Encoder().encode


class Comment(msgspec.Struct):
    """The text to be scored."""

    text: str = ""


class Requested(msgspec.Struct, rename="camel"):
    """How an attribute is asked for; a score under the threshold is not answered."""

    score_type: str | None = None
    score_threshold: float | None = None


class AnalyzeRequest(msgspec.Struct, rename="camel"):
    """A request of Perspective's, in which null is as good as nothing.

    What else it may say (the comment's type, doNotStore, sessionId, communityId, context) changes nothing here.
    """

    comment: Comment
    requested_attributes: dict[str, Requested]
    languages: list[str] | None = None
    span_annotations: bool | None = None
    client_token: str | None = None


class WrongError(Exception):
    """What cannot be answered, with the status and the kind by which Perspective's clients know it."""

    def __init__(self, message: str, kind: str = "", *, code: int = 400, **more: Any) -> None:
        super().__init__(message)
        said: dict[str, Any] = {"code": code, "message": message, "status": STATUSES.get(code, "UNKNOWN")}
        if kind:
            type_ = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
            said["details"] = [{"@type": type_, "errorType": kind, **more}]
        self.code, self.body = code, {"error": said}


_decode = msgspec.json.Decoder(AnalyzeRequest).decode


def _in_its_form(answer: Callable[..., Response[bytes]]) -> Callable[..., Response[bytes]]:
    """What refuses a request on all routes, in the form that this API's clients read."""

    def refused(request: "Request[Any, Any, Any]", error: Exception) -> Response[bytes]:
        said = answer(request, error)
        faults = _decode_faults(said.content).faults
        message = "; ".join(f"{fault.what}: {fault.fix}" if fault.fix else fault.what for fault in faults)
        body = _encode(WrongError(message, code=said.status_code or 500).body)
        return Response(body, status_code=said.status_code, media_type=MediaType.JSON, headers=said.headers)

    return refused


_decode_faults = msgspec.json.Decoder(FaultsAnswer).decode
_REFUSALS: Any = {kind: _in_its_form(HANDLERS[kind]) for kind in (GatehouseError, HTTPException, Exception)}


@post(PATH, opt={"scope": "ingest", "key_parameter": "key"}, status_code=200, exception_handlers=_REFUSALS)
async def analyze(request: "Request[Any, Any, Any]", parts: NamedDependency[Parts]) -> Response[bytes]:
    """Scores of one comment for the attributes asked."""
    said = request.headers.get("content-length", "")
    with parts.room.hold() as held:
        held.up_to(min(int(said), LARGEST_BODY) if said.isdecimal() else LARGEST_BODY)
        data = await request.body()
        try:
            answer = await anyio.to_thread.run_sync(_answered_by, data, parts)
        except WrongError as wrong:
            return Response(_encode(wrong.body), status_code=wrong.code, media_type=MediaType.JSON)
    return Response(_encode(answer), media_type=MediaType.JSON)


@get(DISCOVERY, opt={"scope": "ingest", "key_parameter": "key"}, sync_to_thread=False, exception_handlers=_REFUSALS)
def discover(request: "Request[Any, Any, Any]") -> dict[str, Any]:
    """What Google's client libraries ask a service for before they use it: its methods, and where they are."""
    secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
    return described(f"{'https' if secure else 'http'}://{request.url.netloc}/")


ROUTES: list[HTTPRouteHandler] = [analyze, discover]


def _answered_by(data: bytes, parts: Parts) -> dict[str, Any]:
    try:
        analyser = parts.perspective.of(parts.judge())
    except UserError as wrong:
        raise WrongError(f"attributes are mapped wrongly here: {wrong.faults[0].what}", code=500) from wrong
    return answered(data, analyser)


def answered(data: bytes, analyser: Analyser) -> dict[str, Any]:
    """The answer to a request's body; raises WrongError."""
    asked = _read(data, analyser)
    text = asked.comment.text
    spans = [(0, len(text)), *(_sentences(text) if asked.span_annotations else ())]
    texts = [text[start:end] for start, end in spans]
    places = _places(text, spans)
    found: dict[str, Any] = {}
    detected: dict[str, None] = {}
    for language, names in _by_language(asked, analyser.offered).items():
        scores = analyser(texts, names, language)
        _all_scored(names, scores, analyser.offered, asked.languages or ())
        detected |= dict.fromkeys(one for one in scores.languages[:1] if one)
        found |= {name: _attribute(scores.values[name], places, bool(asked.span_annotations)) for name in names}
    wanted = {name: one.score_threshold or 0.0 for name, one in asked.requested_attributes.items()}
    answer: dict[str, Any] = {
        "attributeScores": {
            name: found[name] for name, least in wanted.items() if found[name]["summaryScore"]["value"] >= least
        },
        "languages": asked.languages or list(detected),
        "detectedLanguages": list(detected),
    }
    if asked.client_token is not None:
        answer["clientToken"] = asked.client_token
    return answer


def _by_language(asked: AnalyzeRequest, offered: Mapping[str, Sequence[str]]) -> dict[str | None, list[str]]:
    """The attributes by the language to be scored in: of those that are named the first that is covered."""
    # BCP 47: what follows the language itself says where and how it is written.
    named = [one.replace("_", "-").partition("-")[0].lower() for one in asked.languages or ()]
    found: dict[str | None, list[str]] = {}
    for name in asked.requested_attributes:
        covered = [one for one in named if not offered[name] or one in offered[name]]
        found.setdefault(next(iter(covered or named), None), []).append(name)
    return found


def _read(data: bytes, analyser: Analyser) -> AnalyzeRequest:
    try:
        asked = _decode(data)
        length = len(asked.comment.text.encode())
    except UnicodeEncodeError:
        raise WrongError("the comment's text holds half a character") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # Such a message names keys and types, never values.
        message = str(error) if isinstance(error, msgspec.ValidationError) else "the body is no JSON object in UTF-8"
        raise WrongError(message) from None
    if not asked.comment.text.strip():
        raise WrongError("the comment has no text", "COMMENT_EMPTY")
    if length > LONGEST_BYTES:
        raise WrongError(f"the comment has more than {LONGEST_BYTES:,} bytes", "COMMENT_TOO_LONG")
    if not asked.requested_attributes:
        raise WrongError("requestedAttributes names none")
    offered = analyser.offered
    for name, wanted in asked.requested_attributes.items():
        if name not in offered:
            raise WrongError(f"Unknown requested attribute: {name[:60]}; there are {', '.join(sorted(offered))}")
        if wanted.score_type not in (None, "PROBABILITY", "SCORE_TYPE_UNSPECIFIED"):
            raise WrongError(f"{name} has scores of the type PROBABILITY only")
    return asked


def _sentences(text: str) -> list[tuple[int, int]]:
    found = [match.span() for match in _SENTENCE.finditer(text)]
    return found if len(found) <= MOST_SPANS else [(0, len(text))]


def _places(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where spans begin and end as that API counts: in units of UTF-16, of which some characters take two."""
    if text.isascii():
        return list(spans)
    units = [0, *accumulate(1 + (sign > "\uffff") for sign in text)]
    return [(units[start], units[end]) for start, end in spans]


def _all_scored(
    names: Sequence[str], scores: Scores, offered: Mapping[str, Sequence[str]], asked: Sequence[str]
) -> None:
    """Raise WrongError where the whole text has no score for an attribute: no answer is not a score of 0."""
    for name in names:
        why = scores.why[name][0]
        if why == "language":
            detected = list(asked) or [one for one in scores.languages[:1] if one]
            raise WrongError(
                f"Attribute {name} does not support request languages: {', '.join(one[:40] for one in detected)}; "
                f"it covers {', '.join(offered[name])}",
                "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
                languageNotSupportedByAttributeError={"detectedLanguages": detected, "attribute": name},
            )
        if why:
            raise WrongError(f"the detector of {name} failed", code=500)


def _attribute(values: "np.ndarray[Any, Any]", spans: Sequence[tuple[int, int]], annotated: bool) -> dict[str, Any]:
    said = [
        {"begin": start, "end": end, "score": _score(value)}
        for (start, end), value in zip(spans, values.tolist(), strict=True)
        if not np.isnan(value)
    ]
    return {"spanScores": said[1:] or said[:1] if annotated else said[:1], "summaryScore": _score(float(values[0]))}


def _score(value: float) -> dict[str, Any]:
    return {"value": value, "type": "PROBABILITY"}
