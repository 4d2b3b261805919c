"""Retention: content is taken away when it is old enough; what a legal hold keeps stays, and is told."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gatehouse.flows.erase import every_letter, kept_by
from gatehouse.ports.dead_letters import DeadLetters
from gatehouse.ports.erasing import Rejects, Whom
from gatehouse.ports.ledger import Ledger
from gatehouse.records.erasure import Erased, Hold
from gatehouse.records.event import ERASED, Entity

BLOCK = 10_000
"""Events that are counted at a time."""

AT_ONCE = 1_000
"""Events of which the content is taken away at a time: so long others wait to write."""


@dataclass(frozen=True)
class Retained:
    """What was taken away, or would be: events, dead letters and files of rejects; `held` counts what holds kept.

    `erased` are the ledger's records of it.
    """

    events: int
    letters: int
    rejects: int
    held: Mapping[str, int]
    erased: tuple[Erased, ...] = ()


def retain(
    ledger: Ledger,
    letters: DeadLetters,
    rejects: Rejects,
    before: int,
    *,
    at: int,
    by: str,
    why: str,
    dry: bool = False,
) -> Retained:
    """Take away the content of events seen before a moment (microseconds UTC), and letters and rejects as old.

    What was decided stays. With `dry` it is only counted.
    """
    keeping = kept_by(ledger.holds(), at)
    held: Counter[str] = Counter()
    old = [
        letter.id
        for letter in every_letter(letters)
        if letter.at < before and not _kept(letter.value.decode(errors="replace"), keeping, held)
    ]
    files = [path for path in rejects.older(before) if not _kept(rejects.text(path), keeping, held)]
    if dry:
        events = _count(ledger, before, keeping, held)
        return Retained(events, len(old), len(files), dict(held))
    if old:
        letters.erase(old)
    for path in files:
        rejects.remove(path)
    done = ledger.strip(before, at=at, by=by, why=why, most=AT_ONCE)
    held.update(done.held)
    return Retained(sum(one.events for one in done.erased), len(old), len(files), dict(held), done.erased)


def _kept(said: str, keeping: Sequence[tuple[Hold, Whom]], held: Counter[str]) -> bool:
    by = next((hold for hold, whom in keeping if whom.stands_in(said)), None)
    if by is not None:
        held[by.id] += 1
    return by is not None


def _count(ledger: Ledger, before: int, keeping: Sequence[tuple[Hold, Whom]], held: Counter[str]) -> int:
    by = {hold.entity: hold for hold, _ in keeping}
    found, after = 0, 0
    while block := ledger.log(after, BLOCK):
        for _, event in block:
            if event.kind == ERASED or event.seen >= before:
                continue
            hold = next((by[one] for one in (event.actor, event.target, Entity("event", event.id)) if one in by), None)
            if hold is None:
                found += 1
            else:
                held[hold.id] += 1
        after = block[-1][0]
    return found
