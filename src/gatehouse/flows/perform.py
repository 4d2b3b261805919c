"""Performing: take planned enforcements from the outbox, ask the guard, act, and record what became of them."""

import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, fields
from operator import add

import msgspec

from gatehouse.enforcement.guard import DAY, HOUR, Limits, Rules, after_hold, guard, weigh, weighed_since, windows
from gatehouse.enforcement.plan import in_place_of, next_rung, strike_of
from gatehouse.enforcement.undo import undoing, unsupported
from gatehouse.errors import GatehouseError, OutsideError, RefusedError
from gatehouse.flows.held import drop
from gatehouse.flows.observe import ACTED, Observer, Tally
from gatehouse.ports.actuator import Actuator, NotDoneError
from gatehouse.ports.outbox import End, Leased, Outbox
from gatehouse.ports.standing import Standing
from gatehouse.records.enforcement import Enforcement, Kind, State, StateChange, Told
from gatehouse.records.policy import Policy

_SECOND = 1_000_000
_LONGEST_WHY = 300
_LONGEST_RECEIPT = 200

TRIES_AGAIN_SECONDS = 1.0
"""How long a performer waits when the outbox cannot be used."""

ALONE_SECONDS = 0.02
"""How long one thread alone carries out a round: where the platform answers at once, more only wait for each other."""


@dataclass(frozen=True)
class Terms:
    """How a performer works: `most` enforcements at once by `threads`, each leased for `lease` microseconds.

    One thread begins, and the others help where it is not through after ALONE_SECONDS.
    Nothing is begun in the second half of a lease, so that what was begun before can end within it.
    One that failed is tried again after `first` microseconds, then twice as long each time up to `longest`, each time
    shortened by up to half at random so that many do not come back together; after `tries` it has failed.
    """

    most: int = 32
    threads: int = 4
    lease: int = 60 * _SECOND
    tries: int = 12
    first: int = _SECOND
    longest: int = 1800 * _SECOND
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True)
class Round:
    """What a round came to: `again` are tried anew later, `late` ends came after their lease, `over` ended or freed."""

    done: int = 0
    held: int = 0
    failed: int = 0
    undone: int = 0
    again: int = 0
    late: int = 0
    over: int = 0

    def __add__(self, other: "Round") -> "Round":
        return Round(*(add(getattr(self, one.name), getattr(other, one.name)) for one in fields(self)))

    @property
    def n(self) -> int:
        """How many it was about."""
        return sum(getattr(self, one.name) for one in fields(self))

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return not self.n


class Performer:
    """Carries out enforcements; several at once, in one process or in many, never hold the same one.

    `name` is told beside every change. `policy` gives a policy version, or None where it is not known and so bounds
    nothing. `notice` gives what the actor is to be told. A performer that dies anywhere loses nothing: what it held is
    taken again when the lease is over, under the same key.
    """

    def __init__(
        self,
        name: str,
        outbox: Outbox,
        standing: Standing,
        actuator: Actuator,
        policy: Callable[[str, str], Policy | None],
        clock: Callable[[], int],
        *,
        terms: Terms | None = None,
        notice: Callable[[Enforcement], str | None] | None = None,
        observer: Observer | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        # Two that are called the same must not take each other's leases for their own.
        self._holder = f"{name} {secrets.token_hex(4)}"
        self._outbox = outbox
        self._standing = standing
        self._actuator = actuator
        self._policy = policy
        self._clock = clock
        self._terms = terms or Terms()
        self._notice = notice
        self._observer = observer or Tally()
        self._chance = chance
        self._threads = ThreadPoolExecutor(self._terms.threads, "performer")

    def round(self) -> Round:
        """End what is over, then carry out at most `terms.most` enforcements, and say what became of them."""
        if not self._outbox.due(self._clock()):
            return Round()
        over = self._end_what_is_over()
        now = self._clock()
        leased = self._outbox.lease(self._holder, self._terms.most, now, now + self._terms.lease)
        house = _Limits(self._outbox, self._policy, self._holder)
        undone = self._undone_by(leased)
        ends, to_act = [], []
        for one in leased:
            end = self._without_acting(one, undone, house, now)
            if end is None:
                to_act.append(one)
            else:
                ends.append(end)
        ends += self._acted(to_act)
        recorded = self._outbox.end(ends) if ends else ()
        told = Counter(
            "again" if end.again is not None else end.change.state
            for end, kept in zip(ends, recorded, strict=True)
            if kept
        )
        came_to = Round(**told, late=len(leased) - sum(recorded), over=over)
        for what, n in vars(came_to).items():
            if n:
                self._observer.counted(f"enforcements {what}", n)
        return came_to

    def run(
        self,
        stop: threading.Event,
        pause: float = 0.5,
        gather: float = 0.1,
        said: Callable[[str], None] | None = None,
    ) -> Round:
        """Work until told to stop; what is at work then is finished. Waits `pause` seconds where nothing is due.

        After a round that was not full it waits `gather` seconds, so that what trickles in is carried out together:
        each round takes the right to write twice, for which live decisions wait. Where there is somebody to whom it can
        be `said` that the outbox cannot be used, it says so once and tries again; otherwise OutsideError is raised.
        """
        total = Round()
        down = ""
        while not stop.is_set():
            try:
                came_to = self.round()
            except OutsideError as error:
                if said is None:
                    raise
                if str(error) != down:
                    said(f"enforcements wait: {error}")
                down = str(error)
                stop.wait(TRIES_AGAIN_SECONDS)
                continue
            if down and said is not None:
                said("enforcements are carried out again")
            down = ""
            total += came_to
            if came_to.n < self._terms.most:
                stop.wait(pause if came_to.idle else gather)
        return total

    def until_idle(self) -> Round:
        """Work until nothing is due."""
        total = Round()
        while not (came_to := self.round()).idle:
            total += came_to
        return total

    def _end_what_is_over(self) -> int:
        """Plan the ends of what ends by itself, and free or drop what was held until now."""
        now = self._clock()
        over = self._outbox.over(now, self._terms.most)
        if ends := [undoing(one) for one in over if one.state == "done"]:
            self._outbox.plan(ends, now)
        for one in over:
            if one.state == "held" and after_hold(one) == "undone":
                drop(self._outbox, one, by=self.name, why="too few people agreed in time", now=now)
            elif one.state == "held":
                self._outbox.move(self._change(one, "planned", "its hold is over"), ["held"])
        return len(over)

    def _undone_by(self, leased: Sequence[Leased]) -> dict[str, Enforcement]:
        """What some of these take back, by id."""
        ids = [one.enforcement.undoes for one in leased if one.enforcement.undoes is not None]
        return {one.id: one for one in self._outbox.find(ids=ids)} if ids else {}

    def _without_acting(
        self, leased: Leased, undone: Mapping[str, Enforcement], house: "_Limits", now: int
    ) -> End | None:
        """The end of one that is not carried out now, or None."""
        one = leased.enforcement
        if leased.attempt > self._terms.tries:
            return End(leased, self._change(one, "failed", f"given up after {self._terms.tries} tries"))
        if one.undoes is not None:
            before = undone.get(one.undoes)
            if before is None or before.state == "undone":
                return End(leased, self._change(one, "done", "what it takes back was dropped"))
            return None
        if one.until is not None and one.until <= now and leased.attempt == 1:
            return End(leased, self._change(one, "undone", "its time was over before it began"))
        held = guard(one, house.of(one, now), leased.approvals, now, self._terms.rules)
        if held is None:
            house.allow(one)
            return None
        instead = in_place_of(one)
        change = self._change(one, "held", held.why, until=held.until)
        return End(leased, change, also=() if instead is None else (instead,))

    def _acted(self, leased: Sequence[Leased]) -> list[End]:
        if self._terms.threads == 1 or len(leased) < 2:
            return [self._act(one) for one in leased]
        rest = iter(leased)
        at_work = [self._threads.submit(self._act_all, rest)]
        if wait(at_work, ALONE_SECONDS).not_done:
            helpers = min(self._terms.threads, len(leased)) - 1
            at_work += [self._threads.submit(self._act_all, rest) for _ in range(helpers)]
        return [end for one in at_work for end in one.result()]

    def _act_all(self, rest: Iterator[Leased]) -> list[End]:
        """Carry out what is left of a round, of which others take their part."""
        return [self._act(one) for one in rest]

    def _act(self, leased: Leased) -> End:
        """Carry one out, or give it back where its turn did not come in time."""
        one = leased.enforcement
        if (now := self._clock()) >= leased.until - self._terms.lease // 2:
            return End(leased, self._change(one, "planned", "its turn did not come"), again=now, tried=False)
        try:
            receipt = self._timed(one)
            also = self._of_our_own(one)
        except RefusedError as refused:
            return End(leased, self._change(one, "failed", _told(refused)))
        except Exception as error:
            return self._again(leased, error)
        return End(leased, self._change(one, "done", receipt=_kept(receipt or "", _LONGEST_RECEIPT)), also=also)

    def _timed(self, one: Enforcement) -> str:
        told = one if self._notice is None else Told(**msgspec.structs.asdict(one), notice=self._notice(one))
        begun = time.perf_counter()
        try:
            return self._actuator.act(told, one.id)
        finally:
            self._observer.spent(ACTED, time.perf_counter() - begun, 1)

    def _again(self, leased: Leased, error: Exception) -> End:
        one = leased.enforcement
        if leased.attempt >= self._terms.tries:
            why = f"given up after {leased.attempt} tries: {_told(error)}"
            return End(leased, self._change(one, "failed", why))
        wait = min(self._terms.first * 2 ** (leased.attempt - 1), self._terms.longest) * (1 - self._chance() / 2)
        if isinstance(error, NotDoneError) and error.after is not None:
            wait = max(wait, min(error.after * _SECOND, DAY))
        change = self._change(one, "planned", f"try {leased.attempt}: {_told(error)}")
        return End(leased, change, again=change.at + round(wait))

    def _of_our_own(self, one: Enforcement) -> tuple[Enforcement, ...]:
        """What an enforcement does to the actor's record, and what that leads to; the same however often it is done."""
        if one.kind != Kind.STRIKE.word:
            return ()
        now = self._clock()
        policy = self._policy(one.policy, one.policy_version)
        ladder = policy.ladder or None if policy is not None else None
        if one.undoes is None:
            # Clocks differ and are set back: a strike is later than all that it comes on top of.
            known = (strike.at + 1 for strike in self._standing.strikes(one.on) if strike.id != one.id)
            self._standing.strike(strike_of(one, ladder, max((now, *known))))
            rung = next_rung(one, self._standing.strikes(one.on), ladder, now) if ladder else None
            return () if rung is None else (rung,)
        self._standing.take_back(one.undoes, now)
        rungs = [known for known in self._outbox.find(subject=one.on, policy=one.policy) if known.follows is not None]
        versions = {known.policy_version: self._policy(known.policy, known.policy_version) for known in rungs}
        ladders = {version: found.ladder for version, found in versions.items() if found is not None and found.ladder}
        return tuple(map(undoing, unsupported(rungs, self._standing.strikes(one.on), ladders, now)))

    def _change(
        self, one: Enforcement, state: State, why: str = "", *, receipt: str = "", until: int | None = None
    ) -> StateChange:
        return StateChange(
            enforcement_id=one.id, state=state, at=self._clock(), by=self.name, why=why, receipt=receipt, until=until
        )


class _Limits:
    """What bounds each policy in one round, looked up once."""

    def __init__(self, outbox: Outbox, policy: Callable[[str, str], Policy | None], besides: str) -> None:
        self._outbox = outbox
        self._policy = policy
        self._besides = besides
        self._found: dict[tuple[str, str], Limits] = {}
        self._allowed: Counter[str] = Counter()

    def of(self, one: Enforcement, now: int) -> Limits:
        """The limits of an enforcement's policy version."""
        key = (one.policy, one.policy_version)
        if key not in self._found:
            policy = self._policy(*key)
            self._found[key] = Limits() if policy is None else self._look_up(policy, now)
            self._found[key].allow(self._allowed[one.policy])
        return self._found[key]

    def allow(self, one: Enforcement) -> None:
        """One more is carried out, which counts for every version of its policy."""
        if not one.stands_in:
            self._allowed[one.policy] += 1
            for (policy, _), limits in self._found.items():
                limits.allow(policy == one.policy)

    def _look_up(self, policy: Policy, now: int) -> Limits:
        quota = policy.quota or None
        used = {}
        for length in (HOUR, DAY) if quota else ():
            used[length] = self._outbox.used(policy.name, now - length, now, self._besides)
        tripped, exempt = None, frozenset[str]()
        if breaker := policy.breaker or None:
            last = self._outbox.breaker(policy.name)
            share = self._outbox.share(policy.name, breaker.exempt, weighed_since(breaker, last, now))
            change = weigh(policy.name, breaker, share, last, now)
            if change is not None:
                self._outbox.switch(change)
                last = change
            tripped = last if last is not None and last.state == "tripped" else None
            exempt = frozenset(breaker.exempt)
        return Limits(windows(quota, used), tripped, exempt)


def _told(error: Exception) -> str:
    """An error in a line; what is not ours may quote content, so its kind must be enough."""
    said = error.faults[0].what if isinstance(error, GatehouseError) and error.faults else type(error).__name__
    return _kept(said, _LONGEST_WHY)


def _kept(said: object, longest: int) -> str:
    """A text from outside as every database keeps it; one that it would refuse must not stop all of a round."""
    return str(said).replace("\0", "").encode(errors="replace").decode()[:longest]
