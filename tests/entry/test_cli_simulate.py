"""`gatehouse simulate` as a person meets it: the summary, the next steps, and what it refuses."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
from tests.entry.conftest import Command

SMALL = ("simulate", "--out", "week", "--accounts", "200", "--days", "2", "--no-public-data")


def test_it_tells_what_came_of_it_and_what_to_do_next(gatehouse: Command) -> None:
    answer = gatehouse(*SMALL)
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert re.fullmatch(r"[\d,]+ events of \d+ accounts in 2 days", lines[0])
    assert re.match(r"    \d+ post, \d+ comment, \d+ message, .* profile; [\d,]+ views", lines[1])
    assert re.search(r"true harm +events +of events +views +of views", answer.out)
    for harm in ("spam", "scam", "harassment", "false report", "manipulation", "any"):
        assert re.search(rf"^ *{harm} +[\d,]+ +\d+\.\d{{3}}% +[\d,]+ +\d+\.\d{{3}}%", answer.out, re.MULTILINE)
    assert re.search(r"^benign crowds: .*1 fandom", answer.out, re.MULTILINE)
    assert re.search(r"^campaigns: ", answer.out, re.MULTILINE)
    assert re.search(r"^bad accounts: ", answer.out, re.MULTILINE)
    assert re.search(r"^enforced: \d+ deeds?$", answer.out, re.MULTILINE)
    assert lines[-5:] == [
        "written: week",
        "next: gatehouse score week/events.parquet --out scores.parquet",
        "      gatehouse campaigns find week/events.parquet",
        "      gatehouse data import week --events --name simulated-week "
        "--licence simulated --population 'a simulated platform'",
        "          and then: gatehouse train abusive-accounts",
    ]
    assert answer.err.splitlines()[:2] == ["· gathering texts", "· simulating 2 days of 200 members"]


def test_what_it_names_as_next_steps_works(with_spam: Command) -> None:
    told = json.loads(with_spam(*SMALL, "--json").out)
    scored = with_spam("score", "week/events.parquet", "--out", "scores.parquet", "--json")
    assert scored.code == 0, scored.err
    assert json.loads(scored.out)["rejects"] is None
    assert sum(json.loads(scored.out)["outcomes"].values()) == told["about"]["events"]
    imported = with_spam(
        *("data", "import", "week", "--events", "--name", "simulated-week"),
        *("--licence", "simulated", "--population", "a simulated platform"),
    )
    assert imported.code == 0, imported.err
    assert "set aside: none" in imported.out


def test_a_settings_file_says_more_and_options_outweigh_it(gatehouse: Command) -> None:
    Path("mine.yaml").write_text("version: 1\nseed: 3\naccounts: 100\ndays: 9\nenforcement: none\nharm: 0\n")
    answer = gatehouse("simulate", "--out", "one", "--settings", "mine.yaml", "--days", "1", "--no-public-data")
    assert answer.code == 0, answer.err
    assert "in 1 day\n" in answer.out
    assert "enforced: nothing, nobody did" in answer.out
    assert "bad accounts: none" in answer.out
    assert "--name simulated-week" in answer.out
    assert len(pq.read_table("one/actors.parquet")) >= 100


def test_it_refuses_what_it_cannot_do_in_clear_words(gatehouse: Command) -> None:
    Path("old.yaml").write_text("version: 9\n")
    answer = gatehouse("simulate", "--out", "one", "--settings", "old.yaml")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "error: old.yaml: the scenario has version 9\n"
        "    → this Gatehouse reads version 1: look at docs/simulation.md and write 'version: 1'\n"
    )
    answer = gatehouse("simulate", "--out", "one", "--accounts", "100", "--events", "100")
    assert (answer.code, answer.err) == (
        2,
        "error: --accounts and --events are both given\n    → keep one of them\n",
    )
    Path("taken").mkdir()
    Path("taken/mine.txt").write_text("mine")
    answer = gatehouse("simulate", "--out", "taken")
    assert (answer.code, answer.err) == (
        2,
        "error: taken: there is something already\n    → choose another folder, or remove it\n",
    )
    answer = gatehouse("simulate", "--out", "one", "--settings", "nowhere.yaml")
    assert (answer.code, answer.err) == (2, "error: nowhere.yaml: there is no such file\n    → correct its name\n")
    assert not Path("one").exists()
