"""`/openapi.json`: what every route takes and answers, for programs; made from the routes and the reader of events."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from litestar import Litestar, Response, get
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig

from gatehouse import __version__
from gatehouse.entry.api import perspective
from gatehouse.entry.api.limits import MOST_EVENTS
from gatehouse.flows.read_event import KEYS, LARGEST, LONGEST
from gatehouse.records.api import FaultsAnswer
from gatehouse.records.event import DIGITS

Schema = dict[str, Any]

REFUSED = {
    "400": "What was sent cannot be understood; every fault is named.",
    "401": "No key, or one that is not valid.",
    "403": "The key has not the scope of this route, or a rule says no.",
    "404": "There is nothing of that name.",
    "408": "The body did not come in time.",
    "409": "This contradicts what is on record, such as the same event id with other content.",
    "413": "Too much at once.",
    "415": "Content-Type must be application/json.",
    "429": "Over the rate of the key, or too much waits; Retry-After says when to come again.",
    "500": "A fault of Gatehouse itself.",
    "503": "Something outside failed and nothing was done; Retry-After says when to come again.",
}
"""Statuses that are not 2xx, and what each says; all have one form of body."""

_NO_NUL = "^[^\\u0000]*$"
_NAME: Schema = {"type": ["string", "null"], "maxLength": LONGEST, "pattern": _NO_NUL}
_ENTITY: Schema = {
    **_NAME,
    "pattern": "^([^:\\u0000]+(:[^\\u0000]+)?)?$",
    "description": "`kind:id`; without a colon it is an account.",
}
_HASH = "|".join(
    "".join(f"[{sign}{sign.upper()}]" for sign in kind) + f":[0-9a-fA-F]{{{digits}}}" for kind, digits in DIGITS.items()
)
_SCALAR: Schema = {
    "type": ["string", "number", "boolean", "null"],
    "pattern": _NO_NUL,
    "description": "A number that is written without a fraction fits 64 bits.",
}
_SAID: dict[str, Schema] = {
    "id": {"type": "string", "maxLength": LONGEST, "pattern": "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"},
    "kind": {**_NAME, "description": "Such as post, message, comment, profile; post unless said."},
    "text": {"type": ["string", "null"], "pattern": _NO_NUL},
    "language": {**_NAME, "description": "ISO 639-1, as the platform claims it."},
    "occurred": {
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "integer", "minimum": 0, "description": "Microseconds since 1970."},
            {"type": "null"},
        ],
        "description": "When it happened, not more than a day ahead of the server's clock.",
    },
    "actor": _ENTITY,
    "target": _ENTITY,
    "parent": _NAME,
    "thread": _NAME,
    "revision": {"type": ["integer", "null"], "minimum": 0, "maximum": 999_999_999},
    "address": _NAME,
    "device": _NAME,
    "amount": {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": 10**18 - 1,
        "description": "In whole smallest units: 1250 for 12.50.",
    },
    "attributes": {
        "type": ["object", "null"],
        "propertyNames": {"maxLength": LONGEST, "pattern": _NO_NUL},
        "additionalProperties": _SCALAR,
        "description": "What else is known; those that a pack declares have the type that it declares.",
    },
    "media": {"type": ["array", "null"], "items": {"type": "string", "pattern": f"^({_HASH})$"}},
}
EVENT: Schema = {
    "type": "object",
    "required": ["id"],
    "properties": {key: _SAID[key] for key in KEYS},
    "additionalProperties": False,
    "description": f"Something that happened on the platform, in at most {LARGEST:,} bytes.",
}
"""An event as `flows/read_event` takes it."""

EVENTS: Schema = {
    "oneOf": [
        {"$ref": "#/components/schemas/EventToDecide"},
        {
            "type": "array",
            "maxItems": MOST_EVENTS,
            "items": {"anyOf": [{"$ref": "#/components/schemas/EventToDecide"}, {}]},
            "description": "Events; one that cannot be read or recorded fails alone.",
        },
    ]
}
"""What is sent to be decided on: an event, or a list."""

Bodies = Mapping[str, Schema]
"""What is sent to routes that read it by themselves, by their paths."""

BODIES: Bodies = {"/v1/decisions": EVENTS}


def route(routes: Sequence[HTTPRouteHandler], bodies: Bodies) -> HTTPRouteHandler:
    """The route that gives the document; it is open, for it holds nothing of the house's own."""

    @cache
    def written() -> bytes:
        return msgspec.json.encode(document(routes, bodies))

    @get("/openapi.json", opt={"scope": "open"}, sync_to_thread=True, include_in_schema=False)
    def openapi() -> Response[bytes]:
        return Response(written(), media_type="application/vnd.oai.openapi+json")

    return openapi


def document(routes: Sequence[HTTPRouteHandler], bodies: Bodies = BODIES) -> Schema:
    """The OpenAPI document of these routes."""
    config = OpenAPIConfig(title="Gatehouse", version=__version__, use_handler_docstrings=True)
    # Litestar serves its own documents where it is told to make one, so it is asked apart.
    nothing = {"parts": Provide(lambda: None, sync_to_thread=False)}
    app = Litestar(list(routes), openapi_config=config, logging_config=None, dependencies=nothing)
    said: Schema = _any_of(msgspec.to_builtins(app.openapi_schema.to_schema()))
    components: Schema = said.setdefault("components", {})
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    refusal, parts = _refusals()
    components.setdefault("schemas", {}).update(parts, EventToDecide=EVENT)
    for path, method, scope in _operations(routes):
        operation = said["paths"][path][method]
        if method == "post" and path in bodies:
            body = _with_empty(bodies[path])
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        _complete(operation, scope, _FOREIGN if path == perspective.PATH else refusal)
    return said


def _any_of(said: Any) -> Any:
    """The same with `anyOf` for unions: Litestar writes `oneOf`, where 0, an integer and a number, would be neither."""
    if isinstance(said, dict):
        return {"anyOf" if key == "oneOf" else key: _any_of(value) for key, value in said.items()}
    return [_any_of(one) for one in said] if isinstance(said, list) else said


def _operations(routes: Sequence[HTTPRouteHandler]) -> Iterator[tuple[str, str, str]]:
    """Path, method and scope of each operation."""
    for one in routes:
        if one.include_in_schema is not False:
            for path in one.paths:
                for method in one.http_methods:
                    yield re.sub(r"{(\w+):\w+}", r"{\1}", path), method.lower(), one.opt["scope"]


_FOREIGN: Schema = {
    "type": "object",
    "description": "As the Perspective API says it, or faults as all other routes do.",
}


def _complete(operation: Schema, scope: str, refusal: Schema) -> None:
    """Say what Litestar cannot know: the key that is wanted, refusals, and bounds of what paths name."""
    operation["security"] = [] if scope == "open" else [{"key": []}]
    if scope != "open":
        operation["description"] = f"{operation.get('description', '')}\n\nScope: {scope}".strip()
    answers = {status: said for status, said in operation["responses"].items() if status.startswith("2")}
    for status, words in REFUSED.items():
        answers[status] = {"description": words, "content": {"application/json": {"schema": refusal}}}
    if refusal is _FOREIGN:
        answers["200"]["content"] = {"application/json": {"schema": refusal}}
    operation["responses"] = answers
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter["schema"] = {"type": "string", "minLength": 1}


def _with_empty(body: Schema) -> Schema:
    """A body of which what may be left out may be null or an empty text too, which readers take for the same."""
    if "properties" not in body:
        return body
    empty: list[Schema] = [{"type": "null"}, {"type": "string", "maxLength": 0}]
    said = {
        name: one if name in body["required"] else {"anyOf": [one, *empty]} for name, one in body["properties"].items()
    }
    return {**body, "properties": said}


def _refusals() -> tuple[Schema, dict[str, Schema]]:
    (refusal,), parts = msgspec.json.schema_components([FaultsAnswer], ref_template="#/components/schemas/{name}")
    return refusal, parts
