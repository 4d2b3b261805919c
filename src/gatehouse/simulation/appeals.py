"""Simulated appeals: who contests what was done to them, and how somebody else decides."""

from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.cast import DAY
from gatehouse.simulation.reviewers import check_chance


@dataclass(frozen=True, eq=False)
class Contested:
    """n appeals against deeds, named by their places: when filed and decided (int64 microseconds), by whom, minutes
    spent, and whether the deed was upheld."""

    deed: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    decided: npt.NDArray[np.int64]
    rater: npt.NDArray[np.int32]
    minutes: npt.NDArray[np.float64]
    upheld: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.deed)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Contested":
        """Some of the appeals."""
        return Contested(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


def no_appeals() -> Contested:
    """Nobody contests anything."""
    return Contested(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.int64, np.int32, float, np.bool_)))


@dataclass
class Appeals:
    """The innocent appeal with the chance `innocent`, the others with `guilty`, after `days` on average.

    A second reviewer, never the first, decides `waits` days later on average and errs less: `sensitivity` is the chance
    of upholding what was right, `specificity` that of overturning what was wrong.
    """

    innocent: float = 0.5
    guilty: float = 0.1
    days: float = 0.5
    waits: float = 1.0
    sensitivity: float = 0.95
    specificity: float = 0.97
    minutes: float = 6.0
    pending: Contested = field(default_factory=no_appeals, init=False, repr=False)
    closed: Contested = field(default_factory=no_appeals, init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("innocent", "guilty", "sensitivity", "specificity"):
            check_chance(name, getattr(self, name))
        if min(self.days, self.waits, self.minutes) <= 0:
            raise ValueError("appeals and their decisions take time")

    def file(
        self,
        deeds: npt.NDArray[np.int64],
        at: npt.NDArray[np.int64],
        right: npt.NDArray[np.bool_],
        by: npt.NDArray[np.int32],
        reviewers: int,
        rng: np.random.Generator,
    ) -> None:
        """Let those to whom deeds were done at a time decide whether to contest them; `by` decided them first."""
        appeal = rng.random(len(deeds)) < np.where(right, self.guilty, self.innocent)
        filed = at + 1 + rng.exponential(self.days * DAY, len(deeds)).astype(np.int64)
        decided = filed + 1 + rng.exponential(self.waits * DAY, len(deeds)).astype(np.int64)
        upheld = rng.random(len(deeds)) < np.where(right, self.sensitivity, 1 - self.specificity)
        minutes = rng.gamma(4.0, self.minutes / 4.0, len(deeds))
        new = Contested(deeds, filed, decided, _second(by, reviewers, rng), minutes, upheld)
        self.pending = _both(self.pending, new.take(appeal))

    def decided(self, until: int) -> Contested:
        """The appeals decided before a time that were not given back yet."""
        due = self.pending.decided < until
        found, self.pending = self.pending.take(due), self.pending.take(~due)
        self.closed = _both(self.closed, found)
        return found

    def all(self) -> Contested:
        """All appeals: those decided so far, and those that are on their way."""
        return _both(self.closed, self.pending)


def _both(one: Contested, other: Contested) -> Contested:
    pairs = ((getattr(one, column.name), getattr(other, column.name)) for column in fields(Contested))
    return Contested(*(np.concatenate(pair) for pair in pairs))


def _second(by: npt.NDArray[np.int32], reviewers: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Who decides each appeal: any reviewer but the first; where there is no other, somebody from outside."""
    others = reviewers - (by >= 0)
    drawn = (rng.random(len(by)) * np.maximum(others, 1)).astype(np.int32)
    second = np.where((by >= 0) & (drawn >= by), drawn + 1, drawn)
    return np.where(others < 1, reviewers, second).astype(np.int32)
