"""Finding campaigns at the command line: what is read, what is said, and what a person does with it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.entry.conftest import Command
from tests.flows.communities import finds, make_community, names

from gatehouse.entry.cli.campaign_settings import settings_of
from gatehouse.errors import UserError
from gatehouse.flows import campaigns
from gatehouse.records.community import Community

Stub = Callable[..., None]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """Lets the search find these communities, whatever the events are."""

    def give(*communities: Community) -> None:
        monkeypatch.setitem(campaigns.find.__kwdefaults__, "search", finds(*communities))

    give()
    return give


def write(path: str, *rows: dict[str, Any]) -> None:
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))


def some(path: str = "in.jsonl") -> None:
    rows = [
        {"id": f"e{n}", "text": f"Sign up here today, my dear friends, number {n}", "actor": f"account:{n % 3}"}
        | {"occurred": f"2026-01-0{1 + n % 4}T12:00:00Z"}
        for n in range(8)
    ]
    write(path, *rows, {"id": "x", "text": "nobody", "actor": None, "occurred": "2026-01-02T12:00:00Z"})


def test_what_is_found_is_told_with_the_next_step_and_kept(gatehouse: Command, found: Stub) -> None:
    some()
    found(make_community("ringring", names(0, 6), p=3e-12), make_community("other", names(10, 14), acts={"target": 9}))
    answer = gatehouse("campaigns", "find", "in.jsonl")
    assert answer.code == 0, answer.err
    assert "looked at 8 events of 3 accounts, 2026-01-01 12:00 UTC to 2026-01-04 12:00 UTC" in answer.out
    assert "left out: 1: the actor is missing" in answer.out
    line = " ".join(next(line for line in answer.out.splitlines() if "ringring" in line).split())
    assert line == "ringring 6 12 events with shared texts 2023-11-14 3.0e-12 found for the first time"
    assert "2 communities, 8 ties; kept as run" in answer.out
    assert "next: gatehouse campaigns show ringring; gatehouse campaigns report --out page.html" in answer.out
    assert len(list(Path(".gatehouse/campaigns").iterdir())) == 1


def test_nothing_stood_out_is_an_answer_with_counts(gatehouse: Command, found: Stub) -> None:
    some()
    answer = gatehouse("campaigns", "find", "in.jsonl", "--since", "2026-01-02", "--until", "2026-01-03")
    assert answer.code == 0, answer.err
    assert "looked at 2 events of 2 accounts" in answer.out
    assert "4: after the time that was asked for" in answer.out
    assert "nothing stood out: no group of accounts acted together more often than chance has it" in answer.out
    assert "next: gatehouse campaigns find SOURCE" in gatehouse("campaigns", "list").out


def test_a_community_is_shown_decided_and_remembered(gatehouse: Command, found: Stub) -> None:
    some()
    found(make_community("ringring", names(0, 6)))
    gatehouse("campaigns", "find", "in.jsonl")
    found(make_community("fresh", names(1, 8)))
    gatehouse("campaigns", "find", "in.jsonl")
    shown = gatehouse("campaigns", "show", "ring")
    assert shown.code == 0, shown.err
    for said in (
        "COMMUNITY ringring: 7 accounts, p = 2.5e-09",
        "together  12 events with shared texts; 7 ties",
        "7 accounts wrote nearly the same text within a minute",
        "gatehouse trace e1",
        "account:1, account:2",
        "6 accounts: found for the first time",
        "7 accounts: 2 joined; 1 left",
        "nobody has said yet what it is",
    ):
        assert said in shown.out
    answer = gatehouse("campaigns", "decide", "ring", "--verdict", "benign", "--why", "fans of one team")
    assert re.search(
        r"recorded: ringring is benign, says .+: fans of one team\nnothing was done to any acc", answer.out
    )
    assert "benign, says" in gatehouse("campaigns", "show", "ring").out
    assert "benign (" in gatehouse("campaigns", "list").out
    runs = gatehouse("campaigns", "list", "--runs").out
    assert runs.count("in.jsonl") == 2


def test_a_report_is_one_page_with_pictures_on_wish(gatehouse: Command, found: Stub) -> None:
    some()
    found(make_community("ringring", names(0, 6)))
    gatehouse("campaigns", "find", "in.jsonl")
    answer = gatehouse("campaigns", "report", "--out", "page.html", "--pictures", "pictures")
    assert answer.code == 0, answer.err
    assert "written: page.html, 1 community of run" in answer.out
    assert "written: 4 pictures in pictures" in answer.out
    page = Path("page.html").read_text()
    assert "Sign up here today, my dear friends, number 1" in page
    assert page.count("<svg") == 2
    run = json.loads(gatehouse("campaigns", "list", "--runs", "--json").out)[0]["id"]
    assert gatehouse("campaigns", "report", run, "--out", "again.html").code == 0
    wrong = gatehouse("campaigns", "report", "19990101", "--out", "x.html")
    assert (wrong.code, "there is no run '19990101'" in wrong.err) == (2, True)


def test_copied_texts_are_proposed_and_match_nothing_until_accepted(gatehouse: Command, found: Stub) -> None:
    some()
    found(make_community("ringring", names(0, 6)))
    gatehouse("campaigns", "find", "in.jsonl")
    answer = gatehouse("campaigns", "propose", "ring", "--pack", "spam", "--label", "spam")
    assert answer.code == 0, answer.err
    assert "proposed for near-duplicates of spam: 1 text of community ringring" in answer.out
    assert "they match nothing until a person accepts them" in answer.out
    assert re.search(r"gatehouse bank accept spam near-\w+ --why", answer.out)
    again = json.loads(gatehouse("campaigns", "propose", "ring", "--pack", "spam", "--label", "spam", "--json").out)
    assert again == {"proposed": [], "too_short": 0, "known": 1}
    found(make_community("targets", names(20, 26), evidence=()))
    gatehouse("campaigns", "find", "in.jsonl")
    none = gatehouse("campaigns", "propose", "targets", "--pack", "spam", "--label", "spam")
    assert (none.code, none.err) == (
        2,
        "error: the members of targets have no text in common\n"
        "    → gatehouse campaigns show targets says by what they are tied\n",
    )


def test_every_answer_is_json_on_wish(gatehouse: Command, found: Stub) -> None:
    some()
    found(make_community("ringring", names(0, 6)))
    made = json.loads(gatehouse("campaigns", "find", "in.jsonl", "--json").out)
    assert made["run"]["events"] == 8
    assert made["communities"][0]["community"]["id"] == "ringring"
    said = json.loads(gatehouse("campaigns", "decide", "ring", "--verdict", "coordinated", "--why", "x", "--json").out)
    assert said["verdict"] == "coordinated"
    shown = json.loads(gatehouse("campaigns", "show", "ring", "--json").out)
    assert shown["verdicts"] == [said]
    assert json.loads(gatehouse("campaigns", "list", "--json").out) == [shown]
    written = json.loads(gatehouse("campaigns", "report", "--out", "page.html", "--json").out)
    assert written == {"run": made["run"]["id"], "out": "page.html", "pictures": []}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("find",), "name a SOURCE, or look at the ledger with --log"),
        (("find", "in.jsonl", "--log"), "name a SOURCE, or look at the ledger with --log"),
        (("find", "--log"), "the ledger: there is no event to look at"),
        (("find", "--log", "--map", "actor=x"), "--map says what columns of a file are"),
        (("find", "gone.csv"), "there is neither a file nor an imported history 'gone.csv'"),
        (("find", "in.jsonl", "--since", "soon"), "'soon' is neither a day nor a time"),
        (("find", "in.jsonl", "--master", "local"), "--master is for Spark"),
        (("find", "in.jsonl", "--set", "fewst=2"), "did you mean 'fewest'?"),
        (("find", "in.jsonl", "--set", "fewest=0"), "fewest is 0"),
        (("show", "x"), "there is no community 'x'"),
        (("decide", "x", "--verdict", "evil", "--why", "y"), "'evil' is not one of"),
        (("report", "--out", "page.html"), "no run is kept yet"),
    ],
)
def test_what_the_user_must_mend_is_said_and_answers_with_2(
    gatehouse: Command, arguments: tuple[str, ...], said: str
) -> None:
    some()
    answer = gatehouse("campaigns", *arguments)
    assert answer.code == 2
    assert said in answer.err


def test_a_damaged_run_is_named_and_answers_with_3(gatehouse: Command, found: Stub) -> None:
    some()
    found(make_community("ringring", names(0, 6)))
    gatehouse("campaigns", "find", "in.jsonl")
    (folder,) = Path(".gatehouse/campaigns").absolute().iterdir()
    (folder / "communities.jsonl").write_text("{")
    answer = gatehouse("campaigns", "show", "ring")
    assert answer.code == 3
    assert f"{folder}/communities.jsonl: the file was cut short or changed" in answer.err
    assert "run gatehouse campaigns find again" in answer.err


def test_settings_are_said_by_name_and_all_faults_at_once() -> None:
    how = settings_of(
        ["lengths=90s, 2h", "passing=3d", "means=text", "kinds=post,like", "false_ties=.05", "crowd=1_000"]
    )
    assert (how.lengths, how.passing) == ((90_000_000, 7_200_000_000), 259_200_000_000)
    assert (how.means, how.kinds, how.false_ties, how.crowd) == (("text",), ("post", "like"), 0.05, 1000)
    assert settings_of(["kinds=all"]).kinds is None
    with pytest.raises(UserError) as refused:
        settings_of(["lengths=5", "crowd=many", "nonsense", "similar=1.2.3", "shwon=3"])
    assert [fault.what for fault in refused.value.faults] == [
        "lengths cannot be '5'",
        "crowd cannot be 'many'",
        "'nonsense' says not what is what",
        "similar cannot be '1.2.3'",
        "there is no setting 'shwon'",
    ]


def test_a_planted_ring_is_found_from_a_file_to_a_page(gatehouse: Command) -> None:
    rng = np.random.default_rng(5)
    day = "2026-01-{:02}T{:02}:{:02}:{:02}Z"
    rows = [
        {"id": f"m{n}", "text": None, "actor": f"account:{n % 200}", "target": f"page:{rng.integers(50)}"}
        | {"occurred": day.format(*(int(rng.integers(*each)) for each in ((1, 9), (0, 24), (0, 60), (0, 60))))}
        for n in range(1_000)
    ]
    for n in range(12):
        rows += [
            {"id": f"r{n}-{k}", "text": None, "actor": f"account:ring{k}", "target": f"page:victim{n}"}
            | {"occurred": day.format(1 + n // 2, 3 + 9 * (n % 2), 10, k)}
            for k in range(8)
        ]
    write("in.jsonl", *rows)
    answer = gatehouse("campaigns", "find", "in.jsonl", "--json")
    assert answer.code == 0, answer.err
    (sighting,) = json.loads(answer.out)["communities"]
    assert sighting["community"]["members"] == [f"account:ring{k}" for k in range(8)]
    assert gatehouse("campaigns", "report", "--out", "page.html").code == 0
    assert "8 accounts" in Path("page.html").read_text()
