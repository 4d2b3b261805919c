"""Banks at the terminal: entries come and go, lists are imported whole or not at all."""

import json
import shutil
from pathlib import Path

import pytest
from tests.entry.conftest import Command
from tests.flows.bank_pack import ALTERED, MD5, PDQ, TEXT, write_pack

from gatehouse.entry.cli import main

PACK = "mine/spam"
WHY = ("--why", "seen a lot")
SHA = "cd" * 32


@pytest.fixture
def bank(gatehouse: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`gatehouse` in a folder with a pack that reads all banks."""
    write_pack(Path("mine"))
    return gatehouse


@pytest.fixture(scope="module")
def trained_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the pack is live."""
    with pytest.MonkeyPatch.context() as patch:
        here = tmp_path_factory.mktemp("trained")
        patch.chdir(here)
        for name in ("GATEHOUSE_HOME", "GATEHOUSE_DATA", "GATEHOUSE_PACKS"):
            patch.delenv(name, raising=False)
        write_pack(Path("mine"))
        assert main.run(["train", PACK]) == 0
        assert main.run(["promote", PACK]) == 0
        return here / ".gatehouse"


@pytest.fixture
def live(bank: Command, trained_pack: Path) -> Command:
    """The same with the pack live."""
    shutil.copytree(trained_pack, Path.cwd() / ".gatehouse")
    return bank


def test_an_entry_is_added_found_and_retired(live: Command) -> None:
    answer = live("bank", "add", PACK, "--near", TEXT, "--label", "spam", "--id", "copied", *WHY)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("added: copied\nlive: spam ")
    assert live("bank", "match", PACK, "--text", ALTERED).out == "near copied: similarity 0.82\n"
    releases = json.loads(live("releases", "spam", "--json").out)
    assert [(one["last"]["state"], one["last"]["why"]) for one in releases] == [
        ("live", "banks changed: seen a lot"),
        ("retired", f"{releases[0]['release']['version']} went live: banks changed: seen a lot"),
    ]
    assert live("bank", "add", PACK, "--near", TEXT, "--label", "spam", "--id", "copied", *WHY).out == (
        "nothing to do: it is so already\n"
    )
    assert live("bank", "retire", PACK, "copied", "known-spam-01", *WHY).out.startswith(
        "retired: copied, known-spam-01\n"
    )
    assert live("bank", "match", PACK, "--text", ALTERED).out == "no entry matches\n"
    listed = live("bank", "list", PACK, "--state", "retired").out
    assert "copied" in listed
    assert "known-spam-01" in listed
    assert "known-spam-02" not in listed


def test_a_proposal_waits_until_it_is_accepted(live: Command) -> None:
    answer = live("bank", "propose", PACK, "--pdq", PDQ, "--label", "spam", "--id", "i1", "--distance", "10", *WHY)
    assert answer.out == "proposed: i1\n"
    assert live("bank", "match", PACK, "--pdq", PDQ).out == "no entry matches\n"
    assert live("bank", "accept", PACK, "i1", *WHY).out.startswith("accepted: i1\nlive: spam ")
    assert live("bank", "match", PACK, "--pdq", PDQ.upper()).out == "media i1: distance 0\n"


def test_scoring_a_file_with_media_matches_them(live: Command) -> None:
    live("bank", "add", PACK, "--md5", MD5, "--label", "spam", "--id", "f1", *WHY)
    rows = [
        {"id": "a", "text": "look", "media": [f"md5:{MD5}"]},
        {"id": "b", "text": "look", "media": f"md5:{SHA[:32]}"},
        {"id": "c", "text": "look", "media": "md5:short"},
    ]
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    answer = live("score", "in.jsonl", "--out", "out.parquet", "--pack", "spam")
    assert answer.code == 0, answer.err
    assert "'spam.media' matched for 'spam' (known_image): removed" in live("trace", "a", "--in", "out.parquet").out
    assert "f1 at distance 0" in live("trace", "a", "--in", "out.parquet").out
    assert (
        json.loads(Path("out.rejects.jsonl").read_text())["reason"] == "the md5 hash 'short' has 5 characters, not 32"
    )


def test_a_list_is_imported_and_exported(live: Command) -> None:
    Path("list.txt").write_text(f"pdq {PDQ}\nvideo_md5 {MD5}\n")
    answer = live("bank", "import", PACK, "list.txt", "--format", "hash", "--label", "spam", *WHY)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("added 2: media-")
    out = live("bank", "export", PACK, "--format", "hash").out
    assert sorted(out.splitlines()) == [f"pdq {PDQ}", f"video_md5 {MD5}"]
    assert live("bank", "export", PACK, "--format", "csv", "--out", "out.csv").out == "wrote out.csv\n"
    again = live("bank", "import", PACK, "out.csv", "--format", "csv", "--label", "spam", "--distance", "9", *WHY)
    assert again.code == 2
    assert "it says the same as 'media-" in again.err
    skipped = live(
        "bank", "import", PACK, "out.csv", "--format", "csv", "--label", "spam", "--distance", "9", "--skip-known", *WHY
    )
    assert skipped.out == "nothing to do: it is so already\n"


def test_a_list_with_faults_is_not_imported_at_all(live: Command) -> None:
    Path("list.txt").write_text(f"{PDQ}\n{PDQ[:-1]}\n{MD5}\n{PDQ}\n\n{'zz' * 32}\n")
    answer = live("bank", "import", PACK, "list.txt", "--format", "lines", "--type", "pdq", "--label", "spam", *WHY)
    assert answer.code == 2
    assert [line.strip() for line in answer.err.splitlines() if "→" not in line] == [
        f"error: list.txt:2: the pdq hash '{PDQ[:40]}' has 63 characters, not 64",
        f"list.txt:3: the pdq hash '{MD5}' has 32 characters, not 64",
        f"list.txt:4: entry '{name_of(answer.err)}' is there twice",
        f"list.txt:6: the pdq hash '{'zz' * 20}' holds other characters than 0-9 and a-f",
    ]
    assert "media" not in live("bank", "list", PACK).out


def name_of(err: str) -> str:
    return next(line for line in err.splitlines() if "twice" in line).split("'")[1]


def test_a_file_of_entries_and_the_statistics(live: Command) -> None:
    Path("near.jsonl").write_text(json.dumps({"id": "c1", "label": "spam", "text": TEXT, "share": 0.5}) + "\n")
    assert live("bank", "add", PACK, "--file", "near.jsonl", *WHY).out.startswith("added: c1\n")
    out = live("bank", "stats", PACK).out
    assert "no match in 0 recorded events" in out
    found = json.loads(live("bank", "stats", PACK, "--json").out)
    assert found["entries"] == {"bank": {"active": 7}, "near": {"active": 1}, "media": {}}
    listed = json.loads(live("bank", "list", PACK, "--json").out)
    assert [(one["said"], one["source"]) for one in listed if one["id"] == "c1"] == [
        ({"id": "c1", "label": "spam", "text": TEXT, "share": 0.5}, "near.jsonl")
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--near", TEXT, "--pdq", PDQ, "--label", "spam"], "one entry is said by one option"),
        (["--near", TEXT], "the entry has no label"),
        (["--label", "spam"], "give one of --text, --near, --pdq, --md5, --sha256, --file"),
        (["--file", "e.jsonl"], "it is not said which bank these are for"),
        (["--file", "e.jsonl", "--bank", "near"], "e.jsonl:2: not valid JSON"),
        (["--file", "e.jsonl", "--label", "x"], "entries of a file say their own label and numbers"),
        (["--text", "a text that is known", "--label", "spam", "--share", "0.5"], "unknown key 'share'"),
        (["--md5", MD5, "--label", "spam", "--distance", "3"], "'distance' is of pdq hashes"),
        (["--near", TEXT, "--label", "scam"], "no step of the live policy reads the label 'scam' of 'spam.near'"),
    ],
)
def test_what_does_not_fit_is_refused(live: Command, arguments: list[str], said: str) -> None:
    Path("e.jsonl").write_text("{}\noops\n")
    answer = live("bank", "add", PACK, *arguments, *WHY)
    assert answer.code == 2
    assert said in answer.err


def test_without_a_live_release_the_next_step_is_said(bank: Command) -> None:
    answer = bank("bank", "add", PACK, "--near", TEXT, "--label", "spam", *WHY)
    assert answer.code == 2
    assert "nothing is live for spam" in answer.err
