"""Held enforcements: a person lets one be carried out, or says no; failed ones: a person has them tried anew."""

from collections.abc import Sequence

from gatehouse.enforcement.guard import Rules, after_hold, enough, people
from gatehouse.enforcement.plan import in_place_of
from gatehouse.enforcement.undo import undoing
from gatehouse.errors import RefusedError, UserError
from gatehouse.ports.outbox import Outbox
from gatehouse.records.enforcement import BreakerChange, Enforcement, State, StateChange

_LIST = "gatehouse enforcements list shows what is held"


def approve(outbox: Outbox, id: str, *, by: str, why: str, now: int, rules: Rules | None = None) -> State:
    """A person's word that a held enforcement may be carried out; gives back the state in which it now is.

    Where two people must agree the first word leaves it held. Raises UserError for one that is not held, RefusedError
    for a second word of the same person, and for one that would be dropped because the time to agree is over.
    """
    rules = rules or Rules()
    held = _held(outbox, id)
    if people((by,)) <= people(approvals(outbox, id)):
        raise RefusedError(f"{by} approved {id} already", where=id, fix="another person must agree")
    if _too_late(outbox, held, now):
        fix = "it is dropped; what the event calls for now is decided in a case of its own"
        raise RefusedError("the time in which people could agree is over", where=id, fix=fix)
    _move(outbox, StateChange(enforcement_id=id, state="held", at=now, by=by, why=why, approves=True))
    # Read again: of two people who approve at once, whoever comes second sees both words.
    if not enough(held, approvals(outbox, id), rules):
        return "held"
    outbox.move(StateChange(enforcement_id=id, state="planned", at=now, by=by, why=why), ["held"])
    return "planned"


def agree(outbox: Outbox, id: str, *, by: str, why: str, now: int, rules: Rules | None = None) -> None:
    """A person's word, given with a finding, that an enforcement may be carried out: the first of two where two must.

    Nothing changes where they said so before, where it is held and planned no more, or the time to agree is over.
    """
    if people((by,)) <= people(approvals(outbox, id)):
        return
    change = StateChange(enforcement_id=id, state="planned", at=now, by=by, why=why, approves=True)
    if outbox.move(change, ["planned"]):
        return
    for held in outbox.find(ids=[id], states=["held"]):
        if not _too_late(outbox, held, now):
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


def retry(outbox: Outbox, failed: Sequence[Enforcement], *, by: str, why: str, now: int) -> list[Enforcement]:
    """Have failed enforcements tried anew, with as many tries as at first; gives back those that were still failed."""
    return [
        one
        for one in failed
        if outbox.move(StateChange(enforcement_id=one.id, state="planned", at=now, by=by, why=why), ["failed"])
    ]


def approvals(outbox: Outbox, id: str) -> tuple[str, ...]:
    """Who approved an enforcement, each once."""
    return tuple(dict.fromkeys(change.by for change in outbox.changes(id) if change.approves))


def reset(outbox: Outbox, policy: str, *, by: str, why: str, now: int) -> None:
    """Close a policy's breaker; decisions made until now no longer count. Raises UserError where it did not trip."""
    last = outbox.breaker(policy)
    if last is None or last.state == "closed":
        raise UserError(f"the breaker of '{policy}' did not trip", fix="gatehouse enforcements list shows the tripped")
    outbox.switch(BreakerChange(policy=policy, state="closed", at=now, by=by, why=why))


def _too_late(outbox: Outbox, held: Enforcement, now: int) -> bool:
    """Whether a held one is only still there because no performer has dropped it since its time was over."""
    until = next((change.until for change in reversed(outbox.changes(held.id)) if change.until is not None), None)
    return after_hold(held) == "undone" and until is not None and until <= now


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
