"""Claims about entities from anyone's file."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.datasets.entity_labels import read
from gatehouse.datasets.event_source import ENTITY_LABELS
from gatehouse.errors import UserError


def test_a_subject_without_a_kind_is_an_account_and_what_is_not_said_is_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("value,subject,label,at\nyes,u1,bot,2024-01-02T03:04:05Z\n0,page:p1,bot,\n")
    found = read(path, "mine")
    assert found.schema == ENTITY_LABELS
    assert found.to_pylist() == [
        {"subject": "account:u1", "label": "bot", "value": 1, "source": "mine", "at": 1_704_164_645_000_000},
        {"subject": "page:p1", "label": "bot", "value": 0, "source": "mine", "at": None},
    ]


def test_claims_that_were_written_as_parquet_are_read_as_they_are(tmp_path: Path) -> None:
    rows = [("account:a", "bot", 1, "sim", 5), ("account:b", "bot", 0, "sim", None)]
    columns = dict(zip(ENTITY_LABELS.names, zip(*rows, strict=True), strict=True))
    claims = pa.Table.from_pydict(columns, schema=ENTITY_LABELS)
    pq.write_table(claims, tmp_path / "labels.parquet")
    assert read(tmp_path / "labels.parquet", "mine") == claims


def test_every_record_that_is_no_claim_is_named_with_its_line_at_once(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "subject,label,value,at\nu1,bot,perhaps,\n,bot,1,\nu2,,0,soon\nu3,bot,1,\nu3,bot,0,\naccount:,bot,1,\n"
    )
    with pytest.raises(UserError) as caught:
        read(path, "mine")
    said = str(caught.value)
    for line in (
        "labels.csv:2: the value 'perhaps' is neither 1 nor 0",
        "labels.csv:3: the subject is missing",
        "labels.csv:4: the label is missing",
        "labels.csv:4: the time 'soon' is not ISO 8601",
        "labels.csv:7: the subject is missing",
        "'bot' is claimed 2 times of account:u3 at one time by one source",
    ):
        assert line in said
    assert said.count("→ ") == 6


def test_a_file_of_a_thousand_faults_shows_twenty_and_counts_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("subject,label,value\n" + "".join(f"u{i},bot,?\n" for i in range(1_000)))
    with pytest.raises(UserError, match="980 more records are no claim") as caught:
        read(path, "mine")
    assert len(caught.value.faults) == 21


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("subjekt,label,value\nu1,bot,1\n", "there is no column 'subject'\n    → did you mean 'subjekt'?"),
        ("subject,label,value\n", "there is no claim"),
    ],
)
def test_a_file_without_claims_is_no_file_of_claims(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        read(tmp_path / "labels.csv", "mine")
    assert said in str(caught.value)
