"""Cells: the accounts that acted on one thing within one time bucket, and how concentrated in time each thing is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatehouse.detectors.coordination.acts import Acts, Numbers
from gatehouse.detectors.coordination.settings import Settings

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows of (thing, bucket, actor), each once, in this order; `cell` numbers the pairs of thing and bucket from 0.

    `size` counts the accounts of each cell, `of` names its thing and `slot` its bucket.
    """

    cell: Numbers
    thing: Numbers
    actor: Numbers
    size: Numbers
    of: Numbers
    slot: Numbers


def cells(thing: Numbers, slot: Numbers, actor: Numbers) -> Cells:
    """The cells of acts by the number of their bucket."""
    order = np.lexsort((actor, slot, thing))
    thing, slot, actor = thing[order], slot[order], actor[order]
    begins = changes(thing, slot)
    kept = begins | changes(actor)
    cell = (np.cumsum(begins) - 1)[kept]
    return Cells(cell, thing[kept], actor[kept], np.bincount(cell), thing[begins], slot[begins])


@dataclass(frozen=True, eq=False)
class Rhythm:
    """How often each account came to each thing, counted in buckets of one length, and how concentrated things are.

    Rows of `actor`, `thing`, `times` are in the order of actor and thing. `alike` counts for each thing the pairs of
    visits by different accounts within one bucket (of the grid or of the moved one), `pairs` all such pairs, and
    `actors` its accounts. `grids` are the cells of both grids.
    """

    length: int
    actor: Numbers
    thing: Numbers
    times: Numbers
    alike: npt.NDArray[np.float64]
    pairs: npt.NDArray[np.float64]
    actors: Numbers
    grids: tuple[Cells, ...]


def rhythm(acts: Acts, length: int) -> Rhythm:
    """The rhythm of all things at one length of buckets."""
    half = acts.at // (length // 2)
    kept = changes(acts.thing, acts.actor, half)
    thing, actor, half = acts.thing[kept], acts.actor[kept], half[kept]
    first, second, halves = (cells(thing, slot, actor) for slot in (half >> 1, (half >> 1) + (half & 1), half))
    n = len(acts.things)
    # A pair within one half of a bucket lies in a bucket of both grids, and is one pair.
    alike = _pairs(first, n) + _pairs(second, n) - _pairs(halves, n)
    visits = changes(thing, actor, half >> 1)
    begins = changes(thing[visits], actor[visits])
    rows = np.flatnonzero(visits)[begins]
    times = np.diff(np.append(np.flatnonzero(begins), len(begins)))
    all_times = np.bincount(thing[rows], times, n)
    pairs = (all_times**2 - np.bincount(thing[rows], times.astype(np.float64) ** 2, n)) / 2
    order = np.lexsort((thing[rows], actor[rows]))
    return Rhythm(
        length,
        actor[rows][order],
        thing[rows][order],
        times[order],
        np.minimum(alike, pairs),
        pairs,
        np.bincount(thing[rows], minlength=n),
        (first, second),
    )


@dataclass(frozen=True, eq=False)
class Counted:
    """Rows of cells whose pairs are counted, and what is left out: the crowd's limit, cells and acts above it.

    `means` are those of the rows; only what two accounts share by one of them adds up.
    """

    cell: Numbers
    thing: Numbers
    actor: Numbers
    means: Numbers
    crowd: int
    cells: int
    acts: int


def counted(grids: tuple[Cells, ...], means: tuple[Numbers, ...], settings: Settings) -> Counted:
    """The rows that can tie anyone: no crowds, nobody alone, nobody with fewer things than a tie needs.

    `means` has for each grid the means of its rows.
    """
    before = np.cumsum([0, *(len(grid.size) for grid in grids)])
    cell = np.concatenate([grid.cell + first for grid, first in zip(grids, before[:-1], strict=True)])
    thing, actor, size = (
        np.concatenate([getattr(grid, name) for grid in grids]) for name in ("thing", "actor", "size")
    )
    by, crowd = np.concatenate(means), settings.crowd
    rows = _useful(cell, thing, actor, by, size <= crowd, settings)
    work = _work(np.bincount(cell[rows], minlength=len(size)), size)
    if work[-1] > settings.most_pairs:
        crowd = max(int(np.searchsorted(work, settings.most_pairs, "right")) - 1, 1)
        rows = _useful(cell, thing, actor, by, size <= crowd, settings)
    over = grids[0].size > crowd
    acts = int(grids[0].size[over].sum())
    return Counted(cell[rows], thing[rows], actor[rows], by[rows], crowd, int(over.sum()), acts)


def _useful(cell: Numbers, thing: Numbers, actor: Numbers, by: Numbers, fits: Flags, settings: Settings) -> Numbers:
    rows, whose = np.flatnonzero(fits[cell]), actor * (by.max(initial=0) + 1) + by
    while True:
        before = len(rows)
        rows = rows[np.bincount(cell[rows], minlength=len(fits))[cell[rows]] > 1]
        if before:
            rows = rows[np.lexsort((thing[rows], whose[rows]))]
            which = np.cumsum(changes(whose[rows])) - 1
            different = np.bincount(which[changes(whose[rows], thing[rows])])
            rows = np.sort(rows[different[which] >= settings.fewest])
        # Most of what can go goes in the first turns; the rest costs less to count than to look for.
        if len(rows) >= 0.98 * before:
            return rows


def _work(left: Numbers, size: Numbers) -> npt.NDArray[np.float64]:
    """Pairs to count with every limit of a crowd, from 0 on."""
    pairs = left.astype(np.float64) * (left - 1) / 2
    there = pairs > 0
    return np.bincount(size[there], pairs[there], 1).astype(np.float64).cumsum()


def _pairs(given: Cells, n: int) -> npt.NDArray[np.float64]:
    return np.bincount(given.of, given.size * (given.size - 1) / 2, n).astype(np.float64)


def changes(*columns: Numbers) -> Flags:
    """Where a row of sorted columns differs from the one before it; the first one does."""
    found = np.zeros(len(columns[0]), np.bool_)
    found[:1] = True
    for column in columns:
        found[1:] |= column[1:] != column[:-1]
    return found
