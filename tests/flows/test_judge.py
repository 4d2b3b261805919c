"""The judge answers an event alike alone, in any batch and order; a broken detector costs only itself."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flows.conftest import PACKS

from gatehouse.bootstrap import House
from gatehouse.detectors.base import Detector
from gatehouse.features.define import FeatureSet, ScoreColumn, union
from gatehouse.features.windows import Count, duration
from gatehouse.flows import releases
from gatehouse.flows.judge import Judge
from gatehouse.policies.decide import bind, severest
from gatehouse.records.decision import Judgement, Outcome
from gatehouse.records.event import Event, to_batch
from gatehouse.records.score import SCORE_SCHEMA, score_rows
from gatehouse.records.signal import Signals, State

SPAM_SCORE = ScoreColumn("spam_score", "spam.linear", "spam")
WORDS = [
    "you",
    "won",
    "a prize",
    "claim",
    "0900 123",
    "free",
    "women are",
    "привет",
    "你好",
    "k i l l",
    "🙂",
    "http://x.example",
]


@pytest.fixture(scope="session")
def judge(house: House) -> Judge:
    return releases.open_judge(house.shelf, releases.live(house.shelf, PACKS))


texts = st.lists(
    st.one_of(st.none(), st.text(max_size=30), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)),
    min_size=1,
    max_size=12,
)


def rows_of(judge: Judge, events: list[Event]) -> list[dict[str, object]]:
    judgement = judge(to_batch(events))
    uses = {bound.policy.name: frozenset(step.detector for step in bound.policy.steps) for bound in judge.policies}
    return score_rows(judgement, uses).to_pylist()


@settings(deadline=None, max_examples=40)
@given(texts=texts, seed=st.randoms(use_true_random=False))
def test_an_event_is_judged_alone_as_in_any_batch(judge: Judge, texts: list[str | None], seed: object) -> None:
    events = [Event(id=str(i), text=text) for i, text in enumerate(texts)]
    together = rows_of(judge, events)
    alone = [row for event in events for row in rows_of(judge, [event])]
    assert together == alone
    backwards = rows_of(judge, events[::-1])
    assert sorted(map(repr, backwards)) == sorted(map(repr, together))


def test_every_event_policy_and_label_has_one_row(judge: Judge) -> None:
    rows = rows_of(judge, [Event(id="a", text="hello"), Event(id="b", text=None)])
    keys = [(row["event_id"], row["policy"], row["detector"], row["label"]) for row in rows]
    assert len(keys) == len(set(keys)) == 2 * sum(len(detector.labels) for detector in judge.detectors)
    assert {row["score"] for row in rows if row["state"] != "scored"} == {None}
    assert list(rows[0]) == SCORE_SCHEMA.names


def test_nothing_to_judge_gives_no_rows(judge: Judge) -> None:
    assert rows_of(judge, []) == []


class Broken:
    """A detector that raises on everything."""

    languages: frozenset[str] = frozenset()

    def __init__(self, name: str, version: str, labels: tuple[str, ...]) -> None:
        self.name, self.version, self.labels = name, version, labels

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        raise OSError("gone")


def test_a_broken_detector_leaves_healthy_evidence_and_nothing_it_judged_is_clear(house: House, judge: Judge) -> None:
    (release,) = releases.live(house.shelf, ["spam"])
    policy = house.shelf.registry.policy("spam", release.policy_version)
    detectors = tuple(
        Broken(d.name, d.version, d.labels) if d.name == "spam.linear" else d
        for d in judge.detectors
        if d.name.startswith("spam.")
    )
    broken = Judge(judge.features, detectors, (bind(policy, release.points, detectors),), {})
    known = "gatehouse canary text: known spam sample 1"
    judgement = broken(to_batch([Event(id="a", text=known), Event(id="b", text="see you at lunch")]))
    outcome, _ = severest(judgement.outcomes)
    assert [Outcome(int(value)) for value in outcome] == [Outcome.VIOLATING, Outcome.UNDECIDED]
    linear = next(block for block in judgement.signals if block.detector == "spam.linear")
    assert (linear.state == State.FAILED).all()
    assert np.isnan(linear.score).all()
    assert judgement.outcomes[0].of(0).enforce == "remove"
    assert judgement.outcomes[0].of(1).enforce == "none"


def test_another_language_is_not_judged_and_not_clear(judge: Judge) -> None:
    judgement = judge(to_batch([Event(id="a", text="um texto em português", language="pt")]))
    assert [outcomes.of(0).outcome for outcomes in judgement.outcomes] == ["undecided"] * 3
    assert "a language that it does not know" in judgement.outcomes[0].of(0).reason


@pytest.fixture(scope="session")
def counting(judge: Judge) -> Judge:
    """The judge with a window that counts an actor's earlier posts by their content score."""
    windows = (Count(name="spam_posts_1d", key=("actor",), window=duration("1d"), where="spam_score >= 500"),)
    declared = union([judge.features, FeatureSet(scores=(SPAM_SCORE,), windows=windows)])
    return replace(judge, features=declared)


def test_scores_that_later_events_count_are_coded_and_not_computed_twice(counting: Judge) -> None:
    class Once:
        """Asks a detector and counts how often."""

        asked = 0

        def __init__(self, detector: Detector) -> None:
            self.detector = detector
            self.name, self.version = detector.name, detector.version
            self.labels, self.languages = detector.labels, detector.languages

        def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
            self.asked += 1
            return self.detector.signals(events, features)

    wrapped = tuple(Once(detector) for detector in counting.detectors)
    judge = replace(counting, detectors=wrapped)
    texts = ["claim your free prize now, call 0900 123 456", "see you at seven", None]
    events = to_batch([Event(id=str(i), text=text, language="en") for i, text in enumerate(texts)])
    prepared = judge.prepare(events, first_row=7)
    scores = prepared.early["spam.linear"].score[:, 0]
    expected = [int(not np.isnan(score) and np.floor(score * 1000 + 0.5) >= 500) for score in scores]
    condition = judge.features.plan.filter_name(judge.features.windows[-1])
    assert prepared.coded.column(condition).to_pylist() == expected
    assert expected == [1, 0, 0]
    assert prepared.coded.column("row").to_pylist() == [7, 8, 9]
    features = judge.whole(prepared, judge.features.plan.nothing_known(3))
    assert same(judge.conclude(prepared, features), judge.with_features(events, features))
    assert {one.name: one.asked for one in wrapped}["spam.linear"] == 2


def same(first: Judgement, second: Judgement) -> bool:
    return all(
        np.array_equal(a.outcome, b.outcome) and list(a.reasons) == list(b.reasons)
        for a, b in zip(first.outcomes, second.outcomes, strict=True)
    )


def test_the_version_of_feature_values_names_the_detectors_whose_scores_are_counted(counting: Judge) -> None:
    versions = {detector.name: detector.version for detector in counting.detectors}
    other = counting.features.version_with({**versions, "spam.linear": "another"})
    assert counting.features_version not in (counting.features.version, other)
    assert counting.features.version_with({**versions, "spam.rules": "another"}) == counting.features_version


def test_windows_that_could_not_be_read_are_not_there(counting: Judge) -> None:
    prepared = counting.prepare(to_batch([Event(id="1", text="hello")]))
    assert "spam_posts_1d" not in counting.whole(prepared, None).schema.names
    known = counting.whole(prepared, counting.features.plan.nothing_known(1))
    assert known.column("spam_posts_1d").to_pylist() == [None]
    assert known.schema.names == [*counting.features.schema.names, "language", "normalised"]
