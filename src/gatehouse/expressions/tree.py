"""Typed trees: an expression after names and types are known. Every form of evaluation is made from these."""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa


class Type(StrEnum):
    """The four types of the language; BIGINT is int64, DOUBLE float64."""

    BOOLEAN = "BOOLEAN"
    BIGINT = "BIGINT"
    DOUBLE = "DOUBLE"
    VARCHAR = "VARCHAR"

    @property
    def is_number(self) -> bool:
        """BIGINT or DOUBLE."""
        return self in (Type.BIGINT, Type.DOUBLE)


def type_of(kind: pa.DataType) -> Type | None:
    """The type in which expressions read an Arrow column, or None where they cannot."""
    if pa.types.is_boolean(kind):
        return Type.BOOLEAN
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return Type.BIGINT
    if pa.types.is_floating(kind):
        return Type.DOUBLE
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return Type.VARCHAR
    return None


@dataclass(frozen=True)
class Column:
    """A column of the row."""

    name: str
    type: Type


@dataclass(frozen=True)
class Literal:
    """A constant; None is NULL."""

    value: bool | int | float | str | None
    type: Type


@dataclass(frozen=True)
class And:
    """TRUE where all items are, FALSE where one is."""

    items: tuple["Tree", ...]
    type: Type = Type.BOOLEAN


@dataclass(frozen=True)
class Or:
    """TRUE where one item is, FALSE where all are."""

    items: tuple["Tree", ...]
    type: Type = Type.BOOLEAN


@dataclass(frozen=True)
class Not:
    """The opposite; NULL stays NULL."""

    item: "Tree"
    type: Type = Type.BOOLEAN


@dataclass(frozen=True)
class Compare:
    """`=`, `<>`, `<`, `<=`, `>` or `>=` between two values of one type."""

    operator: str
    left: "Tree"
    right: "Tree"
    type: Type = Type.BOOLEAN


@dataclass(frozen=True)
class IsNull:
    """Whether a value is NULL; never NULL itself."""

    item: "Tree"
    type: Type = Type.BOOLEAN


@dataclass(frozen=True)
class IsTruth:
    """Whether a condition is TRUE (or FALSE, by `asked`); never NULL itself."""

    item: "Tree"
    asked: bool
    type: Type = Type.BOOLEAN


@dataclass(frozen=True)
class Among:
    """Whether a value is one of the constants."""

    item: "Tree"
    values: tuple[int, ...] | tuple[float, ...] | tuple[str, ...]
    type: Type = Type.BOOLEAN


@dataclass(frozen=True)
class Pattern:
    """What is looked for in a text: `kind` is contains, starts_with, ends_with, regexp or words."""

    kind: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Whether a pattern is found in a text."""

    item: "Tree"
    pattern: Pattern
    type: Type = Type.BOOLEAN


@dataclass(frozen=True)
class Apply:
    """An arithmetic operator, function or conversion; the operation's name says which (see `values`)."""

    operation: str
    arguments: tuple["Tree", ...]
    type: Type


@dataclass(frozen=True)
class Case:
    """The value of the first branch whose condition is TRUE, else the default."""

    branches: tuple[tuple["Tree", "Tree"], ...]
    default: "Tree"
    type: Type


Tree = Column | Literal | And | Or | Not | Compare | IsNull | IsTruth | Among | Found | Apply | Case


def parts(tree: Tree) -> tuple[Tree, ...]:
    """The trees that a tree is made of."""
    match tree:
        case And(items) | Or(items):
            return items
        case Not(item) | IsNull(item) | IsTruth(item) | Among(item) | Found(item):
            return (item,)
        case Compare(_, left, right):
            return (left, right)
        case Apply(_, arguments):
            return arguments
        case Case(branches, default):
            return (*(part for branch in branches for part in branch), default)
        case _:
            return ()


def widened(item: Tree) -> Tree:
    """A BIGINT as DOUBLE; beyond 2**53 the nearest that there is."""
    if item.type is not Type.BIGINT:
        return item
    if isinstance(item, Literal):
        return Literal(None if item.value is None else float(item.value), Type.DOUBLE)
    return Apply("widen", (item,), Type.DOUBLE)


def alike(items: tuple[Tree, ...]) -> tuple[Tree, ...]:
    """The same trees, BIGINT widened where a DOUBLE stands among them."""
    if {item.type for item in items} == {Type.BIGINT, Type.DOUBLE}:
        return tuple(widened(item) for item in items)
    return items
