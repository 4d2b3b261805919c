"""The main job, from nothing to a report, without public data and without a network."""

import json
from html.parser import HTMLParser
from pathlib import Path

from tests.entry.conftest import Command


def test_the_demo_ends_with_a_report_a_table_and_what_to_try_next(gatehouse: Command) -> None:
    answer = gatehouse("demo", "--draws", "20")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("NOTE: the public data was not found")
    for said in (
        "what a score may lead to",
        "remove at precision at least 95 %: about ",
        "labels missing",
        "events judged by spam ",
        "demo-output/report.html",
        "demo-output/campaigns.html",
        "demo-output/safety.html",
        "A simulated week: ",
        "acted together more than chance has it",
        "gatehouse data check my.csv",
        "not for enforcement as they are.",
    ):
        assert said in answer.out
    report = Path("demo-output/report.html").read_text()
    HTMLParser().feed(report)
    for pack in ("Spam and scams", "Sexism against women", "Toxic comments"):
        assert pack in report
    assert "spam.linear" in Path("demo-output/cards.md").read_text()

    traced = answer.out.split("Next:")[1].split("gatehouse trace ")[1].split()[0]
    shown = gatehouse("trace", traced)
    assert "found in the ledger" in shown.out
    assert "replayed  the same decision" in shown.out


def test_the_demo_for_programs_is_one_json_document(gatehouse: Command) -> None:
    answer = gatehouse("demo", "--draws", "5", "--json")
    assert answer.code == 0
    assert answer.err == ""
    told = json.loads(answer.out)
    packs = {pack["release"]["pack"] for pack in told["packs"]}
    assert packs == {"spam", "sexism", "toxicity", "abusive-accounts"}
    assert told["week"]["about"]["events"] > 10_000
    assert told["week"]["groups"]["harmful"] > 0
