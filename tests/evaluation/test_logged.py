"""Anyone's logged answers are read whole, or every fault is named with its rows."""

from pathlib import Path

import numpy as np
import pytest

from gatehouse.errors import UserError
from gatehouse.evaluation.logged import read


@pytest.fixture
def write(tmp_path: Path):
    def made(text: str, name: str = "log.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return made


def test_scores_and_verdicts_of_several_detectors_are_told_apart(write) -> None:
    path = write(
        "id,label,score,verdict,detector,author,views\n"
        "1,yes,0.9,,a,u1,10\n1,yes,,violating,b,u1,10\n"
        "2,no,0.2,,a,,0\n2,no,,not,b,,0\n"
        "3,1,,,a,u1,5\n3,1,,Unsure,b,u1,5\n"
        "4,FALSE,0.6,,a,,1\n4,FALSE,,unparsable,b,,1\n"
    )
    (first, second), left_out = read(path, {})
    assert left_out == []
    assert first.truth.tolist() == [1, 0, 1, 0]
    assert np.array_equal(first.score, [0.9, 0.2, np.nan, 0.6], equal_nan=True)
    assert np.array_equal(first.rows(0.5).answer, [1, 0, np.nan, 1], equal_nan=True)
    assert np.isnan(first.rows().answer).all()
    assert second.verdict.tolist() == ["violating", "not", "unsure", "unparsable"]
    assert np.array_equal(second.rows(0.5).answer, [1, 0, np.nan, np.nan], equal_nan=True)
    assert first.rows().views.tolist() == [10, 0, 5, 1]
    clusters = first.rows().clusters
    assert clusters is not None
    assert clusters[0] == clusters[2]
    assert len({clusters[0], clusters[1], clusters[3]}) == 3


def test_labels_may_stand_in_a_file_of_their_own(write) -> None:
    scores = write("id,score\n1,0.9\n2,0.1\n")
    labels = write("id,label\n2,no\n1,yes\n", "labels.csv")
    (found,), _ = read(scores, {}, labels=labels)
    assert found.truth.tolist() == [1, 0]


def test_rows_without_a_label_are_named_or_left_out(write) -> None:
    path = write("id,label,score\n1,yes,0.9\n2,,0.1\n3,,0.2\n4,no,0.3\n")
    with pytest.raises(UserError, match=r"2 rows have no label: 3, 4") as caught:
        read(path, {})
    assert "--leave-out" in str(caught.value)
    (found,), left_out = read(path, {}, leave_out=True)
    assert len(found) == 2
    assert left_out == ["2 rows without a label were left out"]


def test_every_fault_of_a_file_is_named_at_once(write) -> None:
    path = write(
        "id,label,score,verdict,views\n"
        "1,yes,91,,3\n2,perhaps,0.1,,3\n,no,0.3,,3\n4,no,high,,3\n5,no,0.1,dunno,-1\n6,yes,0.2,,3\n6,yes,0.4,,3\n"
    )
    with pytest.raises(UserError) as caught:
        read(path, {})
    said = str(caught.value)
    for part in (
        "row 2 has a score outside 0-1",
        "--scale 91",
        "row 3 has a label that is not yes or no ('perhaps')",
        "row 4 has no id",
        "row 5 has a score that is no number",
        "row 6 has a verdict that is not violating, not, unsure or unparsable ('dunno')",
        "row 6 has no number of views, or one below 0",
    ):
        assert part in said


def test_an_id_twice_for_one_detector_is_refused(write) -> None:
    path = write("id,label,score\n6,yes,0.2\n6,yes,0.4\n")
    with pytest.raises(UserError, match="the same id stands more than once for one detector: '6'"):
        read(path, {})


def test_ids_that_do_not_match_are_refused(write) -> None:
    scores = write("id,score\n1,0.9\n")
    labels = write("id,label\nx1,yes\n", "labels.csv")
    with pytest.raises(UserError) as caught:
        read(scores, {}, labels=labels)
    assert "not one id of the labels is in the file of scores" in str(caught.value)


def test_scores_of_another_scale_are_divided(write) -> None:
    (found,), _ = read(write("id,label,score\n1,yes,91\n2,no,5\n"), {}, scale=100)
    assert found.score.tolist() == [0.91, 0.05]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"score": "scor"}, "did you mean --map score=score?"),
        ({"points": "score"}, "nothing is called 'points'"),
        ({"label": "truth"}, "no column 'truth' for label"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_the_next_step(write, given, said) -> None:
    with pytest.raises(UserError) as caught:
        read(write("id,label,score\n1,yes,0.9\n"), given)
    assert said in str(caught.value)


def test_a_file_without_score_and_verdict_is_refused(write) -> None:
    with pytest.raises(UserError, match="neither a score nor a verdict"):
        read(write("id,label\n1,yes\n"), {})
