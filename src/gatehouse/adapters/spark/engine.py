"""Runs the SQL of features on Spark, for whole tables that lie in files."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from gatehouse.adapters.spark.faults import heard

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLE = "coded"


class SparkEngine:
    """The SQL of features on a Spark session, whose table `coded` is seen by no one else."""

    def __init__(self, session: "SparkSession") -> None:
        self._session = session.newSession()

    def query(self, sql: str, table: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The query's rows over the table `coded`, which holds these batches, in the order that the query asks for.

        Table and answer go through files, so neither is ever held whole by the driver.
        """
        with tempfile.TemporaryDirectory(prefix="gatehouse-spark-") as folder, heard():
            given, answer = Path(folder) / "coded.parquet", Path(folder) / "answer"
            with pq.ParquetWriter(given, schema) as file:
                for batch in table:
                    file.write_batch(batch)
            self._session.read.parquet(f"file://{given}").createOrReplaceTempView(TABLE)
            # One task after another writes what the order puts there, so the files' names are in that order too.
            self._session.sql(sql).write.parquet(f"file://{answer}")
            for part in sorted(answer.glob("part-*.parquet")):
                with pq.ParquetFile(part) as file:
                    yield from file.iter_batches()
