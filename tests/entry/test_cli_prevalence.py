"""`gatehouse prevalence`: from scores to a figure, as a person runs it."""

import json
from pathlib import Path

from tests.entry.conftest import Command
from tests.evaluation.prevalence_by_hand import ITEMS, label, violates, write_scores


def test_plan_prints_the_labels_needed_simply_and_by_score(gatehouse: Command) -> None:
    write_scores(Path("scores.csv"))
    rates = ("--sensitivity", ".9", "--specificity", ".995")
    answer = gatehouse("prevalence", "plan", "--expected", ".02", "--width", ".01", "--scores", "scores.csv", *rates)
    assert answer.code == 0, answer.err
    assert "with most of 3 for every yes 0.891 and 0.99995" in answer.out
    assert "times fewer labels, if the scores order" in answer.out
    assert "next: gatehouse prevalence draw scores.csv --n " in answer.out


def test_plan_says_when_no_number_of_labels_is_enough(gatehouse: Command) -> None:
    rates = ("--sensitivity", "90/100", "--specificity", "1990/2000", "--looks", "1")
    answer = gatehouse("prevalence", "plan", "--expected", ".001", "--width", ".0005", *rates)
    assert answer.code == 0
    assert "no number of labels drawn simply gives this width: 0.354 % remain" in answer.out
    assert "measure them on more items, or let more look" in answer.out


def test_the_whole_way_from_scores_to_a_figure(gatehouse: Command) -> None:
    write_scores(Path("scores.csv"))
    drawn = gatehouse("prevalence", "draw", "scores.csv", "--n", "400", "--out", "to-label.csv")
    assert drawn.code == 0, drawn.err
    assert "of 2,000 items (400 expected; each falls on its own)" in drawn.out
    assert "ask 2 others who do not know of it" in drawn.out
    unlabelled = gatehouse("prevalence", "estimate", "to-label.csv")
    assert unlabelled.code == 2
    assert "there is no label (rows 2, 3," in unlabelled.err
    label(Path("to-label.csv"))
    judge = "".join(f"m{i},{'yes' if violates(f'm{i}') else 'no'},{1 + i % 7}\n" for i in range(ITEMS))
    Path("judge.csv").write_text("id,verdict,views\n" + judge)
    rates = ("--sensitivity", "190/200", "--specificity", "1998/2000")
    more = ("--judge", "judge.csv", "--map", "judge=verdict")
    answer = gatehouse("prevalence", "estimate", "to-label.csv", *rates, *more)
    assert answer.code == 0, answer.err
    assert "share of" in answer.out
    assert "views, with the judge" in answer.out
    assert "the judge calls 2 % of all items violating" in answer.out


def test_json_gives_every_figure(gatehouse: Command) -> None:
    write_scores(Path("scores.csv"))
    planned = gatehouse("prevalence", "plan", "--expected", ".02", "--width", ".01", "--scores", "scores.csv", "--json")
    assert json.loads(planned.out)["by_score"]["looks"] > 0
    drawn = gatehouse("prevalence", "draw", "scores.csv", "--n", "400", "--out", "to-label.csv", "--json")
    assert json.loads(drawn.out)["items"] == ITEMS
    label(Path("to-label.csv"))
    found = json.loads(gatehouse("prevalence", "estimate", "to-label.csv", "--json").out)
    assert found["items"]["corrected"]["low"] < 0.02 < found["items"]["corrected"]["high"]
    assert found["items"]["effective_n"] > found["items"]["n"]
    assert found["looks"] == 3
    assert found["powered_items"] is None


def test_few_positives_and_a_lost_note_are_said(gatehouse: Command) -> None:
    write_scores(Path("scores.csv"))
    gatehouse("prevalence", "draw", "scores.csv", "--n", "20", "--out", "to-label.csv")
    label(Path("to-label.csv"))
    Path("to-label.csv.draw.json").unlink()
    answer = gatehouse("prevalence", "estimate", "to-label.csv")
    assert answer.code == 0, answer.err
    assert "called violating; the interval is rough" in answer.out
    assert "nobody can tell whether rows were lost" in answer.out


def test_both_wrong_rates_are_named_at_once(gatehouse: Command) -> None:
    wrong = ("--sensitivity", "90%", "--specificity", "2")
    answer = gatehouse("prevalence", "plan", "--expected", ".01", "--width", ".01", *wrong)
    assert answer.code == 2
    assert "--sensitivity: '90%' is not a rate" in answer.err
    assert "--specificity: '2' is not a rate" in answer.err


def test_a_map_without_a_judge_is_an_error(gatehouse: Command) -> None:
    assert gatehouse("prevalence", "estimate", "x.csv", "--map", "judge=v").code == 2
