"""Rows go out of frozen sets whole, with their features, whatever cuts it off."""

from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from gatehouse.datasets import build, erase
from gatehouse.errors import OutsideError
from gatehouse.ports.erasing import Whom
from gatehouse.records.dataset import Dataset
from gatehouse.records.event import Entity

SAM = Whom(Entity("account", "sam"), frozenset({"b"}))


def frozen(root: Path, *authors: str | None, raters: tuple[str | None, ...] = (None, None, None)) -> Path:
    made = build.freeze(
        name="notes",
        title="Notes",
        licence="CC0",
        population="notes",
        ids=["a", "b", "c"],
        texts=["one note", "two notes", "three notes"],
        parts=["train", "test", "points"],
        labels={"spam": [1, 0, 1]},
        source="hand",
    )
    rows = made.rows.set_column(3, made.rows.schema.field("author"), pa.array(authors, pa.string()))
    place = made.labels.schema.get_field_index("rater")
    labels = made.labels.set_column(place, made.labels.schema.field("rater"), pa.array(raters, pa.string()))
    features = pa.table({"size": pa.array([1, 2, 3], pa.int64())})
    version = build.version_of(rows, labels, features)
    info = msgspec.structs.replace(made.info, version=version, features="f1")
    build.save(Dataset(info, rows, labels, features), root / "notes")
    return root / "notes"


def test_rows_go_with_their_claims_and_features(tmp_path: Path) -> None:
    folder = frozen(tmp_path, "account:sam", None, "account:kim")
    assert erase.ids(folder, SAM) == {"a"}
    assert erase.erase(folder, SAM, at=5, dry=True) == erase.erase(folder, SAM, at=5, dry=False) == 4
    left = build.load(folder)
    assert left.rows["id"].to_pylist() == left.labels["event_id"].to_pylist() == ["c"]
    assert left.features is not None
    assert left.features["size"].to_pylist() == [3]
    assert erase.erase(folder, SAM, at=6, dry=False) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_a_row_of_another_author_stays_though_its_id_is_the_same(tmp_path: Path) -> None:
    folder = frozen(tmp_path, "kim", "account:kim", "sam")
    assert erase.erase(folder, SAM, at=5, dry=False) == 2
    assert build.load(folder).rows["id"].to_pylist() == ["a", "b"]


def test_counts_of_several_erasures_add_up(tmp_path: Path) -> None:
    folder = frozen(tmp_path, "sam", "kim", "ann")
    erase.erase(folder, SAM, at=5, dry=False)
    erase.erase(folder, Whom(Entity("account", "kim"), frozenset()), at=6, dry=False)
    left = build.load(folder).info
    assert (left.rows, left.notes) == (1, "2 rows were erased since it was frozen; figures from before counted them")


def test_who_labelled_is_named_only_by_a_whole_name(tmp_path: Path) -> None:
    folder = frozen(tmp_path, None, "kim", None, raters=("sam", "account:sam", "ann"))
    assert erase.erase(folder, SAM, at=5, dry=False) == 1
    assert build.load(folder).labels["rater"].to_pylist() == ["sam", "erased", "ann"]


@pytest.mark.parametrize("cut", ["before the new one stands", "after it"])
def test_a_folder_that_was_cut_off_comes_back(tmp_path: Path, cut: str) -> None:
    folder = frozen(tmp_path, "sam", "kim", "ann")
    old, made = tmp_path / ".notes.erasing-old", tmp_path / ".notes.erasing-new"
    made.mkdir()
    if cut == "after it":
        old.mkdir()
    else:
        folder.rename(old)
    assert set(erase.cut_off(tmp_path)) == {folder}
    erase.recover(folder)
    assert build.load(folder).info.rows == 3
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_what_cannot_be_read_is_named_before_anything_changes(tmp_path: Path) -> None:
    folder = frozen(tmp_path, "sam", "kim", "ann")
    (folder / "labels.parquet").write_bytes(b"PAR1")
    with pytest.raises(OutsideError, match=r"labels\.parquet: cannot be read"):
        erase.erase(folder, SAM, at=5, dry=False)
    (folder / "erased.json").write_text("{")
    with pytest.raises(OutsideError):
        build.load(folder)
