"""Settings come from the environment, with places beside the working directory by default."""

from pathlib import Path

import pytest

from gatehouse import settings
from gatehouse.errors import UserError


def test_defaults_stand_beside_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "shared" / "data").mkdir(parents=True)
    here = tmp_path / "project"
    read = settings.read({}, here)
    assert read.home == here / ".gatehouse"
    assert read.data_roots == (tmp_path / "shared" / "data", here / ".gatehouse" / "public")


def test_the_environment_decides(tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    (tmp_path / "shared" / "data").mkdir(parents=True)
    given = {"GATEHOUSE_HOME": "h", "GATEHOUSE_DATA": "sets", "GATEHOUSE_PACKS": "a:b"}
    read = settings.read(given, tmp_path)
    assert read.home == tmp_path / "h"
    assert read.data_roots == (tmp_path / "sets", tmp_path / "h" / "public")
    assert read.pack_roots == (tmp_path / "a", tmp_path / "b")


def test_a_data_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="GATEHOUSE_DATA names nowhere, which is no folder"):
        settings.read({"GATEHOUSE_DATA": "nowhere"}, tmp_path)
