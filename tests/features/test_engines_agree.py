"""One meaning of a window: SQL in DuckDB and Spark, the live carrier and the brute-force reading give the same."""

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from tests.features import brute_force
from tests.features.streams import EVERYTHING, streams

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.features import sql
from gatehouse.features.live import LiveHistory
from gatehouse.features.plan import code_name
from gatehouse.ports.sql_engine import SqlEngine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PLAN = EVERYTHING.plan
CASES = 200

Stream = list[pa.RecordBatch]
Values = dict[str, int | float | None]


@pytest.fixture(scope="module")
def many() -> list[Stream]:
    """Hundreds of streams, the same in every run."""
    found: list[Stream] = []

    @settings(max_examples=CASES, phases=[Phase.generate], derandomize=True, database=None, deadline=None)
    @given(streams())
    def collect(stream: Stream) -> None:
        found.append(stream)

    collect()
    assert len(found) == CASES
    return found


@pytest.fixture(scope="module")
def meant(many: list[Stream]) -> list[list[Values]]:
    """What the windows of these streams are, read word by word."""
    return [by_reading(stream) for stream in many]


def by_engine(engine: SqlEngine, cases: Sequence[Stream]) -> list[list[Values]]:
    """The windows of every stream, all streams in one table: each has entities and values of its own."""
    table: list[pa.RecordBatch] = []
    first_row = 0
    for case, stream in enumerate(cases):
        table += [in_one_table(batch, case, first_row) for batch in stream]
        first_row += sum(map(len, stream))
    # The order of the rows of a table says nothing.
    shuffled = [table[i] for i in np.random.default_rng(7).permutation(len(table))]
    answers = list(engine.query(sql.query(PLAN), shuffled, PLAN.coded))
    assert {name for answer in answers for name in answer.schema.names} == {"row", *PLAN.schema.names}
    rows = [row for answer in answers for row in answer.to_pylist()]
    assert [row.pop("row") for row in rows] == list(range(first_row)), "a row was lost, doubled or moved"
    found = iter(rows)
    return [[next(found) for batch in stream for _ in range(len(batch))] for stream in cases]


def in_one_table(batch: pa.RecordBatch, case: int, first_row: int) -> pa.RecordBatch:
    """The batch with its case mixed into all codes, and its rows counted on from another's."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns["row"] = pa.array(columns["row"].to_numpy() + first_row)
    mark = np.uint64(case * 0x9E3779B97F4A7C15 % 2**64)
    for name in map(code_name, PLAN.codes):
        known = columns[name].is_valid().to_numpy(zero_copy_only=False)
        codes = columns[name].fill_null(0).to_numpy().view(np.uint64) ^ mark
        columns[name] = pa.array(codes.view(np.int64), mask=~known)
    return pa.RecordBatch.from_arrays([columns[name] for name in batch.schema.names], schema=batch.schema)


def by_reading(stream: Stream) -> list[Values]:
    return brute_force.windows(PLAN, [row for batch in stream for row in batch.to_pylist()])


def by_live(stream: Stream) -> list[Values]:
    history = LiveHistory(PLAN)
    return [row for batch in stream for row in history.replay(batch).to_pylist()]


def bits(rows: Sequence[Values]) -> Iterator[dict[str, tuple[type, str]]]:
    """Values as they are to the last bit, and of which kind."""
    for row in rows:
        yield {name: (type(v), v.hex() if isinstance(v, float) else str(v)) for name, v in row.items()}


def assert_same(found: Sequence[Values], read: Sequence[Values], who: str, case: int) -> None:
    for place, (mine, its) in enumerate(zip(bits(found), bits(read), strict=True)):
        assert mine == its, f"{who}, stream {case}, event {place}"


@settings(max_examples=12, deadline=None)
@given(streams())
def test_duckdb_and_live_read_a_stream_as_it_is_meant(stream: Stream) -> None:
    meant = by_reading(stream)
    assert_same(by_live(stream), meant, "live", 0)
    assert_same(by_engine(DuckDbEngine(threads=1), [stream])[0], meant, "DuckDB", 0)


def test_hundreds_of_streams_in_one_table_do_not_mix(many: list[Stream], meant: list[list[Values]]) -> None:
    found = by_engine(DuckDbEngine(threads=1), many)
    for case, stream in enumerate(many):
        assert_same(found[case], meant[case], "DuckDB", case)
        assert_same(by_live(stream), meant[case], "live", case)


@pytest.mark.engines
@pytest.mark.xdist_group("spark")
def test_spark_runs_the_same_text_to_the_same_bits(
    many: list[Stream], meant: list[list[Values]], spark: "SparkSession"
) -> None:
    from gatehouse.adapters.spark.engine import SparkEngine

    found = by_engine(SparkEngine(spark), many)
    for case, values in enumerate(meant):
        assert_same(found[case], values, "Spark", case)


def test_the_streams_are_hard(many: list[Stream], meant: list[list[Values]]) -> None:
    """Ties, late events, gaps of days, unknown keys, caps that are reached and windows that empty are all there."""
    rows = [row for stream in many for batch in stream for row in batch.to_pylist()]
    assert any(row["seen"] < row["known"] for row in rows)
    assert any(row["k_actor"] is None for row in rows)
    gaps = [other["seen"] - one["seen"] for one, other in itertools.pairwise(rows)]
    assert 0 in gaps
    assert max(gaps) > 3 * 86_400_000_000
    values = [row for stream in meant for row in stream]
    for said in PLAN.declarations:
        assert len({row[said.name] for row in values}) > 2, f"{said.name} hardly ever has another value"
