"""`gatehouse replay` as a policy's owner uses it: what would change, for how many, and nothing is done."""

import csv
import json
from pathlib import Path

import pytest
from tests.entry.conftest import Command

from gatehouse.flows import packs

KNOWN = "gatehouse canary text: known spam sample 1"


@pytest.fixture
def changed() -> str:
    """A policy that limits known spam, and whose clause S2 says something else."""
    text = (packs.locate("spam") / "policy.yaml").read_text()
    before = "clause: S1\n    enforce: remove\n  - name: certain_spam"
    assert before in text
    text = text.replace(before, before.replace("remove", "limit")).replace(
        "Do not announce prizes", "Never offer prizes"
    )
    Path("new.yaml").write_text(text)
    return "new.yaml"


@pytest.fixture
def recorded(with_spam: Command) -> Command:
    """A ledger of three events."""
    Path("in.csv").write_text(f"id,text,actor\nk1,{KNOWN},a\nk2,{KNOWN},a\nl1,see you at lunch,b\n")
    assert with_spam("score", "in.csv", "--out", "out.parquet", "--record").code == 0
    return with_spam


def test_flips_are_shown_by_change_step_and_clause_and_written(recorded: Command, changed: str) -> None:
    answer = recorded("replay", changed, "--since", "2026-01-01", "--points", "from-release", "--out", "flips.csv")
    assert answer.code == 0, answer.err
    assert (
        "decided again: 3 events decided since 2026-01-01 00:00 UTC, 3 on stored signals, 0 on signals anew"
        in answer.out
    )
    assert "would flip: 2 events (66.7 % of 3); it reaches 1 of 2 known actors" in answer.out
    assert "0 to something stricter, 2 to something milder" in answer.out
    assert "violating, limit" in answer.out
    assert "likely_spam: as in the release; recall at least 90 %" in answer.out
    assert "golden items that the change touches: 2 of 30" in answer.out
    assert "spam-01: clause S2 has another text" in answer.out
    with open("flips.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["event_id"], row["was_enforce"], row["enforce"], row["step"]) for row in rows] == [
        ("k1", "remove", "limit", "known_spam"),
        ("k2", "remove", "limit", "known_spam"),
    ]
    assert KNOWN not in Path("flips.csv").read_text()
    again = json.loads(recorded("trace", "k1", "--json").out)
    assert again["decision"]["enforce"] == "remove", "nothing was acted on"


def test_json_gives_every_count(recorded: Command, changed: str) -> None:
    found = json.loads(recorded("replay", changed, "--since", "2026-01-01", "--json").out)
    assert (found["n"], found["actors"], found["flips"]["events"]) == (3, 2, 2)
    assert found["changes"][0]["first"] == ["k1", "k2"]
    assert [item["id"] for item in found["stale"]] == ["spam-01", "spam-08"]


def test_past_decisions_are_compared_with_their_own_words(with_spam: Command, changed: str) -> None:
    rows = [f"1,{KNOWN},limited", f"2,{KNOWN},gone", f"3,{KNOWN},kept"]
    Path("past.csv").write_text("\n".join(["id,body,action", *rows]) + "\n")
    past = ("replay", changed, "--decisions", "past.csv", "--map", "text=body", "--map", "decision=action")
    unknown = with_spam(*past)
    assert unknown.code == 2
    assert "'gone' is not a known decision (row 3)" in unknown.err
    answer = with_spam(*past, "--map-decision", "gone=remove", "--out", "flips.csv")
    assert answer.code == 0, answer.err
    assert "decided again: 3 rows of past.csv, judged by the live detectors; nothing was acted on" in answer.out
    assert "would flip: 2 events (66.7 % of 3)" in answer.out
    assert "3 events of 3 name no actor" in answer.out
    assert "note: nothing is known of what the actors did before" in answer.out


def test_options_that_make_no_sense_are_named_together(with_spam: Command, changed: str) -> None:
    answer = with_spam("replay", changed, "--map", "text=body", "--until", "2026-01-01", "--out", changed)
    assert answer.code == 2
    assert "nothing says from when on to decide again" in answer.err
    assert "--map speaks of a file of decisions" in answer.err
    assert "the table would replace a file that is read" in answer.err
    assert "'soon' is neither a day nor a time" in with_spam("replay", changed, "--since", "soon").err
    early = with_spam("replay", changed, "--since", "2026-02-01", "--until", "2026-01-01")
    assert "it ends before it begins" in early.err


def test_a_policy_file_that_is_wrong_or_of_no_known_pack_is_named(with_spam: Command, changed: str) -> None:
    assert "there is no such policy file" in with_spam("replay", "none.yaml", "--since", "2026-01-01").err
    path = Path(changed)
    path.write_text(path.read_text().replace("policy: spam", "policy: spma"))
    answer = with_spam("replay", changed, "--since", "2026-01-01")
    assert answer.code == 2
    assert "unknown pack 'spma'\n    → did you mean 'spam'?" in answer.err


def test_a_table_that_could_not_be_finished_is_not_there(recorded: Command, changed: str) -> None:
    Path("past.csv").write_text("text,decision\nhello,whatever\n")
    answer = recorded("replay", changed, "--decisions", "past.csv", "--out", "flips.csv")
    assert answer.code == 2
    assert not list(Path().glob("flips.csv*"))
