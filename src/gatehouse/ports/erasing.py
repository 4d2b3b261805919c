"""What an erasure asks of each place beside the ledger where something of an actor may stand."""

import functools
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gatehouse.errors import OutsideError
from gatehouse.records.bank import BankKind
from gatehouse.records.event import Entity, Event

NOBODY = "erased"
"""What stands where somebody stood who was erased, in files that keep their lines."""

_QUOTED = 24
"""So many characters of a text that stand elsewhere are a quotation of it."""

_TELLING = 6
"""So many characters an id must have to be looked for in what is no event."""


class ErasedError(OutsideError):
    """Something cannot be opened any more, because content in it was erased."""


@dataclass(frozen=True)
class Whom:
    """Who is erased: the entity, the ids of its events wherever they stand, and those events that the ledger holds."""

    entity: Entity
    ids: frozenset[str]
    events: tuple[Event, ...] = ()

    @functools.cached_property
    def texts(self) -> frozenset[str]:
        """What its events on record say."""
        return frozenset(event.text for event in self.events if event.text)

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """How files name it: `kind:id`, and an account also by its id alone; empty where only one event is meant."""
        if self.entity.kind == "event":
            return frozenset()
        return frozenset({str(self.entity), *([self.entity.id] if self.entity.kind == "account" else [])})

    def is_named(self, said: object) -> bool:
        """Whether a value of a column is its name."""
        return said in self.names

    def stands_in(self, said: str) -> bool:
        """Whether a message names it or quotes one of its events, be it an event's JSON or something unreadable.

        Outside the fields of an event a short id says nothing: it may be any number.
        """
        try:
            event = json.loads(said)
        except (ValueError, RecursionError):
            return self._is_told(said)
        if not isinstance(event, dict):
            return self._is_told(said)
        named = any(isinstance(event.get(name), str) and event[name] in self.names for name in ("actor", "target"))
        told = [value for value in event.values() if isinstance(value, str)]
        return named or event.get("id") in self.ids or any(map(self._is_told, [said, *told]))

    def _is_told(self, said: str) -> bool:
        return bool(self._words.search(said)) or any(quoted in said for quoted in self._quotations)

    @functools.cached_property
    def _words(self) -> re.Pattern[str]:
        telling = {word for word in (self.entity.id, *self.ids) if len(word) >= _TELLING}
        words = sorted({str(self.entity), *telling}, key=len, reverse=True)
        return re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words))

    @functools.cached_property
    def _quotations(self) -> frozenset[str]:
        return frozenset(text[:_QUOTED] for text in self.texts if len(text) >= _QUOTED)


@dataclass(frozen=True)
class Reached:
    """One place that an erasure looked into: how many rows of it were taken out, or would be, and what else to say."""

    store: str
    where: str
    rows: int
    said: str = ""


class Forgets(Protocol):
    """A store from which somebody can be taken out; doing it again finds what a crash left, and else does nothing."""

    def ids(self, entity: Entity) -> Collection[str]:
        """Ids of this entity's events that are known here, whether the ledger knows them or not."""
        ...

    def forget(self, whom: Whom, *, at: int, dry: bool) -> Iterable[Reached]:
        """Take somebody out, or only count where `dry`; gives each place that was looked into."""
        ...


class BankContents(Protocol):
    """What was recorded of banks' entries, which can be taken out of the record."""

    def packs(self) -> Sequence[str]:
        """Packs of which changes of entries are on record."""
        ...

    def erase(self, pack: str, contents: Mapping[tuple[BankKind, str], str]) -> int:
        """Put these contents in the place of all that was recorded of these entries; gives back how many changes."""
        ...


class ErasableFiles(Protocol):
    """Files of versions that can be taken away for ever."""

    def erase(self, digest: str, at: int) -> bool:
        """Take a file away and remember when; False where there is none."""
        ...


class Rejects(Protocol):
    """Files in which runs of `score` quote what they could not judge."""

    def older(self, before: int) -> Sequence[str]:
        """Those of runs before a moment (microseconds UTC)."""
        ...

    def text(self, path: str) -> str:
        """All that one of them says."""
        ...

    def remove(self, path: str) -> None:
        """Remove one of them."""
        ...
