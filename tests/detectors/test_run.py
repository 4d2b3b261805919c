"""A broken, slow or foreign-language detector costs its own signals and no others."""

import numpy as np
import pyarrow as pa

from gatehouse.detectors.run import run_all
from gatehouse.records.event import Event, to_batch
from gatehouse.records.signal import Signals, State


class Half:
    """Scores every text .5, and raises on a batch that holds a text of the given words."""

    name = "half"
    version = "1"
    labels = ("a", "b")

    def __init__(self, languages: frozenset[str] = frozenset(), breaks_on: tuple[str, ...] = ()) -> None:
        self.languages = languages
        self.breaks_on = breaks_on
        self.asked: list[int] = []

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        self.asked.append(len(events))
        texts = events.column("text").to_pylist()
        assert features.column("normalised").to_pylist() == texts
        if any(text in self.breaks_on for text in texts):
            raise RuntimeError("secret content")
        return Signals.scored(self.name, self.version, self.labels, np.full((len(texts), 2), 0.5))


def batch(texts: list[str], languages: list[str | None] | None = None) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    events = to_batch([Event(id=str(i), text=text) for i, text in enumerate(texts)])
    language = pa.array(languages or [None] * len(texts), pa.string())
    features = pa.RecordBatch.from_arrays([language, events.column("text")], names=["language", "normalised"])
    return events, features


def test_only_the_rows_that_break_a_detector_fail_and_no_content_reaches_the_reason() -> None:
    (found,) = run_all([Half(breaks_on=("bad",))], *batch(["good", "bad", "fine"]))
    assert found.state.tolist() == [[State.SCORED] * 2, [State.FAILED] * 2, [State.SCORED] * 2]
    assert np.isnan(found.score[1]).all()
    assert found.of(1, "1")[0].evidence == "raised RuntimeError"
    assert found.of(0, "0")[0].score == 0.5


def test_other_detectors_answer_though_one_breaks() -> None:
    broken, healthy = run_all([Half(breaks_on=("x",)), Half()], *batch(["x"]))
    assert broken.state[0, 0] == State.FAILED
    assert healthy.state[0, 0] == State.SCORED


def test_a_detector_abstains_outside_its_languages_and_scores_where_the_language_is_not_known() -> None:
    detector = Half(languages=frozenset({"en"}))
    (found,) = run_all([detector], *batch(["one", "dois", "three"], ["en", "pt", None]))
    assert [State(value) for value in found.state[:, 0]] == [State.SCORED, State.ABSTAINED, State.SCORED]
    assert found.of(1, "1")[0].evidence == "covers en only"
    assert detector.asked == [2]


def test_a_detector_is_not_asked_where_no_row_is_in_its_languages() -> None:
    detector = Half(languages=frozenset({"en"}))
    (found,) = run_all([detector], *batch(["dois"], ["pt"]))
    assert found.state.tolist() == [[State.ABSTAINED] * 2]
    assert detector.asked == []


def test_a_break_in_its_own_language_keeps_both_reasons_apart() -> None:
    detector = Half(languages=frozenset({"en"}), breaks_on=("bad",))
    (found,) = run_all([detector], *batch(["bad", "dois"], ["en", "pt"]))
    assert [found.of(i, "")[0].evidence for i in range(2)] == ["raised RuntimeError", "covers en only"]


def test_after_the_deadline_signals_are_failed_and_never_zero() -> None:
    (found,) = run_all([Half()], *batch(["late"]), time_left=lambda: 0.0)
    assert found.state.tolist() == [[State.FAILED] * 2]
    assert found.of(0, "0")[0].evidence == "the deadline had passed"
    assert found.of(0, "0")[0].score is None


def test_an_empty_batch_has_no_signals() -> None:
    (found,) = run_all([Half(languages=frozenset({"en"}))], *batch([]))
    assert len(found) == 0
