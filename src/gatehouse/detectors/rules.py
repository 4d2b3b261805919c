"""Rules: conditions that people write, each with a name, a label and its reason."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import yaml

from gatehouse.detectors.base import Asked
from gatehouse.errors import Fault, UserError, nearest, suggestion
from gatehouse.expressions import CompiledSet, Expression, place_of, read_expression
from gatehouse.records.signal import Signals, State, blank_columns
from gatehouse.text.rows import Rows

_FEW_ROWS = 96
"""Batches up to this size go through the row form; `make bench-rules` prints where the two forms cross."""

_KEYS = ("name", "label", "when", "why")
_WORD = re.compile(r"[a-z][a-z0-9_]*")

Found = dict[int, list[int]]
"""Row of a batch: indices of rules, in order."""


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
        self._alone = _Book([self])

    @classmethod
    def from_yaml(cls, text: str, where: str, name: str, schema: pa.Schema) -> "RulesDetector":
        """Read a rules file whose conditions may name the columns of this schema.

        Raises UserError with every fault, each with file, line and column.
        """
        rules = _Reader(text, where, schema).rules()
        return cls(name, hashlib.sha256(text.encode()).hexdigest()[:12], rules)

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        """One signal per event and label; evidence names the rules that matched, or those that could not be asked."""
        return self._alone(Rows.of(events), Rows.of(features))[0]

    @classmethod
    def together(cls, detectors: "Sequence[RulesDetector]") -> Asked:
        """The rules of all in one go: what they share is computed once."""
        return detectors[0]._alone if len(detectors) == 1 else _Book(detectors)


class _Book:
    """The rules of several detectors, one's behind another's."""

    def __init__(self, detectors: Sequence[RulesDetector]) -> None:
        self._detectors = detectors
        self._rules = [rule for detector in detectors for rule in detector.rules]
        # Of each rule, its detector and the place of its label there, and its name.
        self._told_by = [
            ((place, detector.labels.index(rule.label)), rule.name)
            for place, detector in enumerate(detectors)
            for rule in detector.rules
        ]
        self._named = frozenset(name for rule in self._rules for name in rule.when.columns)
        self._compiled: dict[frozenset[str], _Able] = {}
        self._last: tuple[pa.Schema, pa.Schema, _Able, list[bool]] | None = None
        self._able(frozenset())

    def __call__(self, events: Rows, features: Rows) -> list[Signals]:
        """The signals of each detector."""
        able, declared = self._able_for(features.schema, events.schema)
        n = len(features)
        hits, lost = (
            _by_rows(_rows(able.compiled.used, declared, events, features), able)
            if n <= _FEW_ROWS
            else _by_columns(_columns(able.compiled.used, events, features), able)
        )
        if able.lost:
            lost = {row: sorted([*able.lost, *lost.get(row, [])]) for row in range(n)}
        blank = blank_columns(self._detectors, n, State.ABSTAINED)
        reasons: list[dict[str, int]] = [{} for _ in blank]
        for row in {**hits, **lost}:
            for (place, label), (state, said) in self._verdicts(hits.get(row, []), lost.get(row, [])).items():
                states, _, evidence = blank[place]
                states[row, label] = state
                evidence[row, label] = reasons[place].setdefault(said, len(reasons[place]))
        return [
            Signals(detector.name, detector.version, detector.labels, *columns, tuple(said))
            for detector, columns, said in zip(self._detectors, blank, reasons, strict=True)
        ]

    def _able_for(self, features: pa.Schema, events: pa.Schema) -> "tuple[_Able, list[bool]]":
        """The rules that can be asked over these columns, and which of those that they name are the features'."""
        # Looking names up takes long for one row, and batch after batch has the same schemas.
        known = self._last
        if known is None or not (_same(features, known[0]) and _same(events, known[1])):
            able = self._able(self._named.difference(features.names, events.names))
            declared = set(features.names)
            known = self._last = (features, events, able, [name in declared for name in able.compiled.used])
        return known[2], known[3]

    def _able(self, missing: frozenset[str]) -> "_Able":
        """The rules that can be asked without these columns; those for a whole batch are compiled when it is made."""
        if missing not in self._compiled:
            lost = [i for i, rule in enumerate(self._rules) if missing & rule.when.columns.keys()]
            gone = set(lost)
            rules = [i for i in range(len(self._rules)) if i not in gone]
            self._compiled[missing] = _Able(CompiledSet([self._rules[i].when for i in rules]), rules, lost)
        return self._compiled[missing]

    def _verdicts(self, hits: list[int], lost: list[int]) -> dict[tuple[int, int], tuple[State, str]]:
        """State and reason of each label that a rule speaks of; a match outweighs a rule that could not be asked."""
        verdicts: dict[tuple[int, int], tuple[State, str]] = {}
        for rules, state, prefix in ((lost, State.FAILED, "value unavailable for "), (hits, State.MATCHED, "")):
            names: dict[tuple[int, int], list[str]] = defaultdict(list)
            for rule in rules:
                label, name = self._told_by[rule]
                names[label].append(name)
            verdicts |= {label: (state, prefix + ", ".join(named)) for label, named in names.items()}
        return verdicts


def _same(one: pa.Schema, other: pa.Schema) -> bool:
    return one is other or one.equals(other)


class _Able(NamedTuple):
    """The rules that can be asked where some columns are not there, compiled, and the indices of all others."""

    compiled: CompiledSet
    rules: list[int]
    lost: list[int]


def _columns(used: Sequence[str], events: Rows, features: Rows) -> pa.RecordBatch:
    """The columns that the rules name; what both hold (`language`) is the features' word."""
    if not used:
        return events.batch
    known = {**events.by_name, **features.by_name}
    return pa.RecordBatch.from_arrays([known[name] for name in used], list(used))


def _rows(used: Sequence[str], declared: Sequence[bool], events: Rows, features: Rows) -> Iterable[tuple[Any, ...]]:
    """The same as rows of values."""
    if not used:
        return [()] * len(events)
    columns = zip(used, declared, strict=True)
    return zip(*((features if own else events).one(name) for name, own in columns), strict=True)


def _by_rows(rows: Iterable[tuple[Any, ...]], able: _Able) -> tuple[Found, Found]:
    """The rules that are TRUE in each row, and those that could not be asked."""
    hits: Found = {}
    lost: Found = {}
    for row, values in enumerate(rows):
        true, unavailable = able.compiled.row(values)
        if true:
            hits[row] = [able.rules[i] for i in true]
        if unavailable:
            lost[row] = [able.rules[i] for i in unavailable]
    return hits, lost


def _by_columns(batch: pa.RecordBatch, able: _Able) -> tuple[Found, Found]:
    """The same, faster where there are many."""
    found: list[Found] = []
    for mask in able.compiled.columns(batch):
        by_row: Found = defaultdict(list)
        for row, i in zip(*(indices.tolist() for indices in np.nonzero(mask.T)), strict=True):
            by_row[row].append(able.rules[i])
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
