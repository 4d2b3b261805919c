"""The kernel of deciding: which step acts on each event, and which question stays open, for many policies in one go."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from gatehouse.records.decision import Outcome
from gatehouse.records.enforcement import Kind
from gatehouse.records.signal import State

MATCHED, SCORED, REMOVE = int(State.MATCHED), int(State.SCORED), int(Kind.REMOVE)
"""As the kernel knows them; from REMOVE on the event is gone."""

CLEAR, UNDECIDED, VIOLATING = (int(outcome) for outcome in (Outcome.CLEAR, Outcome.UNDECIDED, Outcome.VIOLATING))

FIRED = 255
"""Stands for the missing state of a question that asks because its step fired."""

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


class Tables(NamedTuple):
    """What the steps and questions of policies are to the kernel, one policy's behind another's.

    Policy p has `threshold[firsts[p, 0]:firsts[p + 1, 0]]` and so on: `firsts` is [policies + 1, 4], of steps, acting
    steps, questions and conclusions. Steps are numbered from 0 in each policy.

    `threshold` [steps] is NaN where a step fires by a match; `label` numbers the steps' labels; `enforce` and `look`
    say what a step does. `acting` are steps, mildest first. Questions, least first, are `asked` (their steps),
    `missing` (a state, or FIRED), `wish`, `asks` and `review`. `step` and `reason` are of each conclusion, by the step
    that acts and the question (-1, the last: none).
    """

    firsts: Ints
    threshold: npt.NDArray[np.float64]
    label: Ints
    enforce: Bytes
    look: Flags
    acting: Ints
    asked: Ints
    missing: Bytes
    wish: Bytes
    asks: Flags
    review: Flags
    step: npt.NDArray[np.int16]
    reason: npt.NDArray[np.int32]


def joined(tables: Sequence[Tables]) -> Tables:
    """Tables of several policies as those of all."""
    ends = np.cumsum([one.firsts[-1] for one in tables], axis=0)
    firsts = np.concatenate([np.zeros((1, 4), np.int64), ends])
    return Tables(firsts, *(np.concatenate(columns) for columns in list(zip(*tables, strict=True))[1:]))


@njit(cache=True, nogil=True)
def conclude(
    state: Bytes,
    score: npt.NDArray[np.float64],
    tables: Tables,
    outcome: Bytes,
    enforce: Bytes,
    review: Flags,
    step: npt.NDArray[np.int16],
    reason: npt.NDArray[np.int32],
) -> None:
    """Fill the conclusions [policies, n] of each policy on n events; `state` and `score` are [n, steps of all]."""
    n = len(state)
    fired = np.zeros(state.shape[1], np.bool_)
    acted = np.zeros(state.shape[1], np.bool_)
    for policy in range(len(tables.firsts) - 1):
        first, first_acting, first_asked, table = tables.firsts[policy]
        end, end_acting, end_asked, _ = tables.firsts[policy + 1]
        steps, questions = end - first, end_asked - first_asked
        for row in range(n):
            acted[:] = False
            for i in range(steps):
                if np.isnan(tables.threshold[first + i]):
                    fired[i] = state[row, first + i] == MATCHED
                else:
                    scored = state[row, first + i] == SCORED
                    fired[i] = scored and score[row, first + i] >= tables.threshold[first + i]
            chosen = -1
            for i in tables.acting[first_acting:end_acting]:
                if fired[i]:
                    chosen = i
                    acted[tables.label[first + i]] = True
            done = tables.enforce[first + chosen] if chosen >= 0 else 0
            look = chosen >= 0 and tables.look[first + chosen]
            open_ = -1
            for j in range(questions):
                i, missing = tables.asked[first_asked + j], tables.missing[first_asked + j]
                there = fired[i] if missing == FIRED else state[row, first + i] == missing
                only_asks = tables.asks[first_asked + j] and done < REMOVE and not acted[tables.label[first + i]]
                if there and (done < tables.wish[first_asked + j] or only_asks):
                    open_ = j
                    look = look or tables.review[first_asked + j]
            place = table + (chosen % (steps + 1)) * (questions + 1) + open_ % (questions + 1)
            outcome[policy, row] = VIOLATING if chosen >= 0 else UNDECIDED if open_ >= 0 else CLEAR
            enforce[policy, row], review[policy, row] = done, look
            step[policy, row], reason[policy, row] = tables.step[place], tables.reason[place]
