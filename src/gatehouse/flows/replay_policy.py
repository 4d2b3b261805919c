"""Replay under another policy: what is on record decided again, to see what would change; nothing is acted on."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from gatehouse.datasets.repeats import Came, Repeats
from gatehouse.detectors.base import Detector
from gatehouse.errors import Faults, suggestion
from gatehouse.flows import learn
from gatehouse.flows.judge import Judge
from gatehouse.flows.packs import Pack
from gatehouse.flows.releases import Shelf, open_judge
from gatehouse.flows.replay import with_stored
from gatehouse.policies.decide import BoundPolicy, bind, decide
from gatehouse.policies.explain import point_in_words
from gatehouse.policies.golden import stale
from gatehouse.ports.ledger import Judged, Ledger
from gatehouse.records.dataset import Release
from gatehouse.records.decision import Outcomes, PolicyOutcome
from gatehouse.records.enforcement import Kind
from gatehouse.records.event import ERASED, Event, to_batch
from gatehouse.records.policy import Example, Point, Policy, Step
from gatehouse.records.signal import Signals, State
from gatehouse.text.hashing import hash64

BLOCK = 2_000
FIRST_IDS = 5
OUTCOMES = ("clear", "undecided", "violating")
_KINDS = {kind.word: kind for kind in Kind}


class Said(NamedTuple):
    """A conclusion as it is compared: `enforce` is None where only the outcome is known."""

    outcome: str
    enforce: str | None
    step: str | None = None
    clause: str | None = None

    @property
    def word(self) -> str:
        """Outcome and enforcement for a table."""
        return self.outcome if self.enforce in (None, "none") else f"{self.outcome}, {self.enforce}"

    @property
    def severity(self) -> tuple[int, int]:
        """What is done counts first, then what is concluded."""
        return _KINDS[self.enforce or "none"], OUTCOMES.index(self.outcome)


NOT_ASKED = Said("not asked", None)
"""What stands for a policy that did not judge the event at the time."""


class Compared(NamedTuple):
    """One event decided again: before, now, and by whom it was done; `reason` is today's."""

    event_id: str
    actor: str | None
    before: Said
    now: Said
    reason: str

    @property
    def flips(self) -> bool:
        """Whether outcome or enforcement would be another; where nobody asked before, whether it is not clear now."""
        if self.before == NOT_ASKED:
            return self.now.outcome != "clear"
        return self.before.outcome != self.now.outcome or self.before.enforce not in (None, self.now.enforce)

    @property
    def stricter(self) -> bool | None:
        """Whether more would happen than before; None where that cannot be said."""
        if self.before == NOT_ASKED:
            return None
        if self.before.enforce is None:
            return OUTCOMES.index(self.now.outcome) > OUTCOMES.index(self.before.outcome)
        return self.now.severity > self.before.severity


@dataclass
class Group:
    """Flips of one kind: how many events, of how many actors, and which came first."""

    events: int = 0
    actors: int = 0
    stricter: int = 0
    milder: int = 0
    first: list[str] = field(default_factory=list)


@dataclass
class LeftOut:
    """What was not decided again for one reason: how many, and which came first."""

    n: int = 0
    first: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A policy that is tried: bound to the live detectors, with where the threshold of each step comes from."""

    pack: Pack
    live: Policy
    release: Release
    judge: Judge
    points: tuple[Point, ...]
    kept: frozenset[str]

    @property
    def bound(self) -> BoundPolicy:
        """The policy, ready to decide."""
        return self.judge.policies[0]

    @property
    def stale(self) -> list[tuple[Example, str]]:
        """The pack's golden items that the change of policy touches, each with the reason."""
        return stale(self.live, self.bound.policy, self.pack.examples)


@dataclass
class Replay:
    """What deciding again showed, over n events of so many actors.

    `stored` and `anew` count events by where their signals came from. `changes` are by what is decided before and
    now, `steps` and `clauses` by what decides now, or did where nothing does any more. `left_out` says what was not
    decided again, and how often.
    """

    n: int = 0
    actors: int = 0
    without_actor: int = 0
    stored: int = 0
    anew: int = 0
    flips: Group = field(default_factory=Group)
    changes: dict[tuple[str, str], Group] = field(default_factory=dict)
    steps: dict[str, Group] = field(default_factory=dict)
    clauses: dict[str, Group] = field(default_factory=dict)
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    def leave_out(self, why: str, which: str) -> None:
        """Count an event or row that is not decided again."""
        left = self.left_out.setdefault(why, LeftOut())
        left.n += 1
        if len(left.first) < FIRST_IDS:
            left.first.append(which)


def candidate(policy: Policy, where: str, pack: Pack, release: Release, shelf: Shelf, keep_points: bool) -> Candidate:
    """The policy bound to the detectors of the live release, with points found on the data set they were learnt from.

    With `keep_points` a step that asks for the same of the same detector and label keeps the release's point, so
    that only what the policy says differs. Raises UserError with every step that the detectors cannot serve.
    """
    judge = open_judge(shelf, [release])
    live = judge.policies[0].policy
    _check(policy, where, judge.detectors)
    kept = _kept(live, policy, release) if keep_points else {}
    wanted = [step for step in policy.steps if step.target is not None and step.name not in kept]
    found: list[Point] = []
    if wanted:
        dataset, _ = learn.learnt_from(pack, release, shelf)
        partial = msgspec.structs.replace(policy, steps=tuple(wanted))
        tried = replace(pack, policy=partial, features=judge.features)
        found = list(learn.find_points(tried, dataset, judge.detectors))
    points = (*kept.values(), *found)
    bound = bind(policy, points, judge.detectors)
    return Candidate(pack, live, release, replace(judge, policies=(bound,)), points, frozenset(kept))


def _check(policy: Policy, where: str, detectors: Sequence[Detector]) -> None:
    faults, known = Faults(), {detector.name: detector.labels for detector in detectors}
    for step in policy.steps:
        if step.detector not in known:
            what = f"step '{step.name}' reads '{step.detector}', which the live release does not have"
            faults.add(what, where, suggestion(step.detector, known))
        elif step.label not in known[step.detector]:
            what = f"step '{step.name}' reads the label '{step.label}', of which '{step.detector}' does not speak"
            faults.add(what, where, suggestion(step.label, known[step.detector]))
    faults.raise_found()


def _kept(live: Policy, policy: Policy, release: Release) -> dict[str, Point]:
    """The release's points of steps that want the same; they speak for the policy that is tried."""

    def wants(step: Step) -> tuple[object, ...]:
        return step.name, step.detector, step.label, step.target

    before = {wants(step) for step in live.steps}
    same = {step.name for step in policy.steps if wants(step) in before}
    return {
        point.step: msgspec.structs.replace(point, policy_version=policy.version)
        for point in release.points
        if point.step in same
    }


def over_ledger(
    tried: Candidate,
    ledger: Ledger,
    since: int,
    until: int | None = None,
    each: Callable[[Sequence[Compared]], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Replay:
    """Decide again what was decided in [since, until), microseconds UTC; `each` is handed every block's flips.

    Stored signals are used where they are of the detectors' versions, else they are computed anew on the feature row
    as it was kept. Memory does not grow with the ledger.
    """
    done = Replay()
    with closing(Reach(done)) as reach:
        after, last = 0, ledger.last()
        while block := ledger.log(after, BLOCK):
            after = block[-1][0]
            rows = _judged(ledger, [event for _, event in block], since, until, done)
            each(reach.add(list(_again(tried, rows, done))))
            progress(after, last)
    return done


def _judged(ledger: Ledger, events: Sequence[Event], since: int, until: int | None, done: Replay) -> Sequence[Judged]:
    """What belongs to the events of a block that were decided in the time asked for."""
    wanted: list[Event] = []
    for event, decision in zip(events, ledger.standing(events), strict=True):
        if event.kind == ERASED:
            done.leave_out("erased", event.id)
        elif decision is None:
            done.leave_out("only tried in shadow", event.id)
        elif since <= decision.decided and (until is None or decision.decided < until):
            wanted.append(event)
    latest = ledger.revisions([event.id for event in wanted])
    standing = [event for event in wanted if latest.get(event.id) == event.revision]
    for event in wanted:
        if latest.get(event.id) != event.revision:
            done.leave_out("replaced by a later revision", event.id)
    return ledger.judged(standing)


def _again(tried: Candidate, rows: Sequence[Judged], done: Replay) -> Iterator[Compared]:
    asked = dict(tried.bound.versions)
    stored: list[Judged] = []
    fresh: list[Judged] = []
    for one in rows:
        said = {signal.detector: signal.detector_version for signal in one.signals if signal.detector in asked}
        (stored if said == asked else fresh).append(one)
    done.stored += len(stored)
    done.anew += len(fresh)
    if stored:
        blocks = _blocks(stored, tried.judge.detectors)
        yield from _compared(tried, stored, decide(tried.bound, blocks, len(stored)))
    for one in fresh:
        batch = to_batch([one.event])
        judge = tried.judge
        known = with_stored(judge.features.compute(batch), one.features, judge.features.plan.schema.names)
        yield from _compared(tried, [one], judge.with_features(batch, known).outcomes[0])


def _blocks(rows: Sequence[Judged], detectors: Sequence[Detector]) -> list[Signals]:
    """Stored signals as columns; reasons are left out, for no policy decides by them."""
    blocks = []
    for detector in detectors:
        block = Signals.blank(detector.name, detector.version, detector.labels, len(rows), State.SKIPPED)
        column = {label: j for j, label in enumerate(detector.labels)}
        for i, one in enumerate(rows):
            for signal in one.signals:
                if signal.detector == detector.name and (j := column.get(signal.label)) is not None:
                    block.state[i, j] = State[signal.state.upper()]
                    block.score[i, j] = np.nan if signal.score is None else signal.score
        blocks.append(block)
    return blocks


def _compared(tried: Candidate, rows: Sequence[Judged], outcomes: Outcomes) -> Iterator[Compared]:
    for i, one in enumerate(rows):
        before = next((said for said in one.decision.policies if said.policy == tried.live.name), None)
        actor = None if one.event.actor is None else str(one.event.actor)
        now = outcomes.of(i)
        yield Compared(one.event.id, actor, NOT_ASKED if before is None else said_of(before), said_of(now), now.reason)


def said_of(outcome: PolicyOutcome) -> Said:
    """A policy's conclusion as it is compared."""
    return Said(outcome.outcome, outcome.enforce, outcome.step, outcome.clause)


class Reach:
    """Adds events to a replay, counting distinct actors in memory that does not grow with them."""

    def __init__(self, done: Replay) -> None:
        self._done = done
        self._seen = Repeats()

    def close(self) -> None:
        """Forget the actors."""
        self._seen.close()

    def add(self, rows: Sequence[Compared]) -> list[Compared]:
        """Count these events and give back those that flip."""
        done = self._done
        done.n += len(rows)
        done.without_actor += sum(one.actor is None for one in rows)
        done.actors += sum(self._new([("", one.actor) for one in rows]))
        flips = [one for one in rows if one.flips]
        changes = [("change", f"{one.before.word} → {one.now.word}") for one in flips]
        self._count(flips, [done.flips] * len(flips), ["flips"] * len(flips))
        self._count(
            flips,
            [done.changes.setdefault((one.before.word, one.now.word), Group()) for one in flips],
            [f"{kind} {name}" for kind, name in changes],
        )
        for kind, groups in (("step", done.steps), ("clause", done.clauses)):
            names = [str(getattr(one.now, kind) or getattr(one.before, kind) or "–") for one in flips]
            self._count(
                flips, [groups.setdefault(name, Group()) for name in names], [f"{kind} {name}" for name in names]
            )
        return flips

    def _count(self, flips: Sequence[Compared], groups: Iterable[Group], keys: Sequence[str]) -> None:
        new = self._new(list(zip(keys, (one.actor for one in flips), strict=True)))
        for one, group, first in zip(flips, groups, new, strict=True):
            group.events += 1
            group.actors += first
            group.stricter += one.stricter is True
            group.milder += one.stricter is False
            if len(group.first) < FIRST_IDS:
                group.first.append(one.event_id)

    def _new(self, reached: Sequence[tuple[str, str | None]]) -> list[bool]:
        """Which of these (group, actor) were not reached before; nobody is reached where no actor is known."""
        places = [i for i, (_, actor) in enumerate(reached) if actor is not None]
        keys = pa.array([f"{reached[i][0]}\0{reached[i][1]}" for i in places], pa.string())
        came = self._seen.came(hash64(keys), np.zeros(len(places), np.uint64)) == Came.NEW
        answer = [False] * len(reached)
        for i, new in zip(places, came, strict=True):
            answer[i] = bool(new)
        return answer


def sentences(tried: Candidate) -> Mapping[str, str]:
    """Where the threshold of each step comes from, in words."""
    of_step = {point.step: point for point in tried.points}
    return {
        step.name: ("as in the release; " if step.name in tried.kept else "found anew; ")
        + point_in_words(of_step[step.name])
        for step in tried.bound.policy.steps
        if step.name in of_step
    }
