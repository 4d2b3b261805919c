"""What the page on reports shows works as it says."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from gatehouse.adapters.sql import cases_tables
from gatehouse.enforcement.notice import reasons
from gatehouse.entry.api import appeals as appeals_api
from gatehouse.entry.api import cases as cases_api
from gatehouse.entry.api import reports as reports_api
from gatehouse.entry.cli.appeals import appeals
from gatehouse.entry.cli.cases import cases
from gatehouse.entry.cli.standing import mark, standing
from gatehouse.flows import cases as cases_flow
from gatehouse.flows.appeals import KEYS as APPEAL_KEYS
from gatehouse.flows.reports import KEYS as REPORT_KEYS
from gatehouse.policies.standing import reliability
from gatehouse.records.case import BY_A_PERSON, FINDINGS
from gatehouse.records.standing import Reporter
from gatehouse.testing.makers import make_decision, make_event, make_outcome, make_policy
from gatehouse.testing.outbox_contract import make_enforcement

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
COMMANDS = {"cases": cases, "appeals": appeals, "standing": standing, "mark": mark}


@pytest.mark.parametrize("line", re.findall(r"^    gatehouse (.*)$", PAGE, re.MULTILINE))
def test_commands_are_taken_as_they_are_written(line: str) -> None:
    name, *arguments = shlex.split(line)
    command: click.Command = COMMANDS[name]
    if isinstance(command, click.Group):
        found = command.get_command(click.Context(command), arguments.pop(0))
        assert found is not None
        command = found
    command.make_context(name, arguments)


def test_bodies_say_what_their_readers_know() -> None:
    bodies = {**reports_api.BODIES, **appeals_api.BODIES, **cases_api.BODIES}
    known = {"reports": REPORT_KEYS, "appeals": APPEAL_KEYS, "close": cases_flow.KEYS}
    for path, body in bodies.items():
        assert tuple(sorted(body["properties"])) == tuple(sorted(known[path.rpartition("/")[2]]))
    shown = [json.loads(body) for body in re.findall(r"^ +'(\{.*\})'$", PAGE, re.MULTILINE)]
    assert len(shown) == 3
    for one, keys in zip(shown, (REPORT_KEYS, cases_flow.KEYS, APPEAL_KEYS), strict=True):
        assert one.keys() <= set(keys)


def test_the_table_of_findings_and_the_list_of_tables_are_whole() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \| an", PAGE, re.MULTILINE)) == FINDINGS
    kept = {name for name in dir(cases_tables) if f"`{name}`" in PAGE}
    assert kept - {"cases"} == {"reports", "appeals", "spoken_cases", "closings", "labels", "notices"}


def test_the_example_of_reliability_is_right() -> None:
    assert reliability(Reporter(8, 2)) == 10 / 14


def test_the_notice_reads_as_it_is_shown() -> None:
    decision = make_decision(policies=(make_outcome(reason=f"{BY_A_PERSON} in case c"),))
    policies = {"spam": make_policy()}
    said = reasons(make_event(), decision, (make_enforcement(),), policies, opened_by="report").split("\n\n")
    shown = [
        " ".join(part.replace("\n>", "").split()) for part in re.findall(r"^> (.+(?:\n> .+)*)", PAGE, re.MULTILINE)
    ]
    assert [part for part in shown if part not in said] == [shown[0], shown[3]], "but for the id and the clause"
