"""What a client may ask of the API: each call with its path, its body and the type of its answer."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from gatehouse.records.api import DecisionAnswer, EventAnswer, ListEntry
from gatehouse.records.case_answers import (
    AppealAnswer,
    CasesAnswer,
    EntityAnswer,
    ErasedAnswer,
    ReportAnswer,
    WholeCaseAnswer,
)
from gatehouse.records.event import Event
from gatehouse.records.standing import Mark

MOST_EVENTS = 1_000
MOST_BYTES = 15 << 20
"""Events and bytes that one request may hold; a longer list is sent in parts."""

_GIVEN_BY_THE_GATE = ("seen", "imported")

T = TypeVar("T")
Said = Event | Mapping[str, Any]
"""An event as a record, or as the JSON object that the API takes."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and the type of its answer; sent `once`, it is not sent again where it may have been done."""

    method: str
    path: str
    answer: Any
    body: bytes | None = None
    once: bool = False


def decide(event: Said) -> Call[DecisionAnswer]:
    """Decide on an event."""
    return Call("POST", "/v1/decisions", DecisionAnswer, _event(event))


def decide_lists(events: Iterable[Said]) -> Iterator[Call[list[ListEntry]]]:
    """Decide on each of a list, in as many requests as it takes."""
    part: list[bytes] = []
    size = 0
    for one in map(_event, events):
        if part and (len(part) == MOST_EVENTS or size + len(one) > MOST_BYTES):
            yield _decide_list(part)
            part, size = [], 0
        part.append(one)
        size += len(one) + 1
    if part:
        yield _decide_list(part)


def _decide_list(part: Sequence[bytes]) -> Call[list[ListEntry]]:
    return Call("POST", "/v1/decisions", list[ListEntry], b"[" + b",".join(part) + b"]")


def decision(event_id: str) -> Call[DecisionAnswer]:
    """The decision that stands for an event."""
    return Call("GET", f"/v1/decisions/{in_path(event_id)}", DecisionAnswer)


def event(event_id: str) -> Call[EventAnswer]:
    """An event with its content."""
    return Call("GET", f"/v1/events/{in_path(event_id)}", EventAnswer)


def report(said: Mapping[str, Any]) -> Call[ReportAnswer]:
    """Report an event."""
    return Call("POST", "/v1/reports", ReportAnswer, _json(said))


def reported(report_id: str) -> Call[ReportAnswer]:
    """What became of a report."""
    return Call("GET", f"/v1/reports/{in_path(report_id)}", ReportAnswer)


def appeal(said: Mapping[str, Any]) -> Call[AppealAnswer]:
    """Contest a decision."""
    return Call("POST", "/v1/appeals", AppealAnswer, _json(said))


def appealed(appeal_id: str) -> Call[AppealAnswer]:
    """What became of an appeal."""
    return Call("GET", f"/v1/appeals/{in_path(appeal_id)}", AppealAnswer)


def cases(after: str | None) -> Call[CasesAnswer]:
    """A page of cases."""
    return Call("GET", f"/v1/cases?after={in_path(after)}" if after else "/v1/cases", CasesAnswer)


def case(case_id: str) -> Call[WholeCaseAnswer]:
    """A case with what people wrote."""
    return Call("GET", f"/v1/cases/{in_path(case_id)}", WholeCaseAnswer)


def close(case_id: str, said: Mapping[str, Any]) -> Call[WholeCaseAnswer]:
    """Close a case."""
    return Call("POST", f"/v1/cases/{in_path(case_id)}/close", WholeCaseAnswer, _json(said))


def entity(name: str) -> Call[EntityAnswer]:
    """What is on an entity's record."""
    return Call("GET", f"/v1/entities/{in_path(name)}", EntityAnswer)


def mark(name: str, said: Mapping[str, Any]) -> Call[Mark]:
    """Put a mark on an entity."""
    return Call("POST", f"/v1/entities/{in_path(name)}/marks", Mark, _json(said))


def unmark(name: str, mark_name: str) -> Call[None]:
    """Take a mark off an entity."""
    return Call("DELETE", f"/v1/entities/{in_path(name)}/marks/{in_path(mark_name)}", None)


def erase(name: str, why: str) -> Call[ErasedAnswer]:
    """Erase all content and identifiers of an entity."""
    return Call("POST", f"/v1/entities/{in_path(name)}/erase", ErasedAnswer, _json({"why": why}))


def get(path: str) -> Call[Any]:
    """What any other path answers."""
    return Call("GET", path, Any)


def post(path: str, said: Mapping[str, Any]) -> Call[Any]:
    """What any other path answers to a body; keys alone have no id of the client's, and would be made twice."""
    return Call("POST", path, Any, _json(said), once=path.startswith("/v1/keys"))


def in_path(name: str) -> str:
    """A name as one part of a path."""
    return "%2E" * len(name) if name in (".", "..") else quote(name, safe="")


def _event(said: Said) -> bytes:
    if not isinstance(said, Event):
        return _json(said)
    told = {name: value for name, value in msgspec.structs.asdict(said).items() if name not in _GIVEN_BY_THE_GATE}
    told |= {name: str(told[name]) for name in ("actor", "target") if told[name] is not None}
    return _json({name: value for name, value in told.items() if value not in (None, ())})


def _json(said: Mapping[str, Any]) -> bytes:
    # What JSON has no word for, such as NaN and halves of characters, is sent as Python writes it: the server then says
    # what is wrong, and with which event of a list. msgspec would send null for the one, and nothing for the other.
    plain = msgspec.to_builtins(said)
    try:
        return json.dumps(plain, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(plain).encode()
