"""Rules: conditions that people write, each with a name, a label and its reason."""

import hashlib
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from gatehouse.detectors.base import Asked
from gatehouse.errors import Fault, UserError, nearest, suggestion
from gatehouse.expressions import CompiledSet, Expression, place_of, read_expression
from gatehouse.records.signal import Signals, State
from gatehouse.text.rows import Rows

_FEW_ROWS = 64
"""Batches up to this size go through the row form; there the two forms cross where hundreds of rules are asked."""

_KEYS = ("name", "label", "when", "why")
_WORD = re.compile(r"[a-z][a-z0-9_]*")

Told = dict[int, str]
"""For a row and a label, counted as the cells of a table of all rows and labels: the names of rules, in order."""


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


class _Able(NamedTuple):
    """The rules that can be asked where some columns are not there, compiled, and the indices of all others."""

    compiled: CompiledSet
    rules: list[int]
    label_of: list[int]
    names: list[str]
    lost: list[int]


class _Book:
    """The rules of several detectors, those of one label beside each other."""

    def __init__(self, detectors: Sequence[RulesDetector]) -> None:
        self._detectors = detectors
        labels = [(place, label) for place, detector in enumerate(detectors) for label in detector.labels]
        told = [
            (labels.index((place, rule.label)), rule)
            for place, detector in enumerate(detectors)
            for rule in detector.rules
        ]
        told.sort(key=lambda one: one[0])
        self._rules = [rule for _, rule in told]
        # Labels are counted over all detectors.
        self._labels = tuple(label for _, label in labels)
        self._detector_of = [place for place, _ in labels]
        ends = list(itertools.accumulate(len(detector.labels) for detector in detectors))
        self._own = [slice(*ends) for ends in itertools.pairwise([0, *ends])]
        self._label_of = [label for label, _ in told]
        self._names = [rule.name for rule in self._rules]
        self._label_column, self._name_column = np.array(self._label_of, np.int64), np.array(self._names, object)
        self._named = frozenset(name for rule in self._rules for name in rule.when.columns)
        self._compiled: dict[frozenset[str], _Able] = {}
        self._last: tuple[pa.Schema, pa.Schema, _Able, dict[str, bool]] | None = None
        self._able(frozenset())

    def __call__(self, events: Rows, features: Rows) -> list[Signals]:
        """The signals of each detector."""
        able, used = self._able_for(features.schema, events.schema)
        if len(features) <= _FEW_ROWS:
            columns = [(features if own else events).one(name) for name, own in used.items()]
            matched, lost = self._by_rows(able, columns, len(features))
        else:
            matched, lost = self._by_columns(
                able, lambda name: (features if used[name] else events).column(name), len(features)
            )
        return self._signals(matched, lost, len(features))

    def _able_for(self, features: pa.Schema, events: pa.Schema) -> tuple[_Able, dict[str, bool]]:
        """The rules that can be asked over these columns, and whether each that they name is the features'.

        What both hold (`language`) is the features' word.
        """
        # Looking names up takes long for one row, and batch after batch has the same schemas.
        known = self._last
        if known is None or not (_same(features, known[0]) and _same(events, known[1])):
            able = self._able(self._named.difference(features.names, events.names))
            declared = set(features.names)
            known = self._last = (features, events, able, {name: name in declared for name in able.compiled.used})
        return known[2], known[3]

    def _able(self, missing: frozenset[str]) -> _Able:
        """The rules that can be asked without these columns; those for a whole batch are compiled when it is made."""
        if missing not in self._compiled:
            lost = [i for i, rule in enumerate(self._rules) if missing & rule.when.columns.keys()]
            gone = set(lost)
            rules = [i for i in range(len(self._rules)) if i not in gone]
            self._compiled[missing] = _Able(
                CompiledSet([self._rules[i].when for i in rules]),
                rules,
                [self._label_of[i] for i in rules],
                [self._names[i] for i in rules],
                lost,
            )
        return self._compiled[missing]

    def _by_rows(self, able: _Able, columns: Sequence[Sequence[Any]], n: int) -> tuple[Told, Told]:
        """The rules that are TRUE, and those that could not be asked, row by row."""
        matched: dict[int, list[str]] = defaultdict(list)
        lost: dict[int, list[str]] = defaultdict(list)
        first = 0
        for values in zip(*columns, strict=True) if columns else [()] * n:
            true, unavailable = able.compiled.row(values)
            for i in true:
                matched[first + able.label_of[i]].append(able.names[i])
            if unavailable or able.lost:
                for rule in sorted([*able.lost, *(able.rules[i] for i in unavailable)]):
                    lost[first + self._label_of[rule]].append(self._names[rule])
            first += len(self._labels)
        return _listed(matched), _listed(lost)

    def _by_columns(self, able: _Able, column: Callable[[str], pa.Array], n: int) -> tuple[Told, Told]:
        """The same over all rows at once, faster where there are many."""
        true, unavailable = able.compiled.over(n, column)
        if able.lost:
            masks = np.zeros((2, len(self._rules), n), np.bool_)
            masks[:, able.rules] = true, unavailable
            masks[1, able.lost] = True
            true, unavailable = masks
        return self._told(true), self._told(unavailable)

    def _told(self, mask: npt.NDArray[np.bool_]) -> Told:
        """The rules and rows [rules, n] of a mask by row and label."""
        if not mask.any():
            return {}
        rows, rules = np.divmod(np.flatnonzero(mask.T), len(mask))
        cells = rows * len(self._labels) + self._label_column[rules]
        firsts = np.flatnonzero(np.diff(cells, prepend=-1))
        names = self._name_column[rules].tolist()
        parts = itertools.pairwise([*firsts.tolist(), len(names)])
        return {cell: ", ".join(names[i:j]) for cell, (i, j) in zip(cells[firsts].tolist(), parts, strict=True)}

    def _signals(self, matched: Told, lost: Told, n: int) -> list[Signals]:
        """A match outweighs a rule that could not be asked."""
        blank = Signals.blank("", "", self._labels, n, State.ABSTAINED)
        reasons: list[dict[str, int]] = [{} for _ in self._detectors]
        told = {cell: f"value unavailable for {names}" for cell, names in lost.items()} | matched if lost else matched
        if told:
            codes = []
            for cell, said in told.items():
                known = reasons[self._detector_of[cell % len(self._labels)]]
                codes.append(known.setdefault(said, len(known)))
            blank.evidence.put(list(told), codes)
            blank.state.put(list(lost), State.FAILED)
            blank.state.put(list(matched), State.MATCHED)
        return [
            Signals(
                detector.name,
                detector.version,
                detector.labels,
                blank.state[:, own],
                blank.score[:, own],
                blank.evidence[:, own],
                tuple(said),
            )
            for detector, own, said in zip(self._detectors, self._own, reasons, strict=True)
        ]


def _listed(names: Mapping[int, list[str]]) -> Told:
    return {cell: ", ".join(listed) for cell, listed in names.items()}


def _same(one: pa.Schema, other: pa.Schema) -> bool:
    return one is other or one.equals(other)


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
