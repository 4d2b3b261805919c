from pathlib import Path

import pytest

from gatehouse.errors import UserError
from gatehouse.flows.bank_formats import read, write
from gatehouse.flows.banks import KnownEntry

PDQ, MD5, SHA = "c3" * 32, "ab" * 16, "cd" * 32

# As `threatexchange dataset --print-signals --csv` writes it (version 1.2), with its line ends.
CSV = (
    "signal_type,signal_str,collab,category,tags\r\n"
    f"pdq,{PDQ},Sample Collab,POSITIVE_CLASS,one two\r\n"
    f"video_md5,{MD5},Sample Collab,INVESTIGATION_SEED,\r\n"
    f"video_sha256,{SHA},Sample Collab,NEGATIVE_CLASS,\r\n"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list.txt"


def test_lines_of_types_and_hashes_as_the_tool_prints_them(path: Path) -> None:
    path.write_text(f"pdq {PDQ.upper()}\n\nvideo_md5 {MD5}\nvideo_sha256 {SHA}\n")
    assert read(path, "hash", "known", distance=20, share=0.5).entries == [
        {"label": "known", "pdq": PDQ, "distance": 20, "share": 0.5},
        None,
        {"label": "known", "md5": MD5, "share": 0.5},
        {"label": "known", "sha256": SHA, "share": 0.5},
        None,
    ]


def test_the_csv_of_the_tool_and_what_is_no_violation_is_left_out_and_told(path: Path) -> None:
    path.write_bytes(CSV.encode())
    found = read(path, "csv", "known")
    assert [one for one in found.entries if one] == [{"label": "known", "pdq": PDQ}, {"label": "known", "md5": MD5}]
    assert found.left_out == [(4, "said to be NEGATIVE_CLASS")]


def test_what_the_tool_keeps_of_what_it_fetched(tmp_path: Path) -> None:
    path = tmp_path / "simple.HASH_PDQ.te"
    path.write_text(
        f"{PDQ},12345,2020-07-01T18:31:15+0000,tag1 tag2\n{SHA},6,2020-07-01T18:31:15+0000,false_positive\n"
    )
    found = read(path, "te", "known")
    assert found.entries[:2] == [{"label": "known", "pdq": PDQ}, None]
    assert found.left_out == [(2, "said to be false_positive")]
    other = path.rename(tmp_path / "simple.TEXT_STRING.te")
    with pytest.raises(UserError, match="the file's name does not say which hashes it holds"):
        read(other, "te", "known")


def test_plain_lines_are_of_the_kind_that_is_said(path: Path) -> None:
    path.write_text(f"\ufeff{MD5}\r\n{PDQ}\r\n")
    assert read(path, "lines", "known", "md5").entries[:2] == [
        {"label": "known", "md5": MD5},
        {"label": "known", "md5": PDQ},
    ]
    with pytest.raises(UserError, match="add --type pdq, md5 or sha256"):
        read(path, "lines", "known")


def test_every_line_that_cannot_be_read_is_told(path: Path) -> None:
    path.write_text(f"pdq {PDQ}\nvideo_md4 {MD5}\npdq\nraw_text some words\n")
    with pytest.raises(UserError) as caught:
        read(path, "hash", "known")
    known = "known: pdq, video_md5, video_sha256"
    assert str(caught.value).split("\n") == [
        f"{path}:2: 'video_md4' is no kind of hash that a bank holds",
        f"    → did you mean 'video_md5'? {known}",
        f"{path}:3: no hash stands after 'pdq'",
        "    → write TYPE HASH",
        f"{path}:4: 'raw_text' is no kind of hash that a bank holds",
        f"    → {known}",
    ]
    path.write_text("signal,collab\n")
    with pytest.raises(UserError, match=r"list.txt:1: the header has no signal_type, signal_str, category, tags"):
        read(path, "csv", "known")
    path.write_text(CSV.replace(",POSITIVE_CLASS", ""))
    with pytest.raises(UserError, match=r"list.txt:2: 4 fields, where the header has 5"):
        read(path, "csv", "known")
    path.write_bytes(b"pdq \xff")
    with pytest.raises(UserError, match="byte 5 is not UTF-8"):
        read(path, "hash", "known")


def known(id_: str, state: str = "active", **said: str) -> KnownEntry:
    return KnownEntry("media", id_, state, {"id": id_, "label": "known", **said}, True)  # type: ignore[arg-type]


ENTRIES = [known("a", pdq=PDQ), known("b", md5=MD5.upper()), known("c", "retired", sha256=SHA)]


def test_what_is_written_reads_back(path: Path) -> None:
    for format_ in ("hash", "csv"):
        path.write_bytes(write(ENTRIES, format_, "images").encode())
        assert [one for one in read(path, format_, "known").entries if one] == [
            {"label": "known", "pdq": PDQ},
            {"label": "known", "md5": MD5},
        ]
    assert write(ENTRIES, "hash", "images") == f"pdq {PDQ}\nvideo_md5 {MD5}\n"
    assert write(ENTRIES, "csv", "images").splitlines()[1] == f"pdq,{PDQ},images,POSITIVE_CLASS,known"
    assert write(ENTRIES, "lines", "images", "md5") == f"{MD5}\n"
    with pytest.raises(UserError, match="the bank holds several kinds of hashes"):
        write(ENTRIES, "lines", "images")
