"""`gatehouse features`: what is listed, how one feature is explained, and what is said when there is none."""

import json
import shutil
from pathlib import Path

import pytest
from tests.entry.conftest import Command

from gatehouse.flows import packs


def test_list_has_one_line_for_each_feature(gatehouse: Command) -> None:
    answer = gatehouse("features", "list", "--pack", "spam")
    assert answer.code == 0, answer.err
    rows = {
        line.split()[0]: " ".join(line.split())
        for line in answer.out.splitlines()
        if line.startswith(" ") and line.strip()
    }
    assert rows["feature"] == "feature kind key window type owner pack used by"
    assert rows["messages_1h"] == "messages_1h count actor 1 hour BIGINT trust-and-safety spam 1 rule"
    assert rows["spam_score"] == "spam_score score BIGINT trust-and-safety spam 1 window"
    assert rows["emoji_count"] == "emoji_count text BIGINT trust-and-safety spam nothing"


def test_list_keeps_names_whole_on_a_narrow_terminal(gatehouse: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = gatehouse("features", "list", "--pack", "spam").out.splitlines()
    assert any(line.startswith(" distinct_word_share ") for line in lines)
    assert max(len(line) for line in lines if line.startswith(" ")) <= 80


def test_explain_tells_all_that_is_known_of_a_feature(gatehouse: Command) -> None:
    answer = gatehouse("features", "explain", "recipients_1h", "--pack", "spam")
    assert answer.code == 0, answer.err
    said, _, query = answer.out.partition("\n\n")
    place = next(line for line in said.splitlines() if "declared" in line).split()[1]
    assert place.startswith(str(packs.locate("spam") / "features.yaml"))
    memory = next(line for line in said.splitlines() if "memory" in line)
    assert said.replace(place, "PLACE").replace(memory, "MEMORY") == (
        "recipients_1h: distinct, BIGINT\n"
        "  meaning   Number of different values of target, at most 64, among earlier events of the same actor\n"
        "            in the last hour where kind IN ('post', 'message', 'comment')\n"
        "  rule      An event at t reads those before it from 60 whole steps of 1 minute and the running one:\n"
        "            their times are in [t - t % step - 1 hour, t], with steps counted from 1970 UTC. A late\n"
        "            event, seen before the latest one already known, reads as of that latest time and counts\n"
        "            in the step of its own time from then on.\n"
        "  unknown   NULL where actor is NULL; 0 where there is no such event\n"
        "  key       actor\n"
        "  window    1 hour\n"
        "MEMORY\n"
        "  in pack spam\n"
        "    declared  PLACE\n"
        "    owner     trust-and-safety\n"
        "    rule      spam.rules.many_recipients_new_account gives 'spam' when\n"
        "                recipients_1h >= 20 AND known_seconds < 86400\n"
        "    steps     spam.spam_pattern\n"
        "  SQL, the same for DuckDB and Spark, over the table `coded`, in which\n"
        "    k_actor is hash of actor\n"
        "    k_target is hash of target\n"
        "    f_0 is kind IN ('post', 'message', 'comment')"
    )
    assert query.startswith("    WITH ")


def test_a_column_of_the_text_is_explained_with_the_use_of_every_pack(gatehouse: Command) -> None:
    answer = gatehouse("features", "explain", "upper_share")
    assert answer.code == 0
    assert answer.out.startswith("upper_share: text, DOUBLE\n  meaning   Share of capitals among the letters.\n")
    assert "  in pack spam\n" in answer.out
    assert "    read by   nothing\n" in answer.out


def test_both_answer_programs_with_one_json_document(gatehouse: Command) -> None:
    listed = json.loads(gatehouse("features", "list", "--pack", "spam", "--json").out)["features"]
    [one] = json.loads(gatehouse("features", "explain", "messages_1h", "--pack", "spam", "--json").out)["features"]
    assert one in listed
    assert one["carried"]["window"] == "1 hour"
    assert one["uses"][0]["rules"][0]["name"] == "spam.rules.repeated_text"


def test_an_unknown_name_is_answered_with_its_neighbour(gatehouse: Command) -> None:
    answer = gatehouse("features", "explain", "known_second")
    assert answer.code == 2
    assert answer.err.splitlines()[-2:] == [
        "error: there is no feature 'known_second'",
        "    → did you mean 'known_seconds'? gatehouse features list names all",
    ]


def test_a_pack_that_cannot_be_read_is_told_of_and_the_rest_is_listed(
    gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(packs.locate("spam"), Path("own") / "broken")
    (Path("own") / "broken" / "features.yaml").write_text("columms: []\n")
    monkeypatch.setenv("GATEHOUSE_PACKS", "own")
    answer = gatehouse("features", "list")
    assert answer.code == 0
    assert "broken/features.yaml:1:1: unknown key 'columms'\n    → did you mean 'columns'?" in answer.err
    assert "messages_1h" in answer.out
