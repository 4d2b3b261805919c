"""What takes back each kind of enforcement, and what has to be taken back with it. Pure."""

from collections.abc import Mapping, Sequence

from gatehouse.policies.standing import points_at, rung
from gatehouse.records.enforcement import Enforcement, Kind
from gatehouse.records.standing import Ladder, Strike

TAKEN_BACK_BY: dict[Kind, str] = {
    Kind.OFFER_HELP: "withdraw_help",
    Kind.LABEL: "remove_label",
    Kind.WARN: "withdraw_warning",
    Kind.BLUR: "unblur",
    Kind.AGE_GATE: "lift_age_gate",
    Kind.LIMIT: "lift_limit",
    Kind.REMOVE: "restore",
    Kind.STRIKE: "take_back_strike",
    Kind.SUSPEND: "lift_suspension",
    Kind.TERMINATE: "reinstate",
    Kind.ESCALATE: "withdraw_escalation",
}
"""The deed that takes back each kind, as a receiver is told it."""


def act_of(enforcement: Enforcement) -> str:
    """The deed that an enforcement asks for: its kind, or what takes that back."""
    return enforcement.kind if enforcement.undoes is None else TAKEN_BACK_BY[Kind[enforcement.kind.upper()]]


def undoing(done: Enforcement) -> Enforcement:
    """The enforcement that takes another back; it is the same one whoever asks for it, and however often."""
    return Enforcement(
        id=f"{done.id}-undo",
        decision_id=done.decision_id,
        event_id=done.event_id,
        policy=done.policy,
        policy_version=done.policy_version,
        kind=done.kind,
        subject=done.on,
        step=done.step,
        undoes=done.id,
    )


def with_followers(chosen: Sequence[Enforcement], known: Sequence[Enforcement]) -> list[Enforcement]:
    """Those chosen and all that follow them, the latest first; `known` are in the order of planning.

    What was undone already, and undoing ones, are left out.
    """
    wanted = {one.id for one in chosen}
    found = []
    # A follower is always planned after the one it follows.
    for one in known:
        if one.id in wanted or one.follows in wanted:
            wanted.add(one.id)
            if one.state != "undone" and one.undoes is None:
                found.append(one)
    return found[::-1]


def unsupported(
    rungs: Sequence[Enforcement], strikes: Sequence[Strike], ladders: Mapping[str, Ladder], now: int
) -> list[Enforcement]:
    """Rungs of one actor that its strikes no longer lead to, after some were taken back; the latest first.

    `ladders` are by policy version. A rung whose ladder is not known stays. One that does the same for longer than the
    rung that is now reached falls too.
    """
    by_id = {strike.id: strike for strike in strikes}
    found = []
    for one in rungs:
        strike, ladder = by_id.get(one.follows or ""), ladders.get(one.policy_version)
        if strike is None or ladder is None or one.state == "undone" or one.undoes is not None:
            continue
        standing = strike.removed is None or strike.removed > now
        reached = rung(ladder, points_at(strikes, strike, now)) if standing else None
        first = rung(ladder, points_at(strikes, strike, strike.at))
        if reached is None or reached.enforce != one.kind or reached != first:
            found.append(one)
    return found[::-1]
