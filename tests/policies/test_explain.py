import pytest

from gatehouse.policies.explain import DONE, percent, point_in_words, score_in_words
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Acceptance, Point, Step, Target

FOUND = {
    "threshold": 0.913,
    "flagged": 118,
    "errors": 1,
    "estimate": 117 / 118,
    "bound": 0.951,
    "recall": 0.8,
    "precision": 117 / 118,
}


def point(aim="precision_at_least", value=0.95, **more):
    return Point(
        policy="spam",
        policy_version="v1",
        step="certain_spam",
        detector="spam.linear",
        detector_version="d1",
        label="spam",
        aim=aim,
        value=value,
        confidence=0.95,
        dataset="set1",
        population="SMS messages",
        n=894,
        positives=118,
        **more,
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            point(**FOUND),
            "precision at least 95 %: threshold 0.913, 118 flagged, 1 error on 894 labelled rows (base rate 13.2 %), "
            "bound 95.1 %, recall 80 %; provisional: speaks for SMS messages until confirmed on audit draws",
        ),
        (
            point(**FOUND, status="confirmed"),
            "precision at least 95 %: threshold 0.913, 118 flagged, 1 error on 894 labelled rows (base rate 13.2 %), "
            "bound 95.1 %, recall 80 %; confirmed on audit draws of SMS messages",
        ),
        (
            point("recall_at_least", 0.9, **{**FOUND, "errors": 30, "precision": 88 / 118, "bound": 0.904}),
            "recall at least 90 %: threshold 0.913, 118 flagged, 30 errors on 894 labelled rows (base rate 13.2 %), "
            "bound 90.4 %, precision 74.6 %; provisional: speaks for SMS messages until confirmed on audit draws",
        ),
        (
            point("false_positive_rate_at_most", 0.01, **{**FOUND, "bound": 0.0061}),
            "false positive rate at most 1 %: threshold 0.913, 118 flagged, 1 error on 894 labelled rows "
            "(base rate 13.2 %), bound 0.61 %, precision 99.2 %, recall 80 %; "
            "provisional: speaks for SMS messages until confirmed on audit draws",
        ),
        (
            point("review_at_most", 4000.0, **{**FOUND, "bound": 0.153}),
            "at most 4,000 events a day: threshold 0.913, 118 flagged, 1 error on 894 labelled rows "
            "(base rate 13.2 %), at most 15.3 % of events, precision 99.2 %, recall 80 %; "
            "provisional: speaks for SMS messages until confirmed on audit draws",
        ),
        (
            point("score_at_least", 0.8, **{**FOUND, "threshold": 0.8}),
            "score at least 0.800, no promise: 118 flagged, 1 error on 894 labelled rows (base rate 13.2 %), "
            "precision 99.2 % (at least 95.1 %), recall 80 %; speaks for SMS messages",
        ),
        (
            point("score_at_least", 0.8, threshold=0.8),
            "score at least 0.800, no promise: 0 flagged, 0 errors on 894 labelled rows (base rate 13.2 %); "
            "speaks for SMS messages",
        ),
        (
            point(threshold=None, missing_labels=1234),
            "precision at least 95 %: cannot be promised on 894 labelled rows (base rate 13.2 %): "
            "needs about 1,300 more labelled events of the same population (SMS messages)",
        ),
        (
            point(threshold=None, missing_labels=1),
            "precision at least 95 %: cannot be promised on 894 labelled rows (base rate 13.2 %): "
            "needs about 1 more labelled event of the same population (SMS messages)",
        ),
        (
            point(threshold=None),
            "precision at least 95 %: cannot be promised on 894 labelled rows (base rate 13.2 %): "
            "at the rates seen here no number of labels would do; the detector must become better first",
        ),
        (
            point("review_at_most", 400.0, threshold=None),
            "at most 400 events a day: cannot be promised on 894 labelled rows (base rate 13.2 %): the policy does "
            "not say how many events come a day (traffic: 100000/day), or too many share one score",
        ),
    ],
)
def test_a_point_in_words(said, words):
    assert point_in_words(said) == words


def test_a_population_without_a_positive_says_so():
    said = Point(**{name: getattr(point(threshold=None), name) for name in Point.__struct_fields__} | {"positives": 0})
    assert point_in_words(said).endswith("on 894 labelled rows (base rate 0 %): none of them is positive")


def step(enforce=Kind.REMOVE, aim="precision_at_least", **more):
    target = Target(aim=aim, value=0.95) if aim else None
    detector = "spam.linear" if aim else "spam.bank"
    return Step(name="s", detector=detector, label="spam", clause="S1", target=target, enforce=enforce, **more)


ACCEPT = Acceptance(by="policy lead", reason="flood")


@pytest.mark.parametrize(
    ("score", "words"),
    [(0.9125, "0.912"), (0.0, "0.000"), (1.0, "1.000"), (0.99971, "0.9997"), (0.0000123, "0.00001")],
)
def test_a_score_in_words_never_looks_like_certainty(score, words):
    assert score_in_words(score) == words


@pytest.mark.parametrize(("share", "words"), [(0.95, "95 %"), (0.995, "99.5 %"), (0.00123, "0.123 %"), (0.0, "0 %")])
def test_a_share_in_words(share, words):
    assert percent(share) == words


def test_every_kind_of_enforcement_has_words():
    assert set(DONE) == set(Kind)
