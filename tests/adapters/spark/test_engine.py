"""Spark as an engine of SQL: the rows of any table, in the order that is asked for."""

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from gatehouse.adapters.spark.engine import SparkEngine
from gatehouse.errors import OutsideError
from gatehouse.ports.sql_engine import SqlEngine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.engines, pytest.mark.xdist_group("spark")]

SCHEMA = pa.schema(
    [pa.field("row", pa.int64(), nullable=False), pa.field("f_0", pa.int8()), pa.field("id", pa.string())]
)
SQL = "SELECT row, sum(f_0) OVER (ORDER BY row) AS so_far FROM coded WHERE id IS NOT NULL ORDER BY row DESC"


def test_batches_go_in_and_ordered_rows_come_out(spark: "SparkSession") -> None:
    engine: SqlEngine = SparkEngine(spark)
    rows = [{"row": i, "f_0": i % 2, "id": None if i == 3 else f"e{i}"} for i in range(100)]
    batches = (pa.RecordBatch.from_pylist(rows[start : start + 30], schema=SCHEMA) for start in range(0, 100, 30))
    found = pa.Table.from_batches(engine.query(SQL, batches, SCHEMA)).to_pylist()
    expected = [{"row": i, "so_far": (i + 1) // 2 - (i >= 3)} for i in range(100) if i != 3]
    assert found == expected[::-1]
    assert list(engine.query(SQL, [], SCHEMA)) == []


def test_the_table_is_seen_by_no_one_else_and_faults_are_told(spark: "SparkSession") -> None:
    engine = SparkEngine(spark)
    assert list(engine.query(SQL, [], SCHEMA)) == []
    assert not spark.catalog.tableExists("coded")
    with pytest.raises(OutsideError, match="Spark gave the job up"):
        list(engine.query("SELECT nothing FROM coded", [], SCHEMA))
