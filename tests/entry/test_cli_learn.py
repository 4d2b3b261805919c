"""Releases: made, promoted, taken back, and refused when their parts do not fit."""

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.entry.conftest import Command

from gatehouse.flows import packs


def own_pack(name: str = "spam") -> Path:
    """A copy of a shipped pack as a user's own folder."""
    return Path(shutil.copytree(packs.locate(name), Path("mine") / name))


def release_of(out: str) -> str:
    found = re.search(r"release ([0-9a-f]{12})", out)
    assert found
    return found[1]


def test_training_without_public_data_says_so(gatehouse: Command) -> None:
    answer = gatehouse("train", "spam")
    assert answer.code == 0, answer.err
    assert "NOTE: the public data was not found" in answer.out
    assert "(draft), learnt from Worked examples of the pack 'spam'" in answer.out
    assert "cannot be promised" in answer.out
    assert "next: gatehouse evaluate spam; gatehouse promote spam" in answer.out


def test_training_twice_gives_the_same_release(with_spam: Command) -> None:
    first, second = (release_of(with_spam("train", "spam").out) for _ in range(2))
    assert first == second


def test_evaluation_shows_counts_only_for_few_positives(with_spam: Command) -> None:
    answer = with_spam("evaluate", "spam", "--draws", "20", "--out", "report.html", "--card", "card.md")
    assert answer.code == 0, answer.err
    assert "– : counts only; a figure needs at least 50 positives" in answer.out
    assert "<html" in Path("report.html").read_text()
    assert "not for" in Path("card.md").read_text().lower()


def test_a_changed_policy_cannot_be_used_with_the_old_points(with_spam: Command) -> None:
    folder = own_pack()
    policy = folder / "policy.yaml"
    policy.write_text(policy.read_text().replace("purpose", "aim", 1).replace("Purpose", "Aim", 1) + "\n# note\n")
    answer = with_spam("evaluate", str(folder))
    assert answer.code == 2
    assert "a threshold does not outlive its policy" in answer.err
    assert with_spam("train", str(folder)).code == 0
    assert with_spam("evaluate", str(folder), "--draws", "20").code == 0


def test_rollback_goes_back_to_what_was_live(with_spam: Command) -> None:
    before = json.loads(with_spam("releases", "spam", "--json").out)[0]["release"]["version"]
    folder = own_pack()
    policy = folder / "policy.yaml"
    policy.write_text(policy.read_text().replace("title: ", "title: New ", 1))
    after = release_of(with_spam("train", str(folder)).out)
    assert after != before
    assert f"live: spam {after}" in with_spam("promote", "spam").out
    assert f"live again: spam {before}" in with_spam("rollback", "spam", "--why", "too many cases").out
    shown = with_spam("releases", "spam").out
    assert re.search(rf"{before}\s+live", shown)
    assert re.search(rf"{after}\s+retired", shown)
    answer = with_spam("rollback", "spam")
    assert answer.code == 2
    assert "no earlier live release" in answer.err


def test_promoting_what_is_not_there_names_what_is(with_spam: Command) -> None:
    answer = with_spam("promote", "spam", "000000000000")
    assert answer.code == 2
    assert "000000000000" in answer.err


def test_a_pack_with_mistakes_names_all_of_them(gatehouse: Command) -> None:
    folder = own_pack()
    rules, recipe = folder / "rules.yaml", folder / "recipe.yaml"
    rules.write_text(rules.read_text().replace("url_count", "url_cuont", 1).replace("phone_count", "fone_count", 1))
    recipe.write_text(recipe.read_text().replace("pack: spam", "pack: other"))
    answer = gatehouse("train", str(folder))
    assert answer.code == 2
    assert "did you mean 'url_count'" in answer.err
    assert "did you mean 'phone_count'" in answer.err
    assert "the recipe is for 'other'" in answer.err
    assert re.search(r"rules\.yaml:\d+:\d+", answer.err)


def test_a_pack_with_a_file_missing_names_it(gatehouse: Command) -> None:
    folder = own_pack()
    (folder / "bank.jsonl").unlink()
    (folder / "card.md").unlink()
    answer = gatehouse("train", str(folder))
    assert answer.code == 2
    assert "bank.jsonl: the file is missing" in answer.err
    assert "card.md: the file is missing" in answer.err


def test_an_unknown_pack_is_answered_with_the_nearest(gatehouse: Command) -> None:
    answer = gatehouse("train", "toxicty")
    assert answer.code == 2
    assert "did you mean 'toxicity'?" in answer.err


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_model_file_is_an_error_with_the_way_out(with_spam: Command, damage: str) -> None:
    Path("my.csv").write_text("id,text\n1,hello\n")
    model = max((p for p in Path(".gatehouse/models").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    content = model.read_bytes()
    model.chmod(0o644)
    if damage == "gone":
        model.unlink()
    else:
        model.write_bytes(content[: len(content) // 2] if damage == "cut" else content[:-1] + b"!")
    answer = with_spam("score", "my.csv", "--out", "o.parquet")
    assert answer.code == 3
    assert str(model) in answer.err
    assert "gatehouse train" in answer.err


def test_doctor_tells_the_rest_where_the_ledger_cannot_be_reached(
    gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEHOUSE_LEDGER", "postgresql://someone:hidden@127.0.0.1:1/none")
    answer = gatehouse("doctor", "--json")
    assert answer.code == 2
    found = {finding["what"]: finding["state"] for finding in json.loads(answer.out)["findings"]}
    assert [state for what, state in found.items() if "cannot be used" in what] == ["broken"]
    assert found["pack spam has no live release"] == "missing"
    assert "hidden" not in answer.out + answer.err


def test_doctor_names_what_is_missing_and_what_mends_it(gatehouse: Command) -> None:
    answer = gatehouse("doctor")
    assert answer.code == 0
    assert "gatehouse init" in answer.out
    assert "gatehouse data fetch sms-spam" in answer.out
    assert gatehouse("init").code == 0
    assert "gatehouse train spam && gatehouse promote spam" in gatehouse("doctor").out


def test_a_fault_of_ours_shows_no_stack_trace(gatehouse: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("inner")

    monkeypatch.setattr("gatehouse.flows.packs.load", broken)
    answer = gatehouse("train", "spam")
    assert answer.code == 3
    assert "a fault of Gatehouse itself (KeyError)" in answer.err
    assert "GATEHOUSE_DEBUG=1" in answer.err
    assert "Traceback" not in answer.err


def test_a_pack_whose_steps_and_labels_do_not_meet_names_each(gatehouse: Command) -> None:
    folder = own_pack()
    policy, bank = folder / "policy.yaml", folder / "bank.jsonl"
    policy.write_text(policy.read_text().replace("spam.rules, label: spam", "spma.rules, label: spam"))
    bank.write_text(bank.read_text().replace('"label": "spam"', '"label": "fraud"', 1))
    answer = gatehouse("train", str(folder))
    assert answer.code == 2
    assert "reads 'spma.rules', which this pack does not have" in answer.err
    assert "the pack has spam.linear, spam.rules, spam.bank" in answer.err
    assert "no step reads the label 'fraud' of 'spam.bank', so nobody would see it" in answer.err
    assert "no step reads the label 'spam' of 'spam.rules'" in answer.err


def test_a_data_set_that_nobody_knows_is_not_replaced_in_silence(gatehouse: Command) -> None:
    recipe = own_pack() / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("dataset: sms-spam", "dataset: sms-spma"))
    answer = gatehouse("train", "mine/spam")
    assert answer.code == 2
    assert "recipe.yaml: there is no data set 'sms-spma'" in answer.err
    assert "did you mean 'sms-spam'?" in answer.err
    assert "gatehouse data import FILE --name sms-spma" in answer.err


def test_a_pack_file_in_another_encoding_is_named(gatehouse: Command) -> None:
    (own_pack() / "card.md").write_bytes(b"caf\xe9")
    answer = gatehouse("train", "mine/spam")
    assert answer.code == 2
    assert "card.md: byte 4 is not UTF-8" in answer.err


def test_a_release_is_evaluated_on_the_data_it_was_learnt_from_and_not_on_newer(gatehouse: Command) -> None:
    recipe = own_pack() / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("dataset: sms-spam", "dataset: ours"))
    words = {"spam": "claim your prize now", "ham": "see you at lunch"}
    for turn, n in (("first", 120), ("second", 160)):
        rows = [
            f"{turn}{i},{words['spam' if i % 3 else 'ham']} {turn} {i},{'spam' if i % 3 else 'ham'}" for i in range(n)
        ]
        Path(f"{turn}.csv").write_text("\n".join(["id,text,class", *rows]) + "\n")
    bring = ("--name", "ours", "--licence", "own", "--population", "made up", "--label", "spam=class:spam/ham")
    assert gatehouse("data", "import", "first.csv", *bring).code == 0
    assert gatehouse("train", "mine/spam").code == 0
    learnt = json.loads(gatehouse("evaluate", "mine/spam", "--draws", "5", "--json").out)["dataset"]
    assert gatehouse("data", "import", "second.csv", *bring).code == 0
    again = json.loads(gatehouse("evaluate", "mine/spam", "--draws", "5", "--json").out)["dataset"]
    assert again == learnt
    assert learnt["rows"] == 120


def test_a_pack_that_means_something_else_by_a_live_packs_column_is_not_promoted(with_spam: Command) -> None:
    shutil.copytree(packs.locate("spam"), Path("own") / "offers")
    for file in (Path("own") / "offers").glob("*.yaml"):
        text = file.read_text().replace("spam.", "offers.").replace("policy: spam", "policy: offers")
        file.write_text(text.replace("pack: spam", "pack: offers").replace("window: 30d", "window: 60d"))
    assert with_spam("train", "own/offers").code == 0
    refused = with_spam("promote", "own/offers")
    assert refused.code == 2
    assert "'known_seconds'" in refused.err
    assert "'offers' beside 'spam', which is live" in refused.err
    assert "give it another name in features.yaml" in refused.err
