"""Three-valued conditions as pairs of two-valued ones: when a tree is TRUE, and when it is FALSE.

Where neither holds the tree is NULL. Both forms of evaluation are made from these, so NULL needs care only here
and in the leaves, each of which says for itself that its values are known.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gatehouse.expressions import tree
from gatehouse.expressions.tree import Column, Literal, Pattern, Tree, Type


@dataclass(frozen=True)
class Constant:
    """Always or never."""

    holds: bool


@dataclass(frozen=True)
class Every:
    """All of them hold."""

    items: tuple["Condition", ...]


@dataclass(frozen=True)
class Some:
    """At least one holds."""

    items: tuple["Condition", ...]


@dataclass(frozen=True)
class Fails:
    """The condition does not hold."""

    item: "Condition"


@dataclass(frozen=True)
class Flag:
    """A BOOLEAN column is known and has this value."""

    name: str
    value: bool


@dataclass(frozen=True)
class Holds:
    """Both values are known and the comparison is so."""

    operator: str
    left: "Value"
    right: "Value"


@dataclass(frozen=True)
class Known:
    """The value is not NULL."""

    value: "Value"


@dataclass(frozen=True)
class Member:
    """The value is known and is (or is not, by `inside`) one of the constants."""

    value: "Value"
    constants: tuple[int, ...] | tuple[float, ...] | tuple[str, ...]
    inside: bool


@dataclass(frozen=True)
class Shows:
    """The text is known and the pattern is (or is not, by `found`) in it."""

    value: "Value"
    pattern: Pattern
    found: bool


@dataclass(frozen=True)
class Operation:
    """An operation on values that are not BOOLEAN."""

    name: str
    arguments: tuple["Value", ...]
    type: Type


@dataclass(frozen=True)
class Choice:
    """The value of the first branch whose condition holds, else the default."""

    branches: tuple[tuple["Condition", "Value"], ...]
    default: "Value"
    type: Type


Value = Column | Literal | Operation | Choice
Condition = Constant | Every | Some | Fails | Flag | Holds | Known | Member | Shows

_OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_TEXT_COST = {"contains": 20, "starts_with": 4, "ends_with": 4, "regexp": 25, "words": 30}


def size(root: Tree) -> int:
    """An upper bound for how many nodes `when_true` makes: some trees ask more than once about their parts."""
    parts = sum(size(part) for part in tree.parts(root))
    match root:
        case tree.Compare(_, left, _) if left.type is Type.BOOLEAN:
            return 1 + 2 * parts
        case tree.IsNull(item) if item.type is Type.BOOLEAN:
            return 1 + 2 * parts
        case tree.Apply() | tree.Case() if root.type is Type.BOOLEAN:
            return 1 + 3 * parts
        case _:
            return 1 + parts


def when_true(root: Tree) -> Condition:
    """When a BOOLEAN tree is TRUE."""
    return _when(root, True)


def when_false(root: Tree) -> Condition:
    """When a BOOLEAN tree is FALSE."""
    return _when(root, False)


def _when(root: Tree, wanted: bool) -> Condition:
    match root:
        case tree.And(items) | tree.Or(items):
            conditions = tuple(_when(item, wanted) for item in items)
            return _every(conditions) if isinstance(root, tree.And) is wanted else _some(conditions)
        case tree.Not(item):
            return _when(item, not wanted)
        case tree.IsNull(item):
            known = _known(item)
            return _fails(known) if wanted else known
        case tree.IsTruth(item, asked):
            condition = _when(item, asked)
            return condition if wanted else _fails(condition)
        case tree.Case(branches, default):
            return _first([(when_true(asked), _when(item, wanted)) for asked, item in branches], _when(default, wanted))
        case tree.Apply("coalesce", arguments):
            *others, last = arguments
            return _first([(_known(item), _when(item, wanted)) for item in others], _when(last, wanted))
        case _:
            return _leaf(root, wanted)


def _leaf(root: Tree, wanted: bool) -> Condition:
    match root:
        case tree.Column(name):
            return Flag(name, wanted)
        case tree.Literal(value):
            return Constant(value is wanted)
        case tree.Compare(operator, left, right) if left.type is Type.BOOLEAN:
            same = (operator == "=") is wanted
            return _some(tuple(_every((_when(left, side), _when(right, side is same))) for side in (True, False)))
        case tree.Compare(operator, left, right):
            return Holds(operator if wanted else _OPPOSITE[operator], _value(left), _value(right))
        case tree.Among(item, values):
            return Member(_value(item), values, wanted)
        case tree.Found(item, pattern):
            return Shows(_value(item), pattern, wanted)
        case _:
            raise AssertionError(f"not a condition: {root}")


def _known(item: Tree) -> Condition:
    if item.type is Type.BOOLEAN:
        return _some((when_true(item), when_false(item)))
    return Known(_value(item))


def _first(branches: list[tuple[Condition, Condition]], default: Condition) -> Condition:
    result = default
    for asked, condition in reversed(branches):
        result = _some((_every((asked, condition)), _every((_fails(asked), result))))
    return result


def _value(root: Tree) -> Value:
    match root:
        case tree.Column() | tree.Literal():
            return root
        case tree.Apply(operation, arguments, kind):
            return Operation(operation, tuple(_value(argument) for argument in arguments), kind)
        case tree.Case(branches, default, kind):
            return Choice(tuple((when_true(asked), _value(item)) for asked, item in branches), _value(default), kind)
        case _:
            raise AssertionError(f"not a value: {root}")


def _every(items: tuple[Condition, ...]) -> Condition:
    return _joined(items, Every, neutral=True)


def _some(items: tuple[Condition, ...]) -> Condition:
    return _joined(items, Some, neutral=False)


def _joined(items: tuple[Condition, ...], join: type[Every] | type[Some], neutral: bool) -> Condition:
    """Flat, without constants and repetitions, and the cheap first: nothing depends on the order but time."""
    flat: dict[Condition, None] = {}
    for item in items:
        if item == Constant(not neutral):
            return item
        for part in item.items if isinstance(item, join) else (item,):
            if part != Constant(neutral):
                flat[part] = None
    if len(flat) < 2:
        return next(iter(flat), Constant(neutral))
    return join(tuple(sorted(flat, key=cost)))


def _fails(item: Condition) -> Condition:
    match item:
        case Constant(holds):
            return Constant(not holds)
        case Fails(inner):
            return inner
        case _:
            return Fails(item)


def inner(node: Condition | Value) -> Iterator[Condition | Value]:
    """The conditions and values that one is made of."""
    match node:
        case Every(items) | Some(items):
            yield from items
        case Fails(item):
            yield item
        case Holds(_, left, right):
            yield from (left, right)
        case Known(value) | Member(value) | Shows(value):
            yield value
        case Operation(_, arguments):
            yield from arguments
        case Choice(branches, default):
            for branch in branches:
                yield from branch
            yield default
        case _:
            return


def cost(node: Condition | Value) -> int:
    """About how long it takes, in comparisons of two numbers."""
    own = 1
    match node:
        case Shows(_, pattern):
            own = _TEXT_COST[pattern.kind]
        case Operation(name) if name in ("lower", "upper", "write", "read_bigint", "read_double"):
            own = 20
        case Holds(_, left) if left.type is Type.VARCHAR:
            own = 2
        case _:
            pass
    return own + sum(cost(part) for part in inner(node))


def everything(roots: Iterable[Condition]) -> dict[Condition | Value, int]:
    """All conditions and values below these, and how often each is written; what is below a second one counts once."""
    counts: dict[Condition | Value, int] = {}
    stack: list[Condition | Value] = list(roots)
    while stack:
        node = stack.pop()
        counts[node] = counts.get(node, 0) + 1
        if counts[node] == 1:
            stack.extend(inner(node))
    return counts


def repeated(roots: Iterable[Condition]) -> list[Condition | Value]:
    """What occurs more than once below these conditions, columns and constants aside."""
    counts = everything(roots)
    return [node for node, n in counts.items() if n > 1 and not isinstance(node, Column | Literal | Constant)]
