"""`gatehouse score --engine spark` as a user runs it, on the test run's own Spark session."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.entry.conftest import Command

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.engines
@pytest.mark.xdist_group("spark")
def test_a_folder_is_scored_on_spark_and_each_text_can_be_traced(spark: "SparkSession", with_spam: Command) -> None:
    Path("in").mkdir()
    Path("in/a.csv").write_text('id,text\nm1,"You won a prize, call 0900 000 000 now to claim it"\n')
    Path("in/b.csv").write_text("id,text\nm2,see you at lunch\nm1,again\n")
    answer = with_spam("score", "in", "--out", "o.parquet", "--engine", "spark")
    assert answer.code == 0, answer.err
    assert "2 events judged by spam" in answer.out
    assert "set aside: 1 record, each with its reason, in " in answer.out
    lines = "".join(part.read_text() for part in Path("o.rejects.jsonl").glob("*.jsonl"))
    reject = json.loads(lines)
    assert (Path(reject["file"]).name, reject["row"], reject["id"]) == ("b.csv", 3, "m1")
    for arguments in (("trace", "m2"), ("trace", "m1", "--in", "o.parquet")):
        answer = with_spam(*arguments)
        assert answer.code == 0, answer.err
        assert "judged again from its source by the same releases: the same decision" in answer.out
    # A local run does not write over a folder.
    answer = with_spam("score", "in/a.csv", "--out", "o.parquet")
    assert answer.code == 2
    assert "a folder is there" in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--engine", "spark", "--record"), "Spark writes scores, not the ledger"),
        (("--master", "local[2]"), "--master is for Spark"),
    ],
)
def test_what_does_not_go_together_is_refused(with_spam: Command, arguments: tuple[str, ...], said: str) -> None:
    Path("my.csv").write_text("id,text\n1,hello\n")
    answer = with_spam("score", "my.csv", "--out", "o.parquet", *arguments)
    assert answer.code == 2
    assert said in answer.err
