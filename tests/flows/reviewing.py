"""A small house with a desk where people look at cases."""

from pathlib import Path
from typing import Any

from tests.flows.performing import SmallHouse

from gatehouse.adapters.sql.cases import SqlCases
from gatehouse.enforcement.plan import planned
from gatehouse.flows.appeals import Asked, contest
from gatehouse.flows.cases import Desk, close
from gatehouse.flows.reports import take
from gatehouse.ports.cases import Filed
from gatehouse.ports.ledger import Judged
from gatehouse.records.case import Closing, Finding
from gatehouse.records.decision import PolicyOutcome
from gatehouse.testing.cases_contract import make_report
from gatehouse.testing.makers import make_decision, make_event, make_judged, make_outcome

CLEAR = {"outcome": "clear", "enforce": "none", "step": None, "clause": None, "reason": "no step fired"}


class Desked(SmallHouse):
    """Everything that a reviewer needs."""

    def __init__(self, path: Path, **said: Any) -> None:
        super().__init__(path, **said)
        self.cases = SqlCases(self.database)
        self.desk = Desk(
            self.cases, self.ledger, self.outbox, lambda name, _: self.policy if name == self.policy.name else None
        )

    def judged(self, id: str = "e1", *outcomes: PolicyOutcome, **said: Any) -> Judged:
        """A decision on an event, on record."""
        event = make_event(id)
        outcomes = outcomes or (make_outcome(**said),)
        severest = max(outcomes, key=lambda one: one.enforce != "none")
        decision = make_decision(
            event,
            policies=outcomes,
            outcome="violating" if any(one.outcome == "violating" for one in outcomes) else outcomes[0].outcome,
            enforce=severest.enforce,
            decided=self.clock(),
        )
        judged = make_judged(event, decision=decision, enforcements=tuple(planned(decision, event)), cases=())
        self.ledger.commit([judged])
        return judged

    def reported(self, id: str = "r1", **said: Any) -> str:
        """The case that a report opens or joins."""
        case_id = take(self.cases, make_report(id, **{"at": self.clock(), **said})).case_id
        assert case_id is not None
        return case_id

    def appealed(self, id: str = "a1", event_id: str = "e1") -> str:
        """The case of an appeal by the event's actor."""
        asked = Asked(id, "account:a1", "it was a joke", event_id=event_id)
        case_id = contest(self.desk, asked, vouched="platform", now=self.clock())[1].case_id
        assert case_id is not None
        return case_id

    def closed(self, case_id: str, finding: Finding, by: str = "sam", **said: Any) -> Filed:
        """Close a case."""
        known = {"why": "looked at it", "at": self.clock(), **said}
        return close(self.desk, Closing(case_id=case_id, finding=finding, by=by, **known))

    def standing_decision(self, id: str = "e1") -> Judged:
        found = self.ledger.find(id)
        assert found is not None
        return found
