"""`comments:analyze` as the Perspective API has it, answered by our detectors; nothing is kept of a text."""

import re
from collections.abc import Mapping
from typing import Any

import anyio.to_thread
import msgspec
import numpy as np
from litestar import MediaType, Request, Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from gatehouse.entry.api.parts import Parts
from gatehouse.flows.perspective import Analyser, Scores

PATH = "/v1alpha1/comments:analyze"
LONGEST_BYTES = 20_480
"""Bytes that a comment may have, as at Perspective."""

MOST_SPANS = 1_000

_SENTENCE = re.compile(r"\S[^.!?\n]*[.!?]*")
_encode = msgspec.json.Encoder().encode


class Comment(msgspec.Struct):
    """The text to be scored."""

    text: str = ""
    type: str = "PLAIN_TEXT"


class Requested(msgspec.Struct, rename="camel"):
    """How an attribute is asked for; a score under the threshold is not answered."""

    score_type: str = "PROBABILITY"
    score_threshold: float = 0.0


class AnalyzeRequest(msgspec.Struct, rename="camel"):
    """A request of Perspective's; what else it may say (doNotStore, communityId, context) changes nothing here."""

    comment: Comment
    requested_attributes: dict[str, Requested]
    languages: list[str] = []
    span_annotations: bool = False
    client_token: str | None = None


class WrongError(Exception):
    """What cannot be answered, with the status and the kind by which Perspective's clients know it."""

    def __init__(self, message: str, kind: str = "", *, code: int = 400, **more: Any) -> None:
        super().__init__(message)
        status = "INVALID_ARGUMENT" if code == 400 else "INTERNAL"
        said: dict[str, Any] = {"code": code, "message": message, "status": status}
        if kind:
            type_ = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
            said["details"] = [{"@type": type_, "errorType": kind, **more}]
        self.code, self.body = code, {"error": said}


_decode = msgspec.json.Decoder(AnalyzeRequest).decode


@post(PATH, opt={"scope": "ingest", "key_parameter": "key"}, status_code=200)
async def analyze(request: "Request[Any, Any, Any]", parts: NamedDependency[Parts]) -> Response[bytes]:
    """Scores of one comment for the attributes asked."""
    data = await request.body()
    try:
        answer = await anyio.to_thread.run_sync(answered, data, parts.perspective.of(parts.judge()))
    except WrongError as wrong:
        return Response(_encode(wrong.body), status_code=wrong.code, media_type=MediaType.JSON)
    return Response(_encode(answer), media_type=MediaType.JSON)


ROUTES: list[HTTPRouteHandler] = [analyze]


def answered(data: bytes, analyser: Analyser) -> dict[str, Any]:
    """The answer to a request's body; raises WrongError."""
    asked = _read(data, analyser)
    names = list(asked.requested_attributes)
    language = asked.languages[0] if asked.languages else None
    text = asked.comment.text
    spans = [(0, len(text)), *(_sentences(text) if asked.span_annotations else ())]
    scores = analyser([text[start:end] for start, end in spans], names, language)
    _all_scored(names, scores, analyser.offered)
    found = {
        name: _attribute(scores.values[name], spans, asked.span_annotations)
        for name, wanted in asked.requested_attributes.items()
        if scores.values[name][0] >= wanted.score_threshold
    }
    detected = scores.languages[0]
    answer: dict[str, Any] = {
        "attributeScores": found,
        "languages": asked.languages or ([detected] if detected else []),
        "detectedLanguages": [detected] if detected else [],
    }
    if asked.client_token is not None:
        answer["clientToken"] = asked.client_token
    return answer


def _read(data: bytes, analyser: Analyser) -> AnalyzeRequest:
    try:
        asked = _decode(data)
        asked.comment.text.encode()
    except UnicodeEncodeError:
        raise WrongError("the comment's text holds half a character") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # Such a message names keys and types, never values.
        message = str(error) if isinstance(error, msgspec.ValidationError) else "the body is no JSON object in UTF-8"
        raise WrongError(message) from None
    if not asked.comment.text.strip():
        raise WrongError("the comment has no text", "COMMENT_EMPTY")
    if len(asked.comment.text.encode()) > LONGEST_BYTES:
        raise WrongError(f"the comment has more than {LONGEST_BYTES:,} bytes", "COMMENT_TOO_LONG")
    if not asked.requested_attributes:
        raise WrongError("requestedAttributes names none")
    offered = analyser.offered
    for name, wanted in asked.requested_attributes.items():
        if name not in offered:
            raise WrongError(f"Unknown requested attribute: {name[:60]}; there are {', '.join(sorted(offered))}")
        if wanted.score_type not in ("PROBABILITY", "SCORE_TYPE_UNSPECIFIED"):
            raise WrongError(f"{name} has scores of the type PROBABILITY only")
    return asked


def _sentences(text: str) -> list[tuple[int, int]]:
    found = [match.span() for match in _SENTENCE.finditer(text)]
    return found if len(found) <= MOST_SPANS else [(0, len(text))]


def _all_scored(names: list[str], scores: Scores, offered: Mapping[str, tuple[str, ...]]) -> None:
    """Raise WrongError where the whole text has no score for an attribute: no answer is not a score of 0."""
    for name in names:
        why = scores.why[name][0]
        if why == "language":
            detected = [scores.languages[0]] if scores.languages[0] else []
            raise WrongError(
                f"Attribute {name} does not support request languages: {', '.join(detected)}; "
                f"it covers {', '.join(offered[name])}",
                "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
                languageNotSupportedByAttributeError={"detectedLanguages": detected, "attribute": name},
            )
        if why:
            raise WrongError(f"the detector of {name} failed", code=500)


def _attribute(values: "np.ndarray[Any, Any]", spans: list[tuple[int, int]], annotated: bool) -> dict[str, Any]:
    said = [
        {"begin": start, "end": end, "score": _score(value)}
        for (start, end), value in zip(spans, values.tolist(), strict=True)
        if not np.isnan(value)
    ]
    return {"spanScores": said[1:] or said[:1] if annotated else said[:1], "summaryScore": _score(float(values[0]))}


def _score(value: float) -> dict[str, Any]:
    return {"value": value, "type": "PROBABILITY"}
