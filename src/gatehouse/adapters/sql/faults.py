"""What an event and its decision must keep so that they come back from any database as they were."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from math import isfinite
from typing import Any

import msgspec

from gatehouse.errors import Fault, UserError
from gatehouse.ports.ledger import Judged
from gatehouse.records.case import Case
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import Event, media_of
from gatehouse.records.signal import State

_WORDS = tuple(state.word for state in State)

_INT64 = range(-(2**63), 2**63)
_LEAST, _MOST = _INT64[0], _INT64[-1]

_SCALARS = frozenset((type(None), bool, int, float, str))

_json = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode

# In msgpack: a double that is infinite or no number, or a whole number beyond 63 bits. Other bytes may look so too.
_odd_number = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]|\xcf[\x80-\xff]").search

_CLEAN = "send it again without that character"


def faults(judged: Judged) -> list[Fault]:
    """Everything that stops this event from being recorded, each with the event's id and the place in it."""
    where = f"event {judged.event.id!r}"
    found = (
        *_strangers(judged),
        *_numbers(judged),
        *_attributes(judged.event),
        *_media(judged.event),
        *_references(judged.event),
        *unkept(judged),
    )
    return [Fault(what, where, fix) for what, fix in found]


def surely_kept(judged: Judged) -> bool:
    """Whether there are surely no faults in an event and its decision; a false alarm costs only time.

    Features, signals and the policies' outcomes are not looked at.
    """
    event, decision = judged.event, judged.decision
    if decision.event_id != event.id or decision.revision != event.revision:
        return False
    occurred, amount = event.occurred or 0, event.amount or 0
    if not (
        _LEAST <= event.seen <= _MOST
        and _LEAST <= decision.decided <= _MOST
        and _LEAST <= event.revision <= _MOST
        and _LEAST <= occurred <= _MOST
        and 0 <= amount <= _MOST
    ):
        return False
    if event.attributes and not _attributes_kept(event.attributes):
        return False
    if event.media and any(_media(event)):
        return False
    for entity in (event.actor, event.target):
        if entity is not None and (not entity.kind or not entity.id or ":" in entity.kind):
            return False
    for deed in judged.enforcements:
        if deed.event_id != event.id or deed.decision_id != decision.id or not _LEAST <= (deed.until or 0) <= _MOST:
            return False
    for case in judged.cases:
        if case.event_id != event.id or case.decision_id != decision.id:
            return False
    said = (event, decision.id, decision.supersedes, judged.enforcements, judged.cases)
    more = (decision.outcome, decision.enforce, decision.mode, decision.releases)
    return b"\\u0000" not in _json((said, more))


def scalars_kept(values: Collection[Any], packed: bytes) -> bool:
    """Whether values are surely scalars that come back, apart from characters; `packed` are the same as msgpack."""
    if not _SCALARS.issuperset(map(type, values)):
        return False
    return not _odd_number(packed) or not any(value is not None and _no_scalar(value) for value in values)


def _attributes_kept(said: Mapping[str, Any]) -> bool:
    values = list(said.values())
    return None not in values and scalars_kept(values, _pack(values))


def _strangers(judged: Judged) -> Iterator[tuple[str, str]]:
    """Records that speak of another event or decision than they came with."""
    event, decision = judged.event, judged.decision
    fix = "record each decision with its own event, signals, enforcements and cases"
    if (decision.event_id, decision.revision) != (event.id, event.revision):
        yield f"its decision {decision.id!r} is for event {decision.event_id!r}, revision {decision.revision}", fix
    for signal in judged.signals:
        if signal.event_id != event.id:
            yield f"its signal of {signal.detector} is about event {signal.event_id!r}", fix
    attached: tuple[Enforcement | Case, ...] = (*judged.enforcements, *judged.cases)
    for one in attached:
        if (one.event_id, one.decision_id) != (event.id, decision.id):
            yield f"{one.id!r} is of event {one.event_id!r} and decision {one.decision_id!r}", fix


def _numbers(judged: Judged) -> Iterator[tuple[str, str]]:
    """Numbers that would come back as others, or as nothing."""
    event = judged.event
    for name, number in (
        ("revision", event.revision),
        ("occurred", event.occurred),
        ("seen", event.seen),
        ("decided", judged.decision.decided),
    ):
        if number is not None and number not in _INT64:
            yield f"its {name} {number} does not fit 64 bits", "write times in microseconds since 1970, UTC"
    for deed in judged.enforcements:
        if deed.until is not None and deed.until not in _INT64:
            yield f"the end {deed.until} of its {deed.kind} does not fit 64 bits", "say how long in fewer days"
    if event.amount is not None and not 0 <= event.amount < _INT64.stop:
        yield f"its amount {event.amount} is negative or does not fit 64 bits", "count in whole smallest units (cents)"
    for name, value in judged.features.items():
        if value is not None and (said := _no_scalar(value)):
            yield f"feature {name} {said}", "a feature is a finite number of 64 bits, a text, a truth value or null"
    for signal in judged.signals:
        if signal.state not in _WORDS:
            yield f"the state {signal.state!r} of {signal.detector} is none", f"write one of {', '.join(_WORDS)}"
        if signal.score is not None and not isfinite(signal.score):
            yield f"the score of {signal.detector} for {signal.label} is {signal.score}", "such a signal has failed"


def _no_scalar(value: Any) -> str | None:
    """Why a value would not come back from JSON as it was, or None where it would."""
    kind = type(value)
    if kind is float:
        return None if isfinite(value) else f"is {value}"
    if kind is int:
        return None if value in _INT64 else "does not fit 64 bits"
    return None if kind is str or kind is bool else f"is a {kind.__name__}"


def _attributes(event: Event) -> Iterator[tuple[str, str]]:
    for name, value in (event.attributes or {}).items():
        if said := _no_scalar(value):
            yield f"its attribute {name} {said}", "leave out what is not known; write numbers, texts and truth values"


def _media(event: Event) -> Iterator[tuple[str, str]]:
    if not event.media:
        return
    try:
        if media_of(event.media) != event.media:
            yield "its media are not in small letters, in order and each once", "write them by records.event.media_of"
    except UserError as error:
        yield from ((fault.what, fault.fix) for fault in error.faults)


def _references(event: Event) -> Iterator[tuple[str, str]]:
    for name, entity in (("actor", event.actor), ("target", event.target)):
        if entity is not None and (not entity.kind or not entity.id or ":" in entity.kind):
            yield f"its {name} {str(entity)!r} does not read back", "give it a kind without a colon, and an id"


def unkept(record: object) -> Iterator[tuple[str, str]]:
    """Texts in a record with characters that not every database keeps: NUL and halves of surrogate pairs."""
    try:
        # One pass in C over everything clears nearly all records; an escaped NUL may be a backslash in the text.
        if b"\\u0000" not in msgspec.json.encode(record, enc_hook=_open):
            return
    except (UnicodeEncodeError, TypeError):
        pass
    for path, value in _strings("", record):
        place = path.removeprefix("event.")
        if "\0" in value:
            yield f"its {place} holds a NUL character", _CLEAN
        try:
            value.encode()
        except UnicodeEncodeError as error:
            yield f"its {place} holds half a character, U+{ord(value[error.start]):04X}", _CLEAN


def _open(value: Any) -> object:
    return dict(value) if isinstance(value, Mapping) else list(value)


def _strings(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text within a record, with the path that leads to it."""
    inner: Iterable[tuple[str, Any]] = ()
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, msgspec.Struct):
        inner = msgspec.structs.asdict(value).items()
    elif isinstance(value, Mapping):
        yield from ((f"{path} (a name in it)", name) for name in value)
        inner = value.items()
    elif isinstance(value, Sequence):
        inner = ((str(place), one) for place, one in enumerate(value, 1))
    elif is_dataclass(value):
        inner = vars(value).items()
    for name, one in inner:
        yield from _strings(f"{path}.{name}".removeprefix("."), one)
