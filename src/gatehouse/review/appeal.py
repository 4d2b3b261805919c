"""Appeals: who may contest a decision, and who may not decide on it. Pure."""

from collections.abc import Collection

from gatehouse.errors import RefusedError, UserError
from gatehouse.records.decision import Decision, Outcome
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import Event


def check_contested(event: Event, decision: Decision, by: str, standing: Collection[Enforcement]) -> None:
    """Raise RefusedError where somebody else than the event's actor contests, UserError where nothing is to contest."""
    if event.actor is None:
        raise RefusedError(
            "the event names no actor, so nobody can contest for it", where="by", fix="report it instead"
        )
    if str(event.actor) != by:
        fix = "only its actor contests a decision; others report the event"
        raise RefusedError("this is not the actor of the event", where="by", fix=fix)
    if decision.outcome == Outcome.CLEAR.word and not standing:
        raise UserError("the decision found nothing and did nothing", where="decision_id", fix="nothing is to contest")


def check_apart(by: str, decided_before: Collection[str]) -> None:
    """Raise RefusedError where who decides on an appeal took part in what it contests."""
    if by in decided_before:
        what = f"{by} took part in the decision that is contested"
        raise RefusedError(what, where="by", fix="somebody who did not must decide on the appeal")
