"""`/v1/decisions`: events come in, decisions go out; the hot route."""

import asyncio
import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gatehouse.enforcement.plan import planned
from gatehouse.entry.api.access import too_many
from gatehouse.entry.api.errors import AnswerError, faults_of, missing, status_of
from gatehouse.entry.api.limits import LARGEST_BODY, LARGEST_LIST, MOST_EVENTS, read_json, too_large
from gatehouse.entry.api.parts import Parts
from gatehouse.errors import OutsideError
from gatehouse.flows.live import Unrecorded
from gatehouse.flows.read_event import UnreadableError, read_event
from gatehouse.records.access import Caller
from gatehouse.records.api import DecisionAnswer, ListEntry, PlannedAnswer
from gatehouse.records.decision import Decision
from gatehouse.records.enforcement import Enforcement, Kind
from gatehouse.records.event import Event

_READ_IN_THE_LOOP = 64 * 1024
"""Bytes of a list from which reading it would keep other requests waiting."""

LONGEST_TRACE = 128
"""Signs of a `traceparent` that is kept; of the version that there is it has 55."""

_BLANKS = b" \t\r\n"
_MARKS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|"|[\[{]++|[\]}]++|,', re.DOTALL)
"""Texts, brackets that open or close one after another, and commas."""

_MOST_MARKS = 1_000_000
"""Those that are looked at; more would keep a core busy for seconds."""

_list_of = msgspec.json.Decoder(list[msgspec.Raw]).decode

Read = Event | UnreadableError


@post("/v1/decisions", opt={"scope": "ingest"}, status_code=200, request_max_body_size=LARGEST_LIST)
async def decide(parts: NamedDependency[Parts], request: Request[Caller, Any, Any]) -> DecisionAnswer | list[ListEntry]:
    """Decide on an event, or on each of a list of events, and answer when the decision is on record.

    An event that was sent before with the same content keeps its decision. Of a list, each event is answered by itself.
    """
    came = parts.clock()
    with parts.room.hold() as held:
        body = (await read_json(request, held, LARGEST_LIST)).lstrip(_BLANKS)
        trace = trace_of(request)
        if body[:1] == b"[":
            return await _each(parts, request.user, body, came, trace)
        if len(body) > LARGEST_BODY:
            raise too_large(LARGEST_BODY)
        event = read_event(body, came, parts.judge().features.profile)
        (answer,) = await parts.decide([event], trace)
    if isinstance(answer, Unrecorded):
        raise answer.error
    (deeds,) = await _deeds(parts, [(event, answer)], came)
    return _said(answer, deeds, known=answer.decided < came)


def trace_of(request: Request[Any, Any, Any]) -> str | None:
    """The span that a request belongs to; whether it is one is seen when a batch is made into spans."""
    said = request.headers.get("traceparent")
    return said if said is None or len(said) <= LONGEST_TRACE else None


async def _each(parts: Parts, caller: Caller, body: bytes, came: int, trace: str | None) -> list[ListEntry]:
    """Answer a list: 200 with an entry for each event in order; or why none could be decided on."""
    if len(body) > _READ_IN_THE_LOOP:
        read = await asyncio.to_thread(_read_list, parts, body, came)
    else:
        read = _read_list(parts, body, came)
    # The door has counted the request as one.
    if len(read) > 1 and (wait := parts.access.allow(caller, len(read) - 1)) is not None:
        raise too_many(caller, wait)
    events = [one for one in read if isinstance(one, Event)]
    answers = await parts.decide(events, trace) if events else []
    for answer in answers:
        if isinstance(answer, Unrecorded) and isinstance(answer.error, OutsideError):
            # Then nothing of the list is on record that was not so before: it is sent again as a whole.
            raise answer.error
    decided = zip(events, answers, strict=True)
    deeds = iter(await _deeds(parts, [(event, one) for event, one in decided if isinstance(one, Decision)], came))
    in_order = iter(answers)
    entries = []
    for one in read:
        outcome = one if isinstance(one, UnreadableError) else next(in_order)
        if isinstance(outcome, Decision):
            entries.append(ListEntry(status=200, decision=_said(outcome, next(deeds), known=outcome.decided < came)))
        else:
            error = outcome.error if isinstance(outcome, Unrecorded) else outcome
            entries.append(ListEntry(status=status_of(error), faults=tuple(faults_of(error))))
    return entries


def _read_list(parts: Parts, body: bytes, now: int) -> list[Read]:
    """The events of a list, each read from its own bytes; raises AnswerError where it is no list or too long."""
    try:
        raws = _split(body)
    except (ValueError, RecursionError):
        raise AnswerError(400, "not a list in JSON", fix="send [EVENT, EVENT, ...] in UTF-8") from None
    if len(raws) > MOST_EVENTS:
        what = f"{len(raws):,} events in a list, more than {MOST_EVENTS:,}"
        raise AnswerError(413, what, fix="send them in several lists")
    parts.admit(len(raws))
    profile = parts.judge().features.profile
    read: list[Read] = []
    for raw in raws:
        try:
            read.append(read_event(bytes(raw), now, profile))
        except UnreadableError as error:
            read.append(error)
    return read


def _split(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    """The elements of a JSON list as they were sent; raises ValueError where it is none."""
    try:
        return _list_of(body)
    except (msgspec.MsgspecError, RecursionError):
        # One element may be the cause, half a character in a text or lists in lists, which should cost that one alone.
        return _cut(body)


def _cut(body: bytes) -> list[bytes]:
    """The same by brackets and commas outside of texts alone, whatever stands between them."""
    parts: list[bytes] = []
    depth, begun = 0, 1
    for mark in islice(_MARKS.finditer(body), _MOST_MARKS):
        match mark[0][:1]:
            case b"[" | b"{":
                depth += len(mark[0])
            case b"]" | b"}":
                depth -= len(mark[0])
            case b'"' if len(mark[0]) == 1:
                break  # a text that does not end
        if depth == 0 or (depth == 1 and mark[0] == b","):
            end = mark.end() - 1
            parts.append(body[begun:end])
            begun = end + 1
        if depth <= 0:
            break
    if depth or body[begun - 1 : begun] != b"]" or body[begun:].strip(_BLANKS) or not all(map(bytes.strip, parts)):
        raise ValueError
    return parts


async def _deeds(parts: Parts, decided: Sequence[tuple[Event, Decision]], came: int) -> list[Sequence[Enforcement]]:
    """The enforcements of each decision; the states of those that stood before are looked up."""
    before = [one.id for _, one in decided if one.decided < came and one.enforce != Kind.NONE.word]
    known: dict[str, Sequence[Enforcement]] = {}
    if before:
        known = await asyncio.to_thread(lambda: {id_: parts.enforcing.outbox.find(decision_id=id_) for id_ in before})
    return [known[one.id] if one.id in known else planned(one, event) for event, one in decided]


def _said(decision: Decision, deeds: Sequence[Enforcement], *, known: bool) -> DecisionAnswer:
    return DecisionAnswer(
        event_id=decision.event_id,
        revision=decision.revision,
        decision_id=decision.id,
        outcome=decision.outcome,
        enforce=decision.enforce,
        policies=decision.policies,
        releases=decision.releases,
        planned=tuple(map(planned_answer, deeds)),
        decided=decision.decided,
        known=known,
    )


def planned_answer(one: Enforcement) -> PlannedAnswer:
    """An enforcement as it is told."""
    return PlannedAnswer(
        id=one.id, policy=one.policy, kind=one.kind, subject=one.on, state=one.state, until=one.until, undoes=one.undoes
    )


@get("/v1/decisions/{event_id:path}", opt={"scope": "ingest"}, sync_to_thread=True)
def decision(parts: NamedDependency[Parts], event_id: FromPath[str]) -> DecisionAnswer:
    """The decision that stands for an event, with what became of its enforcements; nothing of the event's content."""
    found = parts.house.ledger.find(event_id)
    if found is None or found.decision.mode != "live":
        raise no_event()
    return _said(found.decision, found.enforcements, known=True)


def no_event() -> AnswerError:
    """What is answered where no event has the id asked for."""
    return missing("no event of this id was decided on", fix="send it to /v1/decisions; ids are escaped in a path")


ROUTES: list[HTTPRouteHandler] = [decide, decision]
