"""A suite is read whole or every fault is named with its rows; pass rates stand by functionality, the lowest first."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gatehouse.errors import UserError
from gatehouse.evaluation import suite
from gatehouse.evaluation.estimate import share

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(text: str, name: str = "suite.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return made


GOOD = (
    "id,text,expected,functionality\n"
    "a,you clown,violating,plain\nb,no clown here,not,negated\nc,you clowns,YES,plain\nd,he said clown,no,quoted\n"
)


def many(passing: int, n: int = 10, name: str = "plain") -> str:
    return "".join(f"{name}{i},text {i},{'yes' if i < passing else 'no'},{name}\n" for i in range(n))


def test_a_suite_is_read_in_the_order_of_its_file(write: Write) -> None:
    found = suite.read(write(GOOD), {})
    assert found.ids == ("a", "b", "c", "d")
    assert found.expected.tolist() == [1, 0, 1, 0]
    assert found.functionalities == ("plain", "negated", "plain", "quoted")
    assert found.templates is None


def test_columns_may_be_called_otherwise_and_cases_may_have_no_ids(write: Write) -> None:
    path = write('{"body": "you clown", "gold": "violating", "functionality": "plain"}\n', "suite.jsonl")
    found = suite.read(path, {"text": "body", "expected": "gold"})
    assert found.texts == ("you clown",)
    assert found.ids == ("row 1",)


def test_every_fault_is_named_with_its_rows_and_the_next_step(write: Write) -> None:
    path = write("id,text,expected,functionality\na,,violating,plain\nb,x,perhaps,plain\nc,y,,\nb,z,no,plain\n")
    with pytest.raises(UserError) as caught:
        suite.read(path, {})
    said = str(caught.value)
    for part in (
        "row 2 has no text",
        "row 3 has an expected answer that is not violating or not ('perhaps')",
        "row 4 has no expected answer",
        "row 4 names no functionality",
        "'b' stand more than once",
        "→ write violating or not",
    ):
        assert part in said


def test_unknown_and_missing_columns_are_named_at_once(write: Write) -> None:
    path = write("text,expectd,functionality,templat,notes\nx,no,plain,t,n\n")
    with pytest.raises(UserError) as caught:
        suite.read(path, {})
    said = str(caught.value)
    assert "no column 'expected' for expected" in said
    assert "did you mean --map expected=expectd?" in said
    assert "unknown column 'templat'" in said
    assert "if it is the template, say --map template=templat" in said
    assert "unknown column 'notes'" in said
    found = suite.read(path, {"expected": "expectd", "template": "templat"}, leave_out=True)
    assert found.templates == ("t",)


def test_pass_rates_are_exact_the_lowest_first_and_small_ones_last(write: Write) -> None:
    cases = suite.read(
        write("id,text,expected,functionality\n" + many(9) + many(5, name="quoted") + many(0, 3, "x")), {}
    )
    report = suite.report(cases, np.ones(len(cases)))
    assert [(one.functionality, one.passed, one.n) for one in report.functionalities] == [
        ("quoted", 5, 10),
        ("plain", 9, 10),
        ("x", 0, 3),
    ]
    assert report.functionalities[0].rate == share(5, 10)
    assert report.functionalities[2].small == "only 3 cases, 8 are needed"
    assert report.minimum is report.functionalities[0]
    assert report.in_words == "14 of 23 cases pass, of 3 functionalities. The minimum is .500 [.187, .813]: quoted."


def test_no_plain_answer_is_never_a_pass(write: Write) -> None:
    cases = suite.read(write("id,text,expected,functionality\n" + many(5)), {})
    (one,) = suite.report(cases, np.full(10, np.nan)).functionalities
    assert (one.passed, one.silent) == (0, 10)


def test_cases_of_one_template_are_not_independent(write: Write) -> None:
    rows = "".join(f"{i},text,yes,plain,t{i // 10}\n" for i in range(100))
    cases = suite.read(write("id,text,expected,functionality,template\n" + rows), {})
    answer = (np.arange(100) < 50).astype(float)
    (clustered,) = suite.report(cases, answer).functionalities
    alone = share(50, 100)
    assert clustered.templates == 10
    assert clustered.rate is not None
    assert alone is not None
    assert clustered.rate.high - clustered.rate.low > 2.5 * (alone.high - alone.low)
    one = suite.read(write("text,expected,functionality,template\n" + "x,yes,plain,t\n" * 20), {})
    (single,) = suite.report(one, np.ones(20)).functionalities
    assert single.rate is None
    assert single.small == "only 1 template, 5 are needed"


def test_logged_answers_are_matched_by_id(write: Write) -> None:
    cases = suite.read(write(GOOD), {})
    log = write("id,verdict,score\nd,unsure,\nb,violating,\na,,0.9\nc,,0.2\n", "log.csv")
    with pytest.raises(UserError, match="nothing says from which score on the detector flags"):
        suite.logged_answers(cases, log, {})
    ((name, answer),) = suite.logged_answers(cases, log, {}, threshold=0.5)
    assert name == "the detector"
    assert np.array_equal(answer, [1, 1, 0, np.nan], equal_nan=True)


def test_a_case_without_an_answer_and_an_answer_without_a_case_are_faults(write: Write) -> None:
    cases = suite.read(write(GOOD), {})
    with pytest.raises(UserError, match="has no answer to 2 of 4 cases: 'b', 'c'"):
        suite.logged_answers(cases, write("id,verdict\na,yes\nd,no\n", "log.csv"), {})
    more = write("id,verdict\na,yes\nb,no\nc,yes\nd,no\nz,no\n", "log.csv")
    with pytest.raises(UserError, match="row 6 has no label"):
        suite.logged_answers(cases, more, {})
    assert len(suite.logged_answers(cases, more, {}, leave_out=True)) == 1
    nameless = suite.read(write("text,expected,functionality\nx,no,plain\n"), {})
    with pytest.raises(UserError, match="the suite has no ids to match answers by"):
        suite.logged_answers(nameless, more, {})
