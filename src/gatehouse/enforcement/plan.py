"""What a decision and an actor's standing lead to: planned enforcements with ids that are always the same. Pure."""

from collections.abc import Sequence

from gatehouse.policies.standing import points_at, rung
from gatehouse.records.decision import Decision
from gatehouse.records.enforcement import ON_ACTORS, Enforcement, Kind
from gatehouse.records.event import Event
from gatehouse.records.standing import Ladder, Strike

_SECOND = 1_000_000

_NOTHING = Kind.NONE.word


def planned(decision: Decision, event: Event) -> list[Enforcement]:
    """The enforcements of a decision: one deed a kind, for the first of the policies that want it.

    What is done to an actor takes the event away as well. An event without an actor is only taken away.
    """
    found: dict[Kind, Enforcement] = {}
    for said in decision.policies:
        if said.enforce == _NOTHING:
            continue
        for kind in _deeds(Kind[said.enforce.upper()], event):
            if kind not in found:
                found[kind] = Enforcement(
                    id=f"{decision.id}-{kind.word}",
                    decision_id=decision.id,
                    event_id=event.id,
                    policy=said.policy,
                    policy_version=said.policy_version,
                    kind=kind.word,
                    subject=str(event.actor) if kind in ON_ACTORS else f"event:{event.id}",
                    step=said.step,
                )
    return list(found.values())


def _deeds(kind: Kind, event: Event) -> tuple[Kind, ...]:
    if kind in ON_ACTORS:
        return (Kind.REMOVE,) if event.actor is None else (Kind.REMOVE, kind)
    return (kind,)


def instead(decision: Decision, event: Event, known: Sequence[Enforcement]) -> tuple[list[Enforcement], ...]:
    """What is to be planned, and what taken back, so that just what a decision wants is done; the latest first.

    `known` are the enforcements of the decisions that it supersedes, and its own, with their present states. What the
    decision wants as well stays as it is. A strike is of its policy alone, all else serves whichever policy wants it.
    """
    wanted = {_deed(one): one for one in planned(decision, event)}
    first = [one for one in known if one.undoes is None and one.follows is None]
    taken_back = {one.undoes for one in known}
    there = {_deed(one) for one in first if one.state not in ("failed", "undone") and one.id not in taken_back}
    missing = [one for deed, one in wanted.items() if deed not in there]
    return missing, [one for one in first[::-1] if one.state != "undone" and _deed(one) not in wanted]


def _deed(one: Enforcement) -> tuple[str, str, str]:
    return one.kind, one.on, one.policy if one.kind == Kind.STRIKE.word else ""


def strike_of(enforcement: Enforcement, ladder: Ladder | None, at: int) -> Strike:
    """The strike that an enforcement puts on the record of its subject."""
    expires = None if ladder is None or ladder.expires is None else at + ladder.expires * _SECOND
    return Strike(
        id=enforcement.id,
        actor=enforcement.on,
        policy=enforcement.policy,
        policy_version=enforcement.policy_version,
        decision_id=enforcement.decision_id,
        at=at,
        expires=expires,
    )


def next_rung(enforcement: Enforcement, strikes: Sequence[Strike], ladder: Ladder, now: int) -> Enforcement | None:
    """What the strike of an enforcement leads to, or None; `strikes` are all on the actor's record.

    Only strikes up to this one count, so a try after a crash plans the same, whatever came in between.
    """
    own = next((strike for strike in strikes if strike.id == enforcement.id), None)
    if own is None or own.removed is not None:
        return None
    reached = rung(ladder, points_at(strikes, own, now))
    if reached is None:
        return None
    return Enforcement(
        id=f"{enforcement.id}-{reached.enforce}",
        decision_id=enforcement.decision_id,
        event_id=enforcement.event_id,
        policy=enforcement.policy,
        policy_version=enforcement.policy_version,
        kind=reached.enforce,
        subject=enforcement.on,
        step=enforcement.step,
        until=None if reached.seconds is None else now + reached.seconds * _SECOND,
        follows=enforcement.id,
    )


def in_place_of(held: Enforcement) -> Enforcement | None:
    """The limit that keeps an event from spreading while its removal is held; None for other kinds.

    What is done to an actor comes with a removal of its own, and milder kinds are no more than a limit.
    """
    if held.kind != Kind.REMOVE.word or held.undoes is not None:
        return None
    return Enforcement(
        id=f"{held.id}-meanwhile",
        decision_id=held.decision_id,
        event_id=held.event_id,
        policy=held.policy,
        policy_version=held.policy_version,
        kind=Kind.LIMIT.word,
        subject=f"event:{held.event_id}",
        step=held.step,
        follows=held.id,
    )
