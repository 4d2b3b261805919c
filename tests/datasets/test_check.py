"""Every fault of a file is found at once, each with its rows and what to do."""

import json
from pathlib import Path

import pytest

from gatehouse.datasets.check import check
from gatehouse.datasets.report import Report
from gatehouse.datasets.split import part_of
from gatehouse.errors import UserError

PLACES = ["market", "bridge", "station", "garden", "library", "harbour", "museum", "cinema"]


def sentence(i: int) -> str:
    """Sentences that are all far from being near-duplicates."""
    return f"{i * 7919 % 10007:05d} {PLACES[i % 8]} {i * 104729 % 99991:05d}"


def file(tmp_path: Path, rows: list[str], head: str = "id,text,spam") -> Path:
    path = tmp_path / "a.csv"
    path.write_bytes("\n".join([head, *rows]).encode("utf-8", "surrogateescape"))
    return path


def clean_rows(n: int = 60) -> list[str]:
    return [f"m{i},{sentence(i)},{i % 2}" for i in range(n)]


def kinds(report: Report, severity: str | None = None) -> dict[str, list[int]]:
    """Rows by kind of what was found, without the remark about few positives."""
    return {
        found.kind: found.rows.tolist()
        for found in report.findings
        if found.kind != "few positives" and severity in (None, found.severity)
    }


def test_a_sound_file_has_nothing_wrong_with_it(tmp_path):
    report = check(file(tmp_path, [f"m{(i * 37) % 700},{sentence(i)},{i % 2}" for i in range(700)]))
    assert report.text() == (
        f"{tmp_path}/a.csv: 700 records, 0 errors, 0 warnings\n"
        "  columns  text = text, id = id\n"
        "  label    spam=spam: 350 yes, 350 no\n"
        "  guessed  id, spam, text: say otherwise with --map and --label\n"
        "\n"
        "Nothing is wrong with it."
    )


def test_every_fault_of_a_bad_file_is_named_at_once_with_its_rows(tmp_path):
    rows = [
        *clean_rows(20),
        ",no id at all,1",
        f"m3,{sentence(3)},1",
        "m4,the id of another text,0",
        "m24,  ,1",
        "m25,what is this,maybe",
        "m26,broken \udcff bytes,1",
        "m27,too,many,fields",
        f"m28,{sentence(5)},0",
    ]
    report = check(file(tmp_path, rows))
    assert kinds(report, "error") == {
        "unreadable": [28],
        "missing id": [22],
        "repeated id, other text": [24],
        "empty text": [25],
        "unknown label": [26],
    }
    assert kinds(report, "warning") == {"repeated id": [23], "repeated text": [23, 29], "contradiction": [7, 29]}
    assert {found.what: found.rows.tolist() for found in report.findings if found.kind == "unreadable"} == {
        "1 record cannot be read: text is not UTF-8": [27],
        "1 record cannot be read: 4 fields where the header has 3": [28],
    }


def test_the_report_is_written_for_a_person(tmp_path):
    rows = [f"m{i},{sentence(i)},{'yes' if i < 3 else 'perhaps'}" for i in range(18)]
    report = check(file(tmp_path, rows, "post,comment,spam"), ["id=post"], ["spam"])
    assert report.text(72) == (
        f"{tmp_path}/a.csv: 18 records, 2 errors, 0 warnings\n"
        "  columns  id = post, text = comment\n"
        "  label    spam=spam: 3 yes, 0 no, 15 unknown\n"
        "  guessed  text: say otherwise with --map and --label\n"
        "\n"
        "ERROR    15 records where 'spam' says neither yes nor no to 'spam':\n"
        "         'perhaps'\n"
        "         rows 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 and 5 more\n"
        "         → mend them, or say which values mean what: --label\n"
        "           'spam=spam:YES/NO'\n"
        "\n"
        "ERROR    'spam' has one class only: the file says only yes\n"
        "         → nothing can be learnt from it: add records of the other class\n"
        "\n"
        "To import the file without the records at fault: gatehouse data import --leave-out"
    )


def test_the_report_for_programs_holds_the_same(tmp_path):
    data = json.loads(json.dumps(check(file(tmp_path, [*clean_rows(12), ",none,1"])).data()))
    assert data["records"] == 13
    assert data["labels"] == {"spam": {"yes": 7, "no": 6, "unknown": 0}}
    assert data["findings"][0] == {
        "kind": "missing id",
        "severity": "error",
        "what": "1 record without an id",
        "rows": [14],
        "count": 1,
        "fix": "give each record an id, or map another column: --map id=COLUMN",
    }


def test_near_duplicates_across_the_split_are_named(tmp_path):
    base = "please come to the harbour at six and bring the blue umbrella with you"
    variants = {part: next(t for i in range(200) if part_of(t := f"{base} {i}") == part) for part in ("train", "test")}
    rows = [*clean_rows(), f"x,{variants['train']},1", f"y,{variants['test']},1"]
    report = check(file(tmp_path, rows))
    assert kinds(report) == {"near-duplicate across the split": [63]}
    [found] = [found for found in report.findings if found.kind.startswith("near")]
    assert found.severity == "warning"
    assert found.what == "1 record with a near-duplicate on another side of the split, for example row 63 and row 62"


def test_a_split_of_the_users_own_is_held_to_account(tmp_path):
    rows = [f"m{i},{sentence(i)},{i // 2 % 2},u{i},{'train' if i % 3 else 'test'}" for i in range(60)]
    rows += [f"n1,{sentence(91)},1,twice,train", f"n2,{sentence(92)},0,twice,test", f"n3,{sentence(93)},0,w,sometimes"]
    report = check(file(tmp_path, rows, "id,text,spam,author,split"))
    assert kinds(report, "error") == {"author on both sides": [62, 63], "unknown part": [64]}
    only_train = check(file(tmp_path, [f"m{i},{sentence(i)},{i % 2},train" for i in range(60)], "id,text,spam,split"))
    assert kinds(only_train, "error") == {"missing part": []}


def test_columns_and_ids_that_give_a_label_away_are_named(tmp_path):
    rows = [f"{'s' if i % 2 else 'h'}{i},{sentence(i)},{i % 2},{'queue' if i % 2 else 'stream'}" for i in range(60)]
    report = check(file(tmp_path, rows, "id,text,spam,source"), labels=["spam"])
    assert sorted(found.what for found in report.findings if found.kind == "giveaway") == [
        "column 'id' gives 'spam' away by the letters in its values",
        "column 'source' gives 'spam' away by its values",
    ]


@pytest.mark.parametrize(("values", "says"), [("1", "only yes"), ("0", "only no"), ("", "nothing")])
def test_one_class_teaches_nothing(tmp_path, values, says):
    report = check(file(tmp_path, [f"m{i},{sentence(i)},{values}" for i in range(30)]), labels=["spam"])
    assert [found.what for found in report.errors] == [f"'spam' has one class only: the file says {says}"]


def test_few_positives_are_said_to_give_counts_only(tmp_path):
    report = check(file(tmp_path, clean_rows()))
    tested = sum(part_of(sentence(i)) == "test" for i in range(1, 60, 2))
    [found] = report.findings
    assert found.what == f"'spam' holds for {tested} records of the test part"
    assert found.fix == "under 50 its figures will be counts only: label more records"


def test_judgements_of_several_raters_are_no_repeats(tmp_path):
    rows = [f"m{i},{sentence(i)},{(i + r) % 3 % 2},r{r}" for i in range(30) for r in range(3)]
    report = check(file(tmp_path, [*rows, rows[0]], "id,text,spam,rater"))
    assert kinds(report) == {"repeated id": [92]}


def test_times_without_a_zone_and_files_without_labels_are_errors(tmp_path):
    report = check(file(tmp_path, ["m1,a,2024-05-01 12:00"], "id,text,time"))
    assert kinds(report, "error") == {"no label": [], "unreadable time": [2]}


def test_a_file_without_records_is_an_error_and_no_accident(tmp_path):
    report = check(file(tmp_path, []), labels=["spam"])
    assert [found.what for found in report.errors] == ["'spam' has one class only: the file says nothing"]


def test_a_wrong_option_is_said_before_anything_is_read(tmp_path):
    with pytest.raises(UserError, match="did you mean 'spam'"):
        check(file(tmp_path, clean_rows()), labels=["spma"])
