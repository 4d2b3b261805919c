"""The slow honest form of expressions, and random ones to compare with: NULL is None, one node at a time."""

import math
import re
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from gatehouse.expressions import tree
from gatehouse.expressions.tree import Tree, Type

SCHEMA = pa.schema(
    [
        ("a", pa.int64()),
        ("b", pa.int64()),
        ("small", pa.int16()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("s", pa.string()),
        ("t", pa.large_string()),
        ("p", pa.bool_()),
        ("q", pa.bool_()),
    ]
)
COLUMNS = {
    Type.BIGINT: ("a", "b", "small"),
    Type.DOUBLE: ("x", "y"),
    Type.VARCHAR: ("s", "t"),
    Type.BOOLEAN: ("p", "q"),
}
LOW, HIGH = -(2**63), 2**63 - 1


def evaluate(node: Tree, row: dict[str, Any]) -> Any:
    """The value of a tree for one row."""
    match node:
        case tree.Column(name):
            return row[name]
        case tree.Literal(value):
            return value
        case tree.And(items):
            found = [evaluate(item, row) for item in items]
            return False if False in found else None if None in found else True
        case tree.Or(items):
            found = [evaluate(item, row) for item in items]
            return True if True in found else None if None in found else False
        case tree.Not(item):
            value = evaluate(item, row)
            return None if value is None else not value
        case tree.IsNull(item):
            return evaluate(item, row) is None
        case tree.IsTruth(item, asked):
            return evaluate(item, row) is asked
        case tree.Compare(operator, left, right):
            return _compare(operator, evaluate(left, row), evaluate(right, row))
        case tree.Among(item, values):
            value = evaluate(item, row)
            return None if value is None else any(value == one for one in values)
        case tree.Found(item, pattern):
            value = evaluate(item, row)
            return None if value is None else _found(value, pattern)
        case tree.Case(branches, default):
            for asked, item in branches:
                if evaluate(asked, row) is True:
                    return evaluate(item, row)
            return evaluate(default, row)
        case tree.Apply(operation, arguments):
            return _apply(operation, node.type, [evaluate(argument, row) for argument in arguments])
    raise AssertionError(node)


def _compare(operator: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    order = (left > right) - (left < right)
    return {"=": order == 0, "<>": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[
        operator
    ]


def _found(text: str, pattern: tree.Pattern) -> bool:
    match pattern.kind:
        case "contains":
            return pattern.texts[0] in text
        case "starts_with":
            return text[: len(pattern.texts[0])] == pattern.texts[0]
        case "ends_with":
            return not pattern.texts[0] or text[-len(pattern.texts[0]) :] == pattern.texts[0]
        case "regexp":  # the random ones mean the same to Python's re
            return (
                re.search(pattern.texts[0].replace("\\z", "\\Z").replace("\\x{", "\\x").replace("}", ""), text)
                is not None
            )
        case _:
            return any(_stands_alone(text, word) for word in pattern.texts)


def _stands_alone(text: str, word: str) -> bool:
    for at in range(len(text) - len(word) + 1):
        around = text[at - 1 : at] if at else "", text[at + len(word) : at + len(word) + 1]
        if text[at : at + len(word)] == word and not any(sign.isalnum() or sign == "_" for sign in "".join(around)):
            return True
    return False


def _apply(operation: str, kind: Type, given: list[Any]) -> Any:
    if operation == "coalesce":
        return next((value for value in given if value is not None), None)
    if operation == "nullif":
        return None if _compare("=", *given) else given[0]
    if None in given:
        return None
    first = given[0]
    if operation in ("least", "greatest"):
        return min(given) if operation == "least" else max(given)
    if operation in _TEXTS:
        return _TEXTS[operation](first)
    try:
        result = _NUMBERS[operation](kind, *given)
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    if kind is Type.BIGINT:
        return result if LOW <= result <= HIGH else None
    return result if math.isfinite(result) or operation in ("negate", "abs", "floor", "ceil") else None


_TEXTS = {
    "length": len,
    "write": str,
    "lower": lambda text: "".join(one.lower() if len(one.lower()) == 1 else one for one in text),
    "upper": lambda text: "".join(one.upper() if len(one.upper()) == 1 else one for one in text),
    "read_bigint": lambda text: int(text) if re.fullmatch(r"[+-]?[0-9]+", text) and LOW <= int(text) <= HIGH else None,
    "read_double": lambda text: (
        float(text) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) else None
    ),
}
_NUMBERS = {
    "+": lambda kind, a, b: a + b,
    "-": lambda kind, a, b: a - b,
    "*": lambda kind, a, b: a * b,
    "/": lambda kind, a, b: a / b,
    "%": lambda kind, a, b: math.fmod(a, b) if kind is Type.DOUBLE else _remainder(a, b),
    "negate": lambda kind, a: -a,
    "abs": lambda kind, a: abs(a),
    "floor": lambda kind, a: a if math.isinf(a) else math.floor(a),
    "ceil": lambda kind, a: a if math.isinf(a) else math.ceil(a),
    "widen": lambda kind, a: float(a),
    "truncate": lambda kind, a: math.trunc(a),
}


def _remainder(a: int, b: int) -> int:
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return a - b * quotient


WHOLE = st.one_of(
    st.integers(-3, 3), st.integers(LOW, HIGH), st.sampled_from([LOW, LOW + 1, HIGH, HIGH - 1, 2**53 + 1, 3037000500])
)
DECIMAL = st.one_of(
    st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 2.0**63, -(2.0**63), 2.0**53, 1e308, 5e-324, math.inf, -math.inf]),
    st.floats(allow_nan=False),
)
TEXT = st.one_of(
    st.sampled_from(
        ["", "a", "ab", "A b", "win", "win!", "winner", "twin", "😀", "é", "ß", "\x00", "a\nb", "1", "-07", "1.5e3"]
    ),
    st.text(st.sampled_from("abAB1 %_\\.é😀\n'"), max_size=6),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
ROW = st.fixed_dictionaries(
    {
        "a": st.none() | WHOLE,
        "b": st.none() | WHOLE,
        "small": st.none() | st.integers(-(2**15), 2**15 - 1),
        "x": st.none() | DECIMAL,
        "y": st.none() | DECIMAL,
        "s": st.none() | TEXT,
        "t": st.none() | TEXT,
        "p": st.none() | st.booleans(),
        "q": st.none() | st.booleans(),
    }
)
_SIGNS = st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="])
_NOT = st.sampled_from(["", "NOT "])
_REGEXPS = ["a", "^a", "a$", "[ab]+1", "(a|b)b", ".b", "\\d", "^$", "é", "[^a]", "(?i)AB", "(?s)a.b", "(?m)^b"]


def quoted(text: str) -> str:
    """A text as it is written in an expression."""
    return "'" + text.replace("'", "''") + "'"


@st.composite
def expressions(draw: Any, kind: Type, depth: int = 3) -> str:
    """The text of a random expression of a type."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(_atoms(kind))
    below = lambda wanted: draw(expressions(wanted, depth - 1))  # noqa: E731
    number = draw(st.sampled_from([Type.BIGINT, Type.DOUBLE]))
    anything = draw(st.sampled_from([Type.BIGINT, Type.DOUBLE, Type.VARCHAR]))
    pair = ", ".join((below(kind), below(kind)))
    choices = [
        lambda: f"coalesce({pair}, NULL)",
        lambda: f"CASE WHEN {below(Type.BOOLEAN)} THEN {below(kind)} WHEN {below(Type.BOOLEAN)} THEN {below(kind)} END",
        lambda: f"CASE {below(anything)} WHEN {draw(_atoms(anything))} THEN NULL ELSE {below(kind)} END",
    ]
    if kind is not Type.BOOLEAN:
        choices += [lambda: f"{draw(st.sampled_from(['nullif', 'least', 'greatest']))}({pair})"]
    if kind is Type.VARCHAR:
        choices += [lambda: f"CAST({below(Type.BIGINT)} AS VARCHAR)"]
        return draw(st.sampled_from(choices))()
    if kind is not Type.BOOLEAN:
        sign = draw(st.sampled_from(["+", "-", "*", "%", "/"] if kind is Type.DOUBLE else ["+", "-", "*", "%"]))
        other = number if kind is Type.DOUBLE else kind
        choices += [
            lambda: f"({below(kind)}) {sign} ({below(other)})",
            lambda: f"- ({below(kind)})",
            lambda: f"abs({below(kind)})",
            lambda: f"CAST({below(Type.VARCHAR)} AS {kind})",
        ]
        if kind is Type.BIGINT:
            choices += [lambda: f"length({below(Type.VARCHAR)})", lambda: f"CAST({below(Type.DOUBLE)} AS BIGINT)"]
            choices += [lambda: f"CAST({below(Type.BOOLEAN)} AS BIGINT)"]
        else:
            choices += [lambda: f"floor({below(number)})", lambda: f"ceil({below(number)})"]
        return draw(st.sampled_from(choices))()
    return draw(st.sampled_from([*choices, *_conditions(draw, below, anything, number)]))()


def _conditions(draw: Any, below: Any, anything: Type, number: Type) -> list[Any]:
    word = draw(st.sampled_from([" AND ", " OR "]))
    no = draw(_NOT)
    return [
        lambda: "(" + word.join(below(Type.BOOLEAN) for _ in range(draw(st.integers(2, 4)))) + ")",
        lambda: f"NOT ({below(Type.BOOLEAN)})",
        lambda: f"({below(anything)}) {draw(_SIGNS)} ({below(anything)})",
        lambda: f"({below(Type.BIGINT)}) {draw(_SIGNS)} ({below(number)})",
        lambda: f"({below(Type.BOOLEAN)}) {draw(st.sampled_from(['=', '<>']))} ({below(Type.BOOLEAN)})",
        lambda: f"({below(anything)}) IS {no}NULL",
        lambda: f"({below(Type.BOOLEAN)}) IS {no}{draw(st.sampled_from(['NULL', 'TRUE', 'FALSE']))}",
        lambda: f"({below(number)}) {no}BETWEEN {draw(_atoms(number))} AND {draw(_atoms(Type.BIGINT))}",
        lambda: (
            f"({below(anything)}) {no}IN ({', '.join(draw(st.lists(_literals(anything), min_size=1, max_size=10)))})"
        ),
        lambda: f"({below(Type.VARCHAR)}) {no}LIKE {quoted(draw(_LIKES))}",
        lambda: (
            f"{draw(st.sampled_from(['contains', 'starts_with', 'ends_with']))}({below(Type.VARCHAR)}, {draw(_WORDS)})"
        ),
        lambda: f"word_in({below(Type.VARCHAR)}, {', '.join(draw(st.lists(_WORDS, min_size=1, max_size=3)))})",
        lambda: f"{no}regexp_matches({below(Type.VARCHAR)}, {quoted(draw(st.sampled_from(_REGEXPS)))})",
    ]


_LIKES = st.lists(st.sampled_from(["%", "_", "a", "b", "\\%", "\\_", "\\\\", "é", "."]), max_size=5).map("".join)
_WORDS = st.sampled_from([quoted(word) for word in ("a", "win", "b 1", "é", "%", "😀", "A")])


def _literals(kind: Type) -> st.SearchStrategy[str]:
    match kind:
        case Type.BIGINT:
            return WHOLE.map(str)
        case Type.DOUBLE:
            return DECIMAL.filter(math.isfinite).map(repr)
        case Type.VARCHAR:
            return TEXT.map(quoted)
        case _:
            return st.sampled_from(["TRUE", "FALSE"])


def _atoms(kind: Type) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(COLUMNS[kind]), st.sampled_from(COLUMNS[kind]), _literals(kind))
