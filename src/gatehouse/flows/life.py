"""The life of releases beside the live one: into shadow, to canaries, to a stop, each step on record."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from gatehouse.detectors.actor import ActorDetector
from gatehouse.errors import RefusedError, UserError
from gatehouse.flows.judge import Judge
from gatehouse.flows.releases import Shelf, promote, refuse_clash, rollback, with_entries
from gatehouse.ports.ledger import Ledger, Registry
from gatehouse.records.dataset import Release, Transition
from gatehouse.records.event import ERASED
from gatehouse.records.policy import Policy
from gatehouse.records.signal import State

CANARY_SHARE = 0.05
"""The share of actors that a canary decides for where nobody says another."""

HALTED = "canary halted: "
"""How the reason of a release begins that was taken away from deciding."""

DIFFERS = 0.01
"""On what share of a canary's actors it may do more or less than the live release where nobody says another."""

RECENT, BLOCK = 10_000, 2_000
"""The latest events on record, among which attributes are looked for, and how many are read at once."""

TRIED: tuple[Literal["shadow", "canary"], ...] = ("shadow", "canary")


@dataclass(frozen=True)
class Tried:
    """A release that is tried beside the live one: in which state, for what share of actors, and since when.

    `differs` is on what share of these it may do more or less than the live release before it is halted.
    """

    release: Release
    state: Literal["shadow", "canary"]
    share: float
    since: int
    differs: float = DIFFERS

    @property
    def key(self) -> tuple[str, str, str, float, float]:
        """State, pack, version, share and what it may differ: another of these is another trial."""
        return self.state, self.release.pack, self.release.version, self.share, self.differs


def tried(registry: Registry, packs: Collection[str] = ()) -> list[Tried]:
    """The shadow and the canary of each of the packs, or of all, by pack.

    A pack has at most one of each: where two people made one at the same moment, the later one counts.
    """
    found: dict[tuple[str, str], Tried] = {}
    for release, last in registry.releases():
        if last.state not in TRIED or (packs and release.pack not in packs):
            continue
        share, differs = 1.0 if last.share is None else last.share, DIFFERS if last.differs is None else last.differs
        one = Tried(release, last.state, share, last.at, differs)
        before = found.get((release.pack, last.state))
        if before is None or before.since < one.since:
            found[release.pack, last.state] = one
    return [found[key] for key in sorted(found)]


def chosen(shelf: Shelf, pack: str, version: str | None) -> tuple[Release, Transition]:
    """A release of a pack with its latest transition: the newest, or the one with this version."""
    known = shelf.registry.releases(pack)
    if not known:
        raise UserError(f"no release of '{pack}' yet", fix=f"gatehouse train {pack}")
    if version is None:
        return known[0]
    wanted = shelf.registry.release(pack, version)
    return next((release, last) for release, last in known if release.version == wanted.version)


def try_out(
    shelf: Shelf,
    pack: str,
    version: str | None,
    state: Literal["shadow", "canary"],
    share: float | None = None,
    differs: float | None = None,
    *,
    at: int,
    by: str,
    why: str,
) -> Transition:
    """Put a release into shadow, or make it the canary for a share of actors; the one that was there becomes a draft.

    As when one goes live, it has the entries of its banks as they are now.
    """
    release, last = chosen(shelf, pack, version)
    if last.state != "live" and (current := with_entries(shelf, release)).version != release.version:
        shelf.registry.add_release(current, at=at, by=by, why="the banks' entries of now")
        release, last = chosen(shelf, pack, current.version)
    if last.state == "live":
        raise RefusedError(
            f"release {release.version} is live, so there is nothing to try",
            fix=f"gatehouse train {pack} makes another; gatehouse versions list {pack} names those there are",
        )
    if state == "shadow":
        share = differs = None
    else:
        share, differs = CANARY_SHARE if share is None else share, DIFFERS if differs is None else differs
        _check(pack, share, differs)
        if shelf.registry.live(pack) is None:
            raise RefusedError(
                f"nothing is live for '{pack}', so a canary has nothing to be held against",
                fix=f"gatehouse promote {pack}, or --to shadow, which needs no live release",
            )
        refuse_clash(shelf, release)
    step = Transition(
        pack=pack, version=release.version, state=state, at=at, by=by, why=why, share=share, differs=differs
    )
    if (last.state, last.share, last.differs) == (state, share, differs):
        return step
    shelf.registry.move(step)
    _end(shelf, pack, (state,), step, f"{release.version} became the {state}: {why}", at=at, by=by)
    return step


def _check(pack: str, share: float, differs: float) -> None:
    if not 0 < share < 1:
        raise UserError(
            f"a canary decides for a share of actors between 0 and 100 %, not {share:.0%}",
            where="--share",
            fix=f"write --share 5%; for all of them gatehouse promote {pack}",
        )
    if not 0 < differs < 1:
        raise UserError(
            f"a canary may differ on a share of its actors between 0 and 100 %, not {differs:.0%}",
            where="--differ-at-most",
            fix="write --differ-at-most 2%",
        )


def go_live(shelf: Shelf, pack: str, version: str | None, *, at: int, by: str, why: str) -> Transition:
    """Make a release live; what was tried against the one before becomes a draft, to be tried anew."""
    step = promote(shelf, pack, version, at=at, by=by, why=why)
    _end(shelf, pack, TRIED, step, f"{step.version} went live", at=at, by=by)
    return step


def go_back(shelf: Shelf, pack: str, *, at: int, by: str, why: str) -> Transition:
    """Make the release live again that was live before; what was tried against the present one becomes a draft."""
    step = rollback(shelf, pack, at=at, by=by, why=why)
    _end(shelf, pack, TRIED, step, f"{step.version} went live again", at=at, by=by)
    return step


def stop(shelf: Shelf, pack: str, version: str | None, *, at: int, by: str, why: str) -> list[Transition]:
    """Take a pack's shadow and canary, or the one with this version, back to draft; gives back each step.

    Raises RefusedError where there is none.
    """
    running = [one for one in tried(shelf.registry, (pack,)) if version in (None, one.release.version)]
    if not running:
        what = f"release {version} is neither a shadow nor a canary" if version else "neither shadow nor canary runs"
        raise RefusedError(
            f"{what} of '{pack}'",
            fix=f"gatehouse versions list {pack}; what is live is taken back by gatehouse rollback {pack}",
        )
    versions = {one.release.version for one in running}
    states = tuple(one.state for one in running)
    return _end(shelf, pack, states, None, why, at=at, by=by, only=versions)


def halt(shelf: Shelf, pack: str, version: str, *, at: int, why: str) -> Transition | None:
    """Retire a canary that must not go on; None where somebody took it away or made it live already."""
    _, last = chosen(shelf, pack, version)
    if last.state != "canary":
        return None
    step = Transition(pack=pack, version=version, state="retired", at=at, by="gatehouse", why=HALTED + why)
    try:
        shelf.registry.move(step, was="canary")
    except RefusedError:
        return None
    return step


def remarks(registry: Registry) -> list[str]:
    """What is tried now, and canaries that were halted and not tried since, one sentence each."""
    said = [
        f"{one.release.pack} {one.release.version} is in {one.state}"
        if one.state == "shadow"
        else f"{one.release.pack} {one.release.version} is the canary for {100 * one.share:.3g} % of actors"
        for one in tried(registry)
    ]
    halted = [(release, last) for release, last in registry.releases() if last.why.startswith(HALTED)]
    return said + [f"{release.pack} {release.version}: {last.why}" for release, last in halted]


def unsent(judge: Judge, ledger: Ledger) -> list[str]:
    """What a release reads of profiles and none of the latest events on record brings: sentences with the next step.

    `judge` is that of the one release. Nothing is said where no event is on record.
    """
    names = [column.name for column in judge.features.profile]
    n, brought = _brought(ledger) if names else (0, set())
    lost = [name for name in names if name not in brought] if n else []
    policy = judge.policies[0].policy
    said, told = [], set[str]()
    for detector in judge.detectors:
        if not isinstance(detector, ActorDetector):
            continue
        needed = {column.name for column in detector.header.columns if column.needed}
        if without := [name for name in lost if name in needed]:
            told.update(without)
            said.append(f"{_nobody_brings(without, n)}, so '{detector.name}' abstains: {_then(policy)}")
    if rest := [name for name in lost if name not in told]:
        what = f"{_nobody_brings(rest, n)}, so what '{policy.name}' reads of it is not known"
        said.append(f"{what}; next: send it in the events' attributes")
    return said


def _brought(ledger: Ledger) -> tuple[int, set[str]]:
    """How many of the latest events are there still, and which attributes any of them has."""
    last = ledger.last()
    n, after, brought = 0, max(last - RECENT, 0), set[str]()
    while block := ledger.log(after, BLOCK):
        after = block[-1][0]
        for _, event in block:
            n += event.kind != ERASED
            brought.update(event.attributes or ())
    return n, brought


def _nobody_brings(names: Sequence[str], n: int) -> str:
    listed = ", ".join(names[:-1]) + " or " * (len(names) > 1) + names[-1]
    return f"no event of the latest {n:,} on record brings {listed}"


def _then(policy: Policy) -> str:
    """What becomes of events of which a detector abstains, and what to do about it."""
    if policy.where_missing(State.ABSTAINED) == "pass":
        return f"'{policy.name}' leaves every such event undecided; next: send it in the events' attributes"
    then = f"'{policy.name}' opens a case for every such event"
    return f"{then}; next: send it in the events' attributes, or write abstained: pass in policy.yaml and train again"


def _end(
    shelf: Shelf,
    pack: str,
    states: Sequence[str],
    after: Transition | None,
    why: str,
    *,
    at: int,
    by: str,
    only: Collection[str] | None = None,
) -> list[Transition]:
    """Take releases in these states back to draft; after a step of one of them those that came before it.

    So of two people who try something at the same moment the later one stands, and no more than one.
    """
    life = shelf.registry.life(pack)
    places = [n for n, one in enumerate(life) if after and (one.version, one.state) == (after.version, after.state)]
    until = places[-1] if places else len(life)
    steps, came = [], {one.version: (place, one.state) for place, one in enumerate(life)}
    for version, (place, state) in came.items():
        if state not in states or place >= until or not (only is None or version in only):
            continue
        step = Transition(pack=pack, version=version, state="draft", at=at, by=by, why=why)
        # Somebody else may have moved it since it was looked at: then it is theirs.
        with suppress(RefusedError):
            shelf.registry.move(step)
            steps.append(step)
    return steps
