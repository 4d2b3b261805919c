"""Undo: take back what a policy version, a decision or one enforcement did, the latest first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gatehouse.enforcement.undo import undoing, with_followers
from gatehouse.errors import UserError
from gatehouse.ports.outbox import Outbox
from gatehouse.records.enforcement import Enforcement, State, StateChange


@dataclass(frozen=True)
class Chosen:
    """Which enforcements to take back: those for which all that is said holds; times are when they were planned."""

    policy_version: str | None = None
    decision_id: str | None = None
    enforcement_id: str | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True)
class Undone:
    """What an undo came to: `dropped` nobody ever tried, `planned` a performer takes back in this order.

    Which of those that are not done somebody tried shows only as they are dropped, so a dry run has them as `waiting`.
    """

    dropped: tuple[Enforcement, ...]
    planned: tuple[Enforcement, ...]
    waiting: tuple[Enforcement, ...] = ()


AT_ONCE = 200
"""What takes others back is planned so many at a time: each time takes the right to write, for which others wait."""

_NOT_DONE: tuple[State, ...] = ("planned", "held")


def undo(
    outbox: Outbox,
    chosen: Chosen,
    *,
    by: str,
    why: str,
    now: int,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Undone:
    """Take back what was chosen and all that followed from it; with `dry_run` only say what that would be.

    Those that nobody tried are dropped at once. For each of the others the enforcement that takes it back is planned;
    doing so again plans nothing anew, except that one that had failed is tried again. An undo that was cut off is
    finished by the same command. Raises UserError where nothing is chosen or nothing is found.
    """
    dropped: list[Enforcement] = []
    planned: list[Enforcement] = []
    waiting: list[Enforcement] = []
    wanted, seen = chosen_by(outbox, chosen), set[str]()
    while wanted:
        for start in range(0, len(wanted), AT_ONCE):
            block, before = wanted[start : start + AT_ONCE], len(planned)
            for one in block:
                if one.state not in _NOT_DONE:
                    planned.append(one)
                elif dry_run:
                    waiting.append(one)
                else:
                    (dropped if _drop(outbox, one, by, why, now) else planned).append(one)
            if not dry_run:
                _plan(outbox, [undoing(one) for one in planned[before:]], by, why, now)
            progress(start + len(block), len(wanted))
        seen.update(one.id for one in wanted)
        # What performers made follow meanwhile is taken back too.
        wanted = [one for one in chosen_by(outbox, chosen) if one.follows in seen and one.id not in seen]
    return Undone(tuple(dropped), tuple(planned), tuple(waiting))


def chosen_by(outbox: Outbox, chosen: Chosen) -> list[Enforcement]:
    """What an undo would take back, the latest first."""
    said = (chosen.policy_version, chosen.decision_id, chosen.enforcement_id, chosen.since, chosen.until)
    if all(one is None for one in said):
        fix = "add --policy-version, --decision, --enforcement, or --since and --until"
        raise UserError("nothing says what to take back", fix=fix)
    decision = chosen.decision_id
    if chosen.enforcement_id is not None:
        found = outbox.find(ids=[chosen.enforcement_id])
        if not found:
            raise UserError(f"no enforcement '{chosen.enforcement_id}' is known", fix="gatehouse trace shows its id")
        decision = decision or found[0].decision_id
    # What follows from one that was planned in time may itself have been planned later.
    version, since = chosen.policy_version, chosen.since or 0
    known = wanted = outbox.find(policy_version=version, decision_id=decision, since=since)
    if chosen.until is not None:
        wanted = outbox.find(policy_version=version, decision_id=decision, since=since, until=chosen.until)
    if chosen.enforcement_id is not None:
        wanted = [one for one in wanted if one.id == chosen.enforcement_id]
    if not wanted:
        raise UserError(
            "no enforcement fits", fix="check the version, the id and the times; gatehouse trace shows them"
        )
    return with_followers(wanted, known)


def _drop(outbox: Outbox, one: Enforcement, by: str, why: str, now: int) -> bool:
    """False for one that a performer holds, or that may have been carried out."""
    return outbox.move(StateChange(enforcement_id=one.id, state="undone", at=now, by=by, why=why), _NOT_DONE)


def _plan(outbox: Outbox, backs: Sequence[Enforcement], by: str, why: str, now: int) -> None:
    added = set(outbox.plan(backs, now, by=by, why=why))
    for back in backs:
        if back.id not in added:
            change = StateChange(enforcement_id=back.id, state="planned", at=now, by=by, why=why)
            outbox.move(change, ["failed"] if outbox.changes(back.id) else ["planned"])
