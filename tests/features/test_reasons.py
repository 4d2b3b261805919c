"""What moved a score, as a person reads it."""

import pytest

from gatehouse.features.define import FeatureSet
from gatehouse.features.profile import ProfileColumn
from gatehouse.features.reasons import in_words, meaning, reasons, value_in_words
from gatehouse.features.windows import Age, Count, Distinct, RepeatShare, duration
from gatehouse.records.signal import FeatureWeight

DECLARED = FeatureSet(
    columns=("url_count",),
    profile=(
        ProfileColumn("followers", "BIGINT", "Accounts that follow the account."),
        ProfileColumn("verified", "BOOLEAN", "Whether the platform had verified who it is."),
        ProfileColumn("created_at", "BIGINT", "When the account was made, microseconds UTC."),
        ProfileColumn("region", "VARCHAR"),
    ),
    windows=(
        Count(name="messages_1h", key=("actor",), window=duration("1h"), where="kind = 'message'"),
        Count(name="likes_1d", key=("actor",), window=duration("1d"), meaning="Likes of the last day."),
        Distinct(name="recipients_1d", key=("actor",), of=("target",), window=duration("1d"), cap=64),
        RepeatShare(name="same_text_1d", key=("actor",), of=("text_hash",), window=duration("1d"), cap=64),
        Age(name="known_seconds", key=("actor",), window=duration("30d")),
    ),
)


@pytest.mark.parametrize(
    ("feature", "value", "weight", "said"),
    [
        (
            "messages_1h",
            12,
            1.3,
            "12 earlier events of the same actor in the last hour where kind = 'message': raises, +1.30",
        ),
        (
            "messages_1h",
            1,
            -0.2,
            "1 earlier event of the same actor in the last hour where kind = 'message': lowers, -0.20",
        ),
        (
            "messages_1h",
            None,
            0.1,
            "Number of earlier events of the same actor in the last hour where kind = 'message': "
            "not known: raises, +0.10",
        ),
        ("likes_1d", 5, 0.5, "Likes of the last day: 5: raises, +0.50"),
        ("followers", 1_203, -1.0, "Accounts that follow the account: 1,203: lowers, -1.00"),
        ("verified", False, 0.25, "Whether the platform had verified who it is: no: raises, +0.25"),
        ("created_at", 1_439_671_327_000_000, 1.0, "When the account was made: 2015-08-15: raises, +1.00"),
        ("known_seconds", 5_400, 0.4, "first earlier event of the same actor: 1.5 hours ago: raises, +0.40"),
        ("known_seconds", 0, 0.4, "first earlier event of the same actor: 0 seconds ago: raises, +0.40"),
        (
            "same_text_1d",
            0.75,
            0.6,
            "Share of repeated values of normalised text among earlier events of the same actor in the last day: "
            "0.75: raises, +0.60",
        ),
        ("url_count", 3, 0.3, "Number of links: scheme://, www., or a host with a common ending such as .com: 3"),
        ("region", "north", 0.3, "The attribute 'region' as the event brings it: 'north': raises, +0.30"),
    ],
)
def test_a_weight_is_a_sentence_with_the_value_in_it(
    feature: str, value: str | int | float | bool | None, weight: float, said: str
) -> None:
    assert in_words(FeatureWeight(feature=feature, value=value, weight=weight), DECLARED).startswith(said)


def test_the_heaviest_come_first_and_what_would_read_as_nothing_is_left_out() -> None:
    weights = [
        FeatureWeight(feature="followers", value=1, weight=0.5),
        FeatureWeight(feature="verified", value=True, weight=-2.0),
        FeatureWeight(feature="url_count", value=0, weight=0.001),
    ]
    told = reasons(weights, DECLARED, most=3)
    assert [one.feature for one in told] == ["verified", "followers"]
    assert told[0].weight == -2.0
    assert told[0].words == "Whether the platform had verified who it is: yes: lowers, -2.00"
    assert len(reasons(weights, DECLARED, most=1)) == 1


def test_every_declared_column_has_a_meaning_and_a_way_to_write_what_is_not_known() -> None:
    for name in DECLARED.schema.names:
        assert not meaning(name, DECLARED).endswith(".")
        assert value_in_words(name, None, DECLARED) == "not known"
