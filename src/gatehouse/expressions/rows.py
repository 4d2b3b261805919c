"""The row form: one generated Python function for any number of conditions, for single events and small batches.

Its source is written from typed conditions only: names are c0, t1, k2 …, numbers their repr, and every text of a user
is a constant handed over beside the source. Inside, a NULL number is NaN, so that comparisons need no check for it:
none of = < <= > >= holds for NaN. A NULL text is None.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from math import ceil, floor, fmod, inf, nan
from typing import Any

from gatehouse.expressions import values
from gatehouse.expressions.conditions import (
    Choice,
    Condition,
    Constant,
    Every,
    Fails,
    Flag,
    Holds,
    Known,
    Member,
    Operation,
    Shows,
    Some,
    Value,
    cost,
    everything,
    repeated,
)
from gatehouse.expressions.patterns import as_re2, compile_re2, compile_several, search_words
from gatehouse.expressions.tree import Column, Literal, Type
from gatehouse.expressions.values import MAX_BIGINT, MIN_BIGINT

_WORTH_KEEPING = 15
"""Cost from which a repeated part is kept for the rest of the row."""

_CALLS = {
    "lower": values.lower,
    "upper": values.upper,
    "read_bigint": values.read_bigint,
    "read_double": values.read_double,
    "least": values.least,
    "greatest": values.greatest,
}
_UNSET = object()

Row = tuple[Any, ...]


def three_valued(columns: dict[str, Type], true: Condition, false: Condition) -> Callable[[Row], bool | None]:
    """A function of the values of these columns, in order: True, False, or None where it is unknown."""
    writer = _Writer(columns, [true, false])
    body = [f"return True if {writer.condition(true)} else False if {writer.condition(false)} else None"]
    return writer.function(body, lambda name: "return None")


def matching(
    columns: dict[str, Type], conditions: Sequence[Condition], named: Sequence[Collection[str]]
) -> Callable[[Row], tuple[list[int], list[int]]]:
    """A function of the values of these columns, in order: which conditions hold, and which name a NaN.

    `named` are the columns that each condition's expression names. Indices count the conditions from 0; one that names
    a NaN is not among those that hold.
    """
    writer = _Writer(columns, conditions)

    def at_nan(column: str) -> str:
        return f"lost += {[i for i, names in enumerate(named) if column in names]}"

    body = ["hits = []", "hit = hits.append"]
    body += [f"if {writer.condition(condition)}: hit({i})" for i, condition in enumerate(conditions)]
    body += ["if lost: return [i for i in hits if i not in lost], sorted(set(lost))", "return hits, lost"]
    return writer.function(body, at_nan)


class _Writer:
    """Writes Python for conditions (something truthy where they hold) and for values."""

    def __init__(self, columns: dict[str, Type], conditions: Sequence[Condition]) -> None:
        self.types = columns
        self.columns = {name: f"c{i}" for i, name in enumerate(columns)}
        self.constants: dict[str, Any] = {"nan": nan, "inf": inf, "unset": _UNSET, "fmod": fmod}
        self.constants |= {"floor": floor, "ceil": ceil, "remainder": values.remainder, **_CALLS}
        self.named: dict[Any, str] = {}
        self.temporaries = 0
        self.together = self._together(conditions)
        self.kept = {node: f"m{i}" for i, node in enumerate(_worth_keeping(conditions))}

    def function(self, body: list[str], at_nan: Callable[[str], str]) -> Callable[[Row], Any]:
        """The function with this body, and what it does first where a column is NaN."""
        lines = ["lost = []"]
        if self.columns:
            lines.append(f"{''.join(f'{code}, ' for code in self.columns.values())}= row")
        for name, code in self.columns.items():
            if self.types[name].is_number:
                lines.append(f"if {code} is None: {code} = nan")
            if self.types[name] is Type.DOUBLE:
                lines.append(f"elif {code} != {code}: {at_nan(name)}")
        later = [*self.kept.values(), *dict.fromkeys(saw for _, saw, _ in self.together.values())]
        if later:
            lines.append(f"{' = '.join(later)} = unset")
        source = "\n".join(["def judge(row):", *(f" {line}" for line in [*lines, *body])])
        scope = dict(self.constants)
        exec(compile(source, "<expressions>", "exec"), scope)
        made: Callable[[Row], Any] = scope["judge"]
        return made

    def _together(self, conditions: Sequence[Condition]) -> dict[tuple[str, str], tuple[str, str, int]]:
        """For each pattern that is asked of a column beside others: the search for all, what it saw, its place."""
        asked: dict[str, dict[str, None]] = {}
        for node in everything(conditions):
            if isinstance(node, Shows) and isinstance(node.value, Column) and node.pattern.kind in ("regexp", "words"):
                asked.setdefault(node.value.name, {})[as_re2(node.pattern)] = None
        together = {}
        for column, patterns in asked.items():
            # They may be more than RE2 takes at a time, and are then asked one by one.
            with suppress(ValueError):
                if len(patterns) > 1:
                    search = self._constant(("several", column), compile_several(list(patterns)))
                    for place, pattern in enumerate(patterns):
                        together[column, pattern] = (search, f"{search}_saw", place)
        return together

    def _constant(self, key: Any, value: Any) -> str:
        if key not in self.named:
            self.named[key] = f"k{len(self.named)}"
            self.constants[self.named[key]] = value
        return self.named[key]

    def _temporary(self) -> str:
        self.temporaries += 1
        return f"t{self.temporaries}"

    def _once(self, node: Condition | Value, write: Callable[[], str]) -> str:
        """The code of a node; one that is worth keeping is computed where it is first needed."""
        name = self.kept.get(node)
        if name is None:
            return write()
        return f"({name} if {name} is not unset else ({name} := {write()}))"

    def condition(self, node: Condition) -> str:
        """Code that is truthy where the condition holds."""
        return self._once(node, lambda: self._condition(node))

    def _condition(self, node: Condition) -> str:
        match node:
            case Constant(holds):
                return str(holds)
            case Every(items):
                return f"({' and '.join(self.condition(item) for item in items)})"
            case Some(items):
                return f"({' or '.join(self.condition(item) for item in items)})"
            case Fails(item):
                return f"(not {self.condition(item)})"
            case Flag(name, value):
                return f"({self.columns[name]} is {value})"
            case Holds():
                return self._comparison(node)
            case Known(value):
                return f"({self._checked(value)[0]})"
            case Member(value, constants, inside):
                listed = self._constant((value.type, constants), frozenset(constants))
                if inside:
                    return f"({self.value(value)} in {listed})"
                known, code = self._checked(value)
                return f"({known} and {code} not in {listed})"
            case Shows():
                return self._shows(node)

    def _named(self, value: Value) -> tuple[str, str]:
        """Code of a value for its first use and for its next ones."""
        code = self.value(value)
        if isinstance(value, Column | Literal):
            return code, code
        name = self._temporary()
        return f"({name} := {code})", name

    def _checked(self, value: Value) -> tuple[str, str]:
        """Code that is true where a value is known, and code of the value after it."""
        first, again = self._named(value)
        return (f"{first} is not None" if value.type is Type.VARCHAR else f"{first} == {again}"), again

    def _comparison(self, node: Holds) -> str:
        sign = {"=": "==", "<>": "!="}.get(node.operator, node.operator)
        text = node.left.type is Type.VARCHAR
        constant = isinstance(node.right, Literal) and node.right.value is not None
        if (constant and node.operator == "=") or (not text and node.operator != "<>"):
            return f"({self.value(node.left)} {sign} {self.value(node.right)})"
        left_known, left = self._checked(node.left)
        right_known, right = self._checked(node.right)
        known = left_known if constant else f"{left_known} and {right_known}"
        return f"({known} and {left} {sign} {right})"

    def _shows(self, node: Shows) -> str:
        known, text = self._checked(node.value)
        kind, texts = node.pattern.kind, node.pattern.texts
        if kind == "contains":
            found = f"{self._constant(texts[0], texts[0])} in {text}"
        elif kind in ("starts_with", "ends_with"):
            method = "startswith" if kind == "starts_with" else "endswith"
            found = f"{text}.{method}({self._constant(texts[0], texts[0])})"
        else:
            found = self._searched(node, text)
        return f"({known} and {found})" if node.found else f"({known} and not {found})"

    def _searched(self, node: Shows, text: str) -> str:
        kind, texts = node.pattern.kind, node.pattern.texts
        seen = ""
        if isinstance(node.value, Column) and (asked := (node.value.name, as_re2(node.pattern))) in self.together:
            search, saw, place = self.together[asked]
            seen = f"{place} in ({saw} if {saw} is not unset else ({saw} := {search}({text}.encode())))"
            if kind == "regexp":
                return f"({seen})"
        search = self._constant((kind, texts), compile_re2(texts[0]) if kind == "regexp" else search_words(texts))
        found = f"{search}({text}) is not None"
        return f"({seen} and {found})" if seen else f"({found})"

    def value(self, node: Value) -> str:
        """Code of a value; NaN or None where it is NULL."""
        return self._once(node, lambda: self._value(node))

    def _value(self, node: Value) -> str:
        null = "None" if node.type is Type.VARCHAR else "nan"
        match node:
            case Column(name):
                return self.columns[name]
            case Literal(value):
                if value is None:
                    return null
                return self._constant(value, value) if isinstance(value, str) else f"({value!r})"
            case Choice(branches, default):
                chosen = "".join(f"{self.value(item)} if {self.condition(asked)} else " for asked, item in branches)
                return f"({chosen}{self.value(default)})"
            case Operation("coalesce", arguments):
                *others, last = arguments
                tried = [f"{code} if {known} else " for known, code in map(self._checked, others)]
                return f"({''.join(tried)}{self.value(last)})"
            case Operation("nullif", (left, right)):
                first, again = self._named(left)
                return f"({null} if {first} == {self.value(right)} else {again})"
            case Operation("length" | "write" as name, (item,)):
                known, code = self._checked(item)
                made = f"len({code})" if name == "length" else f"str({code})"
                return f"({made} if {known} else {null})"
            case Operation(name, arguments) if name in _CALLS:
                return f"{name}({', '.join(self.value(argument) for argument in arguments)})"
            case _:
                return self._arithmetic(node)

    def _arithmetic(self, node: Operation) -> str:
        codes = [self.value(argument) for argument in node.arguments]
        result = self._temporary()
        whole = node.type is Type.BIGINT
        match node.name:
            case "widen":
                return f"float({codes[0]})"
            case "truncate":
                within = f"{float(MIN_BIGINT)!r} <= ({result} := {codes[0]}) < {-float(MIN_BIGINT)!r}"
                return f"(int({result}) if {within} else nan)"
            case "floor" | "ceil":
                return f"(float({node.name}({result})) if -inf < ({result} := {codes[0]}) < inf else {result})"
            case "abs" if not whole:
                return f"abs({codes[0]})"
            case "negate" if not whole:
                return f"(-{codes[0]})"
            case "/" | "%":
                return self._division(node, codes, result)
            case "abs":
                made = f"abs({codes[0]})"
            case "negate":
                made = f"-{codes[0]}"
            case operator:
                made = f"{codes[0]} {operator} {codes[1]}"
        if whole:
            return f"({result} if {MIN_BIGINT} <= ({result} := {made}) <= {MAX_BIGINT} else nan)"
        return f"({result} if -inf < ({result} := {made}) < inf else nan)"

    def _division(self, node: Operation, codes: list[str], result: str) -> str:
        by = self._temporary()
        if node.name == "/":
            return f"({result} if ({by} := {codes[1]}) and -inf < ({result} := {codes[0]} / {by}) < inf else nan)"
        if node.type is Type.DOUBLE:
            left = f"fmod({result}, {by}) if ({by} := {codes[1]}) and -inf < ({result} := {codes[0]}) < inf"
            return f"({left} else nan)"
        known = f"({by} := {codes[1]}) == {by} and {by} and ({result} := {codes[0]}) == {result}"
        return f"(remainder({result}, {by}) if {known} else nan)"


def _worth_keeping(conditions: Sequence[Condition]) -> list[Condition | Value]:
    return [node for node in repeated(conditions) if cost(node) >= _WORTH_KEEPING]
