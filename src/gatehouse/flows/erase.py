"""Erasure: an actor is taken out of every store, and of the ledger last, so that one cut off can be done again."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gatehouse.errors import Fault, RefusedError, UserError
from gatehouse.ports.dead_letters import DeadLetter, DeadLetters
from gatehouse.ports.erasing import Forgets, Reached, Whom
from gatehouse.ports.ledger import Ledger
from gatehouse.records.erasure import Erased, Erasure, Hold
from gatehouse.records.event import ERASED, Entity

NOT_REACHED = (
    "files that commands wrote where they were told to: pages, exports, lists to label, the sources of score",
    "what receivers of webhooks and readers of the bus were told",
    "copies: backups of the ledger and the home folder, logs of proxies and of the platform, home folders elsewhere",
    "processes that run: they hold counts under hashes of it until they stop, and then save no snapshot",
    "packs' own files, and models learnt from its texts: gatehouse train learns them anew",
    "what people wrote as reasons, by hand",
)
"""Where an erasure cannot look; whoever erases has to."""

AT_ONCE = 500


@dataclass(frozen=True)
class Stores:
    """Where an erasure looks beside the ledger: `first` what needs the ledger's ids, `last` what is made from it."""

    first: Sequence[Forgets]
    last: Sequence[Forgets] = ()


@dataclass(frozen=True)
class Report:
    """What an erasure reached, or would reach where it only counted: `erased` is the ledger's record of it.

    `events` are those of the ledger, as (id, revision) counts them.
    """

    entity: str
    events: int
    reached: tuple[Reached, ...]
    erased: Erased | None
    not_reached: tuple[str, ...] = NOT_REACHED

    @property
    def rows(self) -> int:
        """All that was taken out beside the ledger."""
        return sum(one.rows for one in self.reached)

    def counts(self) -> dict[str, int]:
        """How many of what, by store; for those who must not see where things lie."""
        found = {"events": self.events}
        for one in self.reached:
            found[one.store] = found.get(one.store, 0) + one.rows
        if self.erased is not None:
            found["decisions"] = self.erased.decisions
            found |= {f"{name} that name it": n for name, n in self.erased.elsewhere.items()}
        return found


def erase(ledger: Ledger, stores: Stores, entity: Entity, *, by: str, why: str, at: int, dry: bool = False) -> Report:
    """Take an actor, or `event:ID` of an event without one, out of every store; `why` stays and must not name it.

    Raises RefusedError, with nothing touched, where a legal hold keeps it. Cut off, it is to be done again: what was
    done stays done, and the ledger, which knows the ids, comes last.
    """
    said = ledger.said_by(entity)
    own = {event.id for event in said}
    _refuse_owned(ledger, entity, own)
    elsewhere = {id_ for store in stores.first for id_ in store.ids(entity)}
    named = {entity, *(event.target for event in said), *(Entity("event", id_) for id_ in own | elsewhere)}
    _refuse_held(ledger, named, at)
    if Whom(entity, frozenset()).stands_in(why):
        raise UserError("the reason names who is erased, and it stays", where="why", fix="say it without the name")
    whom = Whom(entity, frozenset(own | elsewhere), tuple(one for one in said if one.kind != ERASED))
    reached = [one for store in stores.first for one in store.forget(whom, at=at, dry=dry)]
    erased = None if dry else ledger.erase(Erasure(entity=entity, at=at, by=by, why=why))
    reached += [one for store in stores.last for one in store.forget(whom, at=at, dry=dry)]
    return Report(str(entity), len(said) if erased is None else erased.events, tuple(reached), erased)


def kept_by(holds: Iterable[Hold], now: int) -> list[tuple[Hold, Whom]]:
    """The holds in force, each with whom it keeps."""
    return [
        (hold, Whom(hold.entity, frozenset({hold.entity.id} if hold.entity.kind == "event" else ())))
        for hold in holds
        if hold.holds(now)
    ]


def _refuse_owned(ledger: Ledger, entity: Entity, own: Collection[str]) -> None:
    """An event that has an actor is erased with it."""
    if entity.kind != "event" or own:
        return
    found = ledger.find(entity.id)
    if found is not None and (actor := found.event.actor) is not None:
        raise UserError(f"event '{entity.id}' is one of an actor", fix=f"gatehouse erase {actor} takes all of it")


def _refuse_held(ledger: Ledger, named: Collection[Entity | None], at: int) -> None:
    held = [hold for hold in ledger.holds() if hold.holds(at) and hold.entity in named]
    if held:
        raise RefusedError(
            Fault(
                f"hold '{hold.id}' of {hold.owner} keeps it until {_day(hold.until)}: {hold.why}",
                str(hold.entity),
                f"wait until it ends, or ask {hold.owner} to end it: gatehouse hold release {hold.id}",
            )
            for hold in held
        )


def _day(at: int) -> str:
    return str(np.datetime64(at, "us").astype("datetime64[D]"))


class Letters:
    """Dead letters, which may name somebody whose messages never became events."""

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters

    def ids(self, entity: Entity) -> frozenset[str]:
        """None: what could not be read has no id that is its own."""
        return frozenset()

    def forget(self, whom: Whom, *, at: int, dry: bool) -> Iterator[Reached]:
        """Letters that name it, as actor, as target or anywhere, go whole."""
        found = [one.id for one in every_letter(self._letters) if one.event_id in whom.ids or _names(one, whom)]
        if found and not dry:
            self._letters.erase(found)
        yield Reached("dead letters", "ledger", len(found))


def _names(letter: DeadLetter, whom: Whom) -> bool:
    return whom.stands_in(letter.value.decode(errors="replace"))


def every_letter(letters: DeadLetters) -> Iterator[DeadLetter]:
    """All letters of any state, some at a time."""
    after = ""
    while found := letters.list(state=None, limit=AT_ONCE, after=after):
        yield from found
        after = found[-1].id
