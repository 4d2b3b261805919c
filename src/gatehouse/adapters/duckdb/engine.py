"""Runs the SQL of features in this process, in bounded memory."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from gatehouse.errors import OutsideError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TABLE = "coded"
_ROWS = 32_768


class DuckDbEngine:
    """DuckDB over a table in a temporary folder, which also takes what does not fit into `memory`.

    `memory` is DuckDB's own, written as `1GB`; the process takes a few hundred megabytes more. `threads` share it.
    """

    def __init__(self, memory: str = "1GB", threads: int = 2) -> None:
        self._settings: dict[str, str | bool | int] = {
            "memory_limit": memory,
            "threads": threads,
            "preserve_insertion_order": False,
            # What is not in the package is an error here, never a download.
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }

    def query(self, sql: str, table: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The query's rows over the table `coded`, which holds these batches, in the order that the query asks for.

        Raises OutsideError where DuckDB fails, for example without room on the disk.
        """
        with tempfile.TemporaryDirectory(prefix="gatehouse-sql-") as folder, self._opened(Path(folder)) as database:
            with _told():
                _fill(database, schema.empty_table(), f"CREATE TABLE {TABLE} AS SELECT * FROM given")
            for batch in table:
                with _told():
                    _fill(database, batch, f"INSERT INTO {TABLE} SELECT * FROM given")
            with _told():
                answer = database.sql(sql).to_arrow_reader(_ROWS)
            while True:
                with _told():
                    found = next(answer, None)
                if found is None:
                    return
                yield found

    @contextmanager
    def _opened(self, folder: Path) -> "Iterator[DuckDBPyConnection]":
        import duckdb

        with _told():
            database = duckdb.connect(folder / "table.duckdb", config={**self._settings, "temp_directory": str(folder)})
        with database:
            yield database


def _fill(database: "DuckDBPyConnection", given: pa.RecordBatch | pa.Table, sql: str) -> None:
    database.register("given", given)
    database.execute(sql)
    database.unregister("given")


@contextmanager
def _told() -> Iterator[None]:
    """A failure of DuckDB as an OutsideError."""
    import duckdb

    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        # The message of an error may quote content, which must not reach reports: its kind is enough to find it by.
        raise OutsideError(
            f"the SQL of windowed features failed ({type(error).__name__})",
            fix="make room on the disk for temporary files (TMPDIR says where), or use fewer events at a time",
        ) from error
