"""What the house asks of the place where planned enforcements wait for the one who performs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gatehouse.records.enforcement import BreakerChange, Enforcement, State, StateChange


@dataclass(frozen=True)
class Leased:
    """An enforcement that one performer alone may work on until `until` (microseconds UTC).

    `attempt` counts tries from 1; a hold is none. `fence` is another number for each lease of the enforcement.
    `approvals` are the people who said that it may be carried out.
    """

    enforcement: Enforcement
    attempt: int
    fence: int
    until: int
    approvals: tuple[str, ...] = ()


@dataclass(frozen=True)
class End:
    """What became of a leased enforcement; `again` is when one that stays planned is tried anew.

    `also` are enforcements that are planned in the same transaction, such as a limit in the place of a held one; beside
    a held one that is taken back already nothing is planned. One that is given back without having been `tried` keeps
    its tries.
    """

    leased: Leased
    change: StateChange
    again: int | None = None
    also: tuple[Enforcement, ...] = ()
    tried: bool = True


@dataclass(frozen=True)
class Waiting:
    """What waits: how many planned and held enforcements, and when the oldest planned one was planned."""

    planned: int
    held: int
    oldest: int | None


@dataclass(frozen=True)
class Share:
    """Of so many live decisions, how many wanted more than a limit for a policy."""

    wanted: int
    made: int


MOST_WEIGHED = 5_000
"""Decisions that a breaker looks at: a share of so many is known to within one and a half percent."""


class Outbox(Protocol):
    """Planned enforcements, their leases and what became of them; every change of state is kept.

    The ledger plans the enforcements of each live decision in the transaction that records it.
    """

    def plan(self, enforcements: Sequence[Enforcement], at: int, *, by: str = "", why: str = "") -> Sequence[str]:
        """Add enforcements that no decision brought: undoing ones, rungs of a ladder; adding one again does nothing.

        Gives back the ids of those that were added; where somebody has them planned, who and why is recorded.
        """
        ...

    def due(self, now: int) -> bool:
        """Whether there may be anything to `lease` or that is `over`; where not, neither gives anything."""
        ...

    def lease(self, by: str, most: int, now: int, until: int) -> Sequence[Leased]:
        """At most `most` planned enforcements that are due and free, oldest first.

        One waits while an older one of the same subject is planned, so those of one subject are done in order. Kinds
        that are urgent wait for nothing: those that nobody tried yet come before all others.
        """
        ...

    def end(self, ends: Sequence[End]) -> Sequence[bool]:
        """Record what became of leased enforcements and free them; gives back for each whether it was recorded.

        The end of a lease that ran out and went to another performer is refused and changes nothing. Where one that
        undoes another is done, the other is undone in the same transaction.
        """
        ...

    def move(self, change: StateChange, was: Sequence[State], also: Sequence[Enforcement] = ()) -> bool:
        """Change the state of one that is not leased, if it stands in one of `was`; gives back whether it did.

        `also` are planned in the same transaction. One that is planned (anew) is due at once. One that may have been
        carried out, for a try of it failed or never ended, is not moved to undone: it must be taken back.
        """
        ...

    def over(self, now: int, most: int) -> Sequence[Enforcement]:
        """Done ones whose own time is over and held ones whose hold is, oldest first; those taken back are left out."""
        ...

    def find(
        self,
        *,
        ids: Sequence[str] | None = None,
        decision_id: str | None = None,
        policy: str | None = None,
        policy_version: str | None = None,
        subject: str | None = None,
        states: Sequence[State] = (),
        since: int = 0,
        until: int | None = None,
    ) -> Sequence[Enforcement]:
        """Enforcements with these properties and their present states, oldest first.

        `since` and `until` are when they were planned, the first of them inclusive.
        """
        ...

    def changes(self, enforcement_id: str) -> Sequence[StateChange]:
        """All changes of one enforcement, oldest first."""
        ...

    def waiting(self) -> Waiting:
        """What waits now."""
        ...

    def used(self, policy: str, since: int, now: int, besides: str) -> int:
        """How many count against a policy's quota since then: those done, and those that others than `besides` lease.

        What undoes another or stands in the place of a held one does not count.
        """
        ...

    def share(self, policy: str, exempt: Sequence[str], since: int) -> Share:
        """How many live decisions after `since` wanted more than a limit for this policy, and of how many.

        Those of the steps `exempt`, and kinds that nothing holds up, do not count as wanted. Of more than MOST_WEIGHED
        decisions the latest are looked at.
        """
        ...

    def breaker(self, policy: str) -> BreakerChange | None:
        """The latest change of a policy's breaker, or None where it never tripped."""
        ...

    def tripped(self) -> Sequence[BreakerChange]:
        """The breakers that are tripped now, by policy."""
        ...

    def switch(self, change: BreakerChange) -> None:
        """Record that a breaker trips or closes; one that stands so already stays as it is."""
        ...
