"""A small pack report with figures from drawn scores, for the tests of charts and pages."""

from collections.abc import Callable

import numpy as np
import pytest

from gatehouse.evaluation.evaluate import DecisionGroup, LabelReport, evaluate_label
from gatehouse.evaluation.pack_report import PackReport, SaidPoint, WorkedExample
from gatehouse.records.dataset import DatasetInfo, Release
from gatehouse.records.policy import Aim, Clause, Point, Policy
from gatehouse.records.signal import Contribution

POINT_SENTENCE = (
    "precision at least 95 %: threshold 0.830, 97 flagged, 1 error on 780 labelled rows (base rate 12.9 %); provisional"
)


def _drawn(n: int = 600, rate: float = 0.2, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Scores that tell positives well but not perfectly, and the truth."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < rate).astype(np.float64)
    return 1 / (1 + np.exp(-(rng.normal(size=n) + 4 * truth - 3))), truth


def _point(step: str, threshold: float | None, aim: Aim = "precision_at_least", label: str = "spam") -> Point:
    return Point(
        policy="spam",
        policy_version="a" * 12,
        step=step,
        detector="spam.linear",
        detector_version="b" * 12,
        label=label,
        aim=aim,
        value=0.95,
        confidence=0.95,
        dataset="c" * 12,
        population="messages",
        n=780,
        positives=101,
        threshold=threshold,
    )


POINTS = (_point("certain_spam", 0.83), _point("likely_spam", 0.3, "recall_at_least"), _point("sure_spam", None))


@pytest.fixture(scope="session")
def drawn() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Draws scores and truth."""
    return _drawn


@pytest.fixture(scope="session")
def point() -> Callable[..., Point]:
    """Makes an operating point of a step."""
    return _point


@pytest.fixture(scope="session")
def points() -> tuple[Point, ...]:
    """The points of the label `spam`, one of them without a threshold."""
    return POINTS


@pytest.fixture(scope="session")
def spam() -> LabelReport:
    """A label with figures, two points and all curves."""
    return evaluate_label("spam", *_drawn(), POINTS, np.random.default_rng(7), 50)


@pytest.fixture(scope="session")
def rare() -> LabelReport:
    """A label with too few positives for figures."""
    return evaluate_label("rare", *_drawn(rate=0.01), (), np.random.default_rng(7), 50)


def _example(text: str, word: str) -> WorkedExample:
    def carried(piece: str, weight: float) -> Contribution:
        start = text.index(piece)
        return Contribution(piece=piece, start=start, end=start + len(piece), weight=weight)

    return WorkedExample(
        id="spam-01",
        text=text,
        expected=("spam",),
        why="A prize that does not exist.",
        label="spam",
        score=0.972,
        outcome="violating",
        enforce="remove",
        clause="S1",
        reason="certain_spam: score .972 is at least .830",
        contributions=(carried(word, 1.2), carried("now", 0.2)),
    )


def _policy(title: str) -> Policy:
    return Policy(
        name="spam",
        version="a" * 12,
        title=title,
        text="Purpose. People must be able to open their messages.\n\nScope. Every message.",
        owner="trust-and-safety",
        clauses=(Clause(id="S1", title="No spam", text="Do not send unsolicited commercial messages."),),
        steps=(),
    )


RELEASE = Release(
    pack="spam",
    version="e" * 12,
    policy_version="a" * 12,
    detectors={"spam.bank": "d" * 12, "spam.linear": "b" * 12},
    features="f" * 12,
    points=POINTS,
)

DATASET = DatasetInfo(
    name="sms-spam",
    version="c" * 12,
    title="SMS Spam Collection",
    licence="CC BY 4.0",
    population="text messages of volunteers",
    labels=("spam", "rare"),
    rows=3000,
    parts={"train": 1500, "calibration": 300, "points": 600, "test": 600},
    positives={},
)

DECISIONS = (
    DecisionGroup(
        outcome="clear",
        enforce="none",
        review=False,
        step=None,
        clause=None,
        reason="no step fired",
        count=480,
        positives=6,
        unknown=0,
    ),
    DecisionGroup(
        outcome="violating",
        enforce="age_gate",
        review=True,
        step="certain_spam",
        clause="S1",
        reason="certain_spam: the score is at least .830",
        count=120,
        positives=108,
        unknown=2,
    ),
)


@pytest.fixture(scope="session")
def make_pack(spam: LabelReport, rare: LabelReport) -> Callable[..., PackReport]:
    """Makes a pack report whose texts can be replaced."""

    def make(
        text: str = "Claim your prize now, you dullard!",
        word: str = "prize",
        title: str = "Spam and scams",
        sensitive: bool = False,
        from_examples: bool = False,
    ) -> PackReport:
        return PackReport(
            policy=_policy(title),
            release=RELEASE,
            dataset=DATASET,
            from_examples=from_examples,
            sensitive=sensitive,
            labels=(spam, rare),
            points=tuple(SaidPoint(each, POINT_SENTENCE) for each in POINTS),
            telling={"spam": ((word, 1.5), ("home", -0.9), ("the", 0.1))},
            decisions=DECISIONS,
            examples=(_example(text, word),) * 6,
            not_for=("Closing accounts.",),
            limits=("English only.",),
        )

    return make
