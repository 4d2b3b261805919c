"""The gate as a user runs it: who may follow whom, why not, and with which exit code."""

import json

from tests.entry.conftest import Command
from tests.entry.test_cli_learn import own_pack, release_of


def candidate(gatehouse: Command) -> str:
    """A second release of `spam`, from a recipe that learns next to nothing."""
    recipe = own_pack() / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("c: 16.0", "c: 0.0001"))
    answer = gatehouse("train", "mine/spam")
    assert answer.code == 0, answer.err
    return release_of(answer.out)


def test_a_champion_is_not_compared_with_itself(with_spam: Command) -> None:
    answer = with_spam("gate", "spam")
    assert answer.code == 2
    assert "is the champion itself" in answer.err


def test_too_few_rows_cannot_tell_and_do_not_let_through(with_spam: Command) -> None:
    version = candidate(with_spam)
    answer = with_spam("gate", version)
    assert answer.code == 1, answer.err
    assert "cannot tell" in answer.out.splitlines()[0] or "refused" in answer.out.splitlines()[0]
    assert "smallest visible" in answer.out
    said = json.loads(with_spam("gate", version, "--json").out)
    assert said["candidate"] == version
    assert said["report"]["accepted"] is False
    assert {test["what"] for test in said["report"]["tests"]} >= {"recall at likely_spam"}


def test_what_there_is_nothing_of_is_named(with_spam: Command) -> None:
    unknown = with_spam("gate", "spamm")
    assert unknown.code == 2
    assert "packs with releases: spam" in unknown.err


def test_without_a_live_release_there_is_no_champion(gatehouse: Command) -> None:
    assert gatehouse("train", "spam").code == 0
    answer = gatehouse("gate", "spam")
    assert answer.code == 2
    assert "there is no champion" in answer.err
