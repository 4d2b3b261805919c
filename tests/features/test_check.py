"""Checks of declarations against each other: each fault once, and nothing of a set that fits."""

from typing import Any

import pytest

from gatehouse.features.check import Declared, check, inputs
from gatehouse.features.define import ScoreColumn
from gatehouse.features.profile import ProfileColumn
from gatehouse.features.windows import Count, Declaration, Distinct, RepeatShare, Sum, duration

HOUR = duration("1h")
ACTOR = ("actor",)
TRUST = ProfileColumn("trust", "DOUBLE")


def problems(*windows: Declaration, **declared: Any) -> list[tuple[str, str, str]]:
    whole = Declared(**{"columns": (), "profile": (TRUST,), "scores": (), **declared}, windows=windows)
    return [(problem.field, problem.what, problem.fix) for problem in check(whole)]


def count(**given: Any) -> Count:
    return Count(**{"name": "n", "key": ACTOR, "window": HOUR, **given})


def test_windows_that_fit_have_no_problem() -> None:
    score = ScoreColumn("spam_score", "spam.linear", "spam")
    assert not problems(
        count(),
        count(name="a", key=("text_hash", "language"), under=("normalised", "kind")),
        Sum(name="b", key=ACTOR, window=HOUR, of="spam_score"),
        Sum(name="c", key=ACTOR, window=HOUR, of="url_count", cap=1),
        Distinct(name="d", key=ACTOR, window=HOUR, of=("target", "text_hash"), cap=1_024),
        columns=("url_count",),
        scores=(score,),
    )


@pytest.mark.parametrize(
    ("window", "field", "what", "fix"),
    [
        (count(window=0), "window", "a window of 0 µs is not a whole number of steps", "take a multiple of 3s"),
        (count(window=-60), "window", "a window of -60 µs is not a whole number of steps", "take a multiple of 3s"),
        (count(window=61), "window", "a window of 61 µs is not a whole number of steps", "take a multiple of 3s"),
        (count(key=()), "key", "nothing says of whom this is", "write key: actor"),
        (count(key=("acter",)), "key", "unknown column 'acter'", "did you mean 'actor'?"),
        (
            count(key=("trust",)),
            "key",
            "'trust' is DOUBLE and cannot tell one from another",
            "choose a column of another type",
        ),
        (count(key="actor"), "key", "`key` is the text 'actor'", "write key=('actor',)"),
        (count(under=("targett",)), "under", "unknown column 'targett'", "did you mean 'target'?"),
        (
            count(under=("actor", "target")),
            "under",
            "`under` names as many columns as `key`",
            "give one column for each",
        ),
        (
            count(cap=0),
            "cap",
            "`cap` is 0",
            "choose a number from 1 to 1,000,000,000,000,000,000, or leave it out",
        ),
        (
            Sum(name="n", key=ACTOR, window=HOUR, of="amount", cap=2**63),
            "cap",
            "`cap` is 9,223,372,036,854,775,808",
            "choose a number from 1 to 1,000,000,000,000,000,000, or leave it out",
        ),
        (
            Distinct(name="n", key=ACTOR, window=HOUR, of=("target",), cap=1_025),
            "cap",
            "`cap` is 1,025",
            "choose a number from 1 to 1,024",
        ),
        (
            RepeatShare(name="n", key=ACTOR, window=HOUR, of=("target",), cap=0),
            "cap",
            "`cap` is 0",
            "choose a number from 1 to 1,024",
        ),
        (Distinct(name="n", key=ACTOR, window=HOUR, of=()), "of", "nothing says of what", "write of: target"),
        (
            Sum(name="n", key=ACTOR, window=HOUR, of="trust"),
            "of",
            "'trust' is not BIGINT",
            "only whole numbers are summed, so that every engine gives the same: occurred, amount",
        ),
        (Sum(name="n", key=ACTOR, window=HOUR, of="amuont"), "of", "unknown column 'amuont'", "did you mean 'amount'?"),
    ],
)
def test_each_fault_of_a_window_is_told_once_with_the_next_step(
    window: Declaration, field: str, what: str, fix: str
) -> None:
    assert problems(window) == [(field, what, fix)]


@pytest.mark.parametrize("name", ["", "1a", "A", "a-b", "a b", "a" * 64, "ä", "a\nb"])
def test_a_name_that_is_no_column_is_refused(name: str) -> None:
    [(field, what, _)] = problems(count(name=name))
    assert (field, what) == ("name", f"'{name}' is no name for a column")


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("actor", "is a column of every event"),
        ("seen", "is a column of every event"),
        ("normalised", "is a column of every event"),
        ("text_hash", "is a column of every event"),
        ("url_count", "is a column of the text"),
        ("trust", "is declared already under profile"),
    ],
)
def test_a_name_that_is_taken_is_refused(name: str, taken: str) -> None:
    assert [what for _, what, _ in problems(count(name=name))] == [f"'{name}' {taken}"]


def test_conditions_may_name_events_texts_profiles_and_scores_but_not_what_is_only_known_later() -> None:
    score = ScoreColumn("spam_score", "spam.linear", "spam")
    schema = inputs(Declared(("url_count", "url_cuont"), (TRUST,), (score,), (count(name="messages"),)))
    assert {"actor", "text", "language", "normalised", "url_count", "trust", "spam_score"} <= set(schema.names)
    assert not {"seen", "imported", "revision", "attributes", "messages", "url_cuont"} & set(schema.names)
