"""`gatehouse evaluate` with a suite: of a release, of anyone's logged answers, and what is said of bad input."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

CASES = [
    ("Claim your free prize now, call to win cash!", "violating", "plain offer"),
    ("See you at lunch on Tuesday", "not", "plain message"),
]


@pytest.fixture
def checks() -> Path:
    rows = [
        f'{k}{i},"{text} {i}",{expected},{name}' for i in range(9) for k, (text, expected, name) in enumerate(CASES)
    ]
    path = Path("checks.csv")
    path.write_text("\n".join(["id,text,expected,functionality", *rows]) + "\n")
    return path


def test_a_release_answers_a_suite(with_spam: Command) -> None:
    path = Path("checks.csv")
    path.write_text(
        "text,expected,functionality\n" + "".join(f'"{t} {i}",{e},{f}\n' for i in range(9) for t, e, f in CASES)
    )
    answer = with_spam("evaluate", "spam", "--suite", str(path), "--out", "page.html", "--card", "card.md")
    assert answer.code == 0, answer.err
    assert "spam of spam from" in answer.out
    assert "plain offer" in answer.out
    assert "of 18 cases pass, of 2 functionalities" in answer.out
    page = Path("page.html").read_text()
    assert "Which abilities hold, and which fail" in page
    assert "<script" not in page
    assert "| plain offer | 9 | 9 |" in Path("card.md").read_text()


def test_logged_answers_are_checked_by_the_suite(gatehouse: Command, checks: Path) -> None:
    said = {"0": "violating", "1": "not"}
    log = "".join(f"{k}{i},{said[str(k)] if i else 'unsure'},vendor\n" for i in range(9) for k in range(2))
    Path("log.csv").write_text("id,verdict,detector\n" + log)
    answer = gatehouse("evaluate", "--suite", str(checks), "--scores", "log.csv", "--json")
    assert answer.code == 0, answer.err
    (report,) = json.loads(answer.out)["reports"]
    assert report["detector"] == "vendor"
    assert (report["n"], report["passed"]) == (18, 16)
    assert {one["functionality"]: one["silent"] for one in report["functionalities"]} == {
        "plain offer": 1,
        "plain message": 1,
    }


def test_a_suite_with_faults_is_answered_with_all_of_them(gatehouse: Command) -> None:
    Path("s.csv").write_text("text,expected,functionalty\nx,maybe,plain\n")
    Path("log.csv").write_text("id,verdict\n1,yes\n")
    answer = gatehouse("evaluate", "--scores", "log.csv", "--suite", "s.csv")
    assert answer.code == 2
    assert "no column 'functionality' for functionality" in answer.err
    assert "did you mean --map functionality=functionalty?" in answer.err
    answer = gatehouse("evaluate", "--scores", "log.csv", "--suite", "s.csv", "--map", "functionality=functionalty")
    assert answer.code == 2
    assert "row 2 has an expected answer that is not violating or not ('maybe')" in answer.err


def test_a_suite_needs_somebody_to_answer_it(gatehouse: Command, checks: Path) -> None:
    answer = gatehouse("evaluate", "--suite", str(checks))
    assert answer.code == 2
    assert "name a PACK, or a file of logged answers with --scores FILE" in answer.err


def test_a_suite_is_the_truth_and_takes_no_labels_beside_it(gatehouse: Command, checks: Path) -> None:
    answer = gatehouse("evaluate", "--suite", str(checks), "--scores", "log.csv", "--labels", "labels.csv")
    assert answer.code == 2
    assert "the suite says what is expected: leave --labels out" in answer.err


def imported(gatehouse: Command, label: str) -> None:
    rows = [f"{i},text number {i} of a list,{i % 2}" for i in range(60)]
    Path("mine.csv").write_text("\n".join([f"id,text,{label}", *rows]) + "\n")
    answer = gatehouse(
        *("data", "import", "mine.csv", "--name", "mine", "--label", label),
        *("--licence", "own", "--population", "texts of a list"),
    )
    assert answer.code == 0, answer.err


def test_a_release_is_evaluated_on_another_population_with_its_points_provisional(with_spam: Command) -> None:
    imported(with_spam, "spam")
    answer = with_spam("evaluate", "spam", "--on", "mine", "--draws", "20")
    assert answer.code == 0, answer.err
    assert "population: texts of a list" in answer.out


def test_a_data_set_without_the_label_is_refused_with_what_it_has(with_spam: Command) -> None:
    imported(with_spam, "advert")
    answer = with_spam("evaluate", "spam", "--on", "mine")
    assert answer.code == 2
    assert "data set 'mine' says nothing of 'spam'" in answer.err
    assert "it has advert" in answer.err


def test_options_for_a_file_are_refused_without_one(with_spam: Command) -> None:
    answer = with_spam("evaluate", "spam", "--threshold", "0.5")
    assert answer.code == 2
    assert "go with --scores" in answer.err


def test_options_that_would_be_ignored_are_refused(gatehouse: Command) -> None:
    sliced = gatehouse("evaluate", "--scores", "log.csv", "--suite", "suite.csv", "--slice", "market")
    assert sliced.code == 2
    assert "a suite has its own functionalities" in sliced.err
    elsewhere = gatehouse("evaluate", "--scores", "log.csv", "--on", "mine")
    assert elsewhere.code == 2
    assert "leave it out with --scores" in elsewhere.err
