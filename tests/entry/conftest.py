"""The command as a user runs it: in a folder of its own, with nothing but what it is given."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gatehouse.entry.cli.main import run


class Answer(NamedTuple):
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Answer]


@pytest.fixture
def gatehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `gatehouse ARGUMENTS` in an empty folder without public data."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("GATEHOUSE_HOME", "GATEHOUSE_DATA", "GATEHOUSE_PACKS"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str) -> Answer:
        code = run(arguments)
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return command


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which `spam` is live, learnt from the pack's own examples."""
    with pytest.MonkeyPatch.context() as patch:
        here = tmp_path_factory.mktemp("trained")
        patch.chdir(here)
        for name in ("GATEHOUSE_HOME", "GATEHOUSE_DATA", "GATEHOUSE_PACKS"):
            patch.delenv(name, raising=False)
        assert run(["train", "spam"]) == 0
        assert run(["promote", "spam"]) == 0
        return here / ".gatehouse"


@pytest.fixture
def with_spam(gatehouse: Command, trained_home: Path) -> Command:
    """The command in a folder whose home has `spam` live."""
    shutil.copytree(trained_home, Path.cwd() / ".gatehouse")
    return gatehouse
