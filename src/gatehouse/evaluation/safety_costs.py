"""What safety cost: minutes of people, seconds of the machine, and their price, by decision and by what came of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gatehouse.evaluation.safety_records import NEVER, Costs, Floats, Records
from gatehouse.stats.cluster_draws import ClusterDraws
from gatehouse.stats.intervals import Interval

_HOUR = 3_600.0


class Cost(NamedTuple):
    """A measure of cost before it is taken: what it is called, of how many of what it speaks, and what is missing."""

    name: str
    definition: str
    unit: str
    n: tuple[int, str]
    measure: Callable[[], Interval]
    missing: str = ""
    remark: str = ""


@dataclass(frozen=True, eq=False)
class _Spent:
    """Items and looks as rows: whose they are, whether an item, and what each took."""

    account: npt.NDArray[np.int64]
    item: Floats
    minutes: Floats
    price: Floats | None

    @classmethod
    def of(cls, records: Records) -> "_Spent":
        items, costs, work = records.items, records.costs, records.work
        whose, minutes = (np.empty(0, np.int64), np.empty(0)) if work is None else (work.account, work.minutes)
        spent = np.concatenate([np.zeros(len(items)), minutes])
        item = np.repeat([1.0, 0.0], [len(items), len(minutes)])
        price = None
        if not _unpriced(records):
            machine = (costs.machine_seconds_per_event or 0.0) * (costs.machine_hour or 0.0) / _HOUR
            price = spent * 60 / _HOUR * (costs.reviewer_hour or 0.0) + item * machine
        return cls(np.concatenate([items.author, whose]), item, spent, price)

    def by(self, below: Floats, above: Floats) -> Interval:
        return ClusterDraws(self.account).ratio(above, below)


def costs(records: Records) -> Iterator[Cost]:
    """Measures of cost, those that lack something too."""
    spent = _Spent.of(records)
    yield from _times(records, spent)
    yield from _prices(records, spent)
    yield from _spared(records, spent)


def _times(records: Records, spent: _Spent) -> Iterator[Cost]:
    work, seconds = records.work, records.costs.machine_seconds_per_event
    decisions = (len(records.items), "decisions")
    idle = "" if work is not None else "the records do not say how long people took: give minutes_of_a_case in --costs"
    yield Cost(
        "people's time, a look",
        "minutes of people / looks and appeals that they decided",
        "minutes",
        (0 if work is None else len(work.minutes), "looks"),
        lambda: spent.by(1 - spent.item, spent.minutes),
        idle,
        _stood_in(records),
    )
    yield Cost(
        "people's time, a decision",
        "minutes of people / items that were decided about, by the machine alone too",
        "minutes",
        decisions,
        lambda: spent.by(spent.item, spent.minutes),
        idle,
        _stood_in(records),
    )
    yield Cost(
        "machine time, a decision",
        "seconds of the machine for an event, as the costs file states it",
        "seconds",
        decisions,
        lambda: Interval(seconds or 0.0, np.nan, np.nan),
        "" if seconds is not None else "the costs file states no machine_seconds_per_event",
        "stated, not measured here: no interval",
    )


def _prices(records: Records, spent: _Spent) -> Iterator[Cost]:
    items = records.items
    acted = items.acted < NEVER
    counted = [
        ("a decision", "decisions", np.ones(len(items), np.bool_)),
        ("an item acted on", "items acted on", acted),
    ]
    if items.known.any():
        counted.append(("a violating item acted on", "violating items acted on", acted & items.bad))
    for one, many, which in counted:
        below = np.concatenate([which.astype(np.float64), np.zeros(len(spent.item) - len(items))])
        yield Cost(
            f"price, {one}",
            f"price of people and machine / {many}",
            records.costs.currency,
            (int(which.sum()), many),
            partial(_price, spent, below),
            _unpriced(records),
        )


def _price(spent: _Spent, below: Floats) -> Interval:
    assert spent.price is not None
    return spent.by(below, spent.price)


def _spared(records: Records, spent: _Spent) -> Iterator[Cost]:
    spared = records.spared
    missing = (
        "" if spared else "what would have been seen is not known: give --against, the same run without enforcement"
    )
    persons = (0 if spared is None else len(spared.seen), "people")
    yield Cost(
        "violating views spared",
        "views of violating items in the same run without enforcement, less those in this one",
        "views",
        persons,
        lambda: _difference(records),
        missing,
        "two runs of one seed; they part ways as soon as somebody reacts to what was done",
    )
    yield Cost(
        "price, a violating view spared",
        "price of people and machine / violating views spared",
        records.costs.currency,
        persons,
        lambda: _over(0.0 if spent.price is None else float(spent.price.sum()), _difference(records)),
        missing or _unpriced(records),
        "the price is taken as counted; the interval is that of the views spared",
    )


def _difference(records: Records) -> Interval:
    assert records.spared is not None
    less = records.spared.unenforced - records.spared.seen
    mean = ClusterDraws(np.arange(len(less))).ratio(less, np.ones(len(less)))
    return Interval(*(len(less) * one for one in mean))


def _over(price: float, views: Interval) -> Interval:
    if views.low <= 0:
        raise ValueError(f"these runs do not show that any view was spared (at least {views.low:,.0f})")
    return Interval(price / views.estimate, price / views.high, price / views.low)


def _unpriced(records: Records) -> str:
    """What is missing to say what it cost; empty where nothing is."""
    costs: Costs = records.costs
    lacking = [] if costs.reviewer_hour is not None else ["reviewer_hour"]
    lacking += [name for name in ("machine_hour", "machine_seconds_per_event") if getattr(costs, name) is None]
    if records.work is None:
        lacking.append("minutes_of_a_case")
    return f"no price: the costs file (--costs) does not say {', '.join(lacking)}" if lacking else ""


def _stood_in(records: Records) -> str:
    if not records.assumed_minutes:
        return ""
    return f"each case taken as {records.costs.minutes_of_a_case:g} minutes, as the costs file states"
