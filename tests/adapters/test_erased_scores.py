"""Scores lose the rows of erased events, in one file and in a folder of parts, and keep everything else."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.adapters.files.erased_scores import ScoreFiles
from gatehouse.adapters.files.scores import ParquetLake, publish
from gatehouse.errors import OutsideError
from gatehouse.ports.erasing import Whom
from gatehouse.records.event import Entity
from gatehouse.records.score import SCORE_SCHEMA
from gatehouse.testing.makers import NOW, make_run

WHOM = Whom(Entity("account", "somebody"), frozenset({"e1", "e3"}))
NOTE = {"id": "r", "rows": 4}


def rows(*ids: str) -> pa.Table:
    return pa.Table.from_pylist([{"event_id": id_, "decision": "clear", "score": 0.5} for id_ in ids], SCORE_SCHEMA)


def write(out: Path, *groups: tuple[str, ...]) -> Path:
    with ParquetLake().writer(out, NOTE) as writer:
        for ids in groups:
            writer.write(rows(*ids))
    return out


def store(*outs: Path) -> ScoreFiles:
    return ScoreFiles(lambda: [make_run(f"run{i}", out=str(out), at=NOW + i) for i, out in enumerate(outs)])


def test_rows_go_and_the_rest_stays_with_its_note(tmp_path: Path) -> None:
    out = write(tmp_path / "out.parquet", ("e1", "e2"), ("e3",), ("e4", "e1"))
    before = pq.read_table(out)
    (would,) = store(out).forget(WHOM, at=NOW, dry=True)
    assert pq.read_table(out).equals(before)
    (gone,) = store(out).forget(WHOM, at=NOW, dry=False)
    assert (would.rows, gone.rows) == (3, 3)
    assert pq.read_table(out)["event_id"].to_pylist() == ["e2", "e4"]
    assert (pq.read_schema(out).equals(before.schema), ParquetLake().run(out)) == (True, NOTE)
    assert all(b"e1" not in str(chunk.dictionary).encode() for chunk in pq.read_table(out)["event_id"].chunks)
    assert [row["score"] for row in ParquetLake().rows(out, "e4")] == [0.5]
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_a_folder_of_parts_and_its_rejects_lose_theirs(tmp_path: Path) -> None:
    out, made = tmp_path / "out", tmp_path / "made"
    made.mkdir()
    write(made / "part-0.parquet", ("e1", "e2"))
    write(made / "part-1.parquet", ("e5",))
    publish(made, NOTE, out)
    rejects = tmp_path / "out.rejects.jsonl"
    rejects.mkdir()
    lines = [{"id": "e3", "begins": "?"}, {"id": None, "begins": "x,account:somebody"}, {"id": "e6", "begins": "?"}]
    (rejects / "part-0.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    untouched = (out / "part-1.parquet").stat().st_mtime_ns
    assert [one.rows for one in store(out).forget(WHOM, at=NOW, dry=False)] == [1, 2]
    assert (out / "part-1.parquet").stat().st_mtime_ns == untouched
    assert pq.read_table(out / "part-0.parquet")["event_id"].to_pylist() == ["e2"]
    assert [json.loads(line)["id"] for line in (rejects / "part-0.jsonl").read_text().splitlines()] == ["e6"]
    assert ParquetLake().run(out) == NOTE


def test_files_that_are_gone_are_named_and_damaged_ones_stop_it(tmp_path: Path) -> None:
    (gone,) = store(tmp_path / "gone.parquet").forget(WHOM, at=NOW, dry=False)
    assert (gone.rows, gone.said) == (0, "no longer there")
    out = tmp_path / "bad.parquet"
    out.write_bytes(b"PAR1")
    with pytest.raises(OutsideError, match="the scores cannot be read") as caught:
        list(store(out).forget(WHOM, at=NOW, dry=False))
    assert "erase again: what was done stays done" in caught.value.faults[0].fix
    write(out, ("e2",))
    (tmp_path / "bad.rejects.jsonl").write_text('{"id": "e2"}\nnot JSON\n')
    with pytest.raises(OutsideError, match=r"bad\.rejects\.jsonl:2: this is no line of JSON"):
        list(store(out).forget(WHOM, at=NOW, dry=False))


def test_rejects_are_as_old_as_the_latest_run_that_wrote_there(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.parquet", ("e2",)), write(tmp_path / "b.parquet", ("e2",))
    for name in "ab":
        (tmp_path / f"{name}.rejects.jsonl").write_text("{}\n")
    files = store(first, second, first)
    assert files.older(NOW + 1) == []
    assert files.older(NOW + 2) == [str(tmp_path / "b.rejects.jsonl")]
    files.remove(files.older(NOW + 2)[0])
    assert files.older(NOW + 2) == []
