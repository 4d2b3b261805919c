"""A labels file: no answer is lost, a torn line is asked again, and every fault is named with its row."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.errors import UserError
from gatehouse.flows.labels_file import COLUMNS, Answer, LabelsFile, Texts, read_texts

LABELS = ("spam", "scam")


def texts(tmp_path: Path, *ids: str) -> Texts:
    return Texts(tmp_path / "texts.csv", {id_: f"text {id_}" for id_ in ids}, {})


def answer(id_: str = "a", label: str = "spam", value: str = "yes", **said: object) -> Answer:
    return Answer(id_, label, value, **{"rater": "ann", **said})  # type: ignore[arg-type]


def test_what_was_answered_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    known = texts(tmp_path, "a", "b")
    file = LabelsFile.open(tmp_path / "l.csv", known, LABELS)
    first = answer(at=5, policy="spam", policy_version="v1", chance="0.25", seconds=1.5)
    file.add([first])
    file.add([answer("b", value="unsure"), answer(look=2, value="no")])
    again = LabelsFile.open(tmp_path / "l.csv", known, LABELS)
    assert again.answers == file.answers
    assert again.of("ann")["a", "spam"] == first
    assert again.of("ann", look=2)["a", "spam"].value == "no"
    assert (tmp_path / "l.csv").read_text().splitlines()[0] == ",".join(COLUMNS)


def test_every_answer_is_on_disk_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    file = LabelsFile.open(tmp_path / "l.csv", texts(tmp_path, "a"), LABELS)
    sizes = []
    for value in ("yes", "no"):
        file.add([answer(value=value)])
        sizes.append((tmp_path / "l.csv").stat().st_size)
    assert synced == sizes


def test_a_rater_who_begins_at_the_same_time_adds_no_second_header(tmp_path: Path) -> None:
    known = texts(tmp_path, "a")
    ann, ben = (LabelsFile.open(tmp_path / "l.csv", known, LABELS) for _ in range(2))
    ann.add([answer()])
    ben.add([answer(rater="ben")])
    assert LabelsFile.open(tmp_path / "l.csv", known, LABELS).raters == ["ann", "ben"]
    assert [path.name for path in tmp_path.iterdir()] == ["l.csv"]


def test_the_latest_answer_counts_and_the_earlier_one_stays_on_record(tmp_path: Path) -> None:
    known = texts(tmp_path, "a")
    LabelsFile.open(tmp_path / "l.csv", known, LABELS).add([answer(), answer(value="no")])
    again = LabelsFile.open(tmp_path / "l.csv", known, LABELS)
    assert [one.value for one in again.answers.values()] == ["no"]
    assert (tmp_path / "l.csv").read_text().count("\n") == 3


@settings(deadline=None, max_examples=40)
@given(cut=st.integers(0, 400))
def test_a_crash_at_any_byte_loses_at_most_the_answer_that_was_being_written(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    known, path = texts(folder, "a", "b", 'c,"d"'), folder / "l.csv"
    whole = LabelsFile.open(path, known, LABELS)
    sizes = []
    for id_ in known.text:
        whole.add([answer(id_, at=7, seconds=2.0, chance="0.5", policy="spam", policy_version="v")])
        sizes.append(path.stat().st_size)
    content = path.read_bytes()
    path.write_bytes(content[:cut])
    again = LabelsFile.open(path, known, LABELS)
    safe = sum(size <= cut + 1 for size in sizes)
    assert list(again.answers) == list(whole.answers)[:safe]
    again.add([answer("a", "scam")])
    assert len(LabelsFile.open(path, known, LABELS).answers) == safe + 1


def test_every_row_that_is_no_answer_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    rows = ["z,spam,yes,ann,,,,,,1", "a,spma,yes,ann,,,,,,1", "a,spam,maybe,,,,,,,3", "a,spam,yes,ann,,,,,,1"]
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    with pytest.raises(UserError) as refused:
        LabelsFile.open(path, texts(tmp_path, "a"), LABELS)
    said = str(refused.value)
    assert f"{path}:2: unknown id 'z' (row 2)" in said
    assert "unknown label 'spma' (row 3)\n    → did you mean 'spam'?" in said
    for part in ("'maybe' is no answer (row 4)", "there is no rater (row 4)", "'3' is no look (row 4)"):
        assert part in said


def test_a_file_that_holds_something_else_is_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text("id,text\na,hello\n")
    known = Texts(path, {"a": "hello"}, {})
    with pytest.raises(UserError, match="the labels would be written into the file of texts"):
        LabelsFile.open(path, known, LABELS)
    with pytest.raises(UserError, match="this is not a labels file"):
        LabelsFile.open(path, texts(tmp_path, "a"), LABELS)
    assert path.read_text() == "id,text\na,hello\n"


def test_texts_that_cannot_be_asked_about_are_set_aside_with_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,body,chance\na,hello,0.5\n,lost,\nb,,\nc,bye,\na,hello,0.5\n")
    found = read_texts(path, {"text": "body"})
    assert found.text == {"a": "hello", "c": "bye"}
    assert found.chance == {"a": "0.5"}
    assert found.set_aside == ("without an id (row 3)", "without text (row 4)")


def test_faults_of_the_texts_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,text,chance\na,hello,0.5\na,other,0.5\nb,bye,2\n")
    with pytest.raises(UserError) as refused:
        read_texts(path, {})
    assert "the id 'a' came before with another text (row 3)" in str(refused.value)
    assert "'2' is no chance (row 4)" in str(refused.value)
    with pytest.raises(UserError, match="there is no column 'body'"):
        read_texts(path, {"text": "body"})
