"""Which events and decisions of a batch are new: the rules of supersession, whatever keeps the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import NamedTuple

from gatehouse.adapters.sql.seals import event_seal
from gatehouse.errors import Fault, UserError
from gatehouse.ports.ledger import ConflictError, EventKey, Judged
from gatehouse.records.decision import Decision
from gatehouse.records.event import ERASED, Event

ChainKey = tuple[str, int, str]
"""An event's id and revision, and a track: what has one standing decision."""


class Known(NamedTuple):
    """What is known of an event on record: the key that commits to it, None once destroyed, and its commitments."""

    key: bytes | None
    sealed: bytes
    amended: bytes | None = None
    erased: bool = False

    def same(self, event: Event) -> bool:
        """Whether an event says the same; what was erased cannot be compared, so it is taken for the same."""
        if self.key is None or (self.erased and event.kind == ERASED):
            return True
        found = event_seal(self.key, event.digest())
        return compare_digest(found, self.sealed) or found == self.amended


def track(decision: Decision) -> str:
    """Which of an event's chains a decision belongs to: the live one, or one for each set of policies in shadow."""
    if decision.mode == "live":
        return "live"
    tried = sorted(f"{outcome.policy}={outcome.policy_version}" for outcome in decision.policies)
    return f"shadow:{','.join(tried)}"


def chain_key(decision: Decision) -> ChainKey:
    """The chain that a decision belongs to."""
    return decision.event_id, decision.revision, track(decision)


def standing(
    events: Sequence[Event], known: Mapping[EventKey, Known], chains: Mapping[ChainKey, list[str]], *, where: str
) -> list[str | None]:
    """The id of the live decision that stands for each event, in order; None for one that has none.

    Raises ConflictError, naming all of them, for events with other content than the known or than one before them.
    """
    found = _Compared(known)
    conflicts = dict.fromkeys(event.id for event in events if not found.same(event))
    if conflicts:
        raise ConflictError(list(conflicts), where=where)
    heads = [chains.get((event.id, event.revision, "live")) for event in events]
    return [chain[-1] if chain else None for chain in heads]


class _Compared:
    """What events say beside what is on record of them, and beside one another."""

    def __init__(self, known: Mapping[EventKey, Known]) -> None:
        self._known = known
        self.new: dict[EventKey, Event] = {}

    def same(self, event: Event) -> bool:
        """Whether it says what is known of it; one that is not known is remembered as new."""
        key = (event.id, event.revision)
        if (known := self._known.get(key)) is not None:
            return known.same(event)
        first = self.new.setdefault(key, event)
        return first is event or first.digest() == event.digest()


@dataclass
class Batch:
    """What a commit inserts, beside what is known: events, and chains as ids with the original first.

    `decided` holds the place of each new decision among those given, and its place in its chain. `belongs` is the chain
    of each of those given.
    """

    known: Mapping[EventKey, Known]
    chains: dict[ChainKey, list[str]]
    events: list[Event] = field(default_factory=list)
    decided: list[tuple[int, int]] = field(default_factory=list)
    belongs: list[list[str]] = field(default_factory=list)

    def add(self, judged: Sequence[Judged], *, where: str) -> None:
        """Take in what is new and leave out what came too late.

        Raises ConflictError for events with other content than the known, UserError for decisions that supersede
        one that their event does not have, and for new events of the kind that erasure leaves.
        """
        compared = _Compared(self.known)
        conflicts: dict[str, None] = {}
        strays = []
        for i, one in enumerate(judged):
            if not compared.same(one.event):
                conflicts[one.event.id] = None
            if not self._follow(i, one.decision):
                strays.append(_stray(one.decision))
        self.events = list(compared.new.values())
        if conflicts:
            raise ConflictError(list(conflicts), where=where)
        strays += [_reserved(event) for event in self.events if event.kind == ERASED]
        if strays:
            raise UserError(strays)

    def heads(self) -> list[str]:
        """The id of the decision that stands where each of those given belongs, in order."""
        return [chain[-1] for chain in self.belongs]

    def _follow(self, i: int, decision: Decision) -> bool:
        """Put a decision at the end of its chain if it supersedes what stands; false where it belongs to none."""
        chain = self.chains.setdefault(chain_key(decision), [])
        self.belongs.append(chain)
        if decision.supersedes == (chain[-1] if chain else None):
            self.decided.append((i, len(chain)))
            chain.append(decision.id)
        return decision.supersedes is None or decision.supersedes in chain


def _reserved(event: Event) -> Fault:
    return Fault(
        f"its kind {ERASED!r} is what erasure leaves of an event",
        f"event {event.id!r}",
        "send it with the kind that it had",
    )


def _stray(decision: Decision) -> Fault:
    return Fault(
        f"decision {decision.id!r} supersedes {decision.supersedes!r}, which is no decision of this event",
        f"event {decision.event_id!r}",
        "find the event and supersede the decision that stands for it",
    )
