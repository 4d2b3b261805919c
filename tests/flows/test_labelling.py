"""What is asked in which order, how far raters agree, and labels from spreadsheets with every fault named."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.errors import UserError
from gatehouse.flows.labelling import APART, agreement, exported, in_other_words, questions, take
from gatehouse.flows.labels_file import Answer, LabelsFile, Texts
from gatehouse.testing.makers import make_policy

LABELS = ("spam", "scam")
POLICY = make_policy(version="v2")
IDS = [f"m{i}" for i in range(60)]


def opened(tmp_path: Path, n: int = 60) -> tuple[Texts, LabelsFile]:
    texts = Texts(tmp_path / "texts.csv", {id_: f"text of {id_}" for id_ in IDS[:n]}, {"m0": "0.25"})
    return texts, LabelsFile.open(tmp_path / "labels.csv", texts, LABELS)


def say(file: LabelsFile, rater: str, values: str, label: str = "spam", look: int = 1) -> None:
    """One letter a text, in order."""
    words = {"y": "yes", "n": "no", "u": "unsure"}
    file.add([Answer(IDS[i], label, words[letter], rater, look=look) for i, letter in enumerate(values)])


def test_every_label_of_every_text_is_asked_in_order() -> None:
    asked = questions(IDS, LABELS, "ann")
    assert [(one.id, one.label) for one in asked] == [(id_, label) for id_ in IDS for label in LABELS]


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 80), again=st.integers(0, 90), seed=st.integers(0, 9))
def test_a_second_look_comes_once_after_the_first_and_not_soon(n: int, again: int, seed: int) -> None:
    ids = [f"m{i}" for i in range(n)]
    asked = questions(ids, ("spam",), "ann", again, seed)
    order = [(one.id, one.look) for one in asked]
    assert len(set(order)) == len(order) == n + min(again, n)
    assert [id_ for id_, look in order if look == 1] == ids
    for id_, look in order:
        if look == 2:
            later = order.index((id_, 2)) - order.index((id_, 1))
            assert later >= min(APART, n - ids.index(id_))


def test_the_same_rater_is_asked_the_same_again_and_another_one_others() -> None:
    ann, again, ben = (questions(IDS, ("spam",), rater, 5) for rater in ("ann", "ann", "ben"))
    assert ann == again
    assert {one.id for one in ann if one.look == 2} != {one.id for one in ben if one.look == 2}


def test_agreement_counts_what_both_said_yes_or_no_to(tmp_path: Path) -> None:
    _, file = opened(tmp_path)
    say(file, "ann", "yyynnnyynnu")
    say(file, "ben", "yyynnnnnnny")
    say(file, "ann", "yn", look=2)
    by = {one.who: one for one in agreement(file, "ann", LABELS)}
    assert (by["ben"].n, by["ben"].alike, by["ben"].label) == (10, 8, "spam")
    assert not isinstance(by["ben"].kappa, str)
    assert by["ben"].kappa.value.estimate == pytest.approx(0.6), "(.8 - .5) / (1 - .5)"
    assert (by["yourself"].n, by["yourself"].alike) == (2, 1)


def test_where_no_kappa_can_be_computed_the_reason_stands_there(tmp_path: Path) -> None:
    _, file = opened(tmp_path)
    say(file, "ann", "nnn")
    say(file, "ben", "nnn")
    (alike,) = agreement(file, "ann", LABELS)
    assert isinstance(alike.kappa, str)
    assert "all ratings name one class" in alike.kappa


def sheet(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "sheet.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize(
    "rows",
    [
        ("id,label,value,rater", "m0,spam,Yes,ben", "m1,scam,no,", "m2,spam,,"),
        ("id,text,spam,scam,rater", "m0,whatever,yes,,ben", "m1,whatever,,no,", "m2,,,,"),
    ],
)
def test_a_long_and_a_wide_sheet_say_the_same(tmp_path: Path, rows: tuple[str, ...]) -> None:
    texts, file = opened(tmp_path)
    new, _ = take(sheet(tmp_path, *rows), texts, file, LABELS, POLICY, "ann")
    assert new == [
        Answer("m0", "spam", "yes", "ben", policy="spam", policy_version="v2", chance="0.25"),
        Answer("m1", "scam", "no", "ann", policy="spam", policy_version="v2"),
    ]


def test_taking_a_sheet_twice_adds_nothing(tmp_path: Path) -> None:
    texts, file = opened(tmp_path)
    path = sheet(tmp_path, "id,spam,note", "m0,yes,seen before")
    new, remarks = take(path, texts, file, LABELS, POLICY, "ann")
    assert remarks == ["columns that were not read: note"]
    file.add(new)
    assert take(path, texts, file, LABELS, POLICY, "ann")[0] == []


def test_every_fault_of_a_sheet_is_named_with_its_row(tmp_path: Path) -> None:
    texts, file = opened(tmp_path)
    say(file, "ann", "n")
    path = sheet(
        tmp_path,
        "id,label,value,rater",
        "m99,spam,yes,ann",
        "m1,spma,yes,ann",
        "m1,spam,maybe,ann",
        "m2,spam,yes,ben",
        "m2,spam,no,ben",
        "m0,spam,yes,ann",
        "m2,spam,yes,cleo",
    )
    with pytest.raises(UserError) as refused:
        take(path, texts, file, LABELS, POLICY, "ann")
    said = str(refused.value)
    assert len(refused.value.faults) == 5
    assert f"{path}:2: unknown id 'm99' (row 2)" in said
    assert "unknown label 'spma' (row 3)\n    → did you mean 'spam'?" in said
    assert "'maybe' is no answer (row 4)\n    → write yes, no or unsure" in said
    assert "ben says no to 'spam' of 'm2' here and yes in row 5 (row 6)" in said
    assert f"ann says yes to 'spam' of 'm0', and no in {file.path} (row 7)" in said


def test_a_sheet_without_ids_or_labels_says_what_it_has(tmp_path: Path) -> None:
    texts, file = opened(tmp_path)
    with pytest.raises(UserError) as refused:
        take(sheet(tmp_path, "message,Spam", "m0,yes"), texts, file, LABELS, POLICY, "ann")
    said = str(refused.value)
    assert "no column 'id'" in said
    assert "write columns id, label, value; or id and spam, scam; the file has message, Spam" in said
    assert "unknown label 'Spam'" in said


def test_the_export_has_a_row_for_each_text_and_rater_without_second_looks(tmp_path: Path) -> None:
    texts, file = opened(tmp_path, 3)
    say(file, "ann", "yu")
    say(file, "ann", "un", label="scam")
    say(file, "ann", "n", look=2)
    say(file, "ben", "n")
    assert list(exported(texts, file, LABELS)) == [
        ("id", "text", "spam", "scam", "rater"),
        ("m0", "text of m0", "yes", "", "ann"),
        ("m1", "text of m1", "", "no", "ann"),
        ("m0", "text of m0", "no", "", "ben"),
    ]


def test_answers_under_another_text_of_the_policy_are_counted(tmp_path: Path) -> None:
    _, file = opened(tmp_path)
    file.add([Answer(IDS[i], "spam", "yes", "ann", policy_version=version) for i, version in enumerate(("v1", "v2"))])
    assert in_other_words(file, POLICY) == {"v1": 1}
