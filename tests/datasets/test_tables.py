"""Anyone's file is read whole: good records in their types, broken ones with their place and reason."""

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.datasets import blocks, csv_records, tables
from gatehouse.errors import UserError


def read(path: Path, mapping: dict[str, str] | None = None, **options):
    """All rows with their numbers, and all bad records."""
    rows, bad = [], []
    for batch in tables.read(path, mapping or {"id": "id", "text": "text"}, **options):
        rows += zip(batch.row_numbers.tolist(), *(c.to_pylist() for c in batch.columns.columns), strict=True)
        bad += batch.bad
    return rows, bad


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_csv_field_may_hold_quotes_delimiters_and_line_breaks(tmp_path):
    path = write(tmp_path / "a.csv", 'id,text\n1,"one, ""two""\nthree"\n2,four\n')
    assert read(path) == ([(2, "1", 'one, "two"\nthree'), (4, "2", "four")], [])


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_delimiter_and_line_ends_are_found(tmp_path, sign, ending):
    path = write(tmp_path / "a.csv", ending.join([f"id{sign}text", f"1{sign}a", "", f'2{sign}"b"', f"3{sign}"]))
    assert [row[1:] for row in read(path)[0]] == [("1", "a"), ("2", "b"), ("3", None)]


def test_broken_csv_records_are_named_and_the_others_are_kept(tmp_path):
    path = write(tmp_path / "a.csv", b'id,text\n1,a\n2\n3,"b" c\n4,\xff\xfe\n5,e,f\n6,5" wide\n7,"never closed\n8,h\n')
    rows, bad = read(path)
    assert rows == [(2, "1", "a"), (7, "6", '5" wide'), (9, "8", "h")]
    assert [(b.row, b.reason, b.raw) for b in bad] == [
        (3, "1 field where the header has 2", "2"),
        (4, "text follows a closing quote within a field", '3,"b" c'),
        (5, "text is not UTF-8", "4,\\xff\\xfe"),
        (6, "3 fields where the header has 2", "5,e,f"),
        (8, "a quote is opened and never closed", '7,"never closed'),
    ]


def test_broken_json_lines_are_named_and_the_others_are_kept(tmp_path):
    lines = [
        b'{"id": 1, "text": "a"}',
        b'{"id": 2, "text": 5}',
        b'{"id": 3, "text": "b"',
        b"[1, 2]",
        b"",
        b'{"id": {"a": 1}, "text": "c"}',
        b'{"id": "7", "text": "\xff"}',
        b'{"id": "8", "text": "\\ud800"}',
        b'{"text": null, "id": true}',
        b'{"id": 1.5, "other": [{}]}',
    ]
    rows, bad = read(write(tmp_path / "a.jsonl", b"\n".join(lines)))
    assert rows == [(1, "1", "a"), (9, "true", None), (10, "1.5", None)]
    assert [(b.row, b.reason) for b in bad] == [
        (2, "text is a number, not a string"),
        (3, "not JSON: Expecting ',' delimiter at byte 22"),
        (4, "a list where an object is expected"),
        (6, "id is an object, not a string, number or boolean"),
        (7, "not UTF-8"),
        (8, "half of a surrogate pair in a string"),
    ]


def test_values_that_are_not_of_the_wanted_type_make_bad_records(tmp_path):
    path = write(tmp_path / "a.csv", "id,text,at\n1,a,5\n2,b,noon\n3,c,\n")
    rows, bad = read(path, {"text": "text", "occurred": "at"}, types={"occurred": pa.int64()})
    assert rows == [(2, "a", 5), (4, "c", None)]
    assert [(b.row, b.reason, b.raw) for b in bad] == [(3, "occurred is 'noon', not int64", "2,b,noon")]


def test_parquet_columns_come_as_strings_and_times_as_microseconds(tmp_path):
    table = pa.table(
        {
            "id": pa.array([1, 2, 3]),
            "text": pa.array(["a", None, "b"]).dictionary_encode(),
            "at": pa.array([1_000, 2_000, None], pa.timestamp("ms")),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    mapping = {"id": "id", "text": "text", "occurred": "at"}
    rows, bad = read(tmp_path / "a.parquet", mapping, types={"occurred": pa.int64()}, batch_rows=2)
    assert (rows, bad) == ([(1, "1", "a", 1_000_000), (2, "2", None, 2_000_000), (3, "3", "b", None)], [])


def test_broken_text_in_parquet_is_one_bad_record(tmp_path):
    raw = pa.array([b"good", b"\xff", b"fine"], pa.binary())
    broken = pa.StringArray.from_buffers(3, *raw.buffers()[1:])
    pq.write_table(pa.table({"id": ["1", "2", "3"], "text": broken}), tmp_path / "a.parquet")
    rows, bad = read(tmp_path / "a.parquet")
    assert rows == [(1, "1", "good"), (3, "3", "fine")]
    assert [(b.row, b.reason, b.raw) for b in bad] == [(2, "text is not UTF-8", "2, \\xff")]


def test_parquet_columns_that_hold_no_strings_are_refused_by_name(tmp_path):
    pq.write_table(pa.table({"id": [[1]], "text": [5]}), tmp_path / "a.parquet")
    with pytest.raises(UserError) as error:
        read(tmp_path / "a.parquet")
    assert [fault.what for fault in error.value.faults] == [
        "column 'id' is nested (list<element: int64>)",
        "column 'text' holds int64, not strings",
    ]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_record_over_the_limit_is_one_bad_record(tmp_path, monkeypatch, suffix):
    for name in ("BLOCK_BYTES", "MAX_RECORD_BYTES"):
        for module in (blocks, csv_records, tables.json_records, tables):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, 64 if name == "BLOCK_BYTES" else 200)
    record = (lambda i, t: f"{i},{t}") if suffix == ".csv" else (lambda i, t: json.dumps({"id": str(i), "text": t}))
    head = ["id,text"] if suffix == ".csv" else []
    lines = [*head, record(1, "a"), record(2, "x" * 1000), record(3, "y" * 150), record(4, "z" * 201), record(5, "b")]
    rows, bad = read(write(tmp_path / f"a{suffix}", "\n".join(lines)))
    first = len(head) + 1
    assert [row[0] - first for row in rows] == [0, 2, 4]
    assert [(b.row - first, b.reason) for b in bad] == [(1, "longer than 200 bytes"), (3, "longer than 200 bytes")]


def test_an_open_quote_swallows_one_line_and_not_the_rest_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_records, "BLOCK_BYTES", 64)
    monkeypatch.setattr(csv_records, "MAX_RECORD_BYTES", 200)
    lines = ["id,text", *(f"{i},word" for i in range(100)), '100,"open', *(f"{i},word" for i in range(101, 300))]
    rows, bad = read(write(tmp_path / "a.csv", "\n".join(lines)))
    assert [row[1] for row in rows] == [str(i) for i in range(300) if i != 100]
    assert [row[0] for row in rows] == [i + 2 for i in range(300) if i != 100]
    assert [b.row for b in bad] == [102]


def test_gzip_and_byte_order_mark_are_taken_off(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"\xef\xbb\xbfid,text\n1,a\n"))
    assert read(tmp_path / "a.csv.gz") == ([(2, "1", "a")], [])


def test_batches_hold_at_most_the_rows_asked_for_with_their_bad_records_among_them(tmp_path):
    path = write(tmp_path / "a.csv", "id,text\n" + "".join(f"{i},a\n" if i % 10 else f"{i}\n" for i in range(1, 101)))
    batches = list(tables.read(path, {"id": "id"}, batch_rows=30))
    assert [batch.columns.num_rows for batch in batches] == [30, 30, 30]
    assert sum(len(batch.bad) for batch in batches) == 10
    assert all(bad.row <= batch.row_numbers[-1] + 1 for batch in batches for bad in batch.bad)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"x", "files with the suffix '.txt' cannot be read"),
        ("a.csv", b"", "the file is empty"),
        ("a.jsonl", b"\n \n", "no line is a JSON object"),
        ("a.parquet", b"PAR0", "this cannot be read as Parquet"),
        ("a.csv.gz", gzip.compress(b"id,text\n" + b"1,a\n" * 9, mtime=0)[:-12], "the gzip file is damaged"),
        ("a.csv", "id,text\n".encode("utf-16"), "the file is UTF-16"),
        ("a.csv", b"id,text,text\n", "there are 2 columns 'text'"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(tmp_path, name, content, said):
    with pytest.raises(UserError, match=said) as error:
        read(write(tmp_path / name, content))
    assert all(fault.where == str(tmp_path / name) and fault.fix for fault in error.value.faults)


def test_missing_columns_are_all_named_with_the_nearest(tmp_path):
    path = write(tmp_path / "a.csv", "ident,body\n1,a\n")
    with pytest.raises(UserError) as error:
        tables.read(path, {"id": "idnt", "text": "words"})
    assert str(error.value) == (
        f"{path}: there is no column 'idnt'\n    → did you mean 'ident'? The file has: ident, body\n"
        f"{path}: there is no column 'words'\n    → The file has: ident, body"
    )


def test_a_missing_file_suggests_its_neighbour(tmp_path):
    write(tmp_path / "messages.csv", "id,text\n")
    with pytest.raises(UserError, match=r"did you mean .*messages\.csv\?"):
        tables.read(tmp_path / "mesages.csv", {"id": "id"})


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12)


@settings(deadline=None, max_examples=150)
@given(rows=st.lists(st.tuples(texts, texts), max_size=20), block=st.integers(8, 200))
def test_csv_is_read_as_the_csv_module_writes_it(tmp_path_factory, rows, block):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("id", "text"), *rows])
    write(path, out.getvalue())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "BLOCK_BYTES", block)
        found, bad = read(path)
    assert bad == []
    assert [row[1:] for row in found] == [(a or None, b or None) for a, b in rows]
    starts, line = [], 2
    for a, b in rows:
        starts.append(line)
        line += 1 + a.count("\n") + b.count("\n")
    assert [row[0] for row in found] == starts


@settings(deadline=None, max_examples=200)
@given(body=st.text(alphabet='a1,"\n\r é', max_size=60), block=st.integers(4, 80))
def test_arrow_and_the_exact_scanner_agree_on_any_bytes(tmp_path_factory, body, block):
    path = write(tmp_path_factory.mktemp("csv") / "a.csv", "id,text\n" + body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "BLOCK_BYTES", block)
        fast = read(path)
        patch.setattr(csv_records.Reader, "_parsed", lambda *_: None)
        assert read(path) == fast


@settings(deadline=None, max_examples=100)
@given(rows=st.lists(st.tuples(st.integers() | texts, texts | st.none())))
def test_json_lines_keep_every_value(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("json") / "a.jsonl"
    write(path, "".join(json.dumps({"text": b, "id": a}) + "\n" for a, b in rows) + '{"id": "end", "text": ""}')
    found, bad = read(path)
    assert bad == []
    assert [row[1:] for row in found] == [*((str(a), b) for a, b in rows), ("end", "")]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_attributes_may_be_objects_and_come_as_their_text(tmp_path, suffix):
    path = tmp_path / f"events.{suffix}"
    rows = [{"id": "1", "attributes": {"b": 2, "a": "x"}}, {"id": "2", "attributes": None}]
    if suffix == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    found = [
        row
        for batch in tables.read(path, {"id": "id", "attributes": "attributes"})
        for row in batch.columns.to_pylist()
    ]
    assert found == [{"id": "1", "attributes": '{"a":"x","b":2}'}, {"id": "2", "attributes": None}]


def test_a_map_of_attributes_is_an_object_too(tmp_path):
    path = tmp_path / "events.parquet"
    kind = pa.map_(pa.string(), pa.int64())
    pq.write_table(pa.table({"attributes": pa.array([[("b", 2), ("a", 1)], None], kind)}), path)
    (batch,) = tables.read(path, {"attributes": "attributes"})
    assert batch.columns.column("attributes").to_pylist() == ['{"a":1,"b":2}', None]
