import hashlib
import os
from pathlib import Path

import pytest

from gatehouse.adapters.files.models import FolderModelFiles
from gatehouse.errors import OutsideError
from gatehouse.ports.erasing import ErasedError
from gatehouse.testing.models_contract import ModelFilesContract


class TestFolderModelFiles(ModelFilesContract):
    @pytest.fixture
    def files(self, tmp_path: Path) -> FolderModelFiles:
        return FolderModelFiles(tmp_path / "models")

    def spoil(self, files: FolderModelFiles, digest: str, content: bytes | None) -> None:
        path = files.root / digest[:2] / digest[2:4] / digest
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)


def test_a_file_lies_under_its_hash_and_nothing_else_is_left(tmp_path: Path) -> None:
    FolderModelFiles(tmp_path).put({"a": b"one", "b": b"one"})
    digest = hashlib.sha256(b"one").hexdigest()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / digest[:2] / digest[2:4] / digest]


def test_a_write_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutsideError) as caught:
        FolderModelFiles(tmp_path).put({"linear.bin": b"weights"})
    assert "linear.bin cannot be stored: No space left on device" in str(caught.value)
    assert "check that the folder may be written and that the disk has room" in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_in_the_folder_s_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(OutsideError, match=r"linear\.bin cannot be (stored|read)"):
        FolderModelFiles(tmp_path / "models").put({"linear.bin": b"weights"})
    with pytest.raises(OutsideError, match=r"linear\.bin cannot be (stored|read)"):
        FolderModelFiles(tmp_path / "models").get("linear.bin", "00" * 32)


def test_an_erased_file_says_when_and_stays_away(tmp_path: Path) -> None:
    files = FolderModelFiles(tmp_path)
    digest = files.put({"near.jsonl": b"a text"})["near.jsonl"]
    assert files.erase(digest, 1_700_000_000_000_000)
    assert not files.erase(digest, 1_700_000_000_000_001)
    with pytest.raises(ErasedError, match=r"near\.jsonl was erased on 2023-11-14") as caught:
        files.get("near.jsonl", digest)
    assert "gatehouse releases PACK" in caught.value.faults[0].fix
    assert not any(path.read_bytes() == b"a text" for path in tmp_path.rglob("*") if path.is_file())
