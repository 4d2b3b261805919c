"""Syntax trees of expressions, before names and types are known."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """Part of an expression, standing at the characters [start, end) of its text."""

    start: int
    end: int


@dataclass(frozen=True)
class Name(Node):
    """A column, written plain or in double quotes."""

    name: str
    quoted: bool


@dataclass(frozen=True)
class Number(Node):
    """A number as it is written, with its minus sign."""

    written: str


@dataclass(frozen=True)
class Text(Node):
    """A text in single quotes, unescaped."""

    text: str


@dataclass(frozen=True)
class Truth(Node):
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True)
class Null(Node):
    """The word NULL."""


@dataclass(frozen=True)
class Unary(Node):
    """NOT or a minus sign."""

    operator: str
    operand: Node


@dataclass(frozen=True)
class Binary(Node):
    """A comparison or a sum of two operands."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Chain(Node):
    """Two or more conditions joined by AND, or by OR."""

    operator: str
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Like(Node):
    """[NOT] LIKE or ILIKE."""

    operand: Node
    pattern: Node
    negated: bool
    fold_case: bool


@dataclass(frozen=True)
class Among(Node):
    """[NOT] IN (list)."""

    operand: Node
    items: tuple[Node, ...]
    negated: bool


@dataclass(frozen=True)
class Between(Node):
    """[NOT] BETWEEN low AND high, both included."""

    operand: Node
    low: Node
    high: Node
    negated: bool


@dataclass(frozen=True)
class Is(Node):
    """IS [NOT] NULL, TRUE or FALSE; `asked` is None for NULL."""

    operand: Node
    asked: bool | None
    negated: bool


@dataclass(frozen=True)
class Call(Node):
    """A function with its arguments."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class When(Node):
    """CASE with its branches; `subject` is what simple CASE compares."""

    subject: Node | None
    branches: tuple[tuple[Node, Node], ...]
    default: Node | None


@dataclass(frozen=True)
class Convert(Node):
    """CAST(operand AS type)."""

    operand: Node
    type_name: str
    type_start: int
    type_end: int


def parts(node: Node) -> list[Node]:
    """The nodes that a node is made of."""
    match node:
        case Unary(operand=operand) | Is(operand=operand) | Convert(operand=operand):
            return [operand]
        case Binary(left=left, right=right):
            return [left, right]
        case Chain(items=items) | Call(arguments=items):
            return list(items)
        case Like(operand=operand, pattern=pattern):
            return [operand, pattern]
        case Among(operand=operand, items=items):
            return [operand, *items]
        case Between(operand=operand, low=low, high=high):
            return [operand, low, high]
        case When(subject=subject, branches=branches, default=default):
            pairs = [part for branch in branches for part in branch]
            return [part for part in (subject, *pairs, default) if part is not None]
        case _:
            return []
