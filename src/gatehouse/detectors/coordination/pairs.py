"""Counts what pairs of accounts share, by one SQL text that every engine runs unchanged."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from gatehouse.detectors.coordination.acts import Numbers
from gatehouse.detectors.coordination.cells import Counted
from gatehouse.ports.sql_engine import SqlEngine

CODED = pa.schema([(name, pa.int64()) for name in ("cell", "thing", "actor", "means")])
"""Columns of the table `coded`: who acted in which cell, on which thing, and by what means that ties."""

_AT_ONCE = 1 << 18


def query(fewest: int) -> str:
    """Pairs a < b that share at least so many different things, with `together`, their number, in order."""
    return (
        "WITH met AS (SELECT DISTINCT l.actor AS a, r.actor AS b, l.means AS means, l.thing AS thing "
        "FROM coded l JOIN coded r ON l.cell = r.cell AND l.actor < r.actor) "
        "SELECT a, b, means, count(*) AS together FROM met GROUP BY a, b, means "
        f"HAVING count(*) >= {fewest} ORDER BY a, b, means"
    )


def count(engine: SqlEngine, rows: Counted, fewest: int) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Columns a, b, means and together of the pairs that share at least `fewest` things of one means."""

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(rows.cell), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            columns = (rows.cell[some], rows.thing[some], rows.actor[some], rows.means[some])
            yield pa.RecordBatch.from_arrays([pa.array(column, pa.int64()) for column in columns], schema=CODED)

    parts = [[np.empty(0, np.int64)] for _ in range(4)]
    if len(rows.cell):
        for batch in engine.query(query(fewest), batches(), CODED):
            for part, column in zip(parts, batch.columns, strict=True):
                part.append(column.to_numpy(zero_copy_only=False))
    a, b, by, together = (np.concatenate(part) for part in parts)
    return a, b, by, together
