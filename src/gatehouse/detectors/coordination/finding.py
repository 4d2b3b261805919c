"""Finds the communities in a stream of events: acts, pairs, ties, groups, evidence."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from gatehouse.detectors.coordination import bundles, communities, null, pairs, passing
from gatehouse.detectors.coordination.acts import Acts, Numbers, read
from gatehouse.detectors.coordination.cells import counted, rhythm
from gatehouse.detectors.coordination.communities import Group
from gatehouse.detectors.coordination.evidence import community
from gatehouse.detectors.coordination.null import Shares
from gatehouse.detectors.coordination.settings import MEANS, Settings
from gatehouse.ports.sql_engine import SqlEngine
from gatehouse.records.community import Community

USUAL = Settings()

TIES = pa.schema(
    [
        pa.field("a", pa.string(), nullable=False),
        pa.field("b", pa.string(), nullable=False),
        pa.field("together", pa.int64(), nullable=False),
        pa.field("expected", pa.float64(), nullable=False),
        pa.field("p", pa.float64(), nullable=False),
    ]
)
"""Columns of a table of ties, those of records.community.Tie."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """What tied nobody: events without an actor, events of actors that share nothing, and acts in crowds.

    `crowds` has for each length of buckets (microseconds) the limit that was kept, the cells above it and their acts.
    """

    nobody: int = 0
    nothing: int = 0
    crowds: dict[int, tuple[int, int, int]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Found:
    """Communities, the largest first, all significant ties (TIES), and what was left out."""

    communities: tuple[Community, ...]
    ties: pa.Table
    left_out: LeftOut


@dataclass(frozen=True, eq=False)
class _Ties:
    """Pairs by number with what they shared by the means and length that tell most, and their chance."""

    a: Numbers
    b: Numbers
    means: Numbers
    length: Numbers
    together: Numbers
    expected: Shares
    p: Shares

    def take(self, rows: Numbers) -> "_Ties":
        return _Ties(**{name: column[rows] for name, column in vars(self).items()})


def find(
    events: Callable[[], Iterable[pa.RecordBatch]],
    engine: SqlEngine,
    settings: Settings = USUAL,
    said: Callable[[str], None] = lambda _: None,
) -> Found:
    """Accounts that act together more often than chance allows, in events of EVENT_SCHEMA in any order.

    `said` hears of the progress. Time and memory are bounded: what more than a crowd shares is left out of counting.
    """
    said("reading the events")
    return find_in(read(events, settings), engine, settings, said)


def find_in(
    acts: Acts, engine: SqlEngine, settings: Settings = USUAL, said: Callable[[str], None] = lambda _: None
) -> Found:
    """The same in acts that were read before, by settings of the same means, kinds and texts."""
    seen, crowds, chances = [], {}, {}
    for length in settings.lengths:
        said(f"counting what accounts share within {length / 1e6:,.0f} s")
        ties, chances[length], crowds[length] = _at_length(acts, length, engine, settings)
        seen.append(ties)
    within = passing.limit(acts, settings)
    said(f"counting what accounts share that came and went within {within / 3.6e9:,.0f} h")
    # What fits into a time lies in one bucket of twice its length, of the grid or of the moved one.
    ties, chances[2 * within], crowds[2 * within] = _passing(acts, within, engine, settings)
    seen.append(ties)
    ties = _significant(seen, len(acts.actors), settings)
    said(f"grouping {len(ties.a):,} ties")
    found = communities.groups(len(acts.actors), ties.a, ties.b, ties.p, settings)
    left_out = LeftOut(nobody=acts.nobody, nothing=acts.nothing, crowds=crowds)
    return Found(_recorded(acts, found, chances, settings), _table(acts, ties), left_out)


def _at_length(
    acts: Acts, length: int, engine: SqlEngine, settings: Settings
) -> tuple[_Ties, Shares, tuple[int, int, int]]:
    """All pairs that share enough at one length with the chance of it, and that of each thing that may be evidence."""
    rhythms = rhythm(acts, length)
    chance = null.meeting(acts, rhythms, settings)
    rows = counted(rhythms.grids, tuple(acts.means_of[grid.thing] for grid in rhythms.grids), settings)
    a, b, by, together = pairs.count(engine, rows, settings.fewest)
    mean, shared = null.expected(a, b, by, acts, rhythms, chance)
    p = null.tail(together, mean, shared)
    ties = _Ties(a, b, by, np.full(len(a), length, np.int64), together, mean, p)
    # Groups of texts grow from one text to the next; where a crowd wrote one, its ends may not say the same.
    loose = (acts.means_of == MEANS.index("text")) & (rhythms.actors > settings.crowd)
    chance[loose] = np.nan
    return ties.take(np.flatnonzero(p < 1.0)), chance, (rows.crowd, rows.cells, rows.acts)


def _passing(
    acts: Acts, within: int, engine: SqlEngine, settings: Settings
) -> tuple[_Ties, Shares, tuple[int, int, int]]:
    """All pairs that share enough of what passed, with the chance of it."""
    given = passing.passing(acts, within)
    rows = counted((given,), (acts.means_of[given.thing],), settings)
    a, b, by, together = pairs.count(engine, rows, settings.fewest)
    mean = passing.expected(a, b, by, acts, rows.crowd, given)
    p = passing.tail(together, mean)
    chance = np.full(len(acts.things), np.nan)
    chance[given.of] = given.size / max(len(acts.actors), 1)
    bundled = bundles.ties(acts, given, rows.crowd, engine, settings)
    a, b, by, together, mean, p = (
        np.concatenate(both) for both in zip((a, b, by, together, mean, p), bundled, strict=True)
    )
    ties = _Ties(a, b, by, np.full(len(a), 2 * within, np.int64), together, mean, p)
    return ties, chance, (rows.crowd, rows.cells, rows.acts)


def _significant(seen: list[_Ties], n: int, settings: Settings) -> _Ties:
    """One tie a pair, by its most telling means and length; the chance pays for all that were looked at."""
    whole = _Ties(**{name: np.concatenate([getattr(ties, name) for ties in seen]) for name in vars(seen[0])})
    order = np.lexsort((whole.p, whole.b, whole.a))
    first = np.ones(len(order), np.bool_)
    first[1:] = (np.diff(whole.a[order]) != 0) | (np.diff(whole.b[order]) != 0)
    best = whole.take(order[first])
    looks = (len(settings.lengths) + 2) * len(settings.means)
    corrected = np.minimum(best.p * looks, 1.0)
    best = _Ties(**{**vars(best), "p": corrected})
    return best.take(np.flatnonzero(null.significant(corrected, n * (n - 1) / 2, settings.false_ties)))


def _recorded(acts: Acts, found: list[Group], chances: dict[int, Shares], settings: Settings) -> tuple[Community, ...]:
    """Groups with their evidence."""
    order = np.lexsort((np.arange(len(acts)), acts.actor))
    starts = np.searchsorted(acts.actor[order], np.arange(len(acts.actors) + 1))
    records = []
    for group in found:
        own = np.sort(np.concatenate([order[starts[who] : starts[who + 1]] for who in group.members]))
        records.append(community(acts, own, group, chances, settings.shown))
    return tuple(records)


def _table(acts: Acts, ties: _Ties) -> pa.Table:
    columns = [acts.actors.take(ties.a), acts.actors.take(ties.b), ties.together, ties.expected, ties.p]
    return pa.table([pa.array(c) if isinstance(c, np.ndarray) else c for c in columns], schema=TIES)
