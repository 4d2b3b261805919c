"""The page on privacy says what the commands say."""

import re
import shutil
from pathlib import Path

from click.testing import CliRunner
from tests.entry.full_house import ZEBRA, filled

from gatehouse.entry.cli import erase as commands
from gatehouse.flows.erase import NOT_REACHED

PAGE = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")


def _plain(line: str, home: Path) -> str:
    """A line as the page has it: the home by its name, versions and pseudonyms as dots."""
    said = re.sub(r"(notes-|river-|erased:)[0-9a-f]+", r"\1…", line.replace(str(home), ".gatehouse"))
    return " ".join(said.split())


def test_the_page_shows_what_an_erasure_prints(trained_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(trained_home, home)
    house = filled(home)
    arguments = [str(ZEBRA), "--why", "asked for it"]
    answer = CliRunner(env={"COLUMNS": "250"}).invoke(commands.erase, arguments, obj=house.settings)
    lines = [line for line in answer.output.splitlines() if line.strip() and "───" not in line]
    page = {_plain(line, home) for line in PAGE.splitlines()}
    assert [line for line in lines if _plain(line, home) not in page] == []


def test_the_page_names_every_store_and_what_is_not_reached() -> None:
    assert all(f"  - {one}\n" in PAGE for one in NOT_REACHED)
