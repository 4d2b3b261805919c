"""Scoring on Spark gives what scoring here gives, row for row, also where tasks die and records are broken."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tests.adapters.spark.conftest import (
    AT,
    Travelling,
    locally,
    rejects_of,
    scores_of,
    stream,
    without_actors,
    write_jsonl,
)

from gatehouse.adapters.files.scores import ParquetLake
from gatehouse.adapters.spark import rows as work_rows
from gatehouse.adapters.spark import tasks
from gatehouse.adapters.spark.score import score_on_spark
from gatehouse.errors import OutsideError, UserError
from gatehouse.flows.scored import Scored

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.engines, pytest.mark.xdist_group("spark")]

Made = Callable[..., Travelling]
Task = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


@pytest.fixture
def on_spark(spark: "SparkSession", tmp_path: Path) -> Callable[..., Scored]:
    """Score on Spark into `o.parquet` of an empty folder."""

    def run(source: Path, made: Travelling, bundle: bytes | None = None) -> Scored:
        out = tmp_path / "o.parquet"
        files = made.bundle if bundle is None else bundle
        return score_on_spark(source, out, made.spec, files, session=spark, given={}, at=AT)

    return run


def without_file(rejects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in reject.items() if name != "file"} for reject in rejects]


def assert_equal_to_local(scored: Scored, source: Path, made: Travelling) -> None:
    rows, rejects, done = locally(source, made.judge)
    assert scores_of(Path(scored.run.out)) == rows
    assert without_file(rejects_of(scored)) == rejects
    assert (scored.rows, scored.rejected) == (done.rows, done.rejected)
    assert (scored.outcomes, scored.enforcements, scored.reasons) == (done.outcomes, done.enforcements, done.reasons)


def test_row_groups_are_judged_as_one_file_windows_and_all(
    on_spark: Callable[..., Scored], travelling: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "events.parquet"
    table = pa.Table.from_pylist(stream(300, 1))
    pq.write_table(table, source, row_group_size=41)
    monkeypatch.setattr(work_rows, "ITEM_BYTES", 1)
    assert len(work_rows.items_of([source])) > 5
    made = travelling("spam", "sexism")
    assert made.judge.features.windows, "the packs declare windows, else this test shows too little"
    scored = on_spark(source, made)
    assert_equal_to_local(scored, source, made)
    assert scored.rejected > 10
    assert scored.rows > 200


def test_files_of_a_folder_are_judged_as_one(on_spark: Callable[..., Scored], travelling: Made, tmp_path: Path) -> None:
    rows: list[Any] = stream(120, 2)
    rows[17:17] = ['{"id": "cut sho', '"no object"']
    rows[40] = {**rows[40], "text": "nul \0 inside"}
    rows[60] = {**rows[60], "occurred": "yesterday"}
    folder = tmp_path / "in pieces"
    folder.mkdir()
    for i, start in enumerate(range(0, len(rows), 50)):
        write_jsonl(folder / f"{i}.jsonl", rows[start : start + 50])
    (folder / "_SUCCESS").touch()
    made = travelling("spam")
    scored = on_spark(folder, made)
    scores, rejects, done = locally(write_jsonl(tmp_path / "whole.jsonl", rows), made.judge)
    assert scores_of(tmp_path / "o.parquet") == scores
    numbered = [{**reject, "row": (reject["row"] - 1) % 50 + 1} for reject in rejects]
    assert without_file(rejects_of(scored)) == numbered
    assert scored.reasons == done.reasons
    assert {Path(reject["file"]).parent for reject in rejects_of(scored)} == {folder}
    # What stands there is read as a local file of scores is.
    note = ParquetLake().run(tmp_path / "o.parquet")
    assert (note["releases"], note["rows"], note["source"]) == (made.spec.releases, scored.rows, str(folder))
    some = scores[0]["event_id"]
    found = ParquetLake().rows(tmp_path / "o.parquet", some)
    assert len(found) == sum(row["event_id"] == some for row in scores)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "in pieces",
        "o.parquet",
        "o.rejects.jsonl",
        "whole.jsonl",
    ]


def test_a_csv_without_actors_needs_no_windows(
    on_spark: Callable[..., Scored], travelling: Made, tmp_path: Path
) -> None:
    source = tmp_path / "texts.csv"
    table = pa.table({"id": [f"t{i}" for i in range(200)], "text": ["call 0900 to claim", "see you, at\nlunch"] * 100})
    pyarrow.csv.write_csv(table, source)
    made = travelling("spam", "sexism")
    assert_equal_to_local(on_spark(source, made), source, made)


@pytest.mark.parametrize("which", ["reading", "judging"])
def test_a_worker_that_dies_is_tried_again_and_nothing_is_lost_or_doubled(
    which: str,
    on_spark: Callable[..., Scored],
    travelling: Made,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = write_jsonl(tmp_path / "events.jsonl", without_actors(stream(150, 3)))
    died = tmp_path / "died"
    original: Callable[..., Task] = getattr(tasks, which)

    def dying(*told: Any) -> Task:
        task = original(*told)

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            def until_it_dies() -> Iterator[pa.RecordBatch]:
                yield from batches
                if not died.exists():
                    died.touch()
                    os._exit(1)

            yield from task(until_it_dies())

        return run

    monkeypatch.setattr(tasks, which, dying)
    made = travelling("spam")
    scored = on_spark(source, made)
    assert died.exists()
    assert_equal_to_local(scored, source, made)


def test_a_changed_bundle_is_refused_by_the_executors(
    on_spark: Callable[..., Scored], travelling: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_jsonl(tmp_path / "events.jsonl", without_actors(stream(5, 4)))
    made = travelling("sexism")
    original = tasks.reading

    def tampering(order: tasks.Order) -> Task:
        # The driver has built its judge by now; no executor has.
        content = order.bundle.read_bytes()
        order.bundle.write_bytes(content.replace(b"rules:", b"rulez:"))
        return original(order)

    monkeypatch.setattr(tasks, "reading", tampering)
    with pytest.raises(OutsideError) as refused:
        on_spark(source, made)
    assert "sexism/sexism.rules/rules.yaml was changed: it has another SHA-256" in str(refused.value)
    assert "bring the bundle again" in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]


def test_a_file_without_records_gives_scores_without_rows(
    on_spark: Callable[..., Scored], travelling: Made, tmp_path: Path
) -> None:
    source = tmp_path / "events.csv"
    source.write_text("id,text\n")
    scored = on_spark(source, travelling("spam"))
    assert (scored.rows, scored.rejected, scored.rejects) == (0, 0, None)
    assert pq.read_table(tmp_path / "o.parquet").num_rows == 0
    assert ParquetLake().run(tmp_path / "o.parquet")["rows"] == 0


def test_a_file_of_bad_records_alone_is_all_rejects_and_replaces_what_stood_there(
    on_spark: Callable[..., Scored], travelling: Made, tmp_path: Path
) -> None:
    made = travelling("spam")
    source = write_jsonl(tmp_path / "events.jsonl", [{"id": "", "text": "x", "actor": "a"}, "{", {"text": "y"}])
    (tmp_path / "o.rejects.jsonl").write_text("of an earlier run")
    scored = on_spark(source, made)
    assert (scored.rows, scored.rejected) == (0, 3)
    assert [reject["row"] for reject in rejects_of(scored)] == [1, 2, 3]
    write_jsonl(source, [{"id": "a", "text": "x"}])
    assert on_spark(source, made).rejects is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.jsonl", "o.parquet"]


def test_mistakes_are_told_before_spark_is_asked(travelling: Made, tmp_path: Path) -> None:
    made = travelling("spam")

    def refused(source: Path, out: str = "o.parquet") -> str:
        with pytest.raises(UserError) as error:
            score_on_spark(source, tmp_path / out, made.spec, made.bundle, session=None, given={}, at=AT)  # type: ignore[arg-type]
        return str(error.value)

    source = write_jsonl(tmp_path / "events.jsonl", [{"id": "a", "text": "x"}])
    assert "end --out in .parquet" in refused(source, "o.csv")
    (tmp_path / "mine.parquet").mkdir()
    assert "a folder with something else is there" in refused(source, "mine.parquet")
    assert "Spark takes one of" in refused(source, "o[1].parquet")
    assert "there is no file to read" in refused(tmp_path / "*.tsv")
