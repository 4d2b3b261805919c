"""What requests say: bodies of a few texts, how they are received and described, and the names in a query."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from litestar import Request

from gatehouse.entry.api.errors import AnswerError
from gatehouse.entry.api.limits import LARGEST_BODY, read_json
from gatehouse.entry.api.parts import Parts
from gatehouse.errors import suggestion
from gatehouse.flows.read_event import LONGEST
from gatehouse.flows.read_said import LONGEST_TEXT
from gatehouse.ports.cases import ContradictionError, UnknownError

Schema = dict[str, Any]
_Answer = TypeVar("_Answer")

_BLANK = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": _BLANK}
TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT, "pattern": _BLANK}
_PERHAPS: Schema = {"type": ["string", "null"], "pattern": "^[^\\u0000]*$"}
PERHAPS_NAME: Schema = {**_PERHAPS, "maxLength": LONGEST}
PERHAPS_TEXT: Schema = {**_PERHAPS, "maxLength": LONGEST_TEXT}
"""What need not be said: null, and a blank text, are as if it were not there."""
ENTITY: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST,
    "pattern": "^[^:\\u0000]+(:[^\\u0000]+)?$",
    "description": "`kind:id`; without a colon it is an account.",
}
TIME: Schema = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "integer", "minimum": 0, "description": "Microseconds since 1970."},
        {"type": "null"},
    ]
}


def schema(properties: Mapping[str, Schema], wanted: Sequence[str], description: str) -> Schema:
    """What a body may say, for the OpenAPI document."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(wanted),
        "additionalProperties": False,
        "description": description,
    }


async def answered(parts: Parts, request: Request[Any, Any, Any], answer: Callable[[bytes], _Answer]) -> _Answer:
    """What a function answers to the body of a request; it may take its time, for it has a thread of its own."""
    with parts.room.hold() as held:
        body = await read_json(request, held, LARGEST_BODY)
        return await asyncio.to_thread(answer, body)


def only(*known: str) -> Callable[[Request[Any, Any, Any]], Awaitable[None]]:
    """Refuses other names in a query: a misspelt one would ask for something else than was meant."""

    async def refuse(request: Request[Any, Any, Any]) -> None:
        for name in request.query_params:
            if name not in known:
                raise AnswerError(400, "no parameter of this name", where=name[:60], fix=suggestion(name[:60], known))

    return refuse


@contextmanager
def on_record() -> Iterator[None]:
    """Answer 404 where what is named inside is not on record, 409 where what is said contradicts what is."""
    try:
        yield
    except (UnknownError, ContradictionError) as error:
        fault = error.faults[0]
        status = 404 if isinstance(error, UnknownError) else 409
        raise AnswerError(status, fault.what, where=fault.where, fix=fault.fix) from error
