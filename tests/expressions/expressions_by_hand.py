"""The slow honest form of expressions, and random ones to compare with: NULL is None, one node at a time."""

import math
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

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
        case tree.Case(branches, default):
            for asked, item in branches:
                if evaluate(asked, row) is True:
                    return evaluate(item, row)
            return evaluate(default, row)
        case tree.Apply(operation, arguments):
            return _apply(operation, node.type, [evaluate(argument, row) for argument in arguments])
        case _:
            return _condition(node, [evaluate(part, row) for part in tree.parts(node)])


def _condition(node: Tree, given: list[Any]) -> bool | None:
    match node:
        case tree.And():
            return False if False in given else None if None in given else True
        case tree.Or():
            return True if True in given else None if None in given else False
        case tree.IsNull():
            return given[0] is None
        case tree.IsTruth(_, asked):
            return given[0] is asked
        case tree.Compare(operator):
            return _compare(operator, *given)
    if given[0] is None:
        return None
    match node:
        case tree.Not():
            return not given[0]
        case tree.Among(_, values):
            return any(given[0] == value for value in values)
        case tree.Found(_, pattern):
            return _found(given[0], pattern)
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
        # Python's floor of a float is a whole number without bounds; a DOUBLE has them.
        result = _NUMBERS[operation](kind, *(float(a) if kind is Type.DOUBLE and type(a) is int else a for a in given))
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
        float(text)
        if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) and math.isfinite(float(text))
        else None
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


WHOLES = [0, 1, -1, 2, 3, -3, 7, LOW, LOW + 1, HIGH, HIGH - 1, 2**53 + 1, -(2**53) - 1, 3037000500, -3037000500, 2**62]
DECIMALS = [
    0.0,
    -0.0,
    0.5,
    1.0,
    -1.0,
    -2.5,
    3.0,
    2.0**63,
    -(2.0**63),
    2.0**53,
    1e308,
    -1e308,
    5e-324,
    math.inf,
    -math.inf,
]
TEXTS = [
    *(
        "",
        "a",
        "ab",
        "ba",
        "A b",
        "a b 1",
        "win",
        "win!",
        "WIN",
        "winner",
        "twin",
        "_a",
        "😀",
        "é",
        "aé",
        "ß",
        "Ä%",
        "\x00",
    ),
    *(
        "a\nb",
        "it's",
        "1",
        "-07",
        "+5",
        "1.5e3",
        ".5",
        "9223372036854775807",
        "9223372036854775808",
        "1e999",
        "\\",
        "A",
    ),
]


def _rows() -> list[dict[str, Any]]:
    """Rows of every mixture: all the values above, missing ones, and random ones."""
    draw = random.Random(3)
    whole = [*WHOLES, *(draw.randint(LOW, HIGH) for _ in range(4))]
    decimal = [*DECIMALS, *(draw.gauss(0, 1e3) for _ in range(4))]
    pools: dict[str, list[Any]] = {"a": whole, "b": whole, "small": [0, 1, 2, -3, 2**15 - 1, -(2**15)]}
    pools |= {"x": decimal, "y": decimal, "s": TEXTS, "t": TEXTS, "p": [True, False], "q": [True, False]}

    def value(pool: list[Any]) -> Any:
        return draw.choice([None, *pool] if draw.random() < 0.7 else pool[:6])

    return [{name: value(pool) for name, pool in pools.items()} for _ in range(120)]


ROWS = _rows()

Pick = Callable[[Sequence[Any]], Any]
"""Chooses one of a sequence: by chance, or as hypothesis wants it."""

_SIGNS = ["=", "<>", "!=", "<", "<=", ">", ">="]
_REGEXPS = ["a", "^a", "a$", "[ab]+1", "(a|b)b", ".b", "\\d", "^$", "é", "[^a]", "(?i)AB", "(?s)a.b", "(?m)^b"]
_LIKES = ["", "a", "%", "%%", "a%", "%b", "%a%", "a_", "_", "%_b", "é%", "\\%", "%\\_%", "\\\\", "w%n", "%.%"]
_WORDS = ["a", "win", "b 1", "é", "%", "😀", "A", "ab"]


def quoted(text: str) -> str:
    """A text as it is written in an expression."""
    return "'" + text.replace("'", "''") + "'"


def literal(pick: Pick, kind: Type) -> str:
    """A written constant of a type."""
    match kind:
        case Type.BIGINT:
            return str(pick(WHOLES))
        case Type.DOUBLE:
            return repr(pick([value for value in DECIMALS if math.isfinite(value)]))
        case Type.VARCHAR:
            return quoted(pick(TEXTS))
        case _:
            return pick(["TRUE", "FALSE"])  # type: ignore[no-any-return]


def expression(pick: Pick, kind: Type, depth: int = 3) -> str:
    """The text of an expression of a type."""
    if depth == 0 or (depth < 3 and pick(range(4)) == 3):
        return literal(pick, kind) if pick(range(4)) == 3 else str(pick(COLUMNS[kind]))

    def below(wanted: Type) -> str:
        return expression(pick, wanted, depth - 1)

    makers = {Type.BOOLEAN: _boolean, Type.VARCHAR: _text, Type.BIGINT: _whole, Type.DOUBLE: _decimal}
    choices = makers[kind](pick, below) * 3 + _any_kind(pick, below, kind)
    return str(pick(choices)())


def _any_kind(pick: Pick, below: Callable[[Type], str], kind: Type) -> list[Callable[[], str]]:
    other = pick([Type.BIGINT, Type.DOUBLE, Type.VARCHAR])
    choices = [
        lambda: f"coalesce({below(kind)}, {below(kind)}, NULL)",
        lambda: f"CASE WHEN {below(Type.BOOLEAN)} THEN {below(kind)} WHEN {below(Type.BOOLEAN)} THEN {below(kind)} END",
        lambda: f"CASE {below(other)} WHEN {literal(pick, other)} THEN NULL ELSE {below(kind)} END",
    ]
    if kind is not Type.BOOLEAN:
        choices.append(lambda: f"{pick(['nullif', 'least', 'greatest'])}({below(kind)}, {below(kind)})")
    return choices


def _text(pick: Pick, below: Callable[[Type], str]) -> list[Callable[[], str]]:
    return [lambda: f"CAST({below(Type.BIGINT)} AS VARCHAR)", lambda: str(pick(COLUMNS[Type.VARCHAR]))]


def _whole(pick: Pick, below: Callable[[Type], str]) -> list[Callable[[], str]]:
    return [
        lambda: f"({below(Type.BIGINT)}) {pick('+-*%')} ({below(Type.BIGINT)})",
        lambda: f"- ({below(Type.BIGINT)})",
        lambda: f"abs({below(Type.BIGINT)})",
        lambda: f"length({below(Type.VARCHAR)})",
        lambda: f"CAST({below(pick([Type.DOUBLE, Type.VARCHAR, Type.BOOLEAN]))} AS BIGINT)",
    ]


def _decimal(pick: Pick, below: Callable[[Type], str]) -> list[Callable[[], str]]:
    number = pick([Type.BIGINT, Type.DOUBLE])
    return [
        lambda: f"({below(Type.DOUBLE)}) {pick('+-*/%')} ({below(number)})",
        lambda: f"({below(number)}) / ({below(number)})",
        lambda: f"- ({below(Type.DOUBLE)})",
        lambda: f"{pick(['abs', 'floor', 'ceil'])}({below(Type.DOUBLE)})",
        lambda: f"CAST({below(pick([Type.VARCHAR, Type.BIGINT]))} AS DOUBLE)",
    ]


def _boolean(pick: Pick, below: Callable[[Type], str]) -> list[Callable[[], str]]:
    kind = pick([Type.BIGINT, Type.DOUBLE, Type.VARCHAR])
    number = pick([Type.BIGINT, Type.DOUBLE])
    no = pick(["", "NOT "])

    def several(one: Callable[[], str], most: int, between: str = ", ") -> str:
        return between.join(one() for _ in range(pick(range(1, most + 1))))

    def joined() -> str:
        return several(lambda: f"({below(Type.BOOLEAN)})", 4, pick([" AND ", " OR "]))

    return [
        *[joined, lambda: f"NOT ({joined()})"] * 2,
        *[lambda: f"{no}({below(kind)}) {pick(_SIGNS)} ({below(kind)})"] * 3,
        *[lambda: f"{no}{pick(COLUMNS[number])} {pick(_SIGNS)} {literal(pick, number)}"] * 2,
        lambda: f"({below(Type.BIGINT)}) {pick(_SIGNS)} ({below(Type.DOUBLE)})",
        lambda: f"({below(Type.BOOLEAN)}) {pick(['=', '<>'])} ({below(Type.BOOLEAN)})",
        lambda: f"({below(kind)}) IS {no}NULL",
        lambda: f"({below(Type.BOOLEAN)}) IS {no}{pick(['NULL', 'TRUE', 'FALSE'])}",
        lambda: f"({below(number)}) {no}BETWEEN {below(number)} AND {literal(pick, Type.BIGINT)}",
        lambda: f"({below(kind)}) {no}IN ({several(lambda: literal(pick, kind), 10)})",
        lambda: f"({below(Type.VARCHAR)}) {no}LIKE {quoted(pick(_LIKES))}",
        lambda: f"{pick(['contains', 'starts_with', 'ends_with'])}({below(Type.VARCHAR)}, {quoted(pick(_WORDS))})",
        lambda: f"{no}word_in({below(Type.VARCHAR)}, {several(lambda: quoted(pick(_WORDS)), 3)})",
        lambda: f"{no}regexp_matches({below(Type.VARCHAR)}, {quoted(pick(_REGEXPS))})",
    ]
