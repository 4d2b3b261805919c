"""Measures of safety of what is on record: who did what, who saw it and when something was done, put side by side."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.errors import UserError
from gatehouse.evaluation.safety_records import (
    NEVER,
    NOBODY,
    Accounts,
    Appeals,
    Costs,
    Items,
    Records,
    Spared,
    Work,
    acted_on,
)
from gatehouse.flows.safety_inputs import Happened, Truth, Views, read_views, run_of, simulation, truth_of

Ints = npt.NDArray[np.int64]

NO_VICTIM = ("manipulation",)
"""Harms whose target is helped rather than harmed: a bought follower does its target no harm."""


def records(
    happened: Happened,
    *,
    truth: Truth | None = None,
    views: Views | None = None,
    costs: Costs | None = None,
    since: int | None = None,
    until: int | None = None,
    spared: Spared | None = None,
) -> Records:
    """What the measures are taken from, of events from `since` on and before `until` (microseconds UTC).

    What was done or seen at `until` or later does not count. Raises UserError where no event is left.
    """
    begin = np.iinfo(np.int64).min if since is None else since
    end = happened.until if until is None else min(until, happened.until)
    at = happened.events["at"].to_numpy().astype(np.int64)
    inside = (at < end) & (at >= begin)
    if not inside.any():
        decide = "decide on some first: gatehouse score FILE --out scores.parquet --record, or gatehouse work"
        fix = "choose other times with --since and --until" if len(at) else decide
        raise UserError("there is no event to measure", where=f"{len(at):,} events on record", fix=fix)
    names = _names(happened, truth)
    deeds = _within(happened.deeds, begin, end)
    items = _items(happened, truth, views, names, deeds, end)
    notes = [*happened.notes, *(views.notes if views else ())]
    if truth is not None and (unknown := int(np.isnan(items.violating[inside]).sum())):
        notes.append(f"the truth of {unknown:,} of {int(inside.sum()):,} events is not known: no rate counts them")
    appeals = None if happened.appeals is None else _within(happened.appeals, begin, end)
    work, assumed = _work(happened, inside, appeals, names, costs, end)
    return Records(
        items=_inside(items, inside),
        until=end,
        deeds=deeds.num_rows,
        accounts=_accounts(truth, names, deeds),
        appeals=None if appeals is None else _appeals(appeals, deeds),
        work=work,
        costs=costs or Costs(),
        spared=spared,
        assumed_minutes=assumed,
        notes=tuple(notes),
    )


def of_simulation(
    folder: Path,
    *,
    against: Path | None = None,
    costs: Costs | None = None,
    since: int | None = None,
    until: int | None = None,
) -> Records:
    """A simulated platform's own enforcement against its truth; `against` is the same run without enforcement."""
    happened, truth = simulation(folder), truth_of(folder)
    views = read_views(folder / "views.parquet", happened.events)
    spared = None if against is None else _spared(folder, happened, truth, views, against)
    return records(happened, truth=truth, views=views, costs=costs, since=since, until=until, spared=spared)


def _names(happened: Happened, truth: Truth | None) -> pa.Array:
    """All accounts once; those of which the truth is known come first, in its order."""
    parts = [happened.events["actor"], happened.events["target"], happened.deeds["actor"]]
    parts = [truth.accounts["actor"], *parts] if truth else parts
    found = pc.unique(pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.string()))
    return found.drop_null()


def _place(column: pa.ChunkedArray, among: pa.Array) -> Ints:
    """The place of each value, -1 where it is none of them."""
    places: Ints = pc.fill_null(pc.index_in(column, value_set=among), -1).to_numpy().astype(np.int64)
    return places


def _items(
    happened: Happened, truth: Truth | None, views: Views | None, names: pa.Array, deeds: pa.Table, end: int
) -> Items:
    events = happened.events
    n, ids, at = events.num_rows, events["id"].combine_chunks(), events["at"].to_numpy().astype(np.int64)
    author, target = _place(events["actor"], names), _place(events["target"], names)
    violating, harmed = _harms(events, ids, truth)
    about, when, whom = _place(deeds["event_id"], ids), deeds["at"].to_numpy(), _place(deeds["actor"], names)
    removed = np.full(n, NEVER)
    np.minimum.at(removed, about[about >= 0], when[about >= 0])
    of_account = pc.is_null(deeds["event_id"]).to_numpy().astype(np.bool_)
    acted = acted_on(at, author, removed, when[of_account], whom[of_account])
    seen, before = _seen(events, views, acted, end)
    return Items(
        at=at,
        author=author,
        victim=np.where(harmed, target, NOBODY),
        violating=violating,
        removed=removed,
        views=seen,
        before=before,
        acted=acted,
    )


def _harms(
    events: pa.Table, ids: pa.Array, truth: Truth | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Whether each event violates (NaN: not known), and whether it harms whom it is aimed at."""
    if truth is None:
        return np.full(len(ids), np.nan), np.zeros(len(ids), np.bool_)
    place = _place(events["id"], truth.harms["event_id"].combine_chunks())
    harm = truth.harms["harm"].combine_chunks()
    bad = pc.is_valid(harm).to_numpy(zero_copy_only=False)
    harms = bad & ~pc.fill_null(pc.is_in(harm, pa.array(NO_VICTIM)), False).to_numpy(zero_copy_only=False)
    known, at = place >= 0, np.maximum(place, 0)
    if not len(bad):
        return np.full(len(ids), np.nan), np.zeros(len(ids), np.bool_)
    return np.where(known, bad[at], np.nan), known & harms[at]


def _seen(
    events: pa.Table, views: Views | None, acted: Ints, end: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Views of each event until the end, and those before the action; NaN for kinds of which none is counted."""
    n = events.num_rows
    if views is None:
        return np.full(n, np.nan), np.full(n, np.nan)
    counted = np.where(views.at < end, views.views, 0)
    seen = np.bincount(views.event, counted, n)
    before = np.bincount(views.event, np.where(views.at < acted[views.event], counted, 0), n)
    kinds = events["kind"].combine_chunks().dictionary_encode()
    kind = kinds.indices.to_numpy()
    viewed = np.zeros(len(kinds.dictionary), np.bool_)
    viewed[kind[views.event]] = True
    return np.where(viewed[kind], seen, np.nan), np.where(viewed[kind], before, np.nan)


def _inside(items: Items, inside: npt.NDArray[np.bool_]) -> Items:
    return Items(**{name: getattr(items, name)[inside] for name in items.__dataclass_fields__})


def _accounts(truth: Truth | None, names: pa.Array, deeds: pa.Table) -> Accounts | None:
    if truth is None:
        return None
    # An account of which the truth is not known is taken as bad since ever, so that it is never counted as wronged.
    turned = np.full(len(names), np.iinfo(np.int64).min)
    turned[_place(truth.accounts["actor"], names)] = pc.fill_null(truth.accounts["turned"], NEVER).to_numpy()
    suspended = np.full(len(names), NEVER)
    of_account = deeds.filter(pc.is_null(deeds["event_id"]))
    np.minimum.at(suspended, _place(of_account["actor"], names), of_account["at"].to_numpy())
    return Accounts(turned, suspended)


def _within(table: pa.Table, begin: int, end: int) -> pa.Table:
    return table.filter(pc.and_(pc.greater_equal(table["at"], begin), pc.less(table["at"], end)))


def _appeals(filed: pa.Table, deeds: pa.Table) -> Appeals:
    of_accounts = int(deeds["event_id"].null_count)
    return Appeals(
        filed=filed["at"].to_numpy(),
        decided=pc.fill_null(filed["decided_at"], NEVER).to_numpy(),
        upheld=pc.fill_null(filed["upheld"], False).to_numpy().astype(np.bool_),
        of_account=pc.is_null(filed["event_id"]).to_numpy().astype(np.bool_),
        deeds=(deeds.num_rows - of_accounts, of_accounts),
    )


def _work(
    happened: Happened,
    inside: npt.NDArray[np.bool_],
    appeals: pa.Table | None,
    names: pa.Array,
    costs: Costs | None,
    end: int,
) -> tuple[Work | None, bool]:
    """Minutes of people on these events and appeals, and whether they were assumed rather than recorded."""
    if happened.looks is None:
        return None, False
    minutes, assumed = happened.looks["minutes"], False
    if minutes.null_count:
        if costs is None or costs.minutes_of_a_case is None:
            return None, False
        minutes, assumed = pc.fill_null(minutes, costs.minutes_of_a_case), True
    place = _place(happened.looks["event_id"], happened.events["id"].combine_chunks())
    these = (place >= 0) & inside[np.maximum(place, 0)]
    whose = _place(happened.events["actor"], names)[place[these]]
    spent = minutes.to_numpy().astype(np.float64)[these]
    if appeals is not None:
        done = appeals.filter(pc.fill_null(pc.less(appeals["decided_at"], end), False))
        whose = np.concatenate([whose, _place(done["actor"], names)])
        spent = np.concatenate([spent, pc.fill_null(done["minutes"], 0.0).to_numpy()])
    return Work(whose, spent), assumed


def _spared(folder: Path, happened: Happened, truth: Truth, views: Views, against: Path) -> Spared:
    """Views of violating items by person in both runs."""
    one, other = run_of(folder), run_of(against)
    free = simulation(against)
    if free.deeds.num_rows:
        fix = "simulate it again with the same seed and nobody enforcing"
        raise UserError("something was enforced in the run to compare with", where=str(against), fix=fix)
    differing = [name for name in one if one[name] != other[name]]
    if differing:
        said = ", ".join(f"{name} {one[name]} and {other[name]}" for name in differing)
        raise UserError(f"these are different runs: {said}", where=str(against), fix="simulate both with one seed")
    free_truth = truth_of(against)
    persons = [table["person"].cast(pa.string()) for table in (truth.accounts, free_truth.accounts)]
    names = pc.unique(pa.chunked_array([chunk for person in persons for chunk in person.chunks], pa.string()))
    seen = _by_person(happened, truth, views, names)
    return Spared(seen, _by_person(free, free_truth, read_views(against / "views.parquet", free.events), names))


def _by_person(happened: Happened, truth: Truth, views: Views, names: pa.Array) -> npt.NDArray[np.float64]:
    events, ids = happened.events, happened.events["id"].combine_chunks()
    violating, _ = _harms(events, ids, truth)
    account = _place(events["actor"], truth.accounts["actor"].combine_chunks())
    person = _place(truth.accounts["person"].cast(pa.string()), names)[np.maximum(account, 0)]
    bad = (violating[views.event] == 1) & (account[views.event] >= 0)
    seen = np.bincount(person[views.event[bad]], views.views[bad], len(names))
    return seen.astype(np.float64)
