"""The row form, the column form and the slow honest form give equal answers."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.expressions.expressions_by_hand import ROW, SCHEMA, evaluate, expressions

from gatehouse.expressions import Compiled, CompiledSet, Expression, Place, read_expression, row_values
from gatehouse.expressions.tree import Type

_SETTINGS = settings(deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))


def _read(text: str) -> Expression:
    return read_expression(text, SCHEMA, Place.of(text, "here"))


def _by_columns(compiled: Compiled, batch: pa.RecordBatch) -> list[bool | None]:
    values, known = compiled.columns(batch)
    assert not (values & ~known).any()
    return [bool(value) if ok else None for value, ok in zip(values, known, strict=True)]


@_SETTINGS
@given(expressions(Type.BOOLEAN), st.lists(ROW, min_size=1, max_size=12), st.integers(0, 3))
def test_one_expression_means_the_same_in_every_form(text: str, rows: list[dict[str, object]], cut: int) -> None:
    expression = _read(text)
    compiled = Compiled(expression)
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    wanted = [evaluate(expression.tree, row) for row in rows]
    assert [compiled.row(row) for row in row_values(batch, compiled.used)] == wanted
    assert _by_columns(compiled, batch) == wanted
    assert _by_columns(compiled, batch.slice(cut)) == wanted[cut:]


@_SETTINGS
@given(st.lists(expressions(Type.BOOLEAN, 2), min_size=1, max_size=6), st.lists(ROW, min_size=1, max_size=12))
def test_a_set_of_expressions_says_which_are_true(texts: list[str], rows: list[dict[str, object]]) -> None:
    expressions = [_read(text) for text in [*texts, *texts[:2], " OR ".join(f"({text})" for text in texts)]]
    compiled = CompiledSet(expressions)
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    wanted = [[i for i, one in enumerate(expressions) if evaluate(one.tree, row) is True] for row in rows]
    assert [compiled.row(row) for row in row_values(batch, compiled.used)] == [(hits, []) for hits in wanted]
    true, lost = compiled.columns(batch)
    assert [np.flatnonzero(true[:, i]).tolist() for i in range(len(rows))] == wanted
    assert not lost.any()


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
