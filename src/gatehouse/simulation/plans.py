"""What plans of casts are made of: acts that wait for their day, hours awake, things of one's own, posts to act on."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE, Act, Acts, Harm, together
from gatehouse.simulation.cast import DAY, HOUR, SECOND, Log, Platform
from gatehouse.simulation.reactions import say
from gatehouse.simulation.world import NEVER, Role, World

MINUTE = 60 * SECOND

FIRST_FRESH = 1_000_000
"""Items, addresses and devices from here on are drawn at random by those who need one of their own."""

WRITTEN = (Act.POST, Act.COMMENT, Act.MESSAGE)
"""Acts that carry a text."""


@dataclass(eq=False)
class Waiting:
    """Acts that are planned, until their day comes."""

    acts: list[Acts] = field(default_factory=list)

    def due(self, planned: Iterable[Acts], until: int) -> Acts:
        """Add to what is planned, and take out what falls before `until`."""
        known = together([*self.acts, *planned])
        now = known.at < until
        self.acts = [known.take(~now)]
        return known.take(now)

    def drop(self, gone: npt.NDArray[np.bool_]) -> None:
        """Forget the plans of accounts that are gone: a mask over the accounts of the world."""
        self.acts = [part.take(~gone[part.actor]) for part in self.acts]


def fresh(rng: np.random.Generator, n: int) -> npt.NDArray[np.int32]:
    """Numbers of n items, addresses or devices that nobody else has."""
    return rng.integers(FIRST_FRESH, np.iinfo(np.int32).max, n, dtype=np.int32)


def awake(
    rng: np.random.Generator, zones: npt.NDArray[np.int8], midnight: int | npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """A time of the day (UTC) for each, while it is awake where it lives: from seven on, mostly in the evening."""
    local = 7.0 + 17.0 * rng.beta(1.8, 1.4, len(zones))
    hours = (local - zones) % 24.0
    return midnight + np.minimum((hours * HOUR).astype(np.int64), DAY - 1)


def members(world: World, before: int) -> npt.NDArray[np.int32]:
    """Ordinary members who were there before a time and are not suspended."""
    known = (world["role"] == Role.MEMBER) & (world["created"] < before) & (world["suspended"] == NEVER)
    return np.flatnonzero(known).astype(np.int32)


def posting(platform: Platform, before: int) -> npt.NDArray[np.int32]:
    """Ordinary members who posted of late; all of them where none did."""
    known = members(platform.world, before)
    seen = known[among(platform.world, platform.recent[1])[known]]
    return seen if len(seen) else known


def some(rng: np.random.Generator, who: npt.NDArray[np.int32], n: int) -> npt.NDArray[np.int32]:
    """At most n of these accounts, each once."""
    return rng.choice(who, min(n, len(who)), replace=False) if len(who) else who[:0]


def posts(
    platform: Platform, rng: np.random.Generator, n: int, *, distinct: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """n recent posts: their serial numbers and authors; NONE where nothing was posted, or too little for `distinct`."""
    serials, actors, _ = platform.recent
    parent, target = np.full(n, NONE), np.full(n, NONE, np.int32)
    if len(serials):
        rows = rng.choice(len(serials), min(n, len(serials)) if distinct else n, replace=not distinct)
        parent[: len(rows)], target[: len(rows)] = serials[rows], actors[rows]
    return parent, target


def reworded(
    platform: Platform, rng: np.random.Generator, text: int, n: int, lessons: int = 0
) -> npt.NDArray[np.int32]:
    """n forms of a text; each lesson learnt (up to three count) takes them one change further from it."""
    forms = np.array([text], np.int32)
    for _ in range(min(lessons, 3)):
        forms = platform.texts.vary(rng, int(rng.choice(forms)), 8)
    each = np.bincount(rng.integers(0, len(forms), n), minlength=len(forms))
    varied = [platform.texts.vary(rng, int(form), int(k)) for form, k in zip(forms, each, strict=True)]
    return rng.permutation(np.concatenate(varied)).astype(np.int32)


def shared(platform: Platform, since: int) -> npt.NDArray[np.int32]:
    """The items that others shared since a time, once for each time."""
    found = [np.empty(0, np.int32)]
    for part in reversed(platform.log.parts):
        if len(part) and part.at.max() < since:
            break
        found.append(part.item[(part.item != NONE) & (part.harm == Harm.NONE)])
    return np.concatenate(found)


def ordinary(platform: Platform, rng: np.random.Generator, day: int, who: npt.NDArray[np.int32]) -> Acts:
    """One act like any member's for each of these accounts (which may come several times): how the bad pass unseen."""
    n, world = len(who), platform.world
    kinds = rng.choice([Act.POST, Act.COMMENT, Act.LIKE, Act.REPOST], n, p=[0.25, 0.25, 0.4, 0.1]).astype(np.uint8)
    parent, target = posts(platform, rng, n)
    kinds[parent == NONE] = Act.POST
    alone = kinds == Act.POST
    text = np.full(n, NONE, np.int32)
    says = np.isin(kinds, WRITTEN)
    text[says] = say(rng, platform.texts, "talk", world["language"][who[says]])
    return Acts.of(
        awake(rng, world["zone"][who], platform.midnight(day)),
        who,
        kinds,
        target=np.where(alone, NONE, target),
        parent=np.where(alone, NONE, parent),
        text=text,
        harm=Harm.NONE,
    )


def recall(log: Log, serials: npt.NDArray[np.int64]) -> Acts:
    """Acts by their serial numbers, in order of these."""
    ends = np.cumsum([len(part) for part in log.parts])
    ordered = np.sort(serials)
    places = np.searchsorted(ends, ordered, "right")
    found = []
    for place in np.unique(places):
        rows = ordered[places == place] - (ends[place] - len(log.parts[place]))
        found.append(log.parts[place].take(rows))
    return together(found)


def among(world: World, who: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """For each account of the world whether it is one of these."""
    found = np.zeros(len(world), np.bool_)
    found[who] = True
    return found


def refuse_unsound(
    cast: object,
    *,
    shares: Iterable[str] = (),
    parts: Iterable[str] = (),
    sizes: Iterable[str] = (),
    ranges: Iterable[str] = (),
    counts: Iterable[str] = (),
) -> None:
    """Raise ValueError, naming every fault, where these settings of a cast make no sense.

    `shares` lie between 0 and 1, of which `parts` never reach 1; `ranges` are from a number to one that is not lower,
    `sizes` such that begin at 1 or more; `counts` are 0 or more.
    """
    said = vars(cast)
    faults = [f"{name} is {said[name]}, but lies between 0 and 1" for name in shares if not 0 <= said[name] <= 1]
    faults += [f"{name} is {said[name]}, but is at least 0 and under 1" for name in parts if not 0 <= said[name] < 1]
    for names, least in ((sizes, 1), (ranges, 0)):
        for name in names:
            low, high = said[name]
            if not least <= low <= high:
                faults.append(f"{name} is ({low}, {high}), but goes from {least} or more to what is not lower")
    faults += [f"{name} is {said[name]}, but is 0 or more" for name in counts if said[name] < 0]
    if faults:
        raise ValueError(f"{said['name']}: {'; '.join(faults)}")
