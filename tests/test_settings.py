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


@pytest.mark.parametrize(
    ("given", "writer"),
    [
        ({}, "local"),
        ({"GATEHOUSE_WRITER": ""}, "local"),
        ({"GATEHOUSE_WRITER": "gate-1.eu_west"}, "gate-1.eu_west"),
        ({"GATEHOUSE_WRITER": "w" * 64}, "w" * 64),
    ],
)
def test_a_writer_has_a_name(given: dict[str, str], writer: str, tmp_path: Path) -> None:
    assert settings.read(given, tmp_path).writer == writer


@pytest.mark.parametrize("name", ["gate 1", "gate-1\n", "tor/1", "\x1b[31m", "gäte", "٣", "w" * 65, "\udcff"])
def test_a_wrong_name_of_a_writer_is_refused_with_what_to_write(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        settings.read({"GATEHOUSE_WRITER": name}, tmp_path)
    assert str(error.value) == (
        f"GATEHOUSE_WRITER: {name!r} is no name for a writer\n"
        "    → write 1 to 64 of the letters a to z and A to Z, digits, '.', '_' and '-', or unset it"
    )


def test_all_that_is_wrong_is_said_at_once_and_a_long_value_is_cut_short(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        settings.read({"GATEHOUSE_DATA": "nowhere", "GATEHOUSE_WRITER": "w" * 100_000}, tmp_path)
    said = str(error.value)
    assert "GATEHOUSE_DATA names nowhere" in said
    assert "GATEHOUSE_WRITER: 'ww" in said
    assert len(said) < 400
