"""`gatehouse data`: what is there, what is wrong with a file, and how it becomes a data set."""

import hashlib
import json
from pathlib import Path

import pytest
from tests.entry.conftest import Command

MESSAGES = 60


def messages(extra: str = "") -> str:
    """A labelled file of messages that are all unlike each other."""
    rows = (f"m{i},line {i * 7919 % 10007:05d} of it,{'spam' if i % 2 else 'ham'}\n" for i in range(MESSAGES))
    path = Path("messages.csv")
    path.write_text("id,text,label\n" + "".join(rows) + extra)
    return str(path)


def test_list_names_every_public_set_with_its_licence_size_and_place(gatehouse: Command) -> None:
    answer = gatehouse("data", "list")
    assert answer.code == 0, answer.err
    assert "edos                         19,773   3.8   CC0" in answer.out
    assert "sexist, threats, derogation and 13 more" in answer.out
    assert "sms-spam: not here; gatehouse data fetch sms-spam" in answer.out


def test_list_stays_readable_on_a_narrow_terminal(gatehouse: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = gatehouse("data", "list").out.splitlines()
    # A command stands on one line however long it is, so that it can be copied.
    assert max(len(line) for line in lines if "gatehouse data " not in line) <= 80
    assert any("jigsaw-slice" in line and "4,983" in line for line in lines)


def test_list_for_programs_says_for_whom_the_figures_speak(gatehouse: Command) -> None:
    [sms, *_] = json.loads(gatehouse("data", "list", "--json").out)["public"]
    assert sms["population"].startswith("text messages in English")
    assert (sms["labels"], sms["rows"], sms["found"]) == (["spam"], 5_573, None)


def test_fetch_takes_a_known_copy_from_a_mirror_and_refuses_another(
    gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = Path("mirror") / "sms-spam"
    mirror.mkdir(parents=True)
    (mirror / "SMSSpamCollection").write_bytes(b"ham\tsee you at six\n")
    monkeypatch.setenv("GATEHOUSE_DATA", "mirror")
    digest = hashlib.sha256((mirror / "SMSSpamCollection").read_bytes()).hexdigest()
    answer = gatehouse("data", "fetch", "sms-spam", "--sha256", digest)
    assert answer.code == 0, answer.err
    assert "licence: CC BY 4.0" in answer.out
    assert (Path(".gatehouse") / "public" / "sms-spam" / "SMSSpamCollection").is_file()


def test_an_unknown_data_set_is_named_with_its_neighbour(gatehouse: Command) -> None:
    answer = gatehouse("data", "fetch", "edoss")
    assert answer.code == 2
    assert answer.err.splitlines() == [
        "error: there is no public data set 'edoss'",
        "    → did you mean 'edos'? known are sms-spam, edos, jigsaw-slice, davidson, vicomtech, told-br, toxic-spans, "
        "bias-templates, deepset-prompt-injections",
    ]


def test_check_reports_and_its_exit_code_says_whether_the_file_can_be_imported(gatehouse: Command) -> None:
    good = gatehouse("data", "check", messages())
    assert good.code == 0, good.err
    assert good.out.startswith("messages.csv: 60 records, 0 errors, 1 warning\n")
    assert "label    spam=label:spam/ham: 30 yes, 30 no" in good.out
    bad = gatehouse("data", "check", messages(",no id,ham\nm99,,spam\n"), "--label", "spam=label:spam/ham")
    assert bad.code == 2
    assert "ERROR    1 record without an id\n         row 62\n" in bad.out
    assert "ERROR    1 record without text\n         row 63\n" in bad.out


def test_check_for_programs_is_one_json_document(gatehouse: Command) -> None:
    answer = gatehouse("data", "check", messages(",no id,ham\n"), "--json")
    assert answer.code == 2
    assert [found["kind"] for found in json.loads(answer.out)["findings"]] == ["missing id", "few positives"]


def test_check_names_every_wrong_option_at_once(gatehouse: Command) -> None:
    answer = gatehouse("data", "check", messages(), "--map", "text=txt", "--map", "ident=id", "--label", "spam=lable:x")
    assert answer.code == 2
    assert answer.err.count("did you mean") == 3
    assert answer.out == ""


def test_a_file_that_is_not_there_is_the_users_to_mend(gatehouse: Command) -> None:
    messages()
    answer = gatehouse("data", "check", "mesages.csv")
    assert (answer.code, "did you mean messages.csv?" in answer.err) == (2, True)


def test_import_freezes_a_file_with_its_card_and_lists_it(gatehouse: Command) -> None:
    about = ("--name", "own", "--licence", "CC0", "--population", "messages of a test")
    answer = gatehouse("data", "import", messages(), *about)
    assert answer.code == 0, answer.err
    [folder] = (Path(".gatehouse") / "datasets").iterdir()
    version = folder.name.removeprefix("own-")
    assert f"frozen as own, version {version}: train" in answer.out
    assert "**Population:** messages of a test" in (folder / "CARD.md").read_text()
    listed = gatehouse("data", "list").out
    assert f"own      {version}     60   CC0       spam" in listed
    assert json.loads(gatehouse("data", "import", messages(), *about, "--json").out)["info"]["version"] == version


def test_import_refuses_a_file_at_fault_unless_told_to_leave_records_out(gatehouse: Command) -> None:
    about = ("--name", "own", "--licence", "CC0", "--population", "messages of a test")
    file = messages("m99,,spam\n")
    refused = gatehouse("data", "import", file, *about)
    assert refused.code == 2
    assert "messages.csv, row 62: 1 record without text" in refused.err
    assert not (Path(".gatehouse") / "datasets").exists()
    taken = gatehouse("data", "import", file, *about, "--leave-out")
    assert taken.code == 0, taken.err
    [card] = (Path(".gatehouse") / "datasets").glob("*/CARD.md")
    assert "- left out: 1 record without text" in card.read_text()
