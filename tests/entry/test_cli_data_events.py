"""`gatehouse data import` of histories: public ones by their name, and a file of events of one's own."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.entry.conftest import Command

from gatehouse.records.event import EVENT_SCHEMA

ABOUT = ("--name", "own", "--licence", "CC0", "--population", "events of a test")


def events_file() -> str:
    path = Path("events.csv")
    path.write_text(
        "id,text,who,occurred,kind,target\n"
        "e1,hello,account:ann,2024-01-02T03:04:05Z,message,account:bob\n"
        "e2,hello,,2024-01-02T03:04:06Z,message,account:bob\n"
        "e3,hello,account:ann,,message,account:bob\n"
        "e4,hello,account:bob,2024-01-01T03:04:07Z,,\n"
        "e1,other,account:ann,2024-01-02T03:04:05Z,message,account:bob\n"
    )
    return str(path)


@pytest.mark.data
def test_a_public_history_is_imported_by_its_name_and_listed(
    gatehouse: Command, public_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEHOUSE_DATA", str(public_data))
    answer = gatehouse("data", "import", "twitter-bots-nyu")
    assert answer.code == 0, answer.err
    [folder] = (Path(".gatehouse") / "datasets").iterdir()
    assert answer.out.splitlines()[:4] == [
        f"imported as twitter-bots-nyu, version {folder.name.removeprefix('twitter-bots-nyu-')}",
        "    1,923 events of 1,923 actors, 2017-04-01 to 2017-04-01",
        "    bot: holds for 825 of 1,923 entities",
        "    set aside: none",
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "CARD.md",
        "events.json",
        "events.parquet",
        "labels.parquet",
    ]
    assert "accounts.csv has SHA-256" in (folder / "CARD.md").read_text()
    listed = gatehouse("data", "list")
    assert re.search(r"twitter-bots-nyu +\w{12} +1,923 +1,923 +MIT", listed.out)
    told = json.loads(gatehouse("data", "import", "twitter-bots-nyu", "--out", "elsewhere", "--json").out)
    assert (Path("elsewhere"), told["info"]["events"]) == (Path(told["folder"]).parent, 1_923)


def test_list_names_the_histories_and_where_they_are(gatehouse: Command) -> None:
    answer = gatehouse("data", "list")
    assert "ira-troll-tweets   11.6   CC BY 4.0    Tweets of accounts run by the Internet Research Agency" in answer.out
    assert "starscout: not here; gatehouse data import starscout says what to do" in answer.out
    told = json.loads(gatehouse("data", "list", "--json").out)
    assert [history["name"] for history in told["histories"]] == ["ira-troll-tweets", "starscout", "twitter-bots-nyu"]


def test_a_history_whose_files_are_not_here_says_how_they_come(gatehouse: Command) -> None:
    answer = gatehouse("data", "import", "starscout")
    assert answer.code == 2
    assert "the files of 'starscout' are not there (actors.csv.gz, stars.csv.gz)" in answer.err
    assert "put them into a folder starscout and name the folder above it in GATEHOUSE_DATA" in answer.err


def test_a_public_history_takes_no_options_of_a_file(gatehouse: Command) -> None:
    answer = gatehouse("data", "import", "starscout", "--name", "own", "--label", "spam")
    assert answer.code == 2
    assert answer.err.splitlines() == [
        "error: --name, --label: 'starscout' is a public history and says itself what it is",
        "    → leave them out: gatehouse data import starscout",
    ]


def test_a_name_that_is_nothing_here_gets_its_neighbour(gatehouse: Command) -> None:
    answer = gatehouse("data", "import", "starscot")
    assert answer.code == 2
    assert "there is neither a file nor a public history 'starscot'\n    → did you mean 'starscout'?" in answer.err
    texts = gatehouse("data", "import", "sms-spam")
    assert "error: 'sms-spam' is a public set of labelled texts, which needs no import" in texts.err
    assert "write 'dataset: sms-spam' in a pack's recipe.yaml" in texts.err


def test_a_file_must_be_named_licensed_and_said_for_whom_it_speaks_all_told_at_once(gatehouse: Command) -> None:
    answer = gatehouse("data", "import", events_file(), "--events", "--name", "own")
    assert answer.code == 2
    assert [line for line in answer.err.splitlines() if "missing" in line] == [
        "error: --licence is missing",
        "--population is missing",
    ]


def test_a_file_of_events_is_imported_with_its_rejects(gatehouse: Command) -> None:
    answer = gatehouse("data", "import", events_file(), "--events", "--map", "actor=who", *ABOUT)
    assert answer.code == 0, answer.err
    assert "    2 events of 2 actors, 2024-01-01 to 2024-01-02\n" in answer.out
    assert "    set aside: 3 records, with their reasons in " in answer.out
    [folder] = (Path(".gatehouse") / "datasets").iterdir()
    events = pq.read_table(folder / "events.parquet")
    assert events.schema.equals(EVENT_SCHEMA)
    assert events["id"].to_pylist() == ["e1", "e4"]
    assert events["seen"].equals(events["occurred"])
    assert set(events["imported"].to_pylist()) == {True}
    rejects = [json.loads(line) for line in (folder / "rejects.jsonl").read_text().splitlines()]
    assert [(reject["row"], reject["id"]) for reject in rejects] == [(3, "e2"), (4, "e3"), (6, "e1")]
    assert [reject["reason"] for reject in rejects[:2]] == ["the actor is missing", "the time is missing"]
    assert "not by time" in (folder / "CARD.md").read_text()


def test_options_for_texts_and_names_that_are_taken_are_refused(gatehouse: Command) -> None:
    answer = gatehouse("data", "import", events_file(), "--events", *ABOUT, "--leave-out")
    assert (answer.code, "--leave-out: these are for labelled texts, not for events" in answer.err) == (2, True)
    taken = gatehouse("data", "import", events_file(), "--events", *ABOUT[2:], "--name", "starscout")
    assert (taken.code, "'starscout' is the name of a public history" in taken.err) == (2, True)
    odd = gatehouse("data", "import", events_file(), "--events", *ABOUT[2:], "--name", "../own")
    assert (odd.code, "'../own' is no name for a history" in odd.err) == (2, True)
