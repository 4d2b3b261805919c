"""Columns of signals and outcomes, row by row as records."""

import numpy as np

from gatehouse.records.decision import OUTCOME_SCHEMA, Outcome, Outcomes, PolicyOutcome
from gatehouse.records.enforcement import Kind
from gatehouse.records.signal import SIGNAL_SCHEMA, Signal, Signals, State


def test_only_a_scored_signal_has_a_score() -> None:
    signals = Signals.blank("spam.linear", "d1", ("spam", "scam"), 2, State.SKIPPED)
    signals.state[0] = (State.SCORED, State.FAILED)
    signals.score[:] = 0.5
    signals.evidence[0, 1] = 0
    told = Signals("spam.linear", "d1", signals.labels, signals.state, signals.score, signals.evidence, ("too slow",))
    common = {"event_id": "e", "detector": "spam.linear", "detector_version": "d1"}
    assert told.of(0, "e") == [
        Signal(**common, label="spam", state="scored", score=0.5),
        Signal(**common, label="scam", state="failed", evidence="too slow"),
    ]
    assert [signal.state for signal in told.of(1, "e")] == ["skipped", "skipped"]
    assert [signal.score for signal in told.of(1, "e")] == [None, None]
    assert len(told) == 2


def test_a_blank_signal_has_no_score_and_no_evidence() -> None:
    blank = Signals.blank("a", "1", ("x",), 3, State.ABSTAINED)
    assert np.isnan(blank.score).all()
    assert (blank.evidence == -1).all()
    assert {signal.state for row in range(3) for signal in blank.of(row, "e")} == {"abstained"}


def test_an_outcome_names_its_step_clause_and_reason() -> None:
    outcomes = Outcomes(
        policy="spam",
        version="p1",
        outcome=np.array([Outcome.VIOLATING, Outcome.CLEAR], np.uint8),
        enforce=np.array([Kind.REMOVE, Kind.NONE], np.uint8),
        review=np.array([True, False]),
        step=np.array([1, -1], np.int16),
        reason=np.array([1, 0], np.int32),
        steps=("a", "b"),
        clauses=("S1", "S2"),
        reasons=("nothing fired", "b fired"),
    )
    common = {"policy": "spam", "policy_version": "p1"}
    violating = {"outcome": "violating", "enforce": "remove", "review": True, "step": "b", "clause": "S2"}
    clear = {"outcome": "clear", "enforce": "none", "review": False, "step": None, "clause": None}
    assert outcomes.of(0) == PolicyOutcome(**common, **violating, reason="b fired")
    assert outcomes.of(1) == PolicyOutcome(**common, **clear, reason="nothing fired")


def test_schemas_have_the_fields_of_their_records() -> None:
    assert tuple(SIGNAL_SCHEMA.names) == Signal.__struct_fields__
    assert tuple(OUTCOME_SCHEMA.names) == ("event_id", *PolicyOutcome.__struct_fields__)
