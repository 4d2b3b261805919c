"""Windows in words: the text that stands in schemas, in `features explain` and in front of reviewers."""

import pytest

from gatehouse.features.windows import TEXT_HASH, Age, Count, Declaration, Distinct, RepeatShare, Sum, duration
from gatehouse.features.words import definition_of, meaning_of, unknown_of

HOUR, DAY, MONTH = duration("1h"), duration("1d"), duration("30d")
ACTOR = ("actor",)
MESSAGES = "kind = 'message'"


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        (
            Count(name="n", key=ACTOR, window=HOUR, where=MESSAGES),
            "Number of earlier events of the same actor in the last hour where kind = 'message'",
        ),
        (
            Count(name="n", key=ACTOR, window=duration("7d"), cap=1_000),
            "Number, at most 1,000, of earlier events of the same actor in the last 7 days",
        ),
        (
            Count(name="n", key=ACTOR, under=("target",), window=duration("7d"), where="kind\n  = 'report'"),
            "Number of earlier events whose target is this event's actor in the last 7 days where kind = 'report'",
        ),
        (
            Count(name="n", key=("actor", "target"), under=("target", "actor"), window=HOUR),
            "Number of earlier events whose target and actor are this event's actor and target in the last hour",
        ),
        (
            Count(name="n", key=(TEXT_HASH,), window=HOUR),
            "Number of earlier events of the same normalised text in the last hour",
        ),
        (
            Sum(name="n", key=ACTOR, window=DAY, of="amount", cap=50_000),
            "Sum of amount, at most 50,000, over earlier events of the same actor in the last day",
        ),
        (
            Sum(name="n", key=("device",), window=DAY, of="url_count"),
            "Sum of url_count over earlier events of the same device in the last day",
        ),
        (
            Distinct(name="n", key=ACTOR, window=HOUR, of=("target",)),
            "Number of different values of target, at most 64, among earlier events of the same actor in the last hour",
        ),
        (
            Distinct(name="n", key=("address",), window=HOUR, of=("actor", "device"), cap=9),
            "Number of different values of actor and device, at most 9, among earlier events of the same address in "
            "the last hour",
        ),
        (
            RepeatShare(name="n", key=ACTOR, window=DAY, of=(TEXT_HASH,), where=MESSAGES),
            "Share of repeated values of normalised text among earlier events of the same actor in the last day "
            "where kind = 'message'; exact up to 64 events",
        ),
        (
            Age(name="n", key=ACTOR, window=MONTH),
            "Whole seconds since the first earlier event of the same actor; new again after 30 days without one",
        ),
        (
            Age(name="n", key=ACTOR, window=MONTH, where=MESSAGES),
            "Whole seconds since the first earlier event of the same actor where kind = 'message'; new again after "
            "30 days without one",
        ),
    ],
)
def test_every_kind_of_window_says_what_it_means(said: Declaration, meaning: str) -> None:
    assert meaning_of(said) == meaning


def test_the_rule_is_told_with_its_interval_its_step_and_late_events() -> None:
    assert definition_of(Count(name="n", key=ACTOR, window=HOUR)) == (
        "An event at t reads those before it from 60 whole steps of 1 minute and the running one: their times are in "
        "[t - t % step - 1 hour, t], with steps counted from 1970 UTC. "
        "A late event, seen before the latest one already known, reads as of that latest time and counts in the step "
        "of its own time from then on."
    )
    assert definition_of(Age(name="n", key=ACTOR, window=MONTH)) == (
        "It reaches back from the event to the first one of a run, and a run ends where 60 whole steps of 12 hours and "
        "the running one go by without an event that counts. A late event, seen before the latest one already known, "
        "counts as of when it became known."
    )


def test_it_is_told_when_there_is_no_value() -> None:
    assert unknown_of(Count(name="n", key=("actor", "target"), window=HOUR)) == (
        "NULL where actor or target is NULL; 0 where there is no such event"
    )
    assert unknown_of(RepeatShare(name="n", key=ACTOR, window=HOUR, of=ACTOR)) == (
        "NULL where actor is NULL, and where there is no such event"
    )
