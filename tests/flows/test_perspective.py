from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from gatehouse.errors import UserError
from gatehouse.features import source as feature_files
from gatehouse.flows.judge import Judge
from gatehouse.flows.perspective import DEFAULT, Analyser, Source, load
from gatehouse.records.signal import Signals


@dataclass(frozen=True)
class Lengths:
    """Scores a text by its length; raises at the text `break`."""

    name: str
    languages: frozenset[str] = frozenset()
    version: str = "v1"
    labels: tuple[str, ...] = ("long", "short")

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        texts = events.column("text").to_pylist()
        if "break" in texts:
            raise ValueError(texts)
        long = np.array([min(len(text) / 100, 1.0) for text in texts])
        return Signals.scored(self.name, self.version, self.labels, np.stack([long, 1 - long], axis=1))


def judge(*detectors: Lengths) -> Judge:
    return Judge(feature_files.load("columns: [char_count]\n", "features.yaml"), detectors, (), {})


def test_the_first_detector_that_covers_the_language_answers() -> None:
    attributes = {"LONG": (Source("en.linear", "long"), Source("pt.linear", "short"))}
    ask = Analyser(judge(Lengths("en.linear", frozenset({"en"})), Lengths("pt.linear", frozenset({"pt"}))), attributes)
    assert ask.offered == {"LONG": ("en", "pt")}
    assert ask(["x" * 30], ["LONG"], "en").values["LONG"].tolist() == [0.3]
    assert ask(["x" * 30], ["LONG"], "pt").values["LONG"].tolist() == [0.7]
    none = ask(["x" * 30], ["LONG"], "de")
    assert np.isnan(none.values["LONG"]).all()
    assert none.why["LONG"].tolist() == ["language"]


def test_a_detector_that_breaks_gives_no_score_and_says_so_for_that_text_alone() -> None:
    ask = Analyser(judge(Lengths("a.linear")), {"LONG": (Source("a.linear", "long"),)})
    found = ask(["ab", "break", "abcd"], ["LONG"])
    assert found.values["LONG"][[0, 2]].tolist() == [0.02, 0.04]
    assert np.isnan(found.values["LONG"][1])
    assert found.why["LONG"].tolist() == ["", "failed", ""]


def test_attributes_without_a_live_detector_are_not_offered() -> None:
    ask = Analyser(
        judge(
            Lengths("toxicity.linear", labels=("toxic", "insult", "obscene", "threat", "severe_toxic", "identity_hate"))
        ),
        load(DEFAULT, "x"),
    )
    assert "SPAM" in ask.absent
    assert set(ask.offered) == {"TOXICITY", "SEVERE_TOXICITY", "IDENTITY_ATTACK", "INSULT", "PROFANITY", "THREAT"}
    with pytest.raises(KeyError):
        ask(["a"], ["SPAM"])


def test_a_label_that_a_detector_does_not_know_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"knows no label 'lon', which LONG names(.|\n)*did you mean 'long'"):
        Analyser(judge(Lengths("a.linear")), {"LONG": (Source("a.linear", "lon"),)})


def test_all_faults_of_the_file_are_named_at_once() -> None:
    with pytest.raises(UserError) as raised:
        load("A: 3\nB: [x.linear]\nC: [x.linear/a]\n", "perspective.yaml")
    assert [fault.what for fault in raised.value.faults] == [
        "A names no label",
        "'x.linear' of B is no label of a detector",
    ]
    for broken in ("", "- a", "A: [x"):
        with pytest.raises(UserError):
            load(broken, "perspective.yaml")
