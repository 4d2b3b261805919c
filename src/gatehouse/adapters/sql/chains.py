"""Which events and decisions of a batch are new: the rules of supersession, whatever keeps the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gatehouse.adapters.sql.faults import faults
from gatehouse.errors import Fault, UserError
from gatehouse.ports.ledger import ConflictError, Judged
from gatehouse.records.decision import Decision
from gatehouse.records.event import Event

EventKey = tuple[str, int]
"""An event's id and revision."""

ChainKey = tuple[str, int, str]
"""An event's id and revision, and a track: what has one standing decision."""


def track(decision: Decision) -> str:
    """Which of an event's chains a decision belongs to: the live one, or one for each set of policies in shadow."""
    if decision.mode == "live":
        return "live"
    tried = sorted(f"{outcome.policy}={outcome.policy_version}" for outcome in decision.policies)
    return f"shadow:{','.join(tried)}"


def chain_key(decision: Decision) -> ChainKey:
    """The chain that a decision belongs to."""
    return decision.event_id, decision.revision, track(decision)


def digests(judged: Sequence[Judged]) -> list[str]:
    """The content digest of each event; raises UserError, naming all of them, for events that cannot be recorded."""
    found = [fault for one in judged for fault in faults(one)]
    if found:
        raise UserError(found)
    return [one.event.digest() for one in judged]


def standing(
    events: Sequence[Event], known: Mapping[EventKey, str], chains: Mapping[ChainKey, list[str]], *, where: str
) -> list[str | None]:
    """The id of the live decision that stands for each event, in order; None for one that has none.

    Raises ConflictError, naming all of them, for events with other content than the known or than one before them.
    """
    said = dict(known)
    conflicts: dict[str, None] = {}
    for event in events:
        digest = event.digest()
        if said.setdefault((event.id, event.revision), digest) != digest:
            conflicts[event.id] = None
    if conflicts:
        raise ConflictError(list(conflicts), where=where)
    found = [chains.get((event.id, event.revision, "live")) for event in events]
    return [chain[-1] if chain else None for chain in found]


@dataclass
class Batch:
    """What a commit inserts, beside what is known: digests of events, and chains as ids with the original first.

    `decided` holds each new decision with its place in its chain.
    """

    known: dict[EventKey, str]
    chains: dict[ChainKey, list[str]]
    events: list[tuple[Event, str]] = field(default_factory=list)
    decided: list[tuple[Judged, int]] = field(default_factory=list)

    def add(self, judged: Sequence[Judged], digests: Sequence[str], *, where: str) -> None:
        """Take in what is new and leave out what came too late.

        Raises ConflictError for events with other content than the known, UserError for decisions that supersede
        one that their event does not have.
        """
        conflicts: dict[str, None] = {}
        strays = []
        for one, digest in zip(judged, digests, strict=True):
            key = (one.event.id, one.event.revision)
            if key not in self.known:
                self.known[key] = digest
                self.events.append((one.event, digest))
            elif self.known[key] != digest:
                conflicts[one.event.id] = None
            if not self._follow(one):
                strays.append(_stray(one.decision))
        if conflicts:
            raise ConflictError(list(conflicts), where=where)
        if strays:
            raise UserError(strays)

    def head(self, decision: Decision) -> str:
        """The id of the decision that stands where this one belongs."""
        return self.chains[chain_key(decision)][-1]

    def _follow(self, judged: Judged) -> bool:
        """Put a decision at the end of its chain if it supersedes what stands; false where it belongs to none."""
        decision = judged.decision
        chain = self.chains.setdefault(chain_key(decision), [])
        if decision.supersedes == (chain[-1] if chain else None):
            self.decided.append((judged, len(chain)))
            chain.append(decision.id)
        return decision.supersedes is None or decision.supersedes in chain


def _stray(decision: Decision) -> Fault:
    return Fault(
        f"decision {decision.id!r} supersedes {decision.supersedes!r}, which is no decision of this event",
        f"event {decision.event_id!r}",
        "find the event and supersede the decision that stands for it",
    )
