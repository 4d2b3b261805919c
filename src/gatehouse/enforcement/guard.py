"""What stands between a planned enforcement and its deed: quotas, breakers and second persons. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gatehouse.ports.outbox import Share
from gatehouse.records.enforcement import NEEDS_A_PERSON, URGENT, BreakerChange, Enforcement, Kind
from gatehouse.records.policy import Breaker, Quota

MINUTE = 60 * 1_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

RECOVERS_AT = 0.5
"""A breaker closes by itself when the share has fallen to this part of the one at which it trips."""


@dataclass(frozen=True)
class Rules:
    """What the house holds to, whatever a policy says.

    `deadline` is how long two people have to agree to a severe deed; `look_again` how long what a tripped breaker holds
    waits before it is weighed again (microseconds).
    """

    people: int = 2
    deadline: int = 3 * DAY
    look_again: int = HOUR


@dataclass(frozen=True)
class Held:
    """An enforcement is not carried out for now: why, and until when. What then becomes of it depends on its kind."""

    why: str
    until: int


@dataclass
class Window:
    """How much of a quota is used in the last `length` microseconds."""

    most: int
    length: int
    used: int
    name: str


@dataclass
class Limits:
    """What bounds the deeds of one policy version now. `allow` counts each deed that the guard lets pass."""

    windows: Sequence[Window] = ()
    tripped: BreakerChange | None = None
    exempt: frozenset[str] = field(default_factory=frozenset)

    def allow(self, more: int = 1) -> None:
        """So many more are carried out."""
        for window in self.windows:
            window.used += more


def guard(enforcement: Enforcement, limits: Limits, approvals: Sequence[str], now: int, rules: Rules) -> Held | None:
    """Held where an enforcement must wait, None where it may be carried out; nothing is changed here.

    What undoes another, what stands in the place of a held one, and kinds that are urgent always pass. Kinds that need
    a person pass when `rules.people` different people agreed; others when one did. A tripped breaker holds what is
    severer than a limit, except of exempt steps: what is milder is no more than would be done in its place.
    """
    kind = Kind[enforcement.kind.upper()]
    if enforcement.undoes is not None or enforcement.stands_in or kind in URGENT:
        return None
    agreed = len(people(approvals))
    if kind in NEEDS_A_PERSON:
        return None if agreed >= rules.people else Held(_people_wanted(approvals, rules), now + rules.deadline)
    if agreed:
        return None
    if limits.tripped is not None and kind > Kind.LIMIT and enforcement.step not in limits.exempt:
        return Held(f"the breaker of '{enforcement.policy}' tripped: {limits.tripped.why}", now + rules.look_again)
    for window in limits.windows:
        if window.used >= window.most:
            why = f"'{enforcement.policy}' has carried out the {window.most} that it may in {window.name}"
            # Not only until there is room for one: of thousands held, one would pass and the rest be held anew.
            return Held(why, now + window.length)
    return None


def _people_wanted(approvals: Sequence[str], rules: Rules) -> str:
    if not approvals:
        return f"{rules.people} people must agree"
    return f"{', '.join(dict.fromkeys(approvals))} agreed; {rules.people - len(people(approvals))} more must"


def people(approvals: Sequence[str]) -> set[str]:
    """Who agreed, each once: who is written with a capital another time is not somebody else."""
    return {name.strip().casefold() for name in approvals}


def enough(enforcement: Enforcement, approvals: Sequence[str], rules: Rules) -> bool:
    """Whether the people who agreed are enough for this kind."""
    wanted = rules.people if Kind[enforcement.kind.upper()] in NEEDS_A_PERSON else 1
    return len(people(approvals)) >= wanted


def after_hold(enforcement: Enforcement) -> str:
    """What becomes of a held one when its time is over: `planned`, to be weighed again, or `undone`.

    A deed that people did not agree to in time is not carried out; every other is weighed again.
    """
    return "undone" if Kind[enforcement.kind.upper()] in NEEDS_A_PERSON else "planned"


def weighed_since(breaker: Breaker, last: BreakerChange | None, now: int) -> int:
    """The moment after which decisions count: what a person has looked at, or what has recovered, counts once."""
    begun = now - breaker.minutes * MINUTE
    return max(begun, last.at) if last is not None and last.state == "closed" else begun


def weigh(policy: str, breaker: Breaker, share: Share, last: BreakerChange | None, now: int) -> BreakerChange | None:
    """The change of a policy's breaker that the decisions of its last minutes lead to, or None.

    It trips over its share of them, or of `breaker.least` where fewer were made, so that a few decisions after a quiet
    night trip nothing; it closes by itself at half of that, or when a person closes it.
    """
    wanted, most = share.wanted, breaker.share * max(share.made, breaker.least)
    tripped = last is not None and last.state == "tripped"
    minutes = f"{breaker.minutes} minutes" if breaker.minutes > 1 else "minute"
    said = f"{wanted:,} of {share.made:,} decisions in the last {minutes} wanted more than a limit"
    if not tripped and wanted > most:
        why = f"{said}, over its share of {breaker.share:.0%}"
        return BreakerChange(policy=policy, state="tripped", at=now, by="gatehouse", why=why)
    if tripped and wanted <= most * RECOVERS_AT:
        why = f"{said}, at most half its share of {breaker.share:.0%}"
        return BreakerChange(policy=policy, state="closed", at=now, by="gatehouse", why=why)
    return None


def windows(quota: Quota | None, used: Mapping[int, int]) -> tuple[Window, ...]:
    """The windows of a quota; `used` is, by length, how many count in it."""
    if quota is None:
        return ()
    said = ((quota.hour, HOUR, "an hour"), (quota.day, DAY, "a day"))
    return tuple(Window(most, length, used[length], name) for most, length, name in said if most is not None)
