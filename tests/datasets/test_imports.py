"""A user's file becomes a frozen data set, or is refused with everything that stands in its way."""

from pathlib import Path

import numpy as np
import pytest

from gatehouse.datasets import build
from gatehouse.datasets.imports import import_file
from gatehouse.errors import UserError

ABOUT = {"name": "own", "licence": "CC0", "population": "messages of a test"}


def file(tmp_path: Path, head: str, rows: list[str]) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("\n".join([head, *rows]))
    return path


def rows(n: int = 40) -> list[str]:
    return [f"m{i},line {i * 7919 % 10007:05d},{'spam' if i % 2 else 'ham'},de" for i in range(n)]


def test_a_sound_file_is_imported_whole_and_twice_the_same(tmp_path):
    path = file(tmp_path, "id,text,label,lang", rows())
    dataset, _ = import_file(path, **ABOUT)
    assert dataset.info.labels == ("spam",)
    assert dataset.rows["id"].to_pylist() == [f"m{i}" for i in range(40)]
    assert set(dataset.rows["language"].to_pylist()) == {"de"}
    assert sum(part["spam"] for part in dataset.info.positives.values()) == 20
    assert import_file(path, **ABOUT)[0].info == dataset.info
    build.save(dataset, tmp_path / "own")
    assert build.load(tmp_path / "own").info == dataset.info


def test_a_file_at_fault_is_refused_with_every_fault(tmp_path):
    path = file(tmp_path, "id,text,label,lang", [*rows(), ",no id,ham,de", "m41,,spam,de"])
    with pytest.raises(UserError) as error:
        import_file(path, **ABOUT)
    assert str(error.value) == (
        f"{path}, row 42: 1 record without an id\n"
        "    → give each record an id, or map another column: --map id=COLUMN; or leave them out: --leave-out\n"
        f"{path}, row 43: 1 record without text\n"
        "    → write their text; or leave them out: --leave-out"
    )


def test_records_at_fault_can_be_left_out_and_the_card_says_so(tmp_path):
    path = file(tmp_path, "id,text,label,lang", [*rows(), ",no id,ham,de", "m41,,spam,de", "m42,short"])
    dataset, _ = import_file(path, **ABOUT, leave_out=True)
    assert dataset.info.rows == 40
    left_out = [note for note in dataset.info.notes.split("\n") if note.startswith("left out")]
    assert left_out == [
        "left out: 1 record cannot be read: 2 fields where the header has 4",
        "left out: 1 record without an id",
        "left out: 1 record without text",
    ]


def test_a_file_that_is_wrong_as_a_whole_cannot_be_left_out(tmp_path):
    path = file(tmp_path, "id,text,label", ["m1,a,1", "m2,b,1"])
    with pytest.raises(UserError, match="one class only"):
        import_file(path, **ABOUT, leave_out=True)


def test_votes_and_raters_are_kept_as_labels(tmp_path):
    path = file(tmp_path, "text,for", ["one line,3", "quite another,1", "third of them,0"])
    dataset, _ = import_file(path, [], ["hate=for/3"], **ABOUT, language="en")
    votes = dataset.labels.select(["event_id", "value", "votes"]).to_pylist()
    assert votes == [
        {"event_id": "own-2", "value": 1, "votes": 3},
        {"event_id": "own-3", "value": 1, "votes": 1},
        {"event_id": "own-3", "value": 0, "votes": 2},
        {"event_id": "own-4", "value": 0, "votes": 3},
    ]
    judged = [
        f"{text},{value},{rater}"
        for text, said in (("one line", "110"), ("other", "000"))
        for rater, value in enumerate(said)
    ]
    dataset, _ = import_file(file(tmp_path, "text,hate,rater", judged), **ABOUT)
    assert dataset.info.rows == 2
    assert dataset.labels["rater"].to_pylist() == ["0", "1", "2"] * 2
    assert dataset.labels["votes"].to_pylist() == [1] * 6


def test_own_splits_and_authors_are_kept(tmp_path):
    lines = [f"text {i * 7919 % 10007:05d},{i % 2},u{i},{['train', 'dev', 'test'][i % 3]}" for i in range(60)]
    dataset, _ = import_file(file(tmp_path, "text,bad,user,split", lines), **ABOUT)
    parts = np.array(dataset.rows["part"].to_pylist())
    assert set(parts[1::3]) == {"points"}
    assert set(parts[2::3]) == {"test"}
    assert set(parts[0::3]) <= {"train", "calibration"}
    assert dataset.rows["author"].to_pylist()[:2] == ["u0", "u1"]


@pytest.mark.parametrize(("name", "said"), [("Own Set", "is no name"), ("edos", "name of a public data set")])
def test_names_are_plain_and_not_taken(tmp_path, name, said):
    with pytest.raises(UserError, match=said):
        import_file(file(tmp_path, "id,text,label,lang", rows()), **{**ABOUT, "name": name})
