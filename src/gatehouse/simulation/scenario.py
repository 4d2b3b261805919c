"""Scenarios: what a person may settle about a simulation, in a YAML file or by options."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gatehouse.errors import UserError
from gatehouse.policies.source import Source
from gatehouse.simulation.cast import Cast
from gatehouse.simulation.casts import CROWDS, usual_casts
from gatehouse.simulation.grammar import LANGUAGES
from gatehouse.simulation.members import Members

VERSION = 1
ENFORCEMENT = ("usual", "none")
ANSWERED = 1.3
"""Acts for each act of the members' own: the others are what the crowd answers."""

MIN_ACCOUNTS = 50
_LARGEST = {"days": 366, "accounts": 5_000_000, "events": 50_000_000}


@dataclass(frozen=True)
class Strength:
    """How often a group of the bad or a crowd comes, compared with the usual, and how many accounts it has."""

    often: float = 1.0
    size: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is simulated; equal scenarios give equal bytes.

    `accounts` members are there before the first day and do `acts_a_day` each on average; `languages` are the shares of
    the corpus' languages. `harm` is about the share of all acts that do harm, `crowds` how many benign crowds there are
    compared with the usual; `groups` and `bursts` say more of some of them by name.
    """

    seed: int = 7
    days: int = 7
    accounts: int = 5_000
    acts_a_day: float = 2.0
    languages: Mapping[str, float] = field(default_factory=lambda: {"en": 0.6, "pt": 0.25, "es": 0.15})
    harm: float = 0.01
    crowds: float = 1.0
    enforcement: str = "usual"
    groups: Mapping[str, Strength] = field(default_factory=dict)
    bursts: Mapping[str, Strength] = field(default_factory=dict)

    def about(self, events: int) -> "Scenario":
        """The same with as many accounts as give about so many events."""
        accounts = max(MIN_ACCOUNTS, round(events / (self.days * self.acts_a_day * ANSWERED)))
        return dataclasses.replace(self, accounts=accounts)

    def members(self) -> Members:
        """The benign members."""
        shares = tuple(self.languages.get(language, 0.0) for language in LANGUAGES)
        return Members(self.accounts, acts_a_day=self.acts_a_day, languages=shares)

    def casts(self) -> list[Cast]:
        """Everybody: members, the bad, and crowds that something moves."""
        return [self.members(), *self._others()]

    def data(self) -> dict[str, Any]:
        """The scenario for simulation.json."""
        return {"version": VERSION, **dataclasses.asdict(self)}

    def _others(self) -> list[Cast]:
        strengths = {**self.groups, **self.bursts}
        chosen = []
        for cast in usual_casts(self.accounts, self.days, harm=self.harm, crowds=self.crowds):
            strength = strengths.get(cast.name, Strength())
            if strength.often:
                chosen.append(_changed(cast, strength))
        return chosen


def _changed(cast: Any, strength: Strength) -> Cast:
    changes: dict[str, Any] = {}
    if strength.often != 1.0:
        changes["count"] = max(1, round(cast.count * strength.often))
    if strength.size:
        changes["size"] = strength.size
    changed: Cast = dataclasses.replace(cast, **changes) if changes else cast
    return changed


def read_scenario(path: Path) -> Scenario:
    """The scenario of a YAML file; raises UserError with every fault, and for another version of the format."""
    text = _text(path)
    _refuse_version(text, path)
    source = Source(text, str(path))
    optional = ("seed", "days", "accounts", "events", "acts_a_day", "languages", "harm", "crowds", "enforcement")
    found = source.fields(source.root, "the scenario", ("version",), (*optional, "groups", "bursts"))
    if "events" in found and "accounts" in found:
        source.fault(found["events"], "'events' and 'accounts' are both given", "keep one of them")
    said: dict[str, Any] = {}
    for name, least in (("seed", 0), ("days", 1), ("accounts", MIN_ACCOUNTS), ("events", 1)):
        if name in found:
            said[name] = _whole(source, found[name], name, least, _LARGEST.get(name, 2**63 - 1))
    for name, low, high in (("acts_a_day", 0.1, 50.0), ("harm", 0.0, 0.5), ("crowds", 0.0, 1_000.0)):
        if name in found:
            said[name] = _amount(source, found[name], name, low, high)
    if "enforcement" in found:
        said["enforcement"] = source.choice(found["enforcement"], "enforcement", ENFORCEMENT)
    if "languages" in found:
        said["languages"] = _languages(source, found["languages"])
    known = {cast.name: cast for cast in usual_casts(1_000)}
    for part, names in (("groups", known.keys() - CROWDS.keys()), ("bursts", known.keys() & CROWDS.keys())):
        if part in found:
            said[part] = _strengths(source, found[part], part, {name: known[name] for name in sorted(names)})
    source.finish()
    events = said.pop("events", None)
    scenario = Scenario(**said)
    return scenario.about(events) if events else scenario


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise UserError("there is no such file", where=str(path), fix="correct its name") from None
    except UnicodeDecodeError as error:
        raise UserError(f"the file is not UTF-8 ({error.reason})", where=str(path), fix="save it as UTF-8") from None


def _refuse_version(text: str, path: Path) -> None:
    """Raises UserError where a readable file says another version, before its other contents are called faults."""
    try:
        said = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return
    if said is None:
        raise UserError("the file is empty", where=str(path), fix=f"start with 'version: {VERSION}'")
    version = said.get("version", VERSION) if isinstance(said, dict) else VERSION
    if version != VERSION:
        fix = f"this Gatehouse reads version {VERSION}: look at docs/simulation.md and write 'version: {VERSION}'"
        raise UserError(f"the scenario has version {version}", where=str(path), fix=fix)


def _strengths(source: Source, node: yaml.Node, part: str, known: Mapping[str, Cast]) -> dict[str, Strength]:
    """How strong each named group is."""
    found = {}
    for name, inner in source.fields(node, part, (), tuple(known)).items():
        given = source.fields(inner, f"'{name}'", (), ("often", "size"))
        often = _amount(source, given["often"], "often", 0, 1_000) if "often" in given else 1.0
        if often not in (0, 1) and not hasattr(known[name], "count"):
            fix = "write 'often: 0' to leave them out"
            source.fault(given["often"], f"'{name}' come as often as the others give them cause", fix)
        if "size" in given and not hasattr(known[name], "size"):
            source.fault(given["size"], f"'{name}' have no size", "leave it out")
        found[name] = Strength(often, _size(source, given["size"]) if "size" in given else None)
    return found


def _size(source: Source, node: yaml.Node) -> tuple[int, int] | None:
    ends = [_whole(source, item, "size", 1, 1_000_000) for item in source.items(node, "size")]
    if len(ends) == 2 and ends[0] <= ends[1]:
        return ends[0], ends[1]
    if ends:
        source.fault(node, "size must be two numbers, the smaller one first", "write 'size: [5, 50]'")
    return None


def _languages(source: Source, node: yaml.Node) -> dict[str, float]:
    given = source.fields(node, "'languages'", (), LANGUAGES)
    shares = {name: _amount(source, value, name, 0, 1) for name, value in given.items()}
    if given and not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-6):
        source.fault(node, f"the shares of languages add up to {sum(shares.values()):g}", "let them add up to 1")
    return shares


def _whole(source: Source, node: yaml.Node, what: str, least: int, most: int) -> int:
    number = _number(node)
    if number is None or number != int(number) or not least <= number <= most:
        source.fault(node, f"{what} must be a whole number from {least:,} to {most:,}", f"write '{what}: {least}'")
        return least
    return int(number)


def _amount(source: Source, node: yaml.Node, what: str, least: float, most: float) -> float:
    number = _number(node)
    if number is None or not least <= number <= most:
        source.fault(node, f"{what} must be a number from {least:g} to {most:g}", f"write '{what}: {least:g}'")
        return least
    return number


def _number(node: yaml.Node) -> float | None:
    if not isinstance(node, yaml.ScalarNode) or not node.tag.endswith((":int", ":float")):
        return None
    try:
        number = float(node.value.replace("_", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
