"""Lengths of time, and what of a declaration its values depend on."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.features.windows import SECOND, STEPS, Age, Count, Declaration, Distinct, Sum, duration, in_words

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@settings(deadline=None, max_examples=100)
@given(number=st.integers(1, 999_999), unit=st.sampled_from("smhdw"), blank=st.sampled_from(["", " "]))
def test_a_duration_is_its_number_of_units_or_says_that_it_has_no_whole_steps(
    number: int, unit: str, blank: str
) -> None:
    text = f"{number}{blank}{unit}"
    seconds = number * UNITS[unit]
    if seconds % 3:
        with pytest.raises(ValueError, match="not a whole number of steps: take a multiple of 3s"):
            duration(text)
    else:
        assert duration(text) == seconds * SECOND
        assert duration(text) % STEPS == 0


@pytest.mark.parametrize("text", ["", "1", "h", "1x", "-1h", "1.5h", "0h", "1h30m", "1 000s", "١h", "9999999s"])
def test_what_is_no_length_of_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="is no length of time: write 30s, 15m, 1h, 7d or 2w"):
        duration(text)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        ("3s", "3 seconds"),
        ("60s", "1 minute"),
        ("90m", "90 minutes"),
        ("1h", "1 hour"),
        ("36h", "36 hours"),
        ("1d", "1 day"),
        ("2w", "14 days"),
    ],
)
def test_a_length_is_told_in_its_largest_whole_unit(length: str, words: str) -> None:
    assert in_words(duration(length)) == words


def test_steps_shorter_than_a_second_are_told_too() -> None:
    assert in_words(duration("30s") // STEPS) == "500 milliseconds"
    assert in_words(duration("3s") // STEPS) == "50 milliseconds"
    assert in_words(60) == "60 microseconds"


def test_a_window_has_sixty_steps_and_counts_under_its_key_unless_told_otherwise() -> None:
    count = Count(name="a", key=("actor",), window=duration("1h"))
    assert count.step == 60 * SECOND
    assert count.counted == ("actor",)
    assert replace(count, under=("target",)).counted == ("target",)


def test_what_is_said_names_all_that_values_depend_on_and_nothing_else() -> None:
    count = Count(name="a", key=("actor",), window=duration("1h"))
    assert replace(count, meaning="of late", owner="team").said() == count.said()
    hour = duration("1h")
    others: list[Declaration] = [
        replace(count, name="b"),
        replace(count, key=("target",)),
        replace(count, key=("actor", "target")),
        replace(count, window=2 * hour),
        replace(count, under=("target",)),
        replace(count, where="kind = 'a'"),
        replace(count, cap=3),
        Age(name="a", key=("actor",), window=hour),
        Sum(name="a", key=("actor",), window=hour, of="amount"),
        Distinct(name="a", key=("actor",), window=hour, of=("target",)),
    ]
    assert len({count.said(), *(other.said() for other in others)}) == len(others) + 1
