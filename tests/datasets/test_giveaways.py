"""Columns that foretell a label are named with how they do it; useful and unique ones are not."""

import numpy as np
import pyarrow as pa
import pytest

from gatehouse.datasets.giveaways import Giveaway, find

HOLDS = np.arange(400) % 4 == 0
KNOWN = np.ones(400, bool)


def found(values: list[object], holds=HOLDS, known=KNOWN) -> list[Giveaway]:
    column = pa.array([None if value is None else str(value) for value in values], pa.string())
    return find({"c": column}, {"spam": (holds, known)})


@pytest.mark.parametrize(
    ("values", "by"),
    [
        (["a" if h else "b" for h in HOLDS], "values"),
        ([f"spam-{i}" if h else f"ham-{i}" for i, h in enumerate(HOLDS)], "letters"),
        ([f"x{i + 1000 * h}" for i, h in enumerate(HOLDS)], "order"),
        (["only where it holds" if h else None for h in HOLDS], "values"),
    ],
)
def test_a_column_that_foretells_the_label_is_named(values, by):
    assert found(values) == [Giveaway("c", "spam", by)]


@pytest.mark.parametrize(
    "values",
    [
        [f"user {i}" for i in range(400)],
        [i % 3 for i in range(400)],
        ["a" if h or i % 10 == 1 else "b" for i, h in enumerate(HOLDS)],
        [None] * 400,
    ],
)
def test_other_columns_are_not(values):
    assert found(values) == []


def test_rare_classes_and_unknown_rows_prove_nothing():
    holds = np.arange(400) < 9
    assert found(["a" if h else "b" for h in holds], holds) == []
    assert found(["a" if h else "b" for h in HOLDS], known=~HOLDS) == []
