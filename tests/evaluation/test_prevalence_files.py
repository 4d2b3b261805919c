import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.evaluation.prevalence_by_hand import label, rows_of, write_rows, write_scores

from gatehouse.errors import UserError
from gatehouse.evaluation.prevalence import draw
from gatehouse.evaluation.prevalence_files import note_path, read_frame, read_judged, read_labelled, rows_in_words
from gatehouse.records.score import SCORE_SCHEMA


@pytest.fixture
def drawn(tmp_path):
    """A labelled draw."""
    out = tmp_path / "to-label.csv"
    draw(read_frame(write_scores(tmp_path / "scores.csv"), {}), out, 200, seed=7)
    label(out)
    return out


def spoiled(path, change):
    rows = rows_of(path)
    change(rows)
    write_rows(path, rows)
    with pytest.raises(UserError) as error:
        read_labelled(path)
    return str(error.value)


def test_scores_are_read_from_csv_jsonl_and_parquet_alike(tmp_path):
    rows = [{"id": "a", "score": 0.25, "views": 3.0}, {"id": "b", "score": 0.5, "views": 0.0}]
    (tmp_path / "s.csv").write_text("id,score,views\na,0.25,3\nb,0.5,0\n")
    (tmp_path / "s.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "s.parquet")
    for name in ("s.csv", "s.jsonl", "s.parquet"):
        frame = read_frame(tmp_path / name, {})
        assert (frame.ids, frame.score.tolist(), frame.views.tolist()) == (["a", "b"], [0.25, 0.5], [3.0, 0.0])


def test_columns_of_other_names_are_mapped(tmp_path):
    (tmp_path / "s.csv").write_text("post,risk\na,0.25\n")
    assert read_frame(tmp_path / "s.csv", {"id": "post", "score": "risk"}).ids == ["a"]
    with pytest.raises(UserError, match="'scores' is not a column that is read"):
        read_frame(tmp_path / "s.csv", {"scores": "risk"})


def written_by_score(path, labels):
    """Rows as `gatehouse score` writes them: two detectors and a rule for each event."""
    rows = [
        {"event_id": event, "policy": "p", "detector": detector, "label": name, "state": state, "score": score}
        for event, base in (("a", 0.2), ("b", None))
        for name in labels
        for detector, state, score in (
            ("d1", "scored", base),
            ("d2", "scored", base and base + 0.3),
            ("r", "matched", None),
        )
    ]
    pq.write_table(pa.Table.from_pylist(rows, SCORE_SCHEMA), path)
    return path


def test_a_file_that_score_wrote_gives_one_row_an_event_with_its_highest_score(tmp_path):
    frame = read_frame(written_by_score(tmp_path / "s.parquet", ["spam"]), {})
    assert frame.ids == ["a", "b"]
    assert frame.score[0] == 0.5
    assert np.isnan(frame.score[1]), "no score is not a score of 0"


def test_of_several_labels_one_must_be_named(tmp_path):
    path = written_by_score(tmp_path / "s.parquet", ["insult", "threat"])
    with pytest.raises(UserError, match=r"scores for 2 labels\n.*add --label: insult, threat"):
        read_frame(path, {})
    with pytest.raises(UserError, match=r"no label 'insults'\n.*did you mean 'insult'"):
        read_frame(path, {}, "insults")
    assert read_frame(path, {}, "threat").ids == ["a", "b"]


def test_every_fault_of_a_file_of_scores_is_named_with_its_rows(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("id,score,views\na,0.2,1\nb,1.5,2\na,0.3,-4\n,0.1,\n")
    with pytest.raises(UserError) as error:
        read_frame(path, {})
    said = str(error.value)
    assert f"{path}:3: a score is not between 0 and 1 (row 3)" in said
    assert "an id stands there twice (row 4)" in said
    assert "there is no id (row 5)" in said
    assert "views are missing or below 0 (rows 4, 5)" in said


def test_a_record_that_cannot_be_read_is_a_fault_not_a_gap(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("id,score\na,0.2\nb,high\n")
    with pytest.raises(UserError, match="score is 'high', not double"):
        read_frame(path, {})


def test_an_empty_file_of_scores_is_refused(tmp_path):
    (tmp_path / "s.csv").write_text("id,score\n")
    with pytest.raises(UserError, match="no item in this file"):
        read_frame(tmp_path / "s.csv", {})


def test_chances_survive_the_file_exactly(drawn):
    labelled = read_labelled(drawn)
    note = json.loads(note_path(drawn).read_text())
    assert note["chances"] == dict(zip(labelled.ids, labelled.chance.tolist(), strict=True))
    assert note["items"] == 2_000
    assert note["seed"] == 7


def test_a_spreadsheet_may_round_the_last_digit_of_a_chance(drawn):
    rows = rows_of(drawn)
    for row in rows:
        row["chance"] = f"{float(row['chance']):.15g}"
    write_rows(drawn, rows)
    assert read_labelled(drawn).note is not None


def test_every_fault_of_a_labelled_file_is_named_with_its_rows(drawn):
    def change(rows):
        rows[0]["label"] = ""
        rows[1]["label"] = "yess"
        rows[2]["chance"] = "0"
        rows[3]["looks"] = "yes perhaps"
        rows[4]["views"] = "-1"
        rows[5]["id"] = "new"

    said = spoiled(drawn, change)
    assert f"{drawn}:2: there is no label (row 2)" in said
    assert "'yess' is not a label (row 3)\n    → did you mean 'yes'? write yes, no or unsure" in said
    assert "the chance is not above 0 and at most 1 (row 4)" in said
    assert "'perhaps' is not a label (row 5)" in said
    assert "views are missing or below 0 (row 6)" in said
    assert "an id was not drawn (row 7)" in said
    assert "1 of 2" in said
    assert "drawn ids are missing" in said


def test_a_changed_chance_and_a_lost_row_are_seen(drawn):
    lost = rows_of(drawn)[3]["id"]

    def change(rows):
        rows[0]["chance"] = "0.5"
        del rows[3]

    said = spoiled(drawn, change)
    assert "the chance is not the one it was drawn with (row 2)" in said
    assert f"drawn ids are missing: {lost}" in said


def test_labels_may_have_capitals_and_looks_other_separators(drawn):
    rows = rows_of(drawn)
    rows[0] |= {"label": " Yes ", "looks": "YES, no"}
    write_rows(drawn, rows)
    assert read_labelled(drawn).answers[0] == ("yes", "yes", "no")


def test_without_its_note_a_draw_is_still_read(drawn):
    note_path(drawn).unlink()
    assert read_labelled(drawn).note is None


def test_a_broken_note_is_said(drawn):
    note_path(drawn).write_text("{}")
    with pytest.raises(UserError, match="not the note of a draw"):
        read_labelled(drawn)


def test_labels_are_not_written_over(tmp_path, drawn):
    frame = read_frame(tmp_path / "scores.csv", {})
    with pytest.raises(UserError, match="perhaps with labels in it"):
        draw(frame, drawn, 10, seed=7)
    with pytest.raises(UserError, match="written as CSV"):
        draw(frame, tmp_path / "out.parquet", 10, seed=7)


def test_a_judge_says_yes_no_or_a_number_for_every_item(tmp_path):
    path = tmp_path / "j.csv"
    path.write_text("id,judge\na,yes\nb,No\nc,0.25\n")
    assert read_judged(path, {}).score.tolist() == [1, 0, 0.25]
    path.write_text("id,judge\na,yes\nb,\nc,2\nd,dunno\n")
    with pytest.raises(UserError, match=r"not yes, no or a number from 0 to 1 \(rows 3, 4, 5\)"):
        read_judged(path, {})


def test_long_lists_of_rows_are_cut():
    assert rows_in_words([7]) == "row 7"
    assert rows_in_words(range(1, 12)) == "rows 1, 2, 3, 4, 5, 6, 7, 8 and 3 more"
