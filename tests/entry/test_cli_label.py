"""`gatehouse label` as a team uses it: plan, label, import, train."""

import csv
import json
from pathlib import Path

import pytest
from tests.entry.conftest import Command
from tests.entry.test_cli_learn import own_pack

from gatehouse.entry.cli import label as command

BRING = ("--name", "ours", "--licence", "own", "--population", "made up")


def traffic(n: int = 240) -> dict[str, str]:
    """Texts of which a third says spam."""
    words = ("claim your free prize now, call", "see you at lunch on", "the meeting moves to")
    texts = {f"m{i}": f"{words[i % 3]} {i * 7919 % 1009} {chr(97 + i % 26) * 3}" for i in range(n)}
    rows = "".join(f"{id_},{text!r}\n".replace("'", '"') for id_, text in texts.items())
    Path("traffic.csv").write_text("id,body\n" + rows)
    return texts


def fill(plan: Path, sheet: Path, rater: str, label: str = "spam") -> None:
    """A spreadsheet in which somebody called spam what wants a call."""
    with plan.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with sheet.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", label, "rater"))
        writer.writerows((row["id"], "yes" if "claim" in row["text"] else "no", rater) for row in rows)


def test_the_whole_way_from_traffic_to_a_release(gatehouse: Command) -> None:
    traffic()
    recipe = own_pack() / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("dataset: sms-spam", "dataset: ours"))
    planned = gatehouse(
        "label", "mine/spam", "traffic.csv", "--map", "text=body", "--plan", "--n", "150", "--out", "plan.csv"
    )
    assert planned.code == 0, planned.err
    assert "chosen by words of the policy and its examples, for there is no release yet" in planned.out
    assert "next: gatehouse label mine/spam plan.csv" in planned.out
    fill(Path("plan.csv"), Path("ann.csv"), "ann")
    fill(Path("plan.csv"), Path("ben.csv"), "ben")
    for sheet in ("ann.csv", "ben.csv"):
        taken = gatehouse("label", "mine/spam", "plan.csv", "--from", sheet)
        assert taken.code == 0, taken.err
    state = gatehouse("label", "mine/spam", "plan.csv", "--rater", "ann")
    assert state.code == 0, state.err
    assert "100 % [" in state.out
    whose = gatehouse("label", "mine/spam", "plan.csv", "--answers", "answers.csv")
    assert "a prevalence takes one rater's answers\n    → those who answered: ann, ben" in whose.err
    answers = gatehouse("label", "mine/spam", "plan.csv", "--answers", "answers.csv", "--rater", "ann")
    assert "0 of them not answered yet" in answers.out
    estimated = json.loads(gatehouse("prevalence", "estimate", "answers.csv", "--json").out)
    assert estimated["items"]["called"]["low"] < 1 / 3 < estimated["items"]["called"]["high"]
    exported = gatehouse("label", "mine/spam", "plan.csv", "--export", "labelled.csv")
    assert exported.code == 0, exported.err
    assert "next: gatehouse data import labelled.csv --label spam --name my-labels" in exported.out
    imported = gatehouse("data", "import", "labelled.csv", "--label", "spam", *BRING, "--language", "en")
    assert imported.code == 0, imported.err
    trained = gatehouse("train", "mine/spam")
    assert trained.code == 0, trained.err
    assert "learnt from ours" in trained.out


def test_without_a_terminal_it_says_what_to_do(gatehouse: Command) -> None:
    traffic(5)
    answer = gatehouse("label", "spam", "traffic.csv", "--map", "text=body")
    assert answer.code == 2
    assert "5 questions are open, and there is no terminal to ask at" in answer.err
    assert "--from labelled.csv" in answer.err


def test_at_a_terminal_it_asks_and_tells_what_was_written(gatehouse: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    traffic(3)
    keys = iter("ytnsq")
    monkeypatch.setattr(command.click, "getchar", lambda: next(keys))
    monkeypatch.setattr(command.sys.stdin, "isatty", lambda: True, raising=False)
    answer = gatehouse("label", "spam", "traffic.csv", "--map", "text=body", "--rater", "ann")
    assert answer.code == 0, answer.err
    assert "S1  No spam or scams" in answer.out
    assert "2 answers written to traffic.spam.labels.csv; 1 question skipped, asked again next time" in answer.out
    assert "ann: 2 of 3 questions answered in traffic.spam.labels.csv" in answer.out
    state = json.loads(gatehouse("label", "spam", "traffic.csv", "--map", "text=body", "--rater", "ann", "--json").out)
    assert (state["questions"], state["answered"], state["raters"]) == (3, 2, ["ann"])


def test_faults_of_a_sheet_reach_the_person_with_their_rows_and_nothing_is_taken(gatehouse: Command) -> None:
    traffic(3)
    Path("sheet.csv").write_text("id,label,value\nm0,spam,yes\nm9,spam,yes\nm1,spma,no\nm2,spam,perhaps\n")
    answer = gatehouse("label", "spam", "traffic.csv", "--map", "text=body", "--from", "sheet.csv")
    assert answer.code == 2
    for part in ("unknown id 'm9' (row 3)", "unknown label 'spma' (row 4)", "'perhaps' is no answer (row 5)"):
        assert part in answer.err
    assert not Path("traffic.spam.labels.csv").exists()


def test_what_does_not_go_together_is_refused_at_once(gatehouse: Command) -> None:
    traffic(3)
    both = gatehouse("label", "spam", "traffic.csv", "--plan", "--from", "x.csv")
    assert both.code == 2
    assert "--from and --plan are different things" in both.err
    assert "nothing says where the plan goes" in both.err
    out = gatehouse("label", "spam", "traffic.csv", "--out", "x.csv")
    assert "--out belongs to a plan" in out.err
    wrong = gatehouse("label", "spam", "traffic.csv", "--map", "text=body", "--label", "spma")
    assert "'spam' has no label 'spma'" in wrong.err
    none = gatehouse("label", "spam", "traffic.csv", "--map", "text=body", "--export", "out.csv")
    assert "nobody said yes or no to anything yet" in none.err


def test_a_label_that_is_not_asked_for_stays_in_the_file(gatehouse: Command) -> None:
    traffic(3)
    Path("sheet.csv").write_text("id,toxic,insult\nm0,yes,no\n")
    texts = ("label", "toxicity", "traffic.csv", "--map", "text=body")
    assert gatehouse(*texts, "--from", "sheet.csv").code == 0
    one = gatehouse(*texts, "--label", "toxic", "--export", "one.csv")
    assert one.code == 0, one.err
    assert Path("one.csv").read_text().splitlines()[0] == "id,text,toxic,rater"
    many = gatehouse(*texts, "--answers", "a.csv")
    assert "a prevalence is of one label" in many.err
    none = gatehouse(*texts, "--label", "toxic", "--answers", "a.csv")
    assert "3 of 3 texts have no chance, so nobody can tell what they stand for" in none.err


def test_the_next_plan_leaves_out_what_is_labelled(gatehouse: Command) -> None:
    traffic(60)
    plan = ("label", "spam", "traffic.csv", "--map", "text=body", "--plan", "--n", "20")
    assert gatehouse(*plan, "--out", "one.csv").code == 0
    fill(Path("one.csv"), Path("ann.csv"), "ann")
    assert gatehouse("label", "spam", "one.csv", "--from", "ann.csv").code == 0
    second = gatehouse(*plan, "--out", "two.csv", "--known", "one.spam.labels.csv", "--seed", "8", "--json")
    assert second.code == 0, second.err
    first_ids, second_ids = (
        {line.split(",")[0] for line in Path(name).read_text().splitlines()[1:]} for name in ("one.csv", "two.csv")
    )
    assert not first_ids & second_ids
    assert json.loads(second.out)["n"] == 60 - len(first_ids)
