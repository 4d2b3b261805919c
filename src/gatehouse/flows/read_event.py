"""Read one event from JSON, as the bus and requests bring it: an event, or all that is wrong with it at once.

Reasons name keys and places, never values: they are listed and logged where content is not.
"""

import datetime
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from gatehouse.datasets.times import DAY, EARLIEST, LATEST
from gatehouse.errors import Fault, UserError, did_you_mean
from gatehouse.features.profile import ProfileColumn, wrong
from gatehouse.records.event import DIGITS, EVENT_SCHEMA, Entity, Event, media_of

LARGEST = 1 << 20
"""Bytes that one event may have."""

LONGEST = 500
"""Characters that an id or another name may have; databases do not index much longer ones."""

GIVEN_BY_THE_GATE = ("seen", "imported")
KEYS = tuple(name for name in EVENT_SCHEMA.names if name not in GIVEN_BY_THE_GATE)
"""What an event may say."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_INT64 = range(-(1 << 63), 1 << 63)
_MOST_REVISION = 999_999_999
_MOST_AMOUNT = 10**18 - 1
_SHOWN_KEY = 40


class UnreadableError(UserError):
    """What was sent is no event; `event_id` is the id that it gave, where it gave one that can be kept."""

    def __init__(self, faults: Sequence[Fault], event_id: str | None = None) -> None:
        self.event_id = event_id
        super().__init__(faults)


def read_event(data: bytes, now: int, profile: Sequence[ProfileColumn] = ()) -> Event:
    """The event that a JSON object says; the gate has not seen it yet.

    Keys are those of KEYS: `actor` and `target` are `kind:id`, `occurred` is ISO 8601 with a zone or microseconds since
    1970, `attributes` an object of texts, numbers and truth values (of the types that `profile` declares), `media` a
    list of hashes. Raises UnreadableError with every fault.
    """
    if len(data) > LARGEST:
        what = f"the event has {len(data):,} bytes, more than {LARGEST:,}"
        raise UnreadableError([Fault(what, fix="send texts, and media by their hashes")])
    return _read_plain(data, now, profile) or read_any(data, now, profile)


_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]
_Scalar = str | int | float | bool | None


class _Said(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An event as nearly all come."""

    id: _Name
    kind: _Name | None = None
    text: str | None = None
    language: _Name | None = None
    occurred: int | str | None = None
    actor: _Name | None = None
    target: _Name | None = None
    parent: _Name | None = None
    thread: _Name | None = None
    revision: Annotated[int, msgspec.Meta(ge=0, le=_MOST_REVISION)] | None = None
    address: _Name | None = None
    device: _Name | None = None
    amount: Annotated[int, msgspec.Meta(ge=0, le=_MOST_AMOUNT)] | None = None
    attributes: dict[_Name, _Scalar] | None = None
    media: tuple[str, ...] | None = None


_decode = msgspec.json.Decoder(_Said).decode


def _read_plain(data: bytes, now: int, profile: Sequence[ProfileColumn]) -> Event | None:
    """What `read_any` reads, ten times faster; None where anything is out of the ordinary."""
    if b"\\u0000" in data:
        return None
    try:
        said = _decode(data)
        actor = None if said.actor is None else Entity.parse(said.actor)
        target = None if said.target is None else Entity.parse(said.target)
        media = media_of(said.media) if said.media else ()
        occurred = None if said.occurred is None else _microseconds(said.occurred)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, UserError, _Wrong):
        return None
    if not said.id.strip() or (occurred is not None and not 0 <= occurred <= now + DAY):
        return None
    attributes = said.attributes or None
    if attributes is not None:
        if not all(map(_kept, attributes.values())):
            return None
        if profile and wrong(msgspec.json.encode(attributes).decode(), profile):
            return None
        attributes = {name: value for name, value in attributes.items() if value is not None} or None
    return Event(
        id=said.id,
        kind=said.kind or "post",
        text=said.text,
        language=said.language,
        occurred=occurred,
        actor=actor,
        target=target,
        parent=said.parent,
        thread=said.thread,
        revision=said.revision or 0,
        address=said.address,
        device=said.device,
        amount=said.amount,
        attributes=attributes,  # type: ignore[arg-type]  # those without a value are gone
        media=media,
    )


def _kept(value: _Scalar) -> bool:
    return type(value) is not int or value in _INT64


def read_any(data: bytes, now: int, profile: Sequence[ProfileColumn] = ()) -> Event:
    """`read_event` at leisure: looks at each key by itself and gathers all faults."""
    said = _object(data)
    reader = _Reader(now, profile)
    values = {key: reader.read(key, value) for key, value in said.items() if value is not None}
    if said.get("id") is None:
        reader.fault("id", "is missing", "give each event an id of its own, by which it is known when it comes again")
    if reader.faults:
        id_ = values.get("id")
        raise UnreadableError(reader.faults, id_ if isinstance(id_, str) else None)
    return Event(**{key: value for key, value in values.items() if value is not None})


def _object(data: bytes) -> Mapping[str, Any]:
    """The JSON object; unlike the fast reader, this one takes what JSON has no word for, so that it can be named."""
    fix = "send one JSON object in UTF-8"
    try:
        said = json.loads(data.decode())
    except UnicodeDecodeError as error:
        raise UnreadableError([Fault(f"byte {error.start + 1} is not UTF-8", fix=fix)]) from None
    except RecursionError:
        raise UnreadableError([Fault("lists or objects are nested too deep", fix=fix)]) from None
    except json.JSONDecodeError as error:
        what = f"not JSON: {error.msg[:60].lower()} at line {error.lineno}, column {error.colno}"
        raise UnreadableError([Fault(what, fix=fix)]) from None
    except ValueError:
        raise UnreadableError([Fault("a number has thousands of digits", fix=fix)]) from None
    if not isinstance(said, dict):
        raise UnreadableError([Fault(f"a {_in_words(said)}, not an object", fix=fix)])
    return said


class _Wrong(Exception):  # noqa: N818 - carries one fault to where it is noted
    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


class _Reader:
    """Reads the keys of one event and notes what is wrong with each."""

    def __init__(self, now: int, profile: Sequence[ProfileColumn]) -> None:
        self.faults: list[Fault] = []
        self._now = now
        self._profile = profile
        self._readers: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("kind", "language", "parent", "thread", "address", "device"), _name),
            "id": _id,
            "text": _text,
            "actor": _entity,
            "target": _entity,
            "occurred": self._time,
            "revision": lambda value: _whole(value, _MOST_REVISION, "1 for the first edit, 2 for the next"),
            "amount": lambda value: _whole(value, _MOST_AMOUNT, "count smallest units: 1250 for 12.50"),
            "attributes": self._attributes,
            "media": _media,
        }

    def fault(self, where: str, what: str, fix: str = "") -> None:
        """Note one fault."""
        self.faults.append(Fault(what, where, fix))

    def read(self, key: str, value: Any) -> Any:
        """The value of a key as an event has it; None where there is none or a fault."""
        if key not in self._readers:
            self._unknown(key)
            return None
        try:
            return self._readers[key](value)
        except _Wrong as found:
            self.fault(key, found.what, found.fix)
            return None

    def _unknown(self, key: str) -> None:
        shown = _shown(key)
        if key in GIVEN_BY_THE_GATE:
            self.fault(shown, "is for the gate to say", "leave it out")
        elif key in {column.name for column in self._profile}:
            self.fault(shown, "is a declared attribute", f'write it as "attributes": {{"{shown}": …}}')
        else:
            near = did_you_mean(key[:_SHOWN_KEY], KEYS)
            self.fault(shown, "is unknown", f"{near}an event has {', '.join(KEYS)}")

    def _time(self, value: Any) -> int:
        time = _microseconds(value)
        if time < 0:
            raise _Wrong("is before 1970", "look at the sender's clock and its unit: microseconds")
        if time > self._now + DAY:
            raise _Wrong("is in the future, more than a day after now", "look at the sender's clock and its unit")
        return time

    def _attributes(self, value: Any) -> Mapping[str, Any] | None:
        if not isinstance(value, dict):
            raise _Wrong(f"is a {_in_words(value)}, not an object")
        kept = {}
        for name, one in value.items():
            try:
                _name(name)
                if one is not None:
                    kept[name] = _scalar(one)
                    if reason := wrong(msgspec.json.encode({name: one}).decode(), self._profile):
                        self.fault(f"attributes.{_shown(name)}", reason)
            except _Wrong as found:
                self.fault(f"attributes.{_shown(name)}", found.what, found.fix)
        return kept or None


def _shown(key: str) -> str:
    """A key as a line of text may show it."""
    plain = key.encode("unicode_escape").decode() if not key.isprintable() else key
    return plain if len(plain) <= _SHOWN_KEY else f"{plain[:_SHOWN_KEY]}…"


def _in_words(value: Any) -> str:
    kinds = {bool: "truth value", int: "number", float: "number", str: "text", list: "list", dict: "object"}
    return kinds.get(type(value), "null")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong(f"is a {_in_words(value)}, not a text")
    if "\0" in value:
        raise _Wrong("holds a NUL character", "send it without that character")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(value[error.start]):04X}"
        raise _Wrong(f"holds half a character, {half}", "send it without that character") from None
    return value


def _name(value: Any) -> str | None:
    name = _text(value)
    if len(name) > LONGEST:
        raise _Wrong(f"has {len(name):,} characters, more than {LONGEST}", "send a hash of it instead")
    return name or None


def _id(value: Any) -> str:
    name = _name(value)
    if name is None or not name.strip():
        raise _Wrong("is blank")
    return name


def _entity(value: Any) -> Entity | None:
    name = _name(value)
    if name is None:
        return None
    try:
        return Entity.parse(name)
    except UserError:
        raise _Wrong("names no entity", "write it as kind:id, for example account:42") from None


def _microseconds(value: Any) -> int:
    if isinstance(value, str):
        try:
            moment = datetime.datetime.fromisoformat(_text(value).strip())
        except ValueError:
            raise _Wrong("is no time in ISO 8601", "write 2026-01-31T12:00:00Z") from None
        if moment.tzinfo is None:
            raise _Wrong("has no zone", "write 2026-01-31T12:00:00Z")
        return (moment - _EPOCH) // _MICROSECOND
    if type(value) is not int:
        raise _Wrong(f"is a {_in_words(value)}, no time", "write 2026-01-31T12:00:00Z, or whole microseconds")
    if not EARLIEST <= value <= LATEST:
        raise _Wrong("is no number of microseconds since 1970")
    return value


def _whole(value: Any, most: int, fix: str) -> int:
    if type(value) is not int:
        raise _Wrong(f"is a {_in_words(value)}, not a whole number", fix)
    if not 0 <= value <= most:
        raise _Wrong("is negative" if value < 0 else f"is over {most:,}", fix)
    return value


def _scalar(value: Any) -> str | int | float | bool:
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, int | float):
        raise _Wrong("is neither a text nor a number nor a truth value")
    if isinstance(value, float) and not math.isfinite(value):
        raise _Wrong("is no finite number", "leave out what is not known")
    if isinstance(value, int) and value not in _INT64:
        raise _Wrong("does not fit 64 bits", "send it as a text")
    return value


def _media(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _Wrong(f"is a {_in_words(value)}, not a list of hashes")
    for place, one in enumerate(value, 1):
        try:
            media_of([_text(one)])
        except (UserError, _Wrong):
            kinds = ", ".join(f"{kind}:{digits} digits" for kind, digits in DIGITS.items())
            raise _Wrong(f"holds no hash at place {place}", f"write KIND:HASH in hexadecimal: {kinds}") from None
    return media_of(value)
