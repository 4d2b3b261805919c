"""Reading published files that are packed or Parquet, as strictly as `published` reads plain CSV."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from gatehouse.datasets import tables
from gatehouse.errors import Fault, UserError

_AGAIN = "the file is not in its published format: fetch it again"


def rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each record's row number and the values of these columns as strings.

    Raises UserError when a column is missing, and when a record is broken or a value is not there.
    """
    for batch in tables.read(path, {name: name for name in columns}):
        if batch.bad:
            raise UserError([Fault(bad.reason, f"{path}:{bad.row}", _AGAIN) for bad in batch.bad[:10]])
        values = (column.to_pylist() for column in batch.columns.columns)
        for row, *record in zip(batch.row_numbers.tolist(), *values, strict=True):
            if None in record:
                raise UserError(f"there is no {columns[record.index(None)]}", where=f"{path}:{row}", fix=_AGAIN)
            yield row, tuple(record)
