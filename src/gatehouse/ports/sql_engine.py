"""What the house asks of an engine that runs the SQL of features over coded events."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import pyarrow as pa


class SqlEngine(Protocol):
    """Runs one query over one table, in bounded memory; any number of rows in and out."""

    def query(self, sql: str, table: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The query's rows over the table `coded`, which holds these batches, in the order that the query asks for."""
        ...
