"""A file of scores appears whole or not at all, and says which run wrote it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.adapters.files.scores import ParquetLake
from gatehouse.errors import UserError
from gatehouse.records.score import SCORE_SCHEMA

RUN = {"id": "r1", "releases": {"spam": "abc"}}


def rows(*ids: str) -> pa.Table:
    values = [{"event_id": id_, "policy": "spam", "state": "scored", "score": 0.5} for id_ in ids]
    columns = {name: [value.get(name) for value in values] for name in SCORE_SCHEMA.names}
    return pa.Table.from_pydict(columns, schema=SCORE_SCHEMA)


def test_what_was_written_is_found_by_its_event(tmp_path: Path) -> None:
    lake, out = ParquetLake(), tmp_path / "deep" / "o.parquet"
    with lake.writer(out, RUN) as writer:
        writer.write(rows("a", "b"))
        writer.write(rows())
        writer.write(rows("b", "c"))
    assert lake.run(out) == RUN
    assert [row["event_id"] for row in lake.rows(out, "b")] == ["b", "b"]
    assert lake.rows(out, "nobody") == []
    assert [path.name for path in out.parent.iterdir()] == ["o.parquet"]


def test_a_run_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    lake, out = ParquetLake(), tmp_path / "o.parquet"
    with lake.writer(out, RUN) as writer:
        writer.write(rows("old"))

    class StoppedError(Exception):
        pass

    def fail() -> None:
        with lake.writer(out, RUN) as writer:
            writer.write(rows("new"))
            raise StoppedError

    with pytest.raises(StoppedError):
        fail()
    assert [row["event_id"] for row in lake.rows(out, "old")] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["o.parquet"]


def test_a_run_without_events_is_a_file_without_rows(tmp_path: Path) -> None:
    lake, out = ParquetLake(), tmp_path / "o.parquet"
    with lake.writer(out, RUN):
        pass
    assert lake.run(out) == RUN
    assert lake.rows(out, "a") == []


def test_other_parquet_files_are_not_taken_for_scores(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(UserError, match=r"other\.parquet: this is not a file of scores"):
        ParquetLake().rows(path, "a")
