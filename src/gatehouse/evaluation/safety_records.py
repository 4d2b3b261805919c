"""What measures of safety are taken from: items, accounts, deeds, appeals and work, as columns."""

from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max
"""The time of what has not happened."""
NOBODY = -1


@dataclass(frozen=True, eq=False)
class Items:
    """n items that were decided about; times are int64 microseconds UTC, accounts are numbers from 0, or NOBODY.

    `violating` is 1 or 0, NaN where the truth is not known. `removed` is when the item itself was first acted on.
    `views` and those of them `before` the action are NaN where views are not counted.
    """

    at: Times
    author: npt.NDArray[np.int64]
    victim: npt.NDArray[np.int64]
    violating: Floats
    removed: Times
    views: Floats
    before: Floats
    acted: Times

    def __len__(self) -> int:
        return len(self.at)

    @property
    def known(self) -> Mask:
        """Of which items the truth is known."""
        return ~np.isnan(self.violating)

    @property
    def bad(self) -> Mask:
        """Which items are known to violate."""
        bad: Mask = self.violating == 1
        return bad


@dataclass(frozen=True, eq=False)
class Accounts:
    """m accounts: from when on each is truly bad (NEVER: good throughout), and when it was first suspended."""

    turned: Times
    suspended: Times

    def __len__(self) -> int:
        return len(self.turned)


@dataclass(frozen=True, eq=False)
class Appeals:
    """Appeals filed: when, when decided (NEVER: not yet), whether the deed was upheld, and whether it was done to an
    account rather than an item; `deeds` counts deeds that could be contested, to items and to accounts."""

    filed: Times
    decided: Times
    upheld: Mask
    of_account: Mask
    deeds: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Work:
    """Looks of people: about whose item or account (NOBODY: not named), and how many minutes each took."""

    account: npt.NDArray[np.int64]
    minutes: Floats


class Costs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an hour of a person and of the machine costs, and how long the machine takes for an event.

    `minutes_of_a_case` stands in where the records do not say how long people took.
    """

    currency: str = "EUR"
    reviewer_hour: float | None = None
    machine_hour: float | None = None
    machine_seconds_per_event: float | None = None
    minutes_of_a_case: float | None = None


@dataclass(frozen=True, eq=False)
class Spared:
    """Views of violating items by person, in this run and in one where nothing was enforced."""

    seen: Floats
    unenforced: Floats


@dataclass(frozen=True, eq=False)
class Records:
    """All that the measures are taken from, watched until a time; None where nothing of the kind is known.

    `deeds` counts what was done to items and to accounts; `assumed_minutes` says that the work is cases with the
    minutes of the costs, not a record of looks. `notes` say what was left out, and why.
    """

    items: Items
    until: int
    deeds: int
    accounts: Accounts | None = None
    appeals: Appeals | None = None
    work: Work | None = None
    costs: Costs = field(default_factory=Costs)
    spared: Spared | None = None
    assumed_minutes: bool = False
    notes: tuple[str, ...] = ()


def acted_on(
    at: Times, author: npt.NDArray[np.int64], removed: Times, suspended: Times, whom: npt.NDArray[np.int64]
) -> Times:
    """When items were first acted on: themselves, or by a suspension of their author after they were there.

    `suspended` are times of suspensions of the accounts `whom`.
    """
    accounts = np.concatenate([author, whom])
    times = np.concatenate([at, suspended])
    is_deed = np.repeat([False, True], [len(at), len(suspended)])
    # Backwards by account and time, so that the latest deed gone by is the next one after an item.
    order = np.lexsort((is_deed, times, accounts))[::-1]
    last = np.maximum.accumulate(np.where(is_deed[order], np.arange(len(order)), -1))
    following = order[np.maximum(last, 0)] if len(order) else order
    found = (last >= 0) & (accounts[following] == accounts[order]) & (accounts[order] != NOBODY)
    after = np.full(len(times), NEVER)
    after[order] = np.where(found, times[following], NEVER)
    first: Times = np.minimum(removed, after[: len(at)])
    return first
