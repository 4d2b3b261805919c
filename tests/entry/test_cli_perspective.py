import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.entry.conftest import Command

HAM = "see you at the library at {} then, bring the books"
SPAM = "WINNER!! claim your free prize of {} pounds now, text WIN to 80{}"


def log(path: Path, rows: int = 120, **changed: Callable[[int], str]) -> str:
    """Texts with scores that somebody else gave: ham low, spam high, with a few mistakes."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "score", "label", "author"))
        for row in range(rows):
            spam = row % 2
            text = SPAM.format(row * 50, row) if spam else HAM.format(row)
            score = (
                changed["score"](row)
                if "score" in changed
                else str((0.95 if spam != (row % 20 == 3) else 0.1) - row / 10_000)
            )
            writer.writerow((text, score, spam, f"a{row % 40}"))
    return str(path)


def test_a_log_is_compared_threshold_by_threshold(with_spam: Command, tmp_path: Path) -> None:
    answer = with_spam(
        "perspective", "compare", log(tmp_path / "log.csv"), "--attribute", "SPAM", "--threshold", "0.8", "--json"
    )
    assert answer.code == 0, answer.err
    said = json.loads(answer.out)
    (row,) = said["thresholds"]
    assert row["both"] + row["only_theirs"] == row["flagged"]
    assert (row["n"], row["labelled"], row["positives"]) == (120, 120, 60)
    assert {one["measure"] for one in row["measures"]} == {"precision", "recall", "false positive rate"}
    assert said["unscored"] == {}
    assert list(said["detectors"]) == ["spam.linear"]


def test_what_is_told_names_both_thresholds_and_the_next_step(with_spam: Command, tmp_path: Path) -> None:
    answer = with_spam("perspective", "compare", log(tmp_path / "log.csv"), "--attribute", "SPAM")
    assert answer.code == 0, answer.err
    assert "SPAM: 120 texts with both scores, ours of spam.linear" in answer.out
    assert "against what people said of 120 of them (60 violating):" in answer.out
    assert "read some of each kind before you switch" in answer.out


def test_every_fault_of_a_log_is_told_at_once(with_spam: Command, tmp_path: Path) -> None:
    path = log(tmp_path / "log.csv", 6, score=lambda row: ["x", "7", "", "0.2", "nan", "0.4"][row])
    answer = with_spam(
        "perspective", "compare", path, "--attribute", "SPAM", "--map", "label=truth", "--map", "tekst=text"
    )
    assert answer.code == 2
    assert "nothing is called 'tekst'" in answer.err
    assert "no column 'truth' for label" in answer.err
    answer = with_spam("perspective", "compare", path, "--attribute", "SPAM")
    assert answer.code == 2
    assert "4 rows have no score from 0 to 1: 2, 3, 4, 6" in answer.err


def test_an_attribute_that_nobody_stands_in_for_names_the_nearest(with_spam: Command, tmp_path: Path) -> None:
    answer = with_spam("perspective", "compare", log(tmp_path / "log.csv"), "--attribute", "SPAMM")
    assert answer.code == 2
    assert "did you mean 'SPAM'?" in answer.err


def test_the_mapping_is_written_once_and_then_holds(with_spam: Command) -> None:
    first = with_spam("perspective", "attributes", "--write")
    assert first.code == 0, first.err
    assert "SPAM" in first.out
    assert "without a live detector: IDENTITY_ATTACK" in first.out
    path = Path.cwd() / ".gatehouse" / "perspective.yaml"
    path.write_text("UNWANTED: spam.linear/spam\n")
    assert list(json.loads(with_spam("perspective", "attributes", "--json").out)["attributes"]) == ["UNWANTED"]
    assert with_spam("perspective", "attributes", "--write").code == 2


@pytest.mark.parametrize("threshold", ["0", "1.5", "-1"])
def test_a_threshold_that_no_score_reaches_is_refused(with_spam: Command, tmp_path: Path, threshold: str) -> None:
    answer = with_spam(
        "perspective", "compare", log(tmp_path / "log.csv", 4), "--attribute", "SPAM", "--threshold", threshold
    )
    assert answer.code == 2
    assert "is no threshold" in answer.err
