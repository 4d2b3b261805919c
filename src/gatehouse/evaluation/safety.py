"""Measures of safety: what people saw and suffered before something was done, who was wronged, and what it cost."""

from collections.abc import Callable, Iterator
from functools import partial

import msgspec
import numpy as np
import numpy.typing as npt

from gatehouse.evaluation.safety_costs import costs
from gatehouse.evaluation.safety_records import NEVER, NOBODY, Appeals, Floats, Mask, Records, Times
from gatehouse.stats.cluster_draws import FEWEST_CLUSTERS, ClusterDraws
from gatehouse.stats.clustered import korn_graubard
from gatehouse.stats.intervals import Interval, clopper_pearson
from gatehouse.stats.survival import KaplanMeier

SECOND = 1_000_000
DAY = 86_400 * SECOND
WITHIN_DAYS = (7, 30)
"""Within so many days of the first harm another one makes a repeat victim."""

NO_TRUTH = "nothing says which items truly violate: label a draw (gatehouse prevalence), or give --truth"
NO_VIEWS = "views are not known: give --views"


class Limits(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval; `high` alone is None where it is open above, both where the figure is stated."""

    value: float
    low: float | None
    high: float | None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One measure of safety: how it is defined, of how many of what it speaks, and the figure or why there is none.

    `unit` is what the figure is in: share, views, seconds, minutes, or a currency.
    """

    group: str
    name: str
    definition: str
    unit: str
    n: int
    of: str
    limits: Limits | None = None
    why: str = ""
    remark: str = ""


class SafetyReport(msgspec.Struct, frozen=True, kw_only=True):
    """All measures, and what must be known to read them."""

    items: int
    with_truth: int
    deeds: int
    until: int
    readings: tuple[Reading, ...]
    notes: tuple[str, ...] = ()


def safety(records: Records) -> SafetyReport:
    """Every measure of safety that these records allow; the others say what is missing."""
    readings = (
        *_views(records),
        *_time(records),
        *_victims(records),
        *_wronged(records),
        *_appeals(records),
        *_costs(records),
    )
    items = records.items
    return SafetyReport(
        items=len(items),
        with_truth=int(items.known.sum()),
        deeds=records.deeds,
        until=records.until,
        readings=readings,
        notes=records.notes,
    )


def _views(records: Records) -> Iterator[Reading]:
    items, group = records.items, "Views"
    seen, truth = ~np.isnan(items.views), bool(items.known.any())
    told = items.known & seen
    yield _reading(
        group,
        "violating views rate (VVR)",
        "views of violating items / views of all items whose truth is known",
        "share",
        (int(told.sum()), "items"),
        lambda: _ratio(items.author[told], np.where(items.bad, items.views, 0.0)[told], items.views[told]),
        missing=NO_TRUTH if not truth else "" if seen.any() else NO_VIEWS,
    )
    what = "violating item" if truth else "item"
    acted = (items.acted < NEVER) & seen & (items.bad if truth else True)
    before, n = items.before[acted], (int(acted.sum()), f"{what}s acted on")
    missing, draws = "" if seen.any() else NO_VIEWS, ClusterDraws(items.author[acted])
    definition = f"views of a {what} between its time and the first action on it"
    remark = "" if truth else "of all items acted on, rightly or wrongly; what was never found is not in it"
    measures: tuple[tuple[str, str, Callable[[], Interval]], ...] = (
        ("mean", "mean", lambda: draws.ratio(before, np.ones(len(before)))),
        ("median", "half of them had at most so many", lambda: draws.quantile(before, 0.5)),
        ("90th percentile", "nine of ten had at most so many", lambda: draws.quantile(before, 0.9)),
    )
    for name, how, measure in measures:
        yield _reading(
            group, f"views before action, {name}", f"{definition}; {how}", "views", n, measure, missing, remark
        )
    yield _reading(
        group,
        "no view before action",
        f"{what}s acted on before anybody saw them / {what}s acted on",
        "share",
        n,
        lambda: _clustered_share(before == 0, items.author[acted]),
        missing,
        remark,
    )
    yield _reading(
        group,
        "views after action",
        f"views of {what}s after the first action on them / all views of {what}s acted on",
        "share",
        n,
        lambda: _ratio(items.author[acted], (items.views - items.before)[acted], items.views[acted]),
        missing,
        "what is limited rather than removed, or restored, goes on being seen",
    )


def _time(records: Records) -> Iterator[Reading]:
    items, group = records.items, "Time"
    if not items.known.any():
        acted = items.acted < NEVER
        took, draws = (items.acted - items.at)[acted] / SECOND, ClusterDraws(items.author[acted])
        for name, share in (("median", 0.5), ("90th percentile", 0.9)):
            yield _reading(
                group,
                f"time to action, {name}",
                "from an item's time to the first action on it, of items acted on",
                "seconds",
                (int(acted.sum()), "items acted on"),
                partial(draws.quantile, took, share),
                remark="what was never found is not in it, so the true time is longer",
            )
        return
    bad = items.bad & (items.at < records.until)
    done = items.acted[bad] < records.until
    watched = (np.minimum(items.acted[bad], records.until) - items.at[bad]) / SECOND
    curve = KaplanMeier(watched, done, _by_itself(items.author[bad])) if len(watched) else None
    n = (len(watched), "violating items")
    definition = "from a violating item's time to the first action on it (Kaplan–Meier; not acted on: still waiting)"
    for name, share in (("median", 0.5), ("90th percentile", 0.9)):
        yield _waited(group, f"time to action, {name}", definition, n, curve, share, items.author[bad])
    yield _reading(
        group,
        "acted on by the end",
        "violating items acted on by the end of the records / violating items",
        "share",
        n,
        lambda: _clustered_share(done, items.author[bad]),
    )


def _victims(records: Records) -> Iterator[Reading]:
    items = records.items
    harmed = items.bad & (items.victim != NOBODY) & (items.victim != items.author)
    first, again = _first_and_again(items.victim[harmed], items.at[harmed])
    for days in WITHIN_DAYS:
        followed = first <= records.until - days * DAY
        hits = again[followed] - first[followed] <= days * DAY
        yield _reading(
            "Victims",
            f"repeat victims within {days} days",
            f"accounts harmed again within {days} days of the first harm / accounts harmed and watched so long after",
            "share",
            (int(followed.sum()), "victims"),
            partial(_exact_share, int(hits.sum()), len(hits)),
            missing=NO_TRUTH
            if not items.known.any()
            else ""
            if followed.any()
            else f"nobody was harmed {days} days or longer before the end of the records",
        )


def _first_and_again(victim: npt.NDArray[np.int64], at: Times) -> tuple[Times, Times]:
    """When each victim was first harmed, and when next (NEVER)."""
    order = np.lexsort((at, victim))
    victim, at = victim[order], at[order]
    starts = np.flatnonzero(np.diff(victim, prepend=NOBODY - 1))
    next_ = np.minimum(starts + 1, max(len(at) - 1, 0))
    again = np.where((next_ > starts) & (victim[next_] == victim[starts]), at[next_], NEVER)
    return at[starts], again


def _wronged(records: Records) -> Iterator[Reading]:
    items, group = records.items, "Wrongly treated"
    missing = "" if items.known.any() else NO_TRUTH
    benign, acted_on = items.violating == 0, items.removed < NEVER
    yield from _wronged_accounts(records, group, benign & acted_on)
    for name, definition, rows, hits, of in (
        ("benign items acted on", "benign items acted on / benign items", benign, acted_on, "benign items"),
        (
            "wrong among actions",
            "benign items acted on / items acted on",
            acted_on & items.known,
            benign,
            "items acted on",
        ),
    ):
        measure = partial(_clustered_share, hits[rows], items.author[rows])
        yield _reading(group, name, definition, "share", (int(rows.sum()), of), measure, missing)


def _wronged_accounts(records: Records, group: str, wrong: Mask) -> Iterator[Reading]:
    accounts, authors = records.accounts, records.items.author[wrong]
    good = np.zeros(0, np.bool_) if accounts is None else accounts.turned > records.until
    suspended = np.zeros(0, np.bool_) if accounts is None else accounts.suspended < NEVER
    hit = suspended.copy()
    if accounts is not None:
        hit[authors[authors != NOBODY]] = True
    for name, how, column in (
        ("benign accounts acted on", "suspended, or an item of theirs acted on that does not violate", hit),
        ("benign accounts suspended", "suspended, for whatever time", suspended),
    ):
        yield _reading(
            group,
            name,
            f"accounts that were good throughout and {how} / accounts that were good throughout",
            "share",
            (int(good.sum()), "benign accounts"),
            partial(_exact_share, int(column[good].sum()), int(good.sum())),
            "" if accounts else "nothing says which accounts are truly bad: give --truth",
        )


def _appeals(records: Records) -> Iterator[Reading]:
    appeals, group = records.appeals, "Appeals"
    missing = "" if appeals else "no appeal is on record here: nobody can say how often a decision was overturned"
    for place, what in enumerate(("items", "accounts")):
        mine = appeals.of_account == bool(place) if appeals else np.zeros(0, np.bool_)
        deeds = appeals.deeds[place] if appeals else 0
        decided = mine & (appeals.decided < records.until) if appeals else mine
        overturned = decided & ~appeals.upheld if appeals else mine
        yield _reading(
            group,
            f"appealed, actions on {what}",
            f"appeals / actions on {what}",
            "share",
            (deeds, f"actions on {what}"),
            partial(_exact_share, int(mine.sum()), deeds),
            missing,
        )
        yield _reading(
            group,
            f"overturned on appeal, actions on {what}",
            "appeals that were overturned / appeals that were decided",
            "share",
            (int(decided.sum()), "appeals decided"),
            partial(_exact_share, int(overturned.sum()), int(decided.sum())),
            missing,
            "no error rate: most of those wronged do not appeal, and who decides errs too",
        )
    yield _time_of_appeals(records, appeals, group, missing)


def _time_of_appeals(records: Records, appeals: Appeals | None, group: str, missing: str) -> Reading:
    curve, n = None, 0
    if appeals is not None and len(appeals.filed):
        n = len(appeals.filed)
        watched = (np.minimum(appeals.decided, records.until) - appeals.filed) / SECOND
        curve = KaplanMeier(watched, appeals.decided < records.until)
    definition = "from an appeal to its decision (Kaplan–Meier; undecided ones still wait)"
    name = "time to decide an appeal, median"
    return _waited(group, name, definition, (n, "appeals"), curve, 0.5, missing=missing)


def _costs(records: Records) -> Iterator[Reading]:
    for cost in costs(records):
        yield _reading("Cost", *cost)


def _reading(
    group: str,
    name: str,
    definition: str,
    unit: str,
    n: tuple[int, str],
    measure: Callable[[], Interval],
    missing: str = "",
    remark: str = "",
) -> Reading:
    """A reading, with the reason where the measure cannot be taken."""
    limits, why = None, missing or ("" if n[0] else f"there are no {n[1]}")
    if not why:
        try:
            found = measure()
            low, high = (float(one) if np.isfinite(one) else None for one in found[1:])
            limits = Limits(float(found.estimate), low, high)
        except ValueError as error:
            why = str(error).replace("clusters", "accounts")
    return Reading(
        group=group,
        name=name,
        definition=definition,
        unit=unit,
        n=n[0],
        of=n[1],
        limits=limits,
        why=why,
        remark=remark,
    )


def _waited(
    group: str,
    name: str,
    definition: str,
    n: tuple[int, str],
    curve: KaplanMeier | None,
    share: float,
    authors: npt.NDArray[np.int64] | None = None,
    missing: str = "",
) -> Reading:
    def measure() -> Interval:
        assert curve is not None
        if authors is not None and (named := ClusterDraws(authors).clusters) < FEWEST_CLUSTERS:
            raise ValueError(f"an interval needs at least {FEWEST_CLUSTERS} clusters, and there are {named}")
        found = curve.quantile(share)
        if np.isinf(found.estimate):
            reached = 1 - (float(curve.survival[-1]) if len(curve.survival) else 1.0)
            raise ValueError(f"only {100 * reached:.3g} % had ended by the end of the records")
        return Interval(*found)

    return _reading(group, name, definition, "seconds", n, measure, missing)


def _ratio(authors: npt.NDArray[np.int64], above: Floats, below: Floats) -> Interval:
    """A share of views, drawn by author; of none or all of them as exact as so many authors allow."""
    draws = ClusterDraws(authors)
    found = draws.ratio(above, below)
    if 0 < found.estimate < 1:
        return found
    # What no author shows no draw shows, yet it may be there.
    return _exact_share(round(found.estimate * draws.clusters), draws.clusters)


def _exact_share(hits: int, n: int) -> Interval:
    low, high = clopper_pearson(hits, n)
    return Interval(hits / n, float(low), float(high))


def _clustered_share(hits: Mask, authors: npt.NDArray[np.int64]) -> Interval:
    low, high = korn_graubard(hits, _by_itself(authors))
    return Interval(float(hits.mean()), low, high)


def _by_itself(authors: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Clusters of items: one an author, and one for each item whose author is not named."""
    return np.where(authors == NOBODY, NOBODY - 1 - np.arange(len(authors)), authors)
