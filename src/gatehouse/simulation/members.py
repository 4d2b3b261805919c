"""Benign members: heavy-tailed activity in sessions by day and week, communities, threads, messages, newcomers."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE, Act, Acts, together
from gatehouse.simulation.cast import DAY, HOUR, SECOND, Enforced, Platform
from gatehouse.simulation.follows import Groups, befriend, by_follower, drawn_to
from gatehouse.simulation.reactions import AWAKE, once, say
from gatehouse.simulation.world import Role

ACTS_A_SESSION = 3.0
BUSIEST = 150.0
WARNINGS = 0.004
"""Share of posts that quote spam to warn of it."""
ZONES = ((-8, -6, -5, -5, 0, 0, 1, 8), (-3, -3, -3, -4, 0), (-6, -5, -3, 1, 1))
"""Hours from UTC where the corpus' languages are spoken, by their place; other languages as the first."""

_WEEKEND = np.roll(AWAKE, 1) + 0.4
_OF_THE_WEEK = np.array([0.95, 0.95, 1.0, 1.0, 1.05, 1.1, 0.95])

_LEANINGS = np.array(
    [
        # post, comment, message, repost, like, follow, report, profile
        [0.50, 0.20, 0.08, 0.05, 0.12, 0.03, 0.0, 0.02],
        [0.12, 0.45, 0.20, 0.05, 0.14, 0.03, 0.0, 0.01],
        [0.07, 0.12, 0.08, 0.15, 0.48, 0.09, 0.0, 0.01],
    ]
)
_SHARES = np.array([0.25, 0.35, 0.40])
_LIKELIHOODS = np.cumsum(_LEANINGS, axis=1)


@dataclass(eq=False)
class Members:
    """The benign members, with all that an account of theirs needs to have habits.

    `count` accounts are there before the first day, and a share `growth` of them joins each day; an account does
    `acts_a_day` on average and far less at the median (`spread` is that of the logarithm); communities have `community`
    members on average, accounts follow `follows` others. `languages` are the shares of the corpus' languages.
    """

    count: int
    acts_a_day: float = 2.0
    growth: float = 0.004
    spread: float = 1.5
    community: int = 150
    follows: float = 10.0
    languages: tuple[float, ...] = (0.6, 0.25, 0.15)
    name: str = "members"
    who: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32), init=False)

    def __post_init__(self) -> None:
        """Nothing is known of the communities before the first accounts settle."""
        self._lean = np.empty(0, np.uint8)
        self._phase = np.empty(0)
        self._mobile = np.empty(0, np.bool_)

    def settle(self, platform: Platform, rng: np.random.Generator) -> None:
        """The members of the time before, most of them for long, and whom they follow."""
        communities = max(3, self.count // self.community)
        size = rng.pareto(1.3, communities) + 1.0
        self._sizes = np.cumsum(size) / size.sum()
        self._tongues = rng.choice(len(self.languages), communities, p=np.array(self.languages) / sum(self.languages))
        age = rng.exponential(500 * DAY, self.count) + HOUR
        created = platform.start - age.astype(np.int64)
        who = self._join(platform, rng, created)
        each = rng.poisson(self.follows * np.minimum(20, rng.lognormal(-0.5, 1.0, len(who))))
        befriend(rng, platform, who, each)
        letters = max(1, self.count // 2_000)
        self._letters = rng.choice(who, letters, replace=False)
        self._letter_texts = say(rng, platform.texts, "talk", platform.world["language"][self._letters])
        self._letter_times = rng.integers(0, DAY, letters)

    def day(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """Sessions of all who are free to act, the newcomers of the day among them, and the newsletters."""
        midnight = platform.midnight(day)
        joined = midnight + np.sort(rng.integers(0, DAY - HOUR, rng.poisson(self.growth * self.count)))
        newcomers = self._join(platform, rng, joined)
        world = platform.world
        free = (world["suspended"][self.who] > midnight) & (world["turned"][self.who] > midnight)
        busy = world["activity"][self.who] * free * _OF_THE_WEEK[_weekday(midnight)]
        member, at, address, device = self._sessions(platform, day, rng, busy)
        who = self.who[member]
        kind = (rng.random(len(who))[:, None] > _LIKELIHOODS[self._lean[member]]).sum(axis=1).astype(np.uint8)
        acts = Acts.of(at, who, np.minimum(kind, Act.PROFILE), address=address, device=device)
        self._fill(platform, rng, acts)
        hello = Acts.of(joined + SECOND, newcomers, Act.PROFILE)
        acts = acts.take(_complete(acts))
        return together([hello, acts.take(once(acts)), self._newsletters(platform, midnight)])

    def learn(self, platform: Platform, day: int, enforced: Enforced, rng: np.random.Generator) -> None:
        """Members do not change their ways."""

    def _join(
        self, platform: Platform, rng: np.random.Generator, created: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        """Accounts created at these times, with habits of their own."""
        n = len(created)
        community = np.searchsorted(self._sizes, rng.random(n))
        language = self._tongues[community]
        zones = [np.asarray(ZONES[place] if place < len(ZONES) else ZONES[0]) for place in range(len(self.languages))]
        zone = np.zeros(n, np.int8)
        for place, offered in enumerate(zones):
            these = language == place
            zone[these] = rng.choice(offered, these.sum())
        spread = self.spread
        activity = self.acts_a_day * rng.lognormal(-(spread**2) / 2, spread, n)
        lives, mobile = self._addresses(rng, n)
        who = platform.world.join(
            n,
            created=created,
            role=Role.MEMBER,
            zone=zone,
            language=language,
            community=community,
            activity=np.minimum(activity, BUSIEST),
            address=lives,
            device=2 * (len(self.who) + np.arange(n)),
            pictured=rng.random(n) < 0.93,
        )
        self.who = np.concatenate([self.who, who])
        self._lean = np.concatenate([self._lean, rng.choice(3, n, p=_SHARES).astype(np.uint8)])
        self._phase = np.concatenate([self._phase, rng.normal(0, 1.5, n)])
        self._mobile = np.concatenate([self._mobile, mobile])
        return who

    def _addresses(self, rng: np.random.Generator, n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Where accounts live: homes shared by few, here and there a campus; and who is often on the move."""
        homes, campuses = self._places[:2]
        campus = rng.random(n) < 0.08
        lives = np.where(campus, homes + rng.integers(0, campuses, n), rng.integers(0, homes, n))
        return lives, rng.random(n) < 0.35

    @property
    def _places(self) -> tuple[int, int, int]:
        """How many homes, campuses and addresses of mobile carriers there are."""
        return max(1, self.count // 2), max(1, self.count // 2_000), max(2, self.count // 100)

    def _sessions(
        self, platform: Platform, day: int, rng: np.random.Generator, busy: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Acts by member (a place in `who`), time, address and device; one session has one address and device."""
        world, midnight = platform.world, platform.midnight(day)
        member = np.repeat(np.arange(len(self.who)), rng.poisson(busy / ACTS_A_SESSION))
        n = len(member)
        rhythm = _WEEKEND if _weekday(midnight) >= 5 else AWAKE
        hour = rng.choice(24, n, p=rhythm / rhythm.sum()) + rng.random(n) + self._phase[member]
        who = self.who[member]
        start = midnight + ((hour - world["zone"][who]) % 24 * HOUR).astype(np.int64)
        start = np.maximum(start, world["created"][who] + 60 * SECOND)
        homes, campuses, mobiles = self._places
        out = self._mobile[member] & (rng.random(n) < 0.6)
        address = np.where(out, homes + campuses + rng.integers(0, mobiles, n), NONE)
        device = np.where(out, world["device"][who] + 1, NONE)
        acts = rng.geometric(1 / ACTS_A_SESSION, n)
        session = np.repeat(np.arange(n), acts)
        gaps = np.exp(rng.normal(np.log(40), 1.0, len(session)))
        so_far = np.cumsum(gaps)
        before = np.concatenate([[0.0], so_far])[np.cumsum(acts) - acts]
        at = start[session] + ((so_far - before[session]) * SECOND).astype(np.int64)
        return member[session], at, address[session].astype(np.int32), device[session].astype(np.int32)

    def _fill(self, platform: Platform, rng: np.random.Generator, acts: Acts) -> None:
        """Give acts what they are about: whom they answer or follow, and what they say."""
        world = platform.world
        answers = np.flatnonzero(np.isin(acts.kind, (Act.COMMENT, Act.REPOST, Act.LIKE)))
        place = chosen(platform, rng, acts.actor[answers])
        serial, author, _ = platform.recent
        found = place >= 0
        acts.parent[answers[found]] = serial[place[found]]
        acts.target[answers[found]] = author[place[found]]
        lost = answers[~found]
        acts.kind[lost[acts.kind[lost] == Act.COMMENT]] = Act.POST
        meant = np.flatnonzero((acts.kind == Act.FOLLOW) | (acts.kind == Act.MESSAGE))
        acts.target[meant] = drawn_to(rng, world, acts.actor[meant])
        says = np.flatnonzero(np.isin(acts.kind, (Act.POST, Act.COMMENT, Act.MESSAGE)))
        acts.text[says] = say(rng, platform.texts, "talk", world["language"][acts.actor[says]])
        warns = np.flatnonzero((acts.kind == Act.POST) & (rng.random(len(acts)) < WARNINGS))
        acts.text[warns] = say(rng, platform.texts, "warning", world["language"][acts.actor[warns]])

    def _newsletters(self, platform: Platform, midnight: int) -> Acts:
        """What says the same each day at the same time, and means no harm."""
        still = platform.world["suspended"][self._letters] > midnight
        at = midnight + self._letter_times[still]
        return Acts.of(at, self._letters[still], Act.POST, text=self._letter_texts[still])


def chosen(platform: Platform, rng: np.random.Generator, who: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """The recent post that each of these turns to (a place in `recent`), NONE where there is none.

    Of an account it follows, else of its community, else in its language; the newer and the better known its author,
    the likelier.
    """
    world, (_, author, at) = platform.world, platform.recent
    if not len(author):
        return np.full(len(who), NONE, np.int64)
    weight = np.exp(-(at.max() - at) / (12 * HOUR)) * np.sqrt(1.0 + world["followers"][author])
    pair = by_follower(platform).draw(rng, who)
    followed = np.where(pair >= 0, platform.follows[pair, 1], NONE) if len(platform.follows) else pair
    followed[rng.random(len(who)) < 0.4] = NONE
    place = Groups.of(author, weight, len(world)).draw(rng, followed)
    for column in ("community", "language"):
        group = world[column].astype(np.int64)
        lacking = np.flatnonzero((place < 0) | (author[place] == who))
        place[lacking] = Groups.of(group[author], weight, int(group.max()) + 1).draw(rng, group[who[lacking]])
    return np.where(author[place] == who, NONE, place)


def _complete(acts: Acts) -> npt.NDArray[np.bool_]:
    """Acts that have what their kind needs."""
    answer = np.isin(acts.kind, (Act.REPOST, Act.LIKE))
    meant = np.isin(acts.kind, (Act.FOLLOW, Act.MESSAGE))
    return ~(answer & (acts.parent < 0)) & ~(meant & (acts.target < 0))


def _weekday(midnight: int) -> int:
    """Monday is 0; the first of January 1970 was a Thursday."""
    return (midnight // DAY + 3) % 7
