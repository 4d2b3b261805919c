"""Disguises and functional checks go through the judge, bounded, and the same whatever the order of the rows."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from gatehouse.bootstrap import House
from gatehouse.evaluation import suite
from gatehouse.evaluation.evaluate import evaluate_label
from gatehouse.evaluation.robustness import AttackReport
from gatehouse.flows import learn, packs, robustness
from gatehouse.flows.closer_look import closer_look
from gatehouse.flows.releases import live, open_judge
from gatehouse.flows.subject import Subject, learnt_signals
from gatehouse.records.event import Event, to_batch

SUITES = ("toxicity", "hate", "sexism")
THRESHOLD = 0.5


@pytest.fixture(scope="module")
def subject(house: House) -> Subject:
    pack = packs.load("spam")
    (release,) = live(house.shelf, ("spam",))
    dataset, examples = learn.dataset_for(pack, house.shelf, house.settings.datasets, ())
    return Subject(pack, dataset, examples, release, open_judge(house.shelf, [release]))


def sample(subject: Subject, n: int = 60) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """Texts with their scores and truth: bulk offers, then plain messages."""
    texts = [f"Claim your free prize now, call {i} to win cash!" for i in range(n)]
    texts += [f"See you at lunch on Tuesday at number {i}" for i in range(n)]
    events = to_batch([Event(id=str(i), text=text, language="en") for i, text in enumerate(texts)])
    scores = learnt_signals(subject, subject.judge(events)).scores("spam")
    return pa.array(texts), scores, (np.arange(2 * n) < n).astype(float)


def attacked(subject: Subject, texts: pa.Array, scores: np.ndarray, truth: np.ndarray) -> AttackReport | None:
    return robustness.attacks(subject, "spam", texts, pa.array(["en"] * len(texts)), scores, truth, THRESHOLD)


def test_disguises_are_figured_by_family_whatever_the_order_of_the_rows(subject: Subject) -> None:
    texts, scores, truth = sample(subject)
    report = attacked(subject, texts, scores, truth)
    assert report is not None
    assert report.positives == int(np.sum((truth == 1) & (scores >= THRESHOLD)))
    assert len(report.families) >= 14
    order = np.random.default_rng(1).permutation(len(texts))
    assert attacked(subject, texts.take(pa.array(order)), scores[order], truth[order]) == report


def test_too_few_flagged_positives_have_no_figures(subject: Subject) -> None:
    assert attacked(subject, *sample(subject, 20)) is None


def test_the_sample_is_bounded(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustness, "MOST_TEXTS", 52)
    report = attacked(subject, *sample(subject))
    assert report is not None
    assert (report.positives, report.benign) == (52, 52)


def test_review_begins_at_the_lowest_point_of_the_main_label(subject: Subject) -> None:
    # Learnt from a few examples no step finds a threshold; the score from which on it is likelier than not stands in.
    assert robustness.review_threshold(subject) == ("spam", 0.5)
    first = next(point for point in subject.release.points if point.label == "spam")
    points = tuple(msgspec.structs.replace(first, threshold=threshold) for threshold in (0.9, 0.3, None))
    found = replace(subject, release=msgspec.structs.replace(subject.release, points=points))
    assert robustness.review_threshold(found) == ("spam", 0.3)


def test_a_suite_is_answered_by_the_judge(subject: Subject, tmp_path: Path) -> None:
    path = tmp_path / "suite.csv"
    rows = "Claim your free prize now and call to win cash!,yes,plain\nSee you at lunch,no,plain\n"
    path.write_text("text,expected,functionality\n" + rows)
    cases = suite.read(path, {})
    report = robustness.checks(subject, cases, "spam", THRESHOLD)
    assert (report.n, report.passed) == (2, 2)
    assert report.detector == "spam of spam from 0.500 on"
    assert robustness.checks(subject, cases, "spam", 1.1).passed == 1


@pytest.mark.parametrize("name", SUITES)
def test_a_shipped_suite_tests_each_functionality_often_enough_to_be_ranked(name: str) -> None:
    cases = suite.read(packs.locate(name) / robustness.SUITE_FILE, {})
    assert 60 <= len(cases) <= 120
    assert len(set(cases.texts)) == len(cases)
    report = suite.report(cases, cases.expected)
    assert report.passed == report.n
    assert len(report.functionalities) == 12
    assert not [one for one in report.functionalities if one.small]


def test_a_pack_without_a_suite_has_no_checks(subject: Subject) -> None:
    assert robustness.own_checks(subject, "spam", THRESHOLD) is None


def test_the_closer_look_holds_disguises_and_the_suite_that_the_pack_brings(subject: Subject, tmp_path: Path) -> None:
    texts, scores, truth = sample(subject)
    (tmp_path / robustness.SUITE_FILE).write_text("text,expected,functionality\nSee you at lunch,no,plain\n")
    bringing = replace(subject, pack=replace(subject.pack, folder=tmp_path))
    rng = np.random.default_rng(1)
    report = evaluate_label("spam", scores, truth, (), rng, 10)
    events = to_batch([Event(id=str(i), text=text, language="en") for i, text in enumerate(texts.to_pylist())])
    look = closer_look(bringing, report, events, subject.judge.features.compute(events), scores, truth, None, rng, 10)
    assert look is not None
    assert look.attacks == attacked(subject, texts, scores, truth)
    assert look.suite is not None
    assert (look.suite.n, look.suite.passed) == (1, 1)
