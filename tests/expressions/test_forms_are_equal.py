"""The row form, the column form and the slow honest form give equal answers."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.expressions.expressions_by_hand import ROWS, SCHEMA, evaluate, expression

from gatehouse.expressions import Compiled, CompiledSet, Expression, Place, read_expression, row_values
from gatehouse.expressions.texts import FEW
from gatehouse.expressions.tree import Type

BATCH = pa.RecordBatch.from_pylist(ROWS, schema=SCHEMA)
COPIES = FEW // len(ROWS) + 1
MANY = pa.RecordBatch.from_pylist(ROWS * COPIES, schema=SCHEMA)
_SETTINGS = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


def _read(text: str) -> Expression:
    return read_expression(text, SCHEMA, Place.of(text, "here"))


def _by_columns(compiled: Compiled, batch: pa.RecordBatch) -> list[bool | None]:
    values, known = compiled.columns(batch)
    assert not (values & ~known).any()
    return [bool(value) if ok else None for value, ok in zip(values, known, strict=True)]


def _agree_on_one(text: str, cut: int) -> None:
    expression = _read(text)
    compiled = Compiled(expression)
    wanted = [evaluate(expression.tree, row) for row in ROWS]
    assert [compiled.row(row) for row in row_values(BATCH, compiled.used)] == wanted, text
    assert _by_columns(compiled, BATCH) == wanted, text
    assert _by_columns(compiled, MANY) == wanted * COPIES, text
    assert _by_columns(compiled, BATCH.slice(cut, 9)) == wanted[cut : cut + 9], text


def _agree_on_many(texts: list[str]) -> None:
    expressions = [_read(text) for text in [*texts, *texts[:2], " OR ".join(f"({text})" for text in texts)]]
    compiled = CompiledSet(expressions)
    wanted = [[i for i, one in enumerate(expressions) if evaluate(one.tree, row) is True] for row in ROWS]
    assert [compiled.row(row) for row in row_values(BATCH, compiled.used)] == [(hits, []) for hits in wanted], texts
    true, lost = compiled.columns(BATCH)
    assert [np.flatnonzero(hits).tolist() for hits in true.T] == wanted, texts
    assert not lost.any()
    assert compiled.columns(MANY)[0].tolist() == np.tile(true, COPIES).tolist(), texts


@_SETTINGS
@given(st.data(), st.integers(0, 20))
def test_one_expression_means_the_same_in_every_form(data: st.DataObject, cut: int) -> None:
    text = expression(lambda options: data.draw(st.sampled_from(options)), Type.BOOLEAN)
    _agree_on_one(text, cut)


@_SETTINGS
@given(st.data(), st.integers(1, 5))
def test_a_set_of_expressions_says_which_are_true(data: st.DataObject, n: int) -> None:
    texts = [expression(lambda options: data.draw(st.sampled_from(options)), Type.BOOLEAN, 2) for _ in range(n)]
    _agree_on_many(texts)


@pytest.mark.parametrize("seed", range(8))
def test_expressions_of_every_kind_mean_the_same_in_every_form(seed: int) -> None:
    """Chance makes more kinds of expressions than hypothesis, which likes them simple and alike."""
    random_ = random.Random(seed)
    for _ in range(30):
        _agree_on_one(expression(random_.choice, Type.BOOLEAN), random_.randrange(20))
    _agree_on_many([expression(random_.choice, Type.BOOLEAN, 2) for _ in range(10)])


@pytest.mark.parametrize(
    "text",
    ["x > 1 OR TRUE", "x IS NULL OR a = 1", "a = 1 AND x > 0", "coalesce(x, 1.0) = 1.0", "x <> 0 OR a = 1"],
)
def test_an_expression_that_names_an_unavailable_value_is_unknown(text: str) -> None:
    batch = pa.RecordBatch.from_pylist([{"a": 1, "x": float("nan")}], schema=SCHEMA)
    compiled = Compiled(_read(text))
    assert [compiled.row(row) for row in row_values(batch, compiled.used)] == [None]
    assert _by_columns(compiled, batch) == [None]


def test_a_set_tells_what_is_unavailable_from_what_is_not_true() -> None:
    batch = pa.RecordBatch.from_pylist(
        [{"a": 1, "x": float("nan")}, {"a": 1, "x": 2.0}, {"a": 2, "x": None}], schema=SCHEMA
    )
    compiled = CompiledSet([_read("x > 1 OR a = 1"), _read("a = 1"), _read("x > 1 AND y > 1")])
    assert [compiled.row(row) for row in row_values(batch, compiled.used)] == [([1], [0, 2]), ([0, 1], []), ([], [])]
    true, lost = compiled.columns(batch)
    assert true.tolist() == [[False, True, False], [True, True, False], [False, False, False]]
    assert lost.tolist() == [[True, False, False], [False, False, False], [True, False, False]]


def test_every_form_takes_an_empty_batch_and_an_expression_without_columns() -> None:
    for text, value in (("TRUE", True), ("1 > 2", False), ("1 / 0 > 1", None), ("'a' < 'b'", True)):
        compiled = Compiled(_read(text))
        assert compiled.row(()) is value
        assert _by_columns(compiled, pa.RecordBatch.from_pylist([{}] * 3, schema=SCHEMA)) == [value] * 3
        assert _by_columns(compiled, pa.RecordBatch.from_pylist([], schema=SCHEMA)) == []
