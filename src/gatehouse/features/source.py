"""Reads a features file (YAML) and says of every fault in it the line and the column."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import yaml

from gatehouse.errors import Fault, UserError, nearest, suggestion
from gatehouse.expressions import place_of, read_expression
from gatehouse.features.check import Declared, Problem, check, inputs
from gatehouse.features.define import FeatureSet, ScoreColumn
from gatehouse.features.profile import TYPES, Kind, ProfileColumn
from gatehouse.features.windows import Age, Count, Declaration, Distinct, RepeatShare, Sum, duration

_KEYS = ("columns", "profile", "scores", "windows", "owner")
_KINDS: dict[str, Callable[..., Declaration]] = {
    "count": Count,
    "distinct": Distinct,
    "sum": Sum,
    "repeat_share": RepeatShare,
    "age": Age,
}
_FIELDS = {
    "count": ("key", "window", "under", "where", "cap"),
    "distinct": ("key", "of", "window", "under", "where", "cap"),
    "sum": ("key", "of", "window", "under", "where", "cap"),
    "repeat_share": ("key", "of", "window", "under", "where", "cap"),
    "age": ("key", "window", "under", "where"),
}
_NEEDED = {kind: tuple(name for name in ("key", "of", "window") if name in fields) for kind, fields in _FIELDS.items()}
_EXAMPLES = {"key": "actor", "of": "target, or a number that is summed", "window": "1h"}
_FIRST = "begin with columns: [char_count]"
_WHOLE = re.compile(r"[0-9]{1,19}")
_AT = re.compile(r":(\d+):(\d+)$")

Fields = dict[str, yaml.Node]


def load(text: str, where: str) -> FeatureSet:
    """Read a features file: `columns`, `profile`, `scores`, `windows` and `owner`, all of them optional but one.

    Raises UserError with every fault, each with its line and column.
    """
    return _Reader(text, where).read(_composed(text, where))


def declarations(text: str, where: str) -> Iterator[tuple[str, str, str]]:
    """Section, name and place (file:line:column) of each declaration of a features file that can be loaded."""
    root = _composed(text, where)
    for section, listed in root.value if isinstance(root, yaml.MappingNode) else ():
        for item in listed.value if isinstance(listed, yaml.SequenceNode) else ():
            named = [item]
            if isinstance(item, yaml.MappingNode):
                named = [value for key, value in item.value if key.value == "name"]
            for name in named:
                yield str(section.value), str(name.value), _place(item, where)


def _composed(text: str, where: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError:
        raise UserError("the file is nested too deeply", where=where, fix="write lists and keys plainly") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise UserError(f"not YAML: {problem}", where=place, fix="mend the file's syntax") from error


def _place(node: yaml.Node | None, where: str) -> str:
    """Where a node stands, or the beginning of the file."""
    return f"{where}:{node.start_mark.line + 1}:{node.start_mark.column + 1}" if node else f"{where}:1:1"


def _in_order(fault: Fault) -> tuple[int, int]:
    at = _AT.search(fault.where)
    return (int(at[1]), int(at[2])) if at else (0, 0)


class _Reader:
    """Reads one file; `nodes` remembers where each field of each declaration stands."""

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where
        self.faults: list[Fault] = []
        self.nodes: dict[tuple[str, int, str], yaml.Node] = {}
        self.conditions: list[yaml.ScalarNode] = []

    def fail(self, node: yaml.Node | None, what: str, fix: str) -> None:
        """Note a fault at a node, or at the beginning of the file."""
        self.faults.append(Fault(what, _place(node, self.where), fix))

    def read(self, root: yaml.Node | None) -> FeatureSet:
        """The declarations of the file; raises UserError with all faults."""
        fields = self._fields(root, _KEYS, "a features file", _FIRST)
        if isinstance(root, yaml.MappingNode) and not any(key in fields for key in _KEYS[:-1]) and not self.faults:
            self.fail(root, "nothing is declared", "add columns: [char_count], or columns: []")
        declared = Declared(
            columns=tuple(self._names("columns", "a column", fields.get("columns"))),
            profile=self._listed("profile", fields, self._profile),
            scores=self._listed("scores", fields, self._score),
            windows=self._listed("windows", fields, self._window),
        )
        owner = self._owner(fields.get("owner"))
        # Checked as a whole here, where a fault has its place; a set of faulty declarations cannot be made.
        for problem in check(declared):
            self._note(problem)
        self._conditions(declared)
        if self.faults:
            raise UserError(sorted(self.faults, key=_in_order))
        return FeatureSet(owner=owner, **vars(declared))

    def _note(self, problem: Problem) -> None:
        place = (problem.section, problem.place, problem.field)
        node = self.nodes.get(place) or self.nodes.get((problem.section, problem.place, ""))
        self.fail(node, problem.what, problem.fix)

    def _conditions(self, declared: Declared) -> None:
        schema = inputs(declared)
        for node in self.conditions:
            try:
                read_expression(node.value, schema, place_of(node, self.text, self.where))
            except UserError as error:
                self.faults += error.faults

    def _fields(self, node: yaml.Node | None, known: Sequence[str], who: str, example: str) -> Fields:
        """The values of a mapping by key; unknown and repeated keys are faults."""
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"{who} is a mapping", example)
            return {}
        fields: Fields = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "[...]"
            if name not in known:
                self.fail(key, f"unknown key '{name}'", suggestion(name, known))
            elif name in fields:
                self.fail(key, f"'{name}' stands here twice", "keep one of them")
            else:
                fields[name] = value
        return fields

    def _owner(self, node: yaml.Node | None) -> str | None:
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode) or not str(node.value).strip():
            self.fail(node, "'owner' is a name", "write owner: trust-and-safety")
            return None
        return str(node.value)

    def _names(self, section: str, who: str, node: yaml.Node | None) -> list[str]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.fail(node, f"'{section}' is a list", f"write {section}: [char_count, url_count]")
            return []
        names: list[str] = []
        for item in node.value:
            if isinstance(item, yaml.ScalarNode):
                self.nodes[section, len(names), ""] = item
                names.append(str(item.value))
            else:
                self.fail(item, f"{who} is a name", "write one name, without lists or keys")
        return names

    def _listed(self, section: str, fields: Fields, read: Callable[[int, yaml.Node], Any]) -> tuple[Any, ...]:
        node = fields.get(section)
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self.fail(node, f"'{section}' is a list", f"write {section}: and one - name: ... a declaration")
            return ()
        found: list[Any] = []
        for item in node.value:
            if not isinstance(item, yaml.MappingNode):
                self.fail(item, f"one of '{section}' is no mapping", "write - name: ... and what it is")
                continue
            self.nodes[section, len(found), ""] = item
            one = read(len(found), item)
            if one is not None:
                found.append(one)
            else:
                # What was read of a faulty one must not stand for the next.
                self.nodes = {key: value for key, value in self.nodes.items() if key[:2] != (section, len(found))}
        return tuple(found)

    def _text(self, section: str, place: int, name: str, fields: Fields, node: yaml.Node) -> str | None:
        """A needed field that is one word or sentence."""
        value = fields.get(name)
        if value is None:
            self.fail(node, f"'{name}' is missing", f"add {name}: ...")
            return None
        if not isinstance(value, yaml.ScalarNode) or not str(value.value).strip():
            self.fail(value, f"'{name}' is a text", f"write {name}: and its value")
            return None
        self.nodes[section, place, name] = value
        return str(value.value)

    def _optional(self, section: str, place: int, name: str, fields: Fields) -> str | None:
        return self._text(section, place, name, fields, fields[name]) if name in fields else None

    def _profile(self, place: int, node: yaml.Node) -> ProfileColumn | None:
        fields = self._fields(node, ("name", "type", "meaning"), "a profile column", "write {name: ..., type: BIGINT}")
        name = self._text("profile", place, "name", fields, node)
        kind = self._text("profile", place, "type", fields, node)
        meaning = self._optional("profile", place, "meaning", fields)
        if kind is not None and kind not in TYPES:
            self.fail(fields["type"], f"unknown type '{kind}'", suggestion(kind, TYPES))
            # What was meant goes on, so that no window is told that the column is not there.
            kind = nearest(kind, TYPES)
        return ProfileColumn(name, cast(Kind, kind or "BIGINT"), meaning or "") if name else None

    def _score(self, place: int, node: yaml.Node) -> ScoreColumn | None:
        keys = ("name", "detector", "label")
        fields = self._fields(node, keys, "a score", "write {name: ..., detector: pack.linear, label: ...}")
        name, detector, label = (self._text("scores", place, key, fields, node) for key in keys)
        return ScoreColumn(name, detector or "", label or "") if name else None

    def _window(self, place: int, node: yaml.Node) -> Declaration | None:
        fields = self._fields(node, ("name", "meaning", "owner", *_KINDS), "a window", "write {name: ..., count: ...}")
        name = self._text("windows", place, "name", fields, node)
        said = {key: self._optional("windows", place, key, fields) for key in ("meaning", "owner")}
        kinds = [kind for kind in _KINDS if kind in fields]
        if len(kinds) != 1:
            what = f"'{name or 'a window'}' says {'more than once' if kinds else 'nowhere'} what it is"
            self.fail(node, what, f"give it one of {', '.join(_KINDS)}")
            return None
        kind = kinds[0]
        inner = fields[kind]
        values = self._fields(inner, _FIELDS[kind], f"'{kind}'", f"write {kind}: {{key: actor, window: 1h}}")
        read = {field: self._value(kind, place, field, value) for field, value in values.items()}
        for field in _NEEDED[kind]:
            if field not in values and isinstance(inner, yaml.MappingNode):
                self.fail(inner, f"'{field}' is missing", f"add {field}: {_EXAMPLES[field]}")
        if not name:
            return None
        # Something stands in for what could not be read, so that the rest is checked in the same run.
        given = {field: value for field, value in read.items() if value is not None}
        stand_ins = {"key": given.get("under", ("actor",)), "window": duration("1h")}
        if "of" in _NEEDED[kind]:
            stand_ins["of"] = "amount" if kind == "sum" else ("actor",)
        return _KINDS[kind](name=name, meaning=said["meaning"] or "", owner=said["owner"], **(stand_ins | given))

    def _value(self, kind: str, place: int, field: str, node: yaml.Node) -> Any:
        """The value of one field of a window as its declaration takes it; None where it cannot be read."""
        self.nodes["windows", place, field] = node
        if field in ("key", "under") or (field == "of" and kind != "sum"):
            items = node.value if isinstance(node, yaml.SequenceNode) else [node]
            if all(isinstance(item, yaml.ScalarNode) for item in items):
                return tuple(str(item.value) for item in items)
            self.fail(node, f"'{field}' is a column or a list of columns", f"write {field}: actor")
            return None
        if not isinstance(node, yaml.ScalarNode) or not str(node.value).strip():
            self.fail(node, f"'{field}' is one value", f"write {field}: and the value")
            return None
        value = str(node.value)
        if field == "cap":
            if not _WHOLE.fullmatch(value):
                self.fail(node, f"`cap` is a whole number, this is '{value[:40]}'", "write cap: 64")
                return None
            return int(value)
        if field == "window":
            try:
                return duration(value)
            except ValueError as error:
                self.fail(node, str(error), "write window: 1h")
                return None
        if field == "where":
            self.conditions.append(node)
        return value
