"""Contributions become the spans that people would mark, and are judged as SemEval-2021 task 5 does."""

import pytest

from gatehouse.evaluation.spans import Spans, best_threshold, carrying, char_f1, joined
from gatehouse.records.signal import Contribution

TEXT = "You silly, silly clown! Go home."


def piece(word: str, weight: float, nth: int = 0) -> Contribution:
    start = -1
    for _ in range(nth + 1):
        start = TEXT.index(word, start + 1)
    return Contribution(piece=word, start=start, end=start + len(word), weight=weight)


PIECES = [piece("clown!", 2.0), piece("silly,", 1.0), piece("silly", 1.1, 1), piece("home.", 0.2), piece("You", -1.0)]


@pytest.mark.parametrize(
    ("threshold", "said"),
    [(1.5, ["clown"]), (0.5, ["silly", "silly clown"]), (0.1, ["silly", "silly clown", "home"]), (3.0, [])],
)
def test_words_that_add_enough_are_marked_without_the_signs_around_them(threshold: float, said: list[str]) -> None:
    assert [TEXT[start:end] for start, end in carrying(TEXT, PIECES, threshold)] == said


def test_neighbours_with_only_spaces_between_are_one_span() -> None:
    assert joined("ab  cd, ef", [(8, 10), (0, 2), (4, 6)]) == ((0, 6), (8, 10))
    assert joined("abcdef", [(0, 4), (2, 3)]) == ((0, 4),)


@pytest.mark.parametrize(
    ("marked", "gold", "expected"),
    [
        ((), (), 1.0),
        (((0, 4),), (), 0.0),
        ((), ((0, 4),), 0.0),
        (((0, 4),), ((0, 4),), 1.0),
        (((0, 4),), ((2, 6),), 0.5),
        (((0, 2), (4, 6)), ((0, 6),), 0.8),
    ],
)
def test_f1_is_of_characters_and_1_where_both_are_empty(marked: Spans, gold: Spans, expected: float) -> None:
    assert char_f1(marked, gold) == pytest.approx(expected)


def test_the_threshold_with_the_best_mean_is_chosen_and_the_lowest_of_equals() -> None:
    gold = carrying(TEXT, PIECES, 0.5)
    assert best_threshold([TEXT, ""], [PIECES, []], [gold, ()], [0.1, 0.5, 0.9, 1.5]) == (0.5, 1.0)
