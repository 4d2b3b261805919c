"""The engine of windows' SQL: streams in and out, leaves nothing behind, tells of failures without content."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.errors import OutsideError, UserError

SCHEMA = pa.schema([pa.field("row", pa.int64()), pa.field("said", pa.string())])


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def batches(n: int, size: int = 1_000) -> Iterator[pa.RecordBatch]:
    for start in range(0, n, size):
        rows = np.arange(start, min(n, start + size))
        yield pa.RecordBatch.from_arrays([pa.array(rows), pa.array([f"text {row}" for row in rows])], schema=SCHEMA)


def rows(answer: Iterator[pa.RecordBatch]) -> list[dict]:
    return [row for batch in answer for row in batch.to_pylist()]


def test_rows_come_back_in_the_order_that_is_asked_for(temporary: Path) -> None:
    found = rows(DuckDbEngine().query("SELECT row FROM coded ORDER BY row DESC", batches(70_000), SCHEMA))
    assert [row["row"] for row in found] == list(range(69_999, -1, -1))
    assert not list(temporary.iterdir())


def test_a_table_without_rows_is_one(temporary: Path) -> None:
    assert rows(DuckDbEngine().query("SELECT count(*) AS n FROM coded", iter(()), SCHEMA)) == [{"n": 0}]
    assert rows(DuckDbEngine().query("SELECT * FROM coded", iter(()), SCHEMA)) == []


def test_an_answer_that_is_not_read_to_its_end_leaves_nothing(temporary: Path) -> None:
    answer = DuckDbEngine().query("SELECT * FROM coded", batches(100_000), SCHEMA)
    next(answer)
    assert list(temporary.iterdir())
    answer.close()  # type: ignore[attr-defined]
    assert not list(temporary.iterdir())


def test_a_failure_says_what_kind_it_is_and_nothing_of_the_content(temporary: Path) -> None:
    sql = "SELECT CAST(said AS BIGINT) FROM coded"
    with pytest.raises(OutsideError) as told:
        rows(DuckDbEngine().query(sql, batches(10), SCHEMA))
    assert str(told.value).startswith("the SQL of windowed features failed (ConversionException)\n    → ")
    assert "text 0" not in str(told.value)
    assert not list(temporary.iterdir())


def test_too_little_memory_is_told(temporary: Path) -> None:
    sql = "SELECT length(list(repeat(said, 1000))) FROM coded"
    with pytest.raises(OutsideError, match="OutOfMemoryException"):
        rows(DuckDbEngine(memory="10MB", threads=1).query(sql, batches(10_000, 10_000), SCHEMA))


def test_what_fails_while_the_table_is_read_stays_what_it_was(temporary: Path) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches(10)
        raise UserError("line 11 is no JSON")

    with pytest.raises(UserError, match="line 11"):
        rows(DuckDbEngine().query("SELECT * FROM coded", broken(), SCHEMA))
    assert not list(temporary.iterdir())
