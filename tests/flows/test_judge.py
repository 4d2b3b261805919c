"""The judge answers an event alike alone, in any batch and order; a broken detector costs only itself."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flows.conftest import PACKS

from gatehouse.bootstrap import House
from gatehouse.flows import releases
from gatehouse.flows.judge import Judge
from gatehouse.policies.decide import bind, severest
from gatehouse.records.decision import Outcome
from gatehouse.records.event import Event, to_batch
from gatehouse.records.score import SCORE_SCHEMA, score_rows
from gatehouse.records.signal import Signals, State

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
