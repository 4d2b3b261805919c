"""The crowd: who sees what, and what they do about it."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE, Act, Acts, together
from gatehouse.simulation.cast import HOUR, SECOND, Platform, Texts
from gatehouse.simulation.follows import Groups, by_followed
from gatehouse.simulation.world import Role

ROUNDS = 3
"""How often a day the crowd answers what the crowd answered."""
REACH, LUCK = (4.0, 0.5), 1.0
"""Views of a post: some by a feed and some by each follower, times a luck of this spread (of its logarithm)."""
STRANGERS = 0.3
"""Share of viewers who found it otherwise than by following its author."""

# How often a view leads to what follows, or a message to a report or an answer; arrays go by Harm.
LIKED, COMMENTED, REPOSTED = 0.02, 0.006, 0.003
REPORTED = np.array([0.00005, 0.01, 0.012, 0.02, 0.0, 0.002])
MESSAGE_REPORTED = np.array([0.0003, 0.1, 0.12, 0.15, 0.0, 0.02])
ANSWERED = np.array([0.55, 0.01, 0.05, 0.1, 0.0, 0.02])

_MORNING = (1.5, 0.8, 0.5, 0.3, 0.3, 0.5, 1.2, 2.5, 3.5, 3.8, 3.8, 4.0)
_REST = (4.8, 4.6, 4.0, 4.0, 4.2, 4.8, 5.8, 7.0, 8.0, 8.0, 6.0, 3.5)
AWAKE = np.array([*_MORNING, *_REST]) / np.mean([*_MORNING, *_REST])
"""How much goes on at each hour of the day where people live; 1 on average."""

_FADING = np.exp(-np.arange(48) / 6.0)
_FADING /= _FADING.sum()
_AT_ONCE = 16_384


@dataclass(frozen=True, eq=False)
class Views:
    """How often posts and comments were seen: hours since the act, one a row, where somebody looked.

    `serial` int64 [n] of the act, `at` int64 [n] when the hour begins, `views` int32 [n] at least 1, `actor` int32 and
    `harm` uint8 of the act.
    """

    serial: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    views: npt.NDArray[np.int32]
    actor: npt.NDArray[np.int32]
    harm: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.serial)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Views":
        """Some of the rows: by their places, or by a mask."""
        return Views(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @classmethod
    def join(cls, parts: list["Views"]) -> "Views":
        """Several as one."""
        columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(cls)}
        return cls(**{name: np.concatenate(column) for name, column in columns.items()})


NO_VIEWS = Views(
    np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint8)
)


class Crowd:
    """Members who look at what is posted, hours and days later too, and like, answer, pass on or report it."""

    def __init__(self) -> None:
        self._coming = NO_VIEWS
        self._seen: list[Views] = [NO_VIEWS]

    def views(self) -> Views:
        """All that was seen so far, in the order of serial numbers and hours."""
        seen = Views.join(self._seen)
        return seen.take(np.lexsort((seen.at, seen.serial)))

    def live(
        self, platform: Platform, day: int, acts: Acts, rng: np.random.Generator
    ) -> tuple[Acts, npt.NDArray[np.int64]]:
        """Add a day's acts to the log, then what the crowd does about them; all of the day with its serial numbers."""
        audience = _Audience(platform, day)
        coming = self._coming.take(platform.world["suspended"][self._coming.actor] > platform.midnight(day))
        self._coming = NO_VIEWS
        serials = platform.log.add(acts)
        done = [(acts, serials)]
        for _ in range(ROUNDS):
            today = self._look(platform, day, Views.join([coming, _views(platform, acts, serials, rng)]))
            answers = together([*audience.react(today, rng), audience.answer(acts, serials, rng)])
            answers = answers.take(once(answers))
            acts = answers.take(np.argsort(answers.at, kind="stable"))
            serials = platform.log.add(acts)
            done.append((acts, serials))
            coming = NO_VIEWS
        self._look(platform, day, _views(platform, acts, serials, rng))
        return together(acts for acts, _ in done), np.concatenate([serials for _, serials in done])

    def forget(self, removed: npt.NDArray[np.int64]) -> None:
        """Nobody sees what was removed any more."""
        if len(removed):
            self._coming = self._coming.take(~np.isin(self._coming.serial, removed))

    def _look(self, platform: Platform, day: int, views: Views) -> Views:
        """The views of this day, which are kept; those of later days wait."""
        later = views.at >= platform.midnight(day + 1)
        self._coming = Views.join([self._coming, views.take(later)])
        today = views.take(~later)
        self._seen.append(today)
        return today


class _Audience:
    """Who may react on a day: members who were there before it, are not suspended and still their own masters."""

    def __init__(self, platform: Platform, day: int) -> None:
        world = self._world = platform.world
        self._texts = platform.texts
        self._midnight, self._end = platform.midnight(day), platform.midnight(day + 1)
        own = (world["role"] == Role.MEMBER) | ((world["role"] == Role.TAKEN_OVER) & (world["turned"] >= self._end))
        self._willing = own & (world["created"] < self._midnight) & (world["suspended"] > self._midnight)
        weight = world["activity"] * self._willing
        self._followers = platform.follows[:, 0]
        self._of_followed = by_followed(platform)
        self._of_community = Groups.of(world["community"], weight, int(world["community"].max(initial=-1)) + 1)
        self._of_language = Groups.of(world["language"], weight, 256)

    def react(self, views: Views, rng: np.random.Generator) -> list[Acts]:
        """Likes, comments, reposts and reports by those who saw something."""
        reported = REPORTED[views.harm]
        chances = ((Act.LIKE, LIKED), (Act.COMMENT, COMMENTED), (Act.REPOST, REPOSTED), (Act.REPORT, reported))
        made = []
        for kind, chance in chances:
            rows = np.repeat(np.arange(len(views)), rng.binomial(views.views, chance))
            who = self._viewers(rng, views.actor[rows])
            rows, who = rows[who >= 0], who[who >= 0]
            # An hour that began today may end tomorrow, when the viewer may be gone.
            room = np.minimum(HOUR, self._end - views.at[rows])
            at = views.at[rows] + np.maximum(1, rng.random(len(rows)) * room).astype(np.int64)
            said = {"text": self._say(rng, who)} if kind is Act.COMMENT else {}
            made.append(Acts.of(at, who, kind, target=views.actor[rows], parent=views.serial[rows], **said))
        return made

    def answer(self, acts: Acts, serials: npt.NDArray[np.int64], rng: np.random.Generator) -> Acts:
        """Answers to direct messages, and reports of them, by those who got them, within minutes to hours."""
        got = np.flatnonzero((acts.kind == Act.MESSAGE) & (acts.target >= 0))
        got = got[self._willing[acts.target[got]]]
        luck, report, answer = rng.random(len(got)), MESSAGE_REPORTED[acts.harm[got]], ANSWERED[acts.harm[got]]
        at = acts.at[got] + SECOND + (np.exp(rng.normal(np.log(300), 1.5, len(got))) * SECOND).astype(np.int64)
        act = np.where(luck < report, Act.REPORT, Act.MESSAGE)
        does = (luck < report + answer) & (at < self._end)
        got, at, act = got[does], at[does], act[does]
        who, says = acts.target[got], np.full(len(got), NONE, np.int32)
        says[act == Act.MESSAGE] = self._say(rng, who[act == Act.MESSAGE])
        return Acts.of(at, who, act, target=acts.actor[got], parent=serials[got], text=says)

    def _viewers(self, rng: np.random.Generator, authors: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Who looked: a follower of the author, else one of its community or language; NONE where nobody can."""
        pair = self._of_followed.draw(rng, authors)
        who = np.where(pair >= 0, self._followers[pair], NONE) if len(self._followers) else pair
        who[rng.random(len(who)) < STRANGERS] = NONE
        for groups, column in ((self._of_community, "community"), (self._of_language, "language")):
            lacking = np.flatnonzero((who < 0) | ~self._willing[who])
            who[lacking] = groups.draw(rng, self._world[column][authors[lacking]])
        return np.where(who == authors, NONE, who).astype(np.int32)

    def _say(self, rng: np.random.Generator, who: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """A text of talk for each, in its own language."""
        return say(rng, self._texts, "talk", self._world["language"][who])


def say(rng: np.random.Generator, texts: Texts, topic: str, language: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """A text about a topic for each of these languages."""
    said = np.full(len(language), NONE, np.int32)
    for one in np.unique(language):
        these = language == one
        said[these] = texts.draw(rng, topic, int(one), int(these.sum()))
    return said


def once(acts: Acts) -> npt.NDArray[np.int64]:
    """The places of acts without those that nobody does twice: to like, pass on or report one thing, or follow one."""
    about = np.where(acts.kind == Act.FOLLOW, acts.target, acts.parent) + 1
    keys = (acts.actor.astype(np.int64) << 3 | acts.kind) << 34 | about
    _, first = np.unique(keys, return_index=True)
    again = np.ones(len(acts), np.bool_)
    again[first] = False
    alone = np.isin(acts.kind, (Act.LIKE, Act.REPOST, Act.REPORT, Act.FOLLOW)) & (about > 0)
    return np.flatnonzero(~(again & alone))


def _views(platform: Platform, acts: Acts, serials: npt.NDArray[np.int64], rng: np.random.Generator) -> Views:
    """By hour, how often new posts and comments will be seen while they are young."""
    public = np.flatnonzero((acts.kind == Act.POST) | (acts.kind == Act.COMMENT))
    followers = platform.world["followers"][acts.actor[public]]
    luck = rng.lognormal(-(LUCK**2) / 2, LUCK, len(public))
    mean = luck * (REACH[0] + REACH[1] * followers) * np.where(acts.kind[public] == Act.COMMENT, 0.3, 1.0)
    parts = [NO_VIEWS]
    for start in range(0, len(public), _AT_ONCE):
        some = public[start : start + _AT_ONCE]
        hours = acts.at[some] // HOUR + platform.world["zone"][acts.actor[some]]
        awake = AWAKE[(hours[:, None] + np.arange(len(_FADING))) % 24]
        counts = rng.poisson(mean[start : start + _AT_ONCE, None] * _FADING * awake)
        row, hour = np.nonzero(counts)
        place = some[row]
        at = acts.at[place] + hour * HOUR
        parts.append(Views(serials[place], at, counts[row, hour].astype(np.int32), acts.actor[place], acts.harm[place]))
    return Views.join(parts)
