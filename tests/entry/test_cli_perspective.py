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
    assert "3 rows have no score from 0 to 1: 2, 3, 6" in answer.err


def test_rows_without_a_score_are_left_out_and_counted(with_spam: Command, tmp_path: Path) -> None:
    path = log(tmp_path / "log.csv", 60, score=lambda row: "" if row < 7 else str(row / 100))
    answer = with_spam("perspective", "compare", path, "--attribute", "SPAM", "--threshold", "0.3")
    assert answer.code == 0, answer.err
    assert "SPAM: 53 texts with both scores" in answer.out
    assert "left out: 7 texts without a score of yours" in answer.out
    said = json.loads(with_spam("perspective", "compare", path, "--attribute", "SPAM", "--json").out)
    assert (said["rows"], said["unscored"]) == (60, {"theirs": 7})
    none = with_spam("perspective", "compare", log(tmp_path / "none.csv", 9, score=lambda _: ""), "--attribute", "SPAM")
    assert (none.code, "none of its rows has a score" in none.err) == (2, True)


def test_the_same_text_again_and_again_is_worth_one_text(with_spam: Command, tmp_path: Path) -> None:
    once, often = tmp_path / "once.csv", tmp_path / "often.csv"
    log(once)
    rows = [line.rpartition(",")[0] for line in once.read_text().splitlines()]
    once.write_text("\n".join(rows))
    often.write_text("\n".join([rows[0], *(rows[1:] * 5)]))
    shares = []
    for path in (once, often):
        said = json.loads(with_spam("perspective", "compare", str(path), "--attribute", "SPAM", "--json").out)
        shares.append(said["thresholds"][0]["share"])
    assert shares[0] == pytest.approx(shares[1], rel=0.02)


def test_too_few_labels_are_only_told_of_where_they_are_too_few(with_spam: Command, tmp_path: Path) -> None:
    def told(rows: int, threshold: str) -> str:
        path = log(tmp_path / f"{rows}.csv", rows)
        return with_spam("perspective", "compare", path, "--attribute", "SPAM", "--threshold", threshold).out

    assert "20 of 40 labelled texts are violating: too few to measure" in told(40, "0.8")
    assert "too few to measure" not in told(120, "1")


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
