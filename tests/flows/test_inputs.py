"""Which files a run reads, and that they can be read as one."""

from pathlib import Path

import pytest

from gatehouse.errors import UserError
from gatehouse.flows.inputs import files_of, shared_columns


def written(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_csv", ".csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def test_a_file_a_folder_and_a_pattern_mean_files_in_order(tmp_path: Path) -> None:
    folder = written(tmp_path / "in", b_csv="", a_csv="", deep__c_csv="", **{"_SUCCESS": "", ".hidden": ""})
    assert files_of(folder / "a.csv") == [folder / "a.csv"]
    assert files_of(folder) == [folder / "a.csv", folder / "b.csv", folder / "deep" / "c.csv"]
    assert files_of(folder / "[ab].csv") == [folder / "a.csv", folder / "b.csv"]
    assert files_of(folder / "d*") == [folder / "deep" / "c.csv"]
    with pytest.raises(UserError, match="there is no file to read"):
        files_of(folder / "*.parquet")


def test_files_with_other_columns_are_refused_by_name(tmp_path: Path) -> None:
    files = files_of(written(tmp_path, a_csv="id,text,actor\n", b_csv="id,text\n", c_csv="id,text,actor\n"))
    assert shared_columns([files[0], files[2]], {}) == {"id": "id", "text": "text", "actor": "actor"}
    with pytest.raises(UserError) as refused:
        shared_columns(files, {})
    (fault,) = refused.value.faults
    assert (fault.what, fault.where) == ("there is no column for actor, which other files have", str(files[1]))


def test_the_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    files = files_of(written(tmp_path, a_csv="id\n", b_csv="id,text\n", c_csv=""))
    with pytest.raises(UserError) as refused:
        shared_columns(files, {})
    assert [(Path(fault.where).name, fault.what) for fault in refused.value.faults] == [
        ("a.csv", "no column 'text' for text"),
        ("c.csv", "the file is empty"),
    ]
