"""Settings files: what they may say, every fault at once, and the next step for another version."""

from pathlib import Path

import pytest

from gatehouse.errors import UserError
from gatehouse.simulation.casts import CROWDS
from gatehouse.simulation.scenario import Scenario, Strength, read_scenario


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "week.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(UserError) as error:
        read_scenario(written(tmp_path, text))
    return [f"{fault.where.removeprefix(f'{tmp_path}/')}: {fault.what} | {fault.fix}" for fault in error.value.faults]


WHOLE = """
version: 1
seed: 11
days: 3
accounts: 1_000
acts_a_day: 1.5
languages: {en: .5, es: .5}
harm: 0.02
crowds: 2
enforcement: none
groups:
  spammers: {often: 3, size: [2, 4]}
  brigades: {often: 0}
  evaders: {often: 0}
bursts:
  fandom: {size: [20, 40]}
"""


def test_a_file_says_what_is_simulated(tmp_path: Path) -> None:
    scenario = read_scenario(written(tmp_path, WHOLE))
    assert scenario == Scenario(
        seed=11,
        days=3,
        accounts=1_000,
        acts_a_day=1.5,
        languages={"en": 0.5, "es": 0.5},
        harm=0.02,
        crowds=2.0,
        enforcement="none",
        groups={"spammers": Strength(3.0, (2, 4)), "brigades": Strength(0.0), "evaders": Strength(0.0)},
        bursts={"fandom": Strength(1.0, (20, 40))},
    )
    casts = {cast.name: cast for cast in scenario.casts()}
    usual = {cast.name: cast for cast in Scenario(days=3, accounts=1_000, harm=0.02, crowds=2).casts()}
    assert set(usual) - set(casts) == {"brigades", "evaders"}
    assert casts["spammers"].count == 3 * usual["spammers"].count  # type: ignore[attr-defined]
    assert casts["spammers"].size == (2, 4)  # type: ignore[attr-defined]
    assert casts["fandom"].size == (20, 40)  # type: ignore[attr-defined]
    assert casts["members"].languages == (0.5, 0.0, 0.5)  # type: ignore[attr-defined]


def test_a_file_may_say_next_to_nothing_or_how_many_events(tmp_path: Path) -> None:
    assert read_scenario(written(tmp_path, "version: 1\n")) == Scenario()
    scenario = read_scenario(written(tmp_path, "version: 1\nevents: 100000\ndays: 2\n"))
    assert scenario.days == 2
    assert 10_000 < scenario.accounts < 40_000


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    text = """version: 1
seed: -1
days: many
acounts: 100
events: 10
accounts: 10
harm: 2
enforcement: unusual
languages: {en: .5, xx: .5}
groups:
  spamers: {often: 2}
  scammers: {often: -1, size: [5]}
bursts:
  brigades: {}
  fandom: 3
"""
    assert faults(tmp_path, text) == [
        "week.yaml:2:7: seed must be a whole number from 0 to 9,223,372,036,854,775,807 | write 'seed: 0'",
        "week.yaml:3:7: days must be a whole number from 1 to 366 | write 'days: 1'",
        "week.yaml:4:1: unknown key 'acounts' in the scenario | did you mean 'accounts'?",
        "week.yaml:5:9: 'events' and 'accounts' are both given | keep one of them",
        "week.yaml:6:11: accounts must be a whole number from 50 to 5,000,000 | write 'accounts: 50'",
        "week.yaml:7:7: harm must be a number from 0 to 0.5 | write 'harm: 0'",
        "week.yaml:8:14: unknown enforcement 'unusual' | did you mean 'usual'?",
        "week.yaml:9:12: the shares of languages add up to 0.5 | let them add up to 1",
        "week.yaml:9:21: unknown key 'xx' in 'languages' | known: en, es, pt",
        "week.yaml:11:3: unknown key 'spamers' in groups | did you mean 'spammers'?",
        "week.yaml:12:21: often must be a number from 0 to 1000 | write 'often: 0'",
        "week.yaml:12:31: size must be two numbers, the smaller one first | write 'size: [5, 50]'",
        f"week.yaml:14:3: unknown key 'brigades' in bursts | known: {', '.join(sorted(CROWDS))}",
        "week.yaml:15:11: 'fandom' must be a mapping of keys to values, not a number | write 'key: value'",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "version: 2\nnew_thing: 1\n",
            "week.yaml: the scenario has version 2 | "
            "this Gatehouse reads version 1: look at docs/simulation.md and write 'version: 1'",
        ),
        ("", "week.yaml: the file is empty | start with 'version: 1'"),
        ("seed: 1\n", "week.yaml:1:1: the scenario has no 'version' | add 'version: ...'"),
        ("- 1\n", "week.yaml:1:1: the scenario must be a mapping of keys to values, not a list | write 'key: value'"),
        ("a: [\n", "week.yaml:2:1: not valid YAML: expected the node content, but found '<stream end>' | "
         "check indentation, quotes and colons"),
    ],
)  # fmt: skip
def test_another_version_or_no_scenario_is_told(tmp_path: Path, text: str, said: str) -> None:
    assert faults(tmp_path, text) == [said]


def test_a_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "week.yaml"
    path.write_bytes("version: 1 # für".encode("latin-1"))
    with pytest.raises(UserError, match="the file is not UTF-8"):
        read_scenario(path)


def test_what_a_scenario_cannot_change_is_said(tmp_path: Path) -> None:
    text = "version: 1\ngroups:\n  evaders: {often: 2}\n  taken_over: {size: [1, 2]}\n"
    assert faults(tmp_path, text) == [
        "week.yaml:3:20: 'evaders' come as often as the others give them cause | write 'often: 0' to leave them out",
        "week.yaml:4:22: 'taken_over' have no size | leave it out",
    ]
