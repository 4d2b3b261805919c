"""Notices of deeds: what the platform is to tell the actor of an event when something is done, or taken back."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from gatehouse.enforcement.notice import TOLD, reasons, taken_back
from gatehouse.flows.cases import Desk
from gatehouse.ports.ledger import Grounds
from gatehouse.records.decision import Decision, Outcome
from gatehouse.records.enforcement import Enforcement, Kind
from gatehouse.review.close import made_in


@dataclass(frozen=True)
class Notices:
    """Writes the notice of one deed, from what stands on record when it is done."""

    desk: Desk
    clock: Callable[[], int]

    def __call__(self, deed: Enforcement) -> str | None:
        """What is to be told; None where nobody is: of help and of what is for officers, and of an end that was told.

        None as well where the event has no actor, or its decision no longer says why.
        """
        if Kind[deed.kind.upper()] not in TOLD:
            return None
        stands = self.desk.ledger.grounds(deed.decision_id)
        if stands is None or stands.event.actor is None:
            return None
        if deed.undoes is not None:
            return self._taken_back(deed, deed.undoes, stands)
        decision = _of_policy(deed, stands.decision)
        if decision is None:
            return None
        policies = {one.policy: self.desk.policy(one.policy, one.policy_version) for one in decision.policies}
        opened_by = next((case.opened_by for case in stands.cases if made_in(case.id, decision)), "policy")
        return reasons(stands.event, decision, [deed], policies, opened_by=opened_by)

    def _taken_back(self, deed: Enforcement, undoes: str, stands: Grounds) -> str | None:
        """What is told of a deed that is taken back before its end, unless another takes its place."""
        first = next(iter(self.desk.outbox.find(ids=[undoes])), None)
        if first is None or first.state != "done":
            return None
        if first.until is not None and first.until <= self.clock():
            return None
        replaced = stands.decision.id != deed.decision_id and stands.decision.outcome == Outcome.VIOLATING.word
        return None if replaced else taken_back(stands.event, [first], appealed=False)


def _of_policy(deed: Enforcement, decision: Decision) -> Decision | None:
    """What a decision says for the policy of a deed alone; None where that is no longer why it is done."""
    said = tuple(one for one in decision.policies if one.policy == deed.policy)
    violating = any(one.outcome == Outcome.VIOLATING.word for one in said)
    return msgspec.structs.replace(decision, policies=said) if violating else None
