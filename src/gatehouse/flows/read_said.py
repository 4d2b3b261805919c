"""Read what a request says: a flat JSON object of texts, or all that is wrong with it at once.

Faults name keys, never values: what people wrote is content.
"""

import datetime
import json
from collections.abc import Collection, Iterable
from typing import Any

from gatehouse.datasets.times import DAY, EARLIEST, LATEST
from gatehouse.errors import Fault, Faults, UserError, did_you_mean, suggestion
from gatehouse.flows.read_event import LARGEST, LONGEST
from gatehouse.records.event import Entity

LONGEST_TEXT = 20_000
"""Characters that a comment, a statement or a reason may have."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_OBJECT = "send one JSON object in UTF-8"
_SHOWN = 40


class Said:
    """The keys of a JSON object, each read by itself; `finish` raises one UserError with every fault.

    A reading function that finds a fault notes it and gives back an empty value, so that reading goes on. Null is as if
    the key were not there. Raises UserError at once for what is no JSON object.
    """

    def __init__(self, data: bytes, known: Collection[str]) -> None:
        self._faults = Faults()
        self._said = read_object(data)
        for key in self._said:
            if key not in known:
                near = did_you_mean(key[:_SHOWN], known)
                self.fault(_plain(key), "is unknown", f"{near}known: {', '.join(known)}")

    def fault(self, key: str, what: str, fix: str = "") -> None:
        """Note one fault."""
        self._faults.add(what, key, fix)

    def finish(self) -> None:
        """Raise UserError with every fault found, if there is one."""
        self._faults.raise_found()

    def has(self, key: str) -> bool:
        """Whether anything is said of a key; null and a blank text are nothing."""
        value = self._said.get(key)
        return bool(value.strip()) if isinstance(value, str) else value is not None

    def text(self, key: str, *, wanted: bool = False, most: int = LONGEST_TEXT) -> str | None:
        """A text; a blank one is none."""
        value = self._said.get(key)
        if value is not None and not isinstance(value, str):
            self.fault(key, "is no text", "write it in quotes")
            return None
        if value is None or not value.strip():
            if wanted:
                self.fault(key, "is missing" if value is None else "is blank", f'add "{key}": "..."')
            return None
        if wrong := _unkept(value):
            self.fault(key, wrong, "send it without that character")
            return None
        if len(value) > most:
            self.fault(key, f"has {len(value):,} characters, more than {most:,}", "send less")
            return None
        return value

    def name(self, key: str, *, wanted: bool = False) -> str | None:
        """An id or another name."""
        return self.text(key, wanted=wanted, most=LONGEST)

    def entity(self, key: str, *, wanted: bool = False) -> str | None:
        """An entity as `kind:id`."""
        name = self.name(key, wanted=wanted)
        if name is None:
            return None
        try:
            return str(Entity.parse(name))
        except UserError:
            self.fault(key, "names no entity", "write it as kind:id, for example account:42")
            return None

    def choice(self, key: str, known: Iterable[str], *, wanted: bool = False) -> str | None:
        """One of some words."""
        names = tuple(known)
        word = self.name(key, wanted=wanted)
        if word is None or word in names:
            return word
        self.fault(key, "is none of those known", suggestion(word[:_SHOWN], names))
        return None

    def time(self, key: str, now: int, *, ahead: int | None = DAY) -> int | None:
        """A time in microseconds UTC, written in ISO 8601 with a zone or as that number; at most `ahead` after now."""
        value = self._said.get(key)
        if value is None:
            return None
        at = _moment(value)
        if at is None:
            self.fault(key, "is no time", "write 2026-01-31T12:00:00Z, or whole microseconds since 1970")
        elif ahead is not None and at > now + ahead:
            self.fault(key, "is in the future, more than a day after now", "look at the sender's clock and its unit")
        else:
            return at
        return None


def read_object(data: bytes) -> dict[str, Any]:
    """The JSON object of a body; of a key that comes twice the last counts. Raises UserError for what is none."""
    if len(data) > LARGEST:
        raise UserError(f"{len(data):,} bytes, more than {LARGEST:,}", fix="send less")
    try:
        said = json.loads(data.decode())
    except UnicodeDecodeError as error:
        raise UserError(f"byte {error.start + 1} is not UTF-8", fix=_OBJECT) from None
    except json.JSONDecodeError as error:
        raise UserError(f"not JSON, at line {error.lineno}, column {error.colno}", fix=_OBJECT) from None
    except (RecursionError, ValueError):
        raise UserError("nested too deep, or a number with thousands of digits", fix=_OBJECT) from None
    if not isinstance(said, dict):
        raise UserError([Fault("not an object", fix=_OBJECT)])
    return said


def _plain(key: str) -> str:
    shown = key if key.isprintable() else key.encode("unicode_escape", "backslashreplace").decode()
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _unkept(text: str) -> str | None:
    """What in a text not every database keeps."""
    if "\0" in text:
        return "holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half a character"
    return None


def _moment(value: Any) -> int | None:
    if isinstance(value, str):
        try:
            moment = datetime.datetime.fromisoformat(value.strip())
            value = (moment - _EPOCH) // _MICROSECOND if moment.tzinfo is not None else None
        except (ValueError, OverflowError):
            return None
    if type(value) is not int or not max(0, EARLIEST) <= value <= LATEST:
        return None
    return value
