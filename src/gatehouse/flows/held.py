"""Held enforcements: a person lets one be carried out, or says no."""

from gatehouse.enforcement.guard import Rules, enough
from gatehouse.enforcement.plan import in_place_of
from gatehouse.enforcement.undo import undoing
from gatehouse.errors import RefusedError, UserError
from gatehouse.ports.outbox import Outbox
from gatehouse.records.enforcement import BreakerChange, Enforcement, State, StateChange

_LIST = "gatehouse enforcements list shows what is held"


def approve(outbox: Outbox, id: str, *, by: str, why: str, now: int, rules: Rules | None = None) -> State:
    """A person's word that a held enforcement may be carried out; gives back the state in which it now is.

    Where two people must agree the first word leaves it held. Raises UserError for one that is not held, RefusedError
    for a second word of the same person.
    """
    rules = rules or Rules()
    held = _held(outbox, id)
    if by in approvals(outbox, id):
        raise RefusedError(f"{by} approved {id} already", where=id, fix="another person must agree")
    _move(outbox, StateChange(enforcement_id=id, state="held", at=now, by=by, why=why, approves=True))
    # Read again: of two people who approve at once, whoever comes second sees both words.
    if not enough(held, approvals(outbox, id), rules):
        return "held"
    outbox.move(StateChange(enforcement_id=id, state="planned", at=now, by=by, why=why), ["held"])
    return "planned"


def agree(outbox: Outbox, id: str, *, by: str, why: str, now: int, rules: Rules | None = None) -> None:
    """A person's word, given with a finding, that an enforcement may be carried out: the first of two where two must.

    Nothing changes where they said so before, or where it is held and planned no more.
    """
    if by in approvals(outbox, id):
        return
    change = StateChange(enforcement_id=id, state="planned", at=now, by=by, why=why, approves=True)
    if not outbox.move(change, ["planned"]) and outbox.find(ids=[id], states=["held"]):
        approve(outbox, id, by=by, why=why, now=now, rules=rules)


def refuse(outbox: Outbox, id: str, *, by: str, why: str, now: int) -> None:
    """A person's word that a held enforcement is not carried out; what stood in its place is taken back.

    Raises UserError for one that is not held.
    """
    drop(outbox, _held(outbox, id), by=by, why=why, now=now)


def drop(outbox: Outbox, held: Enforcement, *, by: str, why: str, now: int) -> None:
    """Give up a held one, and take back what stood in its place.

    One that was tried before it was held may have been carried out all the same, so it is taken back at the platform.
    """
    instead = in_place_of(held)
    there = outbox.find(ids=[instead.id]) if instead is not None else ()
    change = StateChange(enforcement_id=held.id, state="undone", at=now, by=by, why=why)
    also = [undoing(one) for one in there if one.state != "undone"]
    if not outbox.move(change, ["held"], also) and outbox.find(ids=[held.id], states=["held"]):
        outbox.plan([undoing(held), *also], now)


def approvals(outbox: Outbox, id: str) -> tuple[str, ...]:
    """Who approved an enforcement, each once."""
    return tuple(dict.fromkeys(change.by for change in outbox.changes(id) if change.approves))


def reset(outbox: Outbox, policy: str, *, by: str, why: str, now: int) -> None:
    """Close a policy's breaker; decisions made until now no longer count. Raises UserError where it did not trip."""
    last = outbox.breaker(policy)
    if last is None or last.state == "closed":
        raise UserError(f"the breaker of '{policy}' did not trip", fix="gatehouse enforcements list shows the tripped")
    outbox.switch(BreakerChange(policy=policy, state="closed", at=now, by=by, why=why))


def _held(outbox: Outbox, id: str) -> Enforcement:
    found = outbox.find(ids=[id])
    if not found:
        raise UserError(f"no enforcement '{id}' is known", fix=_LIST)
    if found[0].state != "held":
        raise UserError(f"'{id}' is {found[0].state}, not held", fix=_LIST)
    return found[0]


def _move(outbox: Outbox, change: StateChange) -> None:
    if not outbox.move(change, ["held"]):
        raise UserError(f"'{change.enforcement_id}' is no longer held", fix=_LIST)
