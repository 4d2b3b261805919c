"""Rules: conditions that people write, each with a name, a label and its reason."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import yaml

from gatehouse.errors import Fault, UserError, nearest, suggestion
from gatehouse.expressions import CompiledSet, Expression, place_of, read_expression, row_values
from gatehouse.records.signal import Signals, State

_FEW_ROWS = 96
"""Batches up to this size go through the row form; `make bench-rules` prints where the two forms cross."""

_KEYS = ("name", "label", "when", "why")
_WORD = re.compile(r"[a-z][a-z0-9_]*")

Found = dict[int, list[int]]
"""Row of a batch: indices of rules, in order."""


class _Asked(NamedTuple):
    """The rules that can be asked where some columns are not there, compiled, and the indices of all others."""

    compiled: CompiledSet
    rules: list[int]
    lost: list[int]


@dataclass(frozen=True)
class Rule:
    """A condition under which an event has a label, and why people wrote it."""

    name: str
    label: str
    when: Expression
    why: str


class RulesDetector:
    """Matches where a rule of a label is TRUE; a rule that is not makes no claim, so it abstains there.

    Where none is TRUE and one names a value that could not be read, the label has failed: NaN in a row, or for all rows
    a declared column that the features do not hold, as windows are where the history could not be asked.
    """

    languages: frozenset[str] = frozenset()

    def __init__(self, name: str, version: str, rules: list[Rule]) -> None:
        self.name = name
        self.version = version
        self.rules = rules
        self.labels = tuple(dict.fromkeys(rule.label for rule in rules))
        self._label_of = [self.labels.index(rule.label) for rule in rules]
        self._named = frozenset(name for rule in rules for name in rule.when.columns)
        self._compiled: dict[frozenset[str], _Asked] = {}
        self._asked(frozenset())

    @classmethod
    def from_yaml(cls, text: str, where: str, name: str, schema: pa.Schema) -> "RulesDetector":
        """Read a rules file whose conditions may name the columns of this schema.

        Raises UserError with every fault, each with file, line and column.
        """
        rules = _Reader(text, where, schema).rules()
        return cls(name, hashlib.sha256(text.encode()).hexdigest()[:12], rules)

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        """One signal per event and label; evidence names the rules that matched, or those that could not be asked."""
        asked = self._asked(self._named.difference(features.schema.names, events.schema.names))
        batch = _columns(asked.compiled.used, events, features)
        found = _by_rows if len(batch) <= _FEW_ROWS else _by_columns
        hits, lost = found(batch, asked)
        if asked.lost:
            lost = {row: sorted([*asked.lost, *lost.get(row, [])]) for row in range(len(batch))}
        signals = Signals.blank(self.name, self.version, self.labels, len(batch), State.ABSTAINED)
        reasons: dict[str, int] = {}
        for row in {**hits, **lost}:
            for label, (state, reason) in self._verdicts(hits.get(row, []), lost.get(row, [])).items():
                signals.state[row, label] = state
                signals.evidence[row, label] = reasons.setdefault(reason, len(reasons))
        return Signals(
            self.name, self.version, self.labels, signals.state, signals.score, signals.evidence, tuple(reasons)
        )

    def _asked(self, missing: frozenset[str]) -> _Asked:
        """The rules that can be asked without these columns; those for a whole batch are compiled when it is made."""
        if missing not in self._compiled:
            lost = [i for i, rule in enumerate(self.rules) if missing & rule.when.columns.keys()]
            rules = [i for i in range(len(self.rules)) if i not in lost]
            self._compiled[missing] = _Asked(CompiledSet([self.rules[i].when for i in rules]), rules, lost)
        return self._compiled[missing]

    def _verdicts(self, hits: list[int], lost: list[int]) -> dict[int, tuple[State, str]]:
        """State and reason of each label that a rule speaks of; a match outweighs a rule that could not be asked."""
        verdicts: dict[int, tuple[State, str]] = {}
        for rules, state, prefix in ((lost, State.FAILED, "value unavailable for "), (hits, State.MATCHED, "")):
            names: dict[int, list[str]] = defaultdict(list)
            for rule in rules:
                names[self._label_of[rule]].append(self.rules[rule].name)
            verdicts |= {label: (state, prefix + ", ".join(named)) for label, named in names.items()}
        return verdicts


def _columns(used: Sequence[str], events: pa.RecordBatch, features: pa.RecordBatch) -> pa.RecordBatch:
    """The columns that the rules name; what both batches hold (`language`) is the features' word."""
    declared = set(features.schema.names)
    sources = [features if name in declared else events for name in used]
    columns = [source.column(name) for source, name in zip(sources, used, strict=True)]
    return pa.RecordBatch.from_arrays(columns, list(used)) if used else events


def _by_rows(batch: pa.RecordBatch, asked: _Asked) -> tuple[Found, Found]:
    """The rules that are TRUE in each row, and those that could not be asked."""
    hits: Found = {}
    lost: Found = {}
    for row, values in enumerate(row_values(batch, asked.compiled.used)):
        true, unavailable = asked.compiled.row(values)
        if true:
            hits[row] = [asked.rules[i] for i in true]
        if unavailable:
            lost[row] = [asked.rules[i] for i in unavailable]
    return hits, lost


def _by_columns(batch: pa.RecordBatch, asked: _Asked) -> tuple[Found, Found]:
    """The same as `_by_rows`, faster where there are many."""
    found: list[Found] = []
    for mask in asked.compiled.columns(batch):
        by_row: Found = defaultdict(list)
        for row, i in zip(*(indices.tolist() for indices in np.nonzero(mask.T)), strict=True):
            by_row[row].append(asked.rules[i])
        found.append(by_row)
    return found[0], found[1]


class _Reader:
    """Reads a rules file and notes every fault with its place."""

    def __init__(self, text: str, where: str, schema: pa.Schema) -> None:
        self.text = text
        self.where = where
        self.schema = schema
        self.faults: list[Fault] = []
        self.lines: dict[str, int] = {}

    def rules(self) -> list[Rule]:
        """The rules of the file; raises UserError with all faults."""
        try:
            root = yaml.compose(self.text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{self.where}:{mark.line + 1}:{mark.column + 1}" if mark else self.where
            raise UserError(f"this is no YAML: {error.problem or error.context}", where=where) from None
        except yaml.YAMLError as error:
            raise UserError(f"this is no YAML: {error}", where=self.where) from None
        except RecursionError:
            raise UserError("the file is nested too deeply", where=self.where) from None
        rules = self._listed(root)
        if self.faults:
            raise UserError(self.faults)
        return rules

    def _fail(self, node: yaml.Node | None, what: str, fix: str) -> None:
        line, column = (node.start_mark.line + 1, node.start_mark.column + 1) if node else (1, 1)
        self.faults.append(Fault(what, f"{self.where}:{line}:{column}", fix))

    def _listed(self, root: yaml.Node | None) -> list[Rule]:
        fields = self._fields(root, ("rules",), "the file")
        listed = fields.get("rules")
        if listed is None:
            return []
        if not isinstance(listed, yaml.SequenceNode) or not listed.value:
            self._fail(listed, "`rules` holds no list of rules", "write a list: - name: ...")
            return []
        rules = [self._rule(node) for node in listed.value]
        return [rule for rule in rules if rule is not None]

    def _fields(self, node: yaml.Node | None, wanted: tuple[str, ...], who: str) -> dict[str, yaml.Node]:
        """The values of a mapping by key; unknown, repeated and missing keys are faults."""
        keys = ", ".join(wanted)
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, f"{who} is no mapping", f"give it the keys {keys}")
            return {}
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in wanted:
                self._fail(key, f"{who} has an unknown key '{name}'", suggestion(name, wanted))
            elif name in fields:
                self._fail(key, f"{who} has the key '{name}' twice", "keep one")
            else:
                fields[name] = value
        known = {str(key.value) for key, _ in node.value}
        for name in wanted:
            if name not in fields and not nearest(name, known - set(wanted)):
                self._fail(node, f"{who} has no '{name}'", f"add `{name}: ...`")
        return fields

    def _rule(self, node: yaml.Node) -> Rule | None:
        before = len(self.faults)
        fields = self._fields(node, _KEYS, "a rule")
        texts = {key: self._text(key, value) for key, value in fields.items()}
        if name := texts.get("name"):
            line = fields["name"].start_mark.line + 1
            if name in self.lines:
                self._fail(fields["name"], f"a rule '{name}' is there already in line {self.lines[name]}", "rename one")
            self.lines.setdefault(name, line)
        when = fields.get("when")
        expression = None
        if texts.get("when") and isinstance(when, yaml.ScalarNode):
            try:
                expression = read_expression(when.value, self.schema, place_of(when, self.text, self.where))
            except UserError as error:
                self.faults += error.faults
        if expression is None or len(self.faults) > before:
            return None
        return Rule(texts["name"], texts["label"], expression, " ".join(texts["why"].split()))

    def _text(self, key: str, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            told = f"'{node.value}'" if isinstance(node, yaml.ScalarNode) and node.value else "something else"
            self._fail(node, f"`{key}` is a text, this is {told}", "put it in quotes")
            return ""
        if not node.value.strip():
            self._fail(node, f"`{key}` is empty", "write it out")
        elif key in ("name", "label") and not _WORD.fullmatch(node.value):
            self._fail(node, f"'{node.value}' is no {key}", "use small letters, digits and _")
        return str(node.value)
