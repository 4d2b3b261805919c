"""What observers make of what they are told."""

import numpy as np

from gatehouse.errors import OutsideError
from gatehouse.flows.live import Unrecorded
from gatehouse.flows.observe import Observer, Several, Tally, sort, states
from gatehouse.ports.ledger import ConflictError
from gatehouse.records.signal import Signals, State
from gatehouse.testing.makers import NOW, make_decision, make_event


def signals(detector: str, *said: State) -> Signals:
    blank = Signals.blank(detector, "d1", ("spam",), len(said), State.SCORED)
    return Signals(detector, "d1", ("spam",), np.array([said], np.uint8).T, blank.score, blank.evidence, blank.reasons)


def test_a_decision_is_new_once_and_known_when_given_again() -> None:
    new = make_decision(make_event("e1"), decided=NOW)
    old = make_decision(make_event("e2"), decided=NOW - 1)
    down, other = OutsideError("the disk is full"), ConflictError(["e3"])
    came = sort([new, old, new, Unrecorded("e3", other), Unrecorded("e4", down)], NOW)
    assert (came.decided, came.known, came.conflicts, came.unrecorded) == ((new,), 2, 1, 1)


def test_signals_are_counted_by_state_over_all_labels() -> None:
    state = np.array([[State.SCORED, State.FAILED], [State.FAILED, State.FAILED]], np.uint8)
    two = Signals("a", "d1", ("x", "y"), state, np.zeros((2, 2)), np.zeros((2, 2), np.int32))
    assert states([two]) == {("a", "scored"): 1, ("a", "failed"): 3}
    assert states([signals("a")]) == {}


def test_several_observers_are_each_told_everything() -> None:
    first, second = Tally(), Tally()
    both: Observer = Several(first, second)
    both.spent("judge", 0.5, 2)
    both.judged(states([signals("spam.linear", State.SCORED, State.FAILED), signals("spam.rules", State.MATCHED)]))
    both.answered([make_decision(make_event("e1"), decided=NOW)], NOW)
    both.gathered(3, 4, ["00-x"])
    both.counted("retries", 2)
    for tally in (first, second):
        assert tally.microseconds() == {"judge": 250_000.0}
        assert tally.signals == {
            ("spam.linear", "scored"): 1,
            ("spam.linear", "failed"): 1,
            ("spam.rules", "matched"): 1,
        }
        assert tally.counts == {"decided": 1, "enforce remove": 1, "gatherings": 1, "gathered": 3, "retries": 2}
