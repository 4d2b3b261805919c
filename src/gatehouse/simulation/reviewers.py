"""Simulated reviewers: people with known errors who look at acts one after the other, and the queue before them."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.cast import HOUR

MINUTE = HOUR // 60
_EVENNESS = 4.0


@dataclass(frozen=True, eq=False)
class Cases:
    """n acts that wait for a look: serial numbers, when each came in (int64 microseconds), its score, its truth."""

    serial: npt.NDArray[np.int64]
    opened: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    violating: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.serial)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Cases":
        """Some of the cases."""
        return Cases(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


@dataclass(frozen=True, eq=False)
class Reviews:
    """n looks: at which act, by whom, the answer (1 violating, 0 not), when the case was opened and done, minutes."""

    serial: npt.NDArray[np.int64]
    rater: npt.NDArray[np.int32]
    value: npt.NDArray[np.int8]
    opened: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    minutes: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.serial)


def no_cases() -> Cases:
    """An empty queue."""
    return Cases(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.bool_))


@dataclass
class Reviewers:
    """`count` people who each say yes to what violates with the chance `sensitivity`, and no to the rest with
    `specificity`.

    A case takes `minutes` on average; each works `hours` a day from `starts` o'clock (UTC). Cases that wait when the
    day's work begins are taken by age or by score, the highest first; what comes in later is taken after them, by age.
    """

    count: int = 5
    sensitivity: float = 0.9
    specificity: float = 0.98
    minutes: float = 2.0
    hours: float = 6.0
    starts: float = 9.0
    order: Literal["age", "score"] = "age"
    waiting: Cases = field(default_factory=no_cases, init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("sensitivity", "specificity"):
            check_chance(name, getattr(self, name))
        if self.count < 0 or self.minutes <= 0 or not 0 <= self.starts <= self.starts + self.hours <= 24:
            raise ValueError("reviewers are 0 or more, need time for a case, and work within a day")
        if self.order not in ("age", "score"):
            raise ValueError(f"a queue is ordered by age or by score, not by {self.order}")

    def open(self, cases: Cases) -> None:
        """Add cases to the queue."""
        pairs = ((getattr(self.waiting, one.name), getattr(cases, one.name)) for one in fields(Cases))
        self.waiting = Cases(*(np.concatenate(pair) for pair in pairs))

    def work(self, midnight: int, rng: np.random.Generator) -> Reviews:
        """What is looked at on the day that begins at `midnight`; the rest goes on waiting."""
        begin = midnight + int(self.starts * HOUR)
        end = begin + int(self.hours * HOUR)
        here = np.flatnonzero(self.waiting.opened < end)
        if not self.count:
            here = here[:0]
        queue = self.waiting.take(here)
        late = queue.opened > begin
        by_score = np.where(late, 0.0, -queue.score) if self.order == "score" else np.zeros(len(queue))
        order = np.lexsort((queue.serial, queue.opened, by_score, late))
        queue, here = queue.take(order), here[order]
        minutes = rng.gamma(_EVENNESS, self.minutes / _EVENNESS, len(queue))
        done = self._done(np.maximum(queue.opened, begin), (minutes * MINUTE).astype(np.int64) + 1)
        uniform = rng.random(len(queue))
        said = uniform < np.where(queue.violating, self.sensitivity, 1 - self.specificity)
        rater = np.arange(len(queue)) % max(self.count, 1)
        kept = done <= end
        left = np.ones(len(self.waiting), np.bool_)
        left[here[kept]] = False
        self.waiting = self.waiting.take(left)
        looks = Reviews(queue.serial, rater.astype(np.int32), said.astype(np.int8), queue.opened, done, minutes)
        return Reviews(*(getattr(looks, one.name)[kept] for one in fields(Reviews)))

    def _done(self, ready: npt.NDArray[np.int64], length: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """When each case is done, dealt to the reviewers in turn: a lane ends a case before it begins the next."""
        n = len(ready)
        lanes = max(self.count, 1)
        rounds = -(-n // lanes)
        starts, lengths = (np.zeros(rounds * lanes, np.int64) for _ in range(2))
        starts[:n], lengths[:n] = ready, length
        spent = np.cumsum(lengths.reshape(rounds, lanes), axis=0)
        before = spent - lengths.reshape(rounds, lanes)
        ended = np.maximum.accumulate(starts.reshape(rounds, lanes) - before, axis=0) + spent
        return ended.ravel()[:n]


def check_chance(name: str, value: float) -> None:
    """Raises ValueError where a chance is not between 0 and 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is a chance between 0 and 1, not {value}")
