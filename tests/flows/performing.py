"""A small house for tests of enforcement: ledger, outbox and standing in one file, a clock, and a receiver."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.outbox import SqlOutbox
from gatehouse.adapters.sql.standing import SqlStanding
from gatehouse.enforcement.plan import planned
from gatehouse.flows.perform import Performer, Terms
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.policy import Policy
from gatehouse.testing.clock import Clock
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged, make_outcome, make_policy


class Receiver:
    """Notes what it is told, and honours the key."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.effects: list[str] = []
        self.trouble: list[Exception] = []

    def act(self, enforcement: Enforcement, key: str) -> str:
        self.told.append(key)
        if self.trouble:
            raise self.trouble.pop(0)
        if key not in self.effects:
            self.effects.append(key)
        return f"receipt of {key}"


class SmallHouse:
    """Everything that a performer needs; `policy` bounds it."""

    def __init__(self, path: Path, **said: Any) -> None:
        self.database = Database(path)
        self.ledger = SqlLedger(self.database)
        self.outbox = SqlOutbox(self.database)
        self.standing = SqlStanding(self.database)
        self.receiver = Receiver()
        self.clock = Clock(NOW + 1_000_000)
        self.policy: Policy = make_policy(**said)

    def performer(self, name: str = "p1", **terms: Any) -> Performer:
        known = {"threads": 1, **terms}
        return Performer(
            name,
            self.outbox,
            self.standing,
            self.receiver,
            lambda policy, version: self.policy if policy == self.policy.name else None,
            self.clock,
            terms=Terms(**known),
            chance=lambda: 0.0,
        )

    def decide(self, *ids: str, enforce: str = "remove", decided: int | None = None, **said: Any) -> list[Enforcement]:
        """The enforcements of a decision each, as the policy plans them."""
        judged = []
        for id_ in ids:
            event = make_event(id_)
            outcome = make_outcome(enforce=enforce, **said)
            decision = make_decision(event, policies=(outcome,), decided=decided or self.clock())
            judged.append(make_judged(event, decision=decision, enforcements=tuple(planned(decision, event))))
        self.ledger.commit(judged)
        return [deed for one in judged for deed in one.enforcements]

    def states(self, deeds: Sequence[Enforcement] | None = None) -> dict[str, str]:
        """Where each enforcement stands."""
        return {one.id: one.state for one in self.outbox.find(ids=None if deeds is None else [one.id for one in deeds])}

    def with_policy(self, **said: Any) -> None:
        """From now on the policy says this as well."""
        self.policy = msgspec.structs.replace(self.policy, **said)


def why(house: SmallHouse, id: str) -> str:
    """The reason on record for the state that an enforcement is in."""
    return house.outbox.changes(id)[-1].why
