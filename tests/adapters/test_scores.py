"""A file of scores appears whole or not at all, and says which run wrote it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.adapters.files.scores import ParquetLake, publish
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
    with pytest.raises(UserError, match=r"other\.parquet: these are no scores"):
        ParquetLake().rows(path, "a")


def folder_of_parts(folder: Path) -> Path:
    folder.mkdir()
    for i, ids in enumerate((("a", "b"), ("c", "b"))):
        with ParquetLake().writer(folder / f"part-{i:05}.parquet", RUN) as writer:
            writer.write(rows(*ids))
    return folder


def test_a_folder_of_parts_is_read_as_a_file_is(tmp_path: Path) -> None:
    lake, out = ParquetLake(), tmp_path / "o.parquet"
    publish(folder_of_parts(tmp_path / "made"), RUN, out)
    assert lake.run(out) == RUN
    assert [row["event_id"] for row in lake.rows(out, "b")] == ["b", "b"]
    assert lake.rows(out, "nobody") == []
    assert pq.read_table(out).num_rows == 4


@pytest.mark.parametrize("before", ["a file", "a folder"])
def test_a_folder_replaces_the_scores_that_stood_there(tmp_path: Path, before: str) -> None:
    lake, out = ParquetLake(), tmp_path / "o.parquet"
    if before == "a file":
        with lake.writer(out, {"id": "old"}) as writer:
            writer.write(rows("old"))
    else:
        publish(folder_of_parts(tmp_path / "old"), {"id": "old"}, out)
    publish(folder_of_parts(tmp_path / "made"), RUN, out)
    assert lake.run(out) == RUN
    assert lake.rows(out, "old") == []
    assert [path.name for path in tmp_path.iterdir()] == ["o.parquet"]


def test_what_is_no_scores_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="mine: a folder with something else is there"):
        publish(folder_of_parts(tmp_path / "made"), RUN, out)
    with pytest.raises(UserError, match="mine: these are no scores"):
        ParquetLake().run(out)
    with pytest.raises(UserError, match="mine: a folder is there"):
        ParquetLake().writer(out, RUN)
    assert (out / "letter.txt").read_text() == "dear"
