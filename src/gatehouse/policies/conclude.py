"""The kernel of deciding: which step acts on each event, and which question stays open."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from gatehouse.records.enforcement import Kind
from gatehouse.records.signal import State

MATCHED, SCORED, REMOVE = int(State.MATCHED), int(State.SCORED), int(Kind.REMOVE)
"""As the kernel knows them; from REMOVE on the event is gone."""

FIRED = 255
"""Stands for the missing state of a question that asks because its step fired."""


class Tables(NamedTuple):
    """What a policy's steps and questions are to the kernel.

    `threshold` [steps] is NaN where a step fires by a match; `label` numbers the steps' labels; `enforce` has one entry
    more, for no step. `acting` are steps, mildest first. Questions, least first, are `asked` (their steps), `missing`
    (a state, or FIRED), `wish`, `asks` and `review`.
    """

    threshold: npt.NDArray[np.float64]
    label: npt.NDArray[np.int64]
    enforce: npt.NDArray[np.uint8]
    acting: npt.NDArray[np.int64]
    asked: npt.NDArray[np.int64]
    missing: npt.NDArray[np.uint8]
    wish: npt.NDArray[np.uint8]
    asks: npt.NDArray[np.bool_]
    review: npt.NDArray[np.bool_]


@njit(cache=True, nogil=True)
def conclude(
    state: npt.NDArray[np.uint8],
    score: npt.NDArray[np.float64],
    tables: Tables,
    by: npt.NDArray[np.int16],
    question: npt.NDArray[np.int16],
    review: npt.NDArray[np.bool_],
) -> None:
    """Fill `by` (the acting step) and `question` of n events, -1 for none, and set `review` where a question wants it.

    `state` and `score` are [steps, n].
    """
    steps, n = state.shape
    fired = np.zeros(steps, np.bool_)
    acted = np.zeros(steps, np.bool_)
    for row in range(n):
        acted[:] = False
        for i in range(steps):
            if np.isnan(tables.threshold[i]):
                fired[i] = state[i, row] == MATCHED
            else:
                fired[i] = state[i, row] == SCORED and score[i, row] >= tables.threshold[i]
        chosen = -1
        for i in tables.acting:
            if fired[i]:
                chosen = i
                acted[tables.label[i]] = True
        done = tables.enforce[chosen]
        open_ = -1
        for j in range(len(tables.asked)):
            i = tables.asked[j]
            there = fired[i] if tables.missing[j] == FIRED else state[i, row] == tables.missing[j]
            left = done < tables.wish[j] or (tables.asks[j] and done < REMOVE and not acted[tables.label[i]])
            if there and left:
                open_ = j
                if tables.review[j]:
                    review[row] = True
        by[row] = chosen
        question[row] = open_
