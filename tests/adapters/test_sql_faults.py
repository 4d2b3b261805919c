"""What no database keeps is found in an event's signals too, which are made into records only when looked at."""

from dataclasses import replace

import numpy as np

from gatehouse.adapters.sql.faults import unkept
from gatehouse.records.feature import FeatureRow
from gatehouse.records.signal import SignalRow, Signals, State
from gatehouse.testing.makers import make_event, make_judged


def of_evidence(said: str) -> list[str]:
    blank = Signals.blank("spam.rules", "d1", ("spam",), 1, State.MATCHED)
    blank.evidence[:] = 0
    block = Signals(blank.detector, blank.version, blank.labels, blank.state, blank.score, blank.evidence, (said,))
    judged = replace(make_judged(make_event("e1")), signals=SignalRow("e1", (block,), 0))
    return [what for what, _ in unkept(judged)]


def test_a_null_character_in_evidence_is_found() -> None:
    assert of_evidence("rule a\0b") == ["its signals.1.evidence holds a NUL character"]


def test_a_null_character_in_a_row_of_features_is_found() -> None:
    judged = replace(make_judged(make_event("e1")), features=FeatureRow({"language": 0}, ("e\0n",)))
    assert [what for what, _ in unkept(judged)] == ["its features.language holds a NUL character"]


def test_half_a_character_in_evidence_is_found() -> None:
    assert of_evidence("rule \ud800") == ["its signals.1.evidence holds half a character, U+D800"]


def test_sound_evidence_is_let_through() -> None:
    assert of_evidence("rule a, rule b") == []


def test_signals_are_made_once_and_equal_those_of_their_blocks() -> None:
    scores = np.array([[0.25, 0.75], [0.5, 1.0]])
    block = Signals.scored("spam.linear", "d1", ("spam", "scam"), scores)
    row = SignalRow("e2", (block, block), 1)
    assert len(row) == 4
    assert row == [*block.of(1, "e2"), *block.of(1, "e2")]
    assert all(one is two for one, two in zip(row, row, strict=True))
