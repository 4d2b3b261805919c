"""The gate as a user runs it: who may follow whom, why not, and with which exit code."""

import json
from pathlib import Path

import numpy as np
from tests.entry.conftest import Command
from tests.entry.test_cli_learn import own_pack, release_of

from gatehouse.bootstrap import open_house
from gatehouse.entry.cli.gate import unsent
from gatehouse.settings import Settings
from gatehouse.testing.makers import make_event, make_judged


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


def written(path: str, loss: float, verdicts: bool = False, n: int = 4_000) -> None:
    """Logged answers of a detector that finds .8 of the positives, less a loss."""
    rng = np.random.default_rng(1)
    truth = np.arange(n) < n // 4
    flagged = rng.random(n) < np.where(truth, 0.8, 0.02)
    flagged &= ~(truth & (np.random.default_rng(2).random(n) < loss))
    lines = ["id,label,verdict,market" if verdicts else "id,label,score,market"]
    for i in range(n):
        said = ("violating" if flagged[i] else "not") if verdicts else f"{0.9 if flagged[i] else 0.1}"
        lines.append(f"{i},{'yes' if truth[i] else 'no'},{said},{'north' if i % 2 else 'south'}")
    Path(path).write_text("\n".join(lines) + "\n")


def test_files_of_logged_answers_are_compared_like_releases(gatehouse: Command) -> None:
    written("old.csv", 0.0)
    written("worse.csv", 0.1, verdicts=True)
    written("same.csv", 0.0, verdicts=True)
    worse = gatehouse("gate", "worse.csv", "--against", "old.csv", "--against-threshold", "0.5", "--slice", "market")
    assert worse.code == 1, worse.err
    assert "worse.csv against old.csv: refused" in worse.out
    assert "recall at the answers: the candidate loses" in worse.out
    assert "where market is north" in worse.out
    same = gatehouse("gate", "same.csv", "--against", "old.csv", "--against-threshold", "0.5")
    assert same.code == 0, same.out + same.err
    assert "same.csv against old.csv: passes" in same.out


def test_files_that_cannot_be_compared_say_why(gatehouse: Command) -> None:
    written("old.csv", 0.0)
    Path("other.csv").write_text("id,label,verdict\nx1,yes,violating\nx2,no,not\n")
    none = gatehouse("gate", "other.csv", "--against", "old.csv", "--against-threshold", "0.5")
    assert none.code == 2
    assert "no id in common" in none.err
    silent = gatehouse("gate", "old.csv", "--against", "old.csv")
    assert silent.code == 2
    assert "give a threshold for its scores" in silent.err


def test_attributes_that_a_release_reads_and_nobody_sends_are_told_before_it_goes_on(with_spam: Command) -> None:
    features = own_pack() / "features.yaml"
    features.write_text(features.read_text() + "profile:\n  - {name: followers, type: BIGINT, meaning: Who follows.}\n")
    answer = with_spam("train", "mine/spam")
    assert answer.code == 0, answer.err
    house = open_house(Settings(Path(".gatehouse")))
    release = house.shelf.registry.release("spam", release_of(answer.out))
    assert unsent(house, release) == [], "nothing is on record"
    house.ledger.commit([make_judged(make_event(attributes={"following": 3}))])
    assert unsent(house, release) == [
        "no event of the latest 1 on record brings followers, so what 'spam' reads of it is not known; next: send it "
        "in the events' attributes"
    ]
    [champion] = [one for one, last in house.shelf.registry.releases("spam") if last.state == "live"]
    assert unsent(house, champion) == [], "it reads no attribute"
