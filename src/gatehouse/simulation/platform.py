"""The simulated platform: day after day its casts act, the crowd answers, somebody enforces, and the bad take note."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.simulation.acts import NONE, Act, Acts, together
from gatehouse.simulation.cast import DAY, Cast, Enforced, Log, Platform
from gatehouse.simulation.corpus import Corpus
from gatehouse.simulation.follows import follow_acts
from gatehouse.simulation.reactions import Crowd, Views
from gatehouse.simulation.world import NEVER, World

START = 1_740_960_000_000_000
"""When the first day begins unless said otherwise: 3 March 2025, a Monday."""

_BEFORE, _LEARNING, _ENFORCING = 1, 2, 3


class Enforcer(Protocol):
    """Who enforces on the platform at the end of each day."""

    def enforce(
        self, platform: Platform, day: int, acts: Acts, serials: npt.NDArray[np.int64], reports: Acts
    ) -> Enforced:
        """What is done about a day; `acts` are all of it with their `serials`, `reports` those among them that report.

        It takes effect at the midnight that ends the day, but views of removed acts end at the time in `tables`.
        """
        ...

    def tables(self) -> Mapping[str, pa.Table]:
        """What was done and why, as tables by name; `event` (serial numbers) and `actor` (accounts) become names.

        A table `enforced` with the columns `event` (null where it is about an account) and `at` says what was removed.
        """
        ...


class Nobody:
    """Enforces nothing."""

    def enforce(
        self, platform: Platform, day: int, acts: Acts, serials: npt.NDArray[np.int64], reports: Acts
    ) -> Enforced:
        """Nothing."""
        return Enforced(np.empty(0, np.int32), np.empty(0, np.int64))

    def tables(self) -> Mapping[str, pa.Table]:
        """None."""
        return {}


@runtime_checkable
class Settles(Protocol):
    """A cast whose accounts are there before the first day."""

    def settle(self, platform: Platform, rng: np.random.Generator) -> None:
        """Add them, and whom they follow."""
        ...


@dataclass(frozen=True, eq=False)
class Simulated:
    """What came of a simulation: all acts, who did them, who saw them, and what was enforced.

    `acts` stand by serial number; `views` are hourly; `records` are the enforcer's tables by name.
    """

    seed: int
    days: int
    start: int
    world: World
    texts: Corpus
    acts: Acts
    views: Views
    records: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """When the last day ends, microseconds UTC."""
        return self.start + self.days * DAY


def simulate(
    seed: int,
    days: int,
    casts: Sequence[Cast],
    texts: Corpus,
    *,
    enforcer: Enforcer | None = None,
    start: int = START,
    said: Callable[[int, int], None] = lambda day, acts: None,
) -> Simulated:
    """Let some days go by; equal seeds and settings give equal acts. `said` hears each day and the acts so far.

    Raises ValueError where a cast breaks its promises: two of one name, an act before its account was created or
    before its day, an answer to what was not there yet.
    """
    order = sorted(casts, key=lambda cast: cast.name)
    if len({cast.name for cast in order}) < len(order):
        raise ValueError(f"two casts have one name: {', '.join(cast.name for cast in order)}")
    pairs, none = np.empty((0, 2), np.int32), np.empty(0, np.int64)
    platform = Platform(World(), texts, start, Log(), pairs, (none, none.astype(np.int32), none))
    for cast in order:
        if isinstance(cast, Settles):
            cast.settle(platform, _numbers(seed, cast.name, 0, _BEFORE))
    crowd, enforcing, waiting = Crowd(), enforcer or Nobody(), Acts.of([], [], [])
    for day in range(days):
        planned = [_acts_of(platform, day, cast, _numbers(seed, cast.name, day)) for cast in order]
        due, waiting = _due(platform, day, together([waiting, *planned]))
        acts, serials = crowd.live(platform, day, due, _numbers(seed, "crowd", day))
        follow_acts(platform, acts)
        reports = acts.take(acts.kind == Act.REPORT)
        enforced = enforcing.enforce(platform, day, acts, serials, reports)
        _suspend(platform, day, enforced)
        crowd.forget(enforced.acts)
        _remember(platform, day, acts, serials, enforced)
        for cast in order:
            cast.learn(platform, day, enforced, _numbers(seed, cast.name, day, _LEARNING))
        said(day, platform.log.length)
    acts, records = together(platform.log.parts), enforcing.tables()
    views = _until_removed(crowd.views(), records, len(acts))
    return Simulated(seed, days, start, platform.world, texts, acts, views, records)


def _numbers(seed: int, name: str, day: int, *more: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode()), day, *more])


def _acts_of(platform: Platform, day: int, cast: Cast, rng: np.random.Generator) -> Acts:
    """What a cast does on a day; raises ValueError where it breaks what a cast promises."""
    name, acts = cast.name, cast.day(platform, day, rng)
    if not len(acts):
        return acts
    if acts.actor.min() < 0 or acts.actor.max() >= len(platform.world):
        raise ValueError(f"{name}: an act of an account that is not there")
    early = acts.at < np.maximum(platform.midnight(day), platform.world["created"][acts.actor])
    if n := int(early.sum()):
        acts_of = "1 act" if n == 1 else f"{n} acts"
        raise ValueError(f"{name}: {acts_of} on day {day} before the day or before its account was created")
    if acts.parent.max() >= platform.log.length:
        raise ValueError(f"{name}: an act on day {day} answers one that is not there yet")
    return acts


def _due(platform: Platform, day: int, acts: Acts) -> tuple[Acts, Acts]:
    """The acts of a day in the order of their times, without those of suspended accounts; and those of later days."""
    later = acts.at >= platform.midnight(day + 1)
    due = acts.take(~later)
    due = due.take(due.at < platform.world["suspended"][due.actor])
    return due.take(np.argsort(due.at, kind="stable")), acts.take(later)


def _suspend(platform: Platform, day: int, enforced: Enforced) -> None:
    until = platform.world["suspended"]
    new = enforced.actors[until[enforced.actors] == NEVER]
    until[new] = platform.midnight(day + 1)


def _until_removed(views: Views, records: Mapping[str, pa.Table], n: int) -> Views:
    """The views of acts while they stood; those that the enforcer's table `enforced` removes (column `at`) stood on."""
    if "enforced" not in records:
        return views
    enforced = records["enforced"]
    gone = np.full(n, NEVER)
    event = enforced["event"].fill_null(NONE).to_numpy()
    np.minimum.at(gone, event[event >= 0], enforced["at"].to_numpy()[event >= 0])
    return views.take(views.at < gone[views.serial])


def _remember(platform: Platform, day: int, acts: Acts, serials: npt.NDArray[np.int64], enforced: Enforced) -> None:
    """Keep the posts and comments of the last two days that still stand."""
    public = (acts.kind == Act.POST) | (acts.kind == Act.COMMENT)
    before = platform.recent
    serial = np.concatenate([before[0], serials[public]])
    actor = np.concatenate([before[1], acts.actor[public]])
    at = np.concatenate([before[2], acts.at[public]])
    midnight = platform.midnight(day + 1)
    stands = (at >= midnight - 2 * DAY) & (platform.world["suspended"][actor] > midnight)
    stands &= ~np.isin(serial, enforced.acts)
    platform.recent = (serial[stands], actor[stands], at[stands])
