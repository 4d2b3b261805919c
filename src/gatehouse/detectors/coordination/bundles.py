"""Bundles: passing things that the same accounts came to, for groups that share too little two by two.

Two accounts of a slow campaign may have two things in common, which chance explains; two of its things have many
accounts in common, which it does not. So things are tied by their accounts as accounts are by their things; tied things
form bundles, and whoever came to more things of one than chance explains is tied to the others who did.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from gatehouse.detectors.coordination import communities, null, pairs, passing
from gatehouse.detectors.coordination.acts import Acts, Numbers
from gatehouse.detectors.coordination.cells import Cells, cells, changes, counted
from gatehouse.detectors.coordination.null import Shares
from gatehouse.detectors.coordination.settings import MEANS, Settings
from gatehouse.ports.sql_engine import SqlEngine

Ties = tuple[Numbers, Numbers, Numbers, Numbers, Shares, Shares]
"""Columns a, b, means, together, expected and p of pairs of accounts."""

_NONE = -1


def ties(acts: Acts, given: Cells, crowd: int, engine: SqlEngine, settings: Settings) -> Ties:
    """Pairs of accounts that belong to one bundle and share a thing of it; `given` has a cell for each passing thing.

    p is the chance that two accounts with nothing to do with it both came to so many of its things (Fisher's method).
    """
    fits = ((given.size <= crowd) & ~_known(acts)[given.of])[given.cell]
    thing, actor = given.thing[fits], given.actor[fits]
    found = _bundles(acts, thing, actor, engine, settings)
    bundle = np.full(len(acts.things), _NONE, np.int64)
    for number, things in enumerate(found):
        bundle[things] = number
    inside = bundle[thing] != _NONE
    thing, actor = thing[inside], actor[inside]
    belonging = _belonging(acts, thing, actor, bundle, settings.false_ties)
    n = len(acts.actors)
    belongs = np.isin(bundle[thing] * n + actor, belonging.key)
    own = cells(thing[belongs], bundle[thing[belongs]], actor[belongs])
    rows = counted((own,), (bundle[own.thing],), replace(settings, crowd=crowd, fewest=1))
    a, b, of, together = pairs.count(engine, rows, 1)
    one, other = (np.searchsorted(belonging.key, of * n + who) for who in (a, b))
    both = np.maximum(belonging.p[one] * belonging.p[other], null.LEAST_P)
    p = np.clip(both * (1.0 - np.log(both)) * len(found), null.LEAST_P, 1.0)
    means = np.array([acts.means_of[things[0]] for things in found], np.int64)[of]
    return a, b, means, together, belonging.mean[one] * belonging.mean[other], p


def _known(acts: Acts) -> npt.NDArray[np.bool_]:
    """Things that are somebody, or what somebody said: friends come to the same of these, and it is no occasion."""
    somebody = pc.is_in(acts.things, value_set=acts.actors.cast(acts.things.type))
    said = pc.starts_with(acts.things, "event:")
    known: npt.NDArray[np.bool_] = pc.or_(somebody, said).to_numpy(zero_copy_only=False)
    known &= acts.means_of == MEANS.index("target")
    return known


def _bundles(acts: Acts, thing: Numbers, actor: Numbers, engine: SqlEngine, settings: Settings) -> list[Numbers]:
    """The things of each bundle, all of one means."""
    many = np.bincount(thing, minlength=len(acts.things)) >= settings.fewest
    thing, actor = thing[many[thing]], actor[many[thing]]
    by_account = cells(actor, acts.means_of[thing], thing)
    rows = counted((by_account,), (acts.means_of[by_account.actor],), settings)
    a, b, by, together = pairs.count(engine, rows, settings.fewest)
    p = passing.tail(together, _shared(acts, a, b, by))
    possible = np.flatnonzero(many)
    n = len(possible)
    kept = null.significant(p, n * (n - 1) / 2, settings.false_ties)
    a, b = np.searchsorted(possible, a[kept]), np.searchsorted(possible, b[kept])
    found = communities.groups(n, a, b, p[kept], replace(settings, smallest=settings.fewest))
    return [possible[group.members] for group in found]


def _shared(acts: Acts, a: Numbers, b: Numbers, by: Numbers) -> Shares:
    """For each pair of things how many accounts came to both by chance, given how many came to each.

    An account on n of all N pairs of account and thing is on one with m accounts with chance 1 - exp(-n·m/N),
    so that the busiest count once, however busy.
    """
    active, visits, whole = _totals(acts)
    mean = np.zeros(len(a))
    for means in range(len(MEANS)):
        pairs_of = np.flatnonzero(by == means)
        many, which = np.unique(visits[np.stack([a[pairs_of], b[pairs_of]])], return_inverse=True)
        busy, accounts = np.unique(active[means], return_counts=True)
        comes = -np.expm1(-np.outer(many, busy) / max(whole[means], 1.0))
        one, other = which.reshape(2, -1)
        mean[pairs_of] = ((comes * accounts) @ comes.T)[one, other]
    return mean


@dataclass(frozen=True, eq=False)
class _Belonging:
    """Accounts of bundles in order of `key` (bundle times accounts, plus account), the chance of it and the mean."""

    key: Numbers
    p: Shares
    mean: Shares


def _belonging(acts: Acts, thing: Numbers, actor: Numbers, bundle: Numbers, false: float) -> _Belonging:
    """Who came to more things of a bundle than somebody does who came to one of them by chance."""
    active, visits, whole = _totals(acts)
    n = len(acts.actors)
    key, first, times = np.unique(bundle[thing] * n + actor, return_index=True, return_counts=True)
    of_it = np.flatnonzero(bundle != _NONE)
    popular = np.bincount(bundle[of_it], visits[of_it])
    by = acts.means_of[thing[first]]
    mean = active[by, key % n] * popular[key // n] / whole[by] if len(key) else np.empty(0)
    p = passing.tail(times, mean)
    more = np.where(times > 1, p / -np.expm1(-mean), 1.0)
    kept = null.significant(more, len(more), false)
    return _Belonging(key[kept], p[kept], mean[kept])


def _totals(acts: Acts) -> tuple[Shares, Shares, Shares]:
    """By each means on how many things each account is, how many accounts on each thing, and the pairs of both."""
    first = changes(acts.thing, acts.actor)
    actor, thing, means = acts.actor[first], acts.thing[first], acts.means[first]
    n = len(acts.actors)
    active = np.stack([np.bincount(actor[means == by], minlength=n) for by in range(len(MEANS))])
    visits = np.bincount(thing, minlength=len(acts.things))
    return active.astype(np.float64), visits.astype(np.float64), active.sum(axis=1).astype(np.float64)
