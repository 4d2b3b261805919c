"""Gives names and types to a syntax tree, and says of everything wrong in it what to write instead."""

import math
from collections.abc import Sequence

import pyarrow as pa

from gatehouse.errors import nearest, suggestion
from gatehouse.expressions import syntax, tree
from gatehouse.expressions.advice import reconcile
from gatehouse.expressions.functions import FUNCTIONS, Function
from gatehouse.expressions.patterns import compile_re2, like
from gatehouse.expressions.place import Problem
from gatehouse.expressions.refused import AGGREGATES, TYPES, WORDS
from gatehouse.expressions.refused import FUNCTIONS as FOREIGN
from gatehouse.expressions.tree import Tree, Type, alike, type_of, widened
from gatehouse.expressions.values import CASTS, MAX_BIGINT, MIN_BIGINT

_HINTS = {
    "invalid perl operator": "RE2 has no look-around: split the pattern in two and join them with AND or AND NOT",
    "invalid escape sequence": "RE2 has no back-references and ends with \\z, not \\Z",
}


def check(root: syntax.Node, text: str, schema: pa.Schema) -> tuple[Tree | None, list[Problem]]:
    """The typed tree of a condition over these columns, or all problems that stand against it."""
    checker = _Checker(text, schema)
    found = checker.condition(root)
    return (None if checker.problems else found), checker.problems


class _Checker:
    """Each method gives a typed tree, or None once a problem below it is noted (so that it is noted once)."""

    def __init__(self, text: str, schema: pa.Schema) -> None:
        self.text = text
        self.types = {field.name: (type_of(field.type), field.type) for field in schema}
        self.problems: list[Problem] = []

    def _fail(self, node: syntax.Node, what: str, fix: str = "") -> None:
        self.problems.append(Problem(node.start, node.end, what, fix))

    def _written(self, node: syntax.Node) -> str:
        return self.text[node.start : node.end]

    def condition(self, node: syntax.Node) -> Tree | None:
        """The typed tree of what must be BOOLEAN."""
        found = self._typed(node)
        if found is None or found.type is Type.BOOLEAN:
            return found
        written = self._written(node)
        example = f"{written} > 0" if found.type.is_number else f"{written} = 'x'"
        self._fail(node, f"{written} is {found.type}, a condition is needed", f"compare it, for example {example}")
        return None

    def _typed(self, node: syntax.Node) -> Tree | None:
        """The typed tree of a value or a condition."""
        match node:
            case syntax.Null():
                self._fail(node, "NULL stands where a value is needed", "ask with IS NULL or IS NOT NULL")
                return None
            case syntax.Name():
                return self._column(node)
            case syntax.Number():
                return self._number(node)
            case syntax.Text(text=text):
                return tree.Literal(text, Type.VARCHAR)
            case syntax.Truth(value=value):
                return tree.Literal(value, Type.BOOLEAN)
            case syntax.Chain(operator=operator, items=items):
                conditions = _all([self.condition(item) for item in items])
                join = tree.And if operator == "AND" else tree.Or
                return None if conditions is None else join(conditions)
            case syntax.Unary(operator="NOT", operand=operand):
                item = self.condition(operand)
                return item and tree.Not(item)
            case syntax.Unary(operand=operand):
                return self._apply("negate", [self._number_in(operand)])
            case syntax.Binary(operator="+" | "-" | "*" | "/" | "%"):
                return self._arithmetic(node)
            case syntax.Binary():
                return self._comparison(node, node.operator, node.left, node.right)
            case _:
                return self._worded(node)

    def _worded(self, node: syntax.Node) -> Tree | None:
        """What is written with words: LIKE, IN, BETWEEN, IS, CASE, CAST and functions."""
        match node:
            case syntax.Like():
                return self._like(node)
            case syntax.Among():
                return self._among(node)
            case syntax.Between(operand=operand, low=low, high=high, negated=negated):
                ends = [self._comparison(node, ">=", operand, low), self._comparison(node, "<=", operand, high)]
                both = _all(ends)
                return None if both is None else _negated(tree.And(both), negated)
            case syntax.Is(operand=operand, asked=None, negated=negated):
                item = self._typed(operand)
                return item and _negated(tree.IsNull(item), negated)
            case syntax.Is(operand=operand, asked=asked, negated=negated):
                item = self.condition(operand)
                return item and _negated(tree.IsTruth(item, bool(asked)), negated)
            case syntax.When():
                return self._case(node)
            case syntax.Convert():
                return self._cast(node)
            case syntax.Call():
                return self._call(node)
            case _:
                raise AssertionError(f"unknown syntax {node}")

    def _column(self, node: syntax.Name) -> Tree | None:
        name = node.name
        if name not in self.types:
            if node.quoted and not nearest(name, self.types):
                fix = f"for a text use single quotes: '{name}'"
            else:
                fix = WORDS[name.upper()][1] if name.upper() in WORDS else suggestion(name, self.types)
            self._fail(node, f"there is no column '{name}'", fix)
            return None
        kind, stored = self.types[name]
        if kind is None:
            self._fail(node, f"column '{name}' is {stored}, which expressions cannot read", "declare a feature from it")
            return None
        return tree.Column(name, kind)

    def _number(self, node: syntax.Number) -> Tree | None:
        if node.written.lstrip("-").isdigit():
            whole = int(node.written)
            if MIN_BIGINT <= whole <= MAX_BIGINT:
                return tree.Literal(whole, Type.BIGINT)
            self._fail(node, f"{node.written} does not fit BIGINT", f"write {node.written}.0 for a DOUBLE")
            return None
        value = float(node.written)
        if math.isinf(value):
            self._fail(node, f"{node.written} does not fit DOUBLE", "the largest is about 1.8e308")
            return None
        return tree.Literal(value, Type.DOUBLE)

    def _number_in(self, node: syntax.Node) -> Tree | None:
        found = self._typed(node)
        if found is None or found.type.is_number:
            return found
        fix = "write the number without quotes" if isinstance(node, syntax.Text) else "write CAST(... AS BIGINT)"
        self._fail(node, f"{self._written(node)} is {found.type}, a number is needed", fix)
        return None

    def _arithmetic(self, node: syntax.Binary) -> Tree | None:
        sides = _all([self._number_in(node.left), self._number_in(node.right)])
        if sides is None:
            return None
        if node.operator == "/":
            sides = tuple(widened(side) for side in sides)
        return self._apply(node.operator, alike(sides))

    def _apply(self, operation: str, arguments: Sequence[Tree | None], gives: Type | None = None) -> Tree | None:
        ready = _all(arguments)
        return None if ready is None else tree.Apply(operation, ready, gives or ready[0].type)

    def _comparison(self, node: syntax.Node, operator: str, left: syntax.Node, right: syntax.Node) -> Tree | None:
        for side, other in ((left, right), (right, left)):
            if isinstance(side, syntax.Null):
                asked = "IS NOT NULL" if operator == "<>" else "IS NULL"
                what = "a comparison with NULL is never TRUE"
                self._fail(node, what, f"write {self._written(other)} {asked}")
                return None
        sides = _all([self._typed(left), self._typed(right)])
        if sides is None:
            return None
        first, second = alike(sides)
        if first.type is not second.type:
            self._apart(node, operator, (left, right), (first, second))
            return None
        if first.type is Type.BOOLEAN and operator not in ("=", "<>"):
            self._fail(node, f"conditions have no order, so '{operator}' says nothing", "use AND, OR and NOT")
            return None
        return tree.Compare(operator, first, second)

    def _apart(
        self, node: syntax.Node, operator: str, sides: tuple[syntax.Node, syntax.Node], trees: tuple[Tree, Tree]
    ) -> None:
        written = [self._written(side) for side in sides]
        what = f"{written[0]} is {trees[0].type} and {written[1]} is {trees[1].type}: they cannot be compared"
        self._fail(node, what, reconcile(operator, sides, written, [item.type for item in trees]))

    def _quoted(self, node: syntax.Node, use: str) -> str | None:
        if isinstance(node, syntax.Text):
            return node.text
        quoted = isinstance(node, syntax.Name) and node.quoted
        fix = f"use single quotes: '{node.name}'" if quoted and isinstance(node, syntax.Name) else "write it out: 'x'"
        self._fail(node, f"{use} needs a text in single quotes here", fix)
        return None

    def _text_in(self, node: syntax.Node) -> Tree | None:
        found = self._typed(node)
        if found is None or found.type is Type.VARCHAR:
            return found
        convertible = found.type is Type.BIGINT
        fix = f"write CAST({self._written(node)} AS VARCHAR)" if convertible else "name a column that holds text"
        self._fail(node, f"{self._written(node)} is {found.type}, a VARCHAR is needed", fix)
        return None

    def _like(self, node: syntax.Like) -> Tree | None:
        item = self._text_in(node.operand)
        written = self._quoted(node.pattern, "ILIKE" if node.fold_case else "LIKE")
        if written is None:
            return None
        try:
            pattern = like(written, fold_case=node.fold_case)
        except ValueError as error:
            self._fail(node.pattern, str(error), "write \\% and \\_ for the signs, \\\\ for a backslash")
            return None
        return item and _negated(tree.Found(item, pattern), node.negated)

    def _among(self, node: syntax.Among) -> Tree | None:
        item = self._typed(node.operand)
        values: list[Tree | None] = []
        for entry in node.items:
            if isinstance(entry, syntax.Null):
                self._fail(entry, "NULL in the list of IN never matches", "remove it; ask OR x IS NULL beside the list")
                values.append(None)
            elif not isinstance(entry, syntax.Number | syntax.Text):
                quoted = isinstance(entry, syntax.Name) and entry.name not in self.types
                fix = f"for a text write '{self._written(entry)}'" if quoted else "compare with = and join with OR"
                self._fail(entry, "the list of IN holds numbers and 'texts' only", fix)
                values.append(None)
            else:
                values.append(self._typed(entry))
        ready = _all(values)
        if item is None or ready is None:
            return None
        if item.type is Type.BOOLEAN:
            self._fail(node.operand, "IN looks for numbers and texts, this is BOOLEAN", "write the condition alone")
            return None
        for entry, value in zip(node.items, ready, strict=True):
            if value.type is not item.type and not (value.type.is_number and item.type.is_number):
                self._apart(entry, "=", (node.operand, entry), (item, value))
        same, *constants = alike((item, *ready))
        listed = tuple(constant.value for constant in constants if isinstance(constant, tree.Literal))
        return _negated(tree.Among(same, listed), node.negated)  # type: ignore[arg-type]

    def _case(self, node: syntax.When) -> Tree | None:
        conditions: list[Tree | None] = []
        for asked, _ in node.branches:
            subject = node.subject
            conditions.append(
                self.condition(asked) if subject is None else self._comparison(asked, "=", subject, asked)
            )
        ends = [value for _, value in node.branches]
        if node.default is not None:
            ends.append(node.default)
        values = self._same("the branches of CASE", ends)
        ready = _all(conditions)
        if ready is None or values is None:
            return None
        default = values[-1] if node.default is not None else tree.Literal(None, values[0].type)
        branches = zip(ready, values[: len(ready)], strict=True)
        return tree.Case(tuple(branches), default, default.type)

    def _same(self, who: str, nodes: Sequence[syntax.Node]) -> tuple[Tree, ...] | None:
        """The typed trees of nodes that must have one type; NULL takes it too."""
        plain = [node for node in nodes if not isinstance(node, syntax.Null)]
        if not plain:
            self._fail(nodes[0], f"{who} are all NULL", "give at least one value")
            return None
        typed = _all([self._typed(node) for node in plain])
        if typed is None:
            return None
        same = alike(typed)
        kind = same[0].type
        for node, value in zip(plain, same, strict=True):
            if value.type is not kind:
                what = f"{who} have different types: {self._written(plain[0])} is {kind}, "
                self._fail(node, f"{what}{self._written(node)} is {value.type}", "convert one with CAST")
                return None
        values = iter(same)
        return tuple(tree.Literal(None, kind) if isinstance(n, syntax.Null) else next(values) for n in nodes)

    def _cast(self, node: syntax.Convert) -> Tree | None:
        wanted = node.type_name.upper()
        if wanted not in Type.__members__:
            name = TYPES.get(node.type_name.lower())
            fix = f"write {name}" if name else f"the types are {', '.join(Type)}"
            self.problems.append(Problem(node.type_start, node.type_end, f"there is no type '{node.type_name}'", fix))
        item = self._typed(node.operand)
        if item is None or wanted not in Type.__members__:
            return None
        to = Type[wanted]
        if item.type is to:
            return item
        if item.type is Type.BOOLEAN and to is Type.BIGINT:
            one, zero = tree.Literal(1, to), tree.Literal(0, to)
            return tree.Case(((item, one), (tree.Not(item), zero)), tree.Literal(None, to), to)
        if (item.type, to) in CASTS:
            return tree.Apply(CASTS[item.type, to], (item,), to)
        targets = [str(target) for source, target in CASTS if source is item.type] or [str(Type.BIGINT)]
        fix = f"{item.type} can become {' or '.join(targets)}"
        if to is Type.BOOLEAN:
            fix = "compare it, for example x <> 0" if item.type.is_number else "compare it, for example x = 'true'"
        self._fail(node, f"{item.type} cannot be converted to {to}", fix)
        return None

    def _call(self, node: syntax.Call) -> Tree | None:
        function = FUNCTIONS.get(node.name.lower())
        if function is None:
            self._unknown_function(node)
            return None
        wanted, given = len(function.takes), len(node.arguments)
        if given < wanted or (given > wanted and not function.more):
            count = f"{wanted} or more" if function.more else str(wanted)
            self._fail(node, f"{function.name} takes {count} arguments, {given} are given", f"write {function.usage}")
            return None
        if function.takes[0] == "same":
            values = self._same(f"the arguments of {function.name}", node.arguments)
            if values is None:
                return None
            if values[0].type is Type.BOOLEAN and function.name != "coalesce":
                self._fail(node, f"{function.name} does not take conditions", "use AND, OR, NOT and CASE")
                return None
            return self._apply(function.name, values)
        if "quoted" in function.takes:
            return self._found(node, function)
        argument = node.arguments[0]
        item = self._text_in(argument) if function.takes[0] == "text" else self._number_in(argument)
        if item is not None and function.takes[0] == "double":
            item = widened(item)
        return self._apply(function.name, [item], function.gives)

    def _found(self, node: syntax.Call, function: Function) -> Tree | None:
        item = self._text_in(node.arguments[0])
        texts = tuple(self._quoted(argument, function.name) for argument in node.arguments[1:])
        if item is None or None in texts:
            return None
        ready = tuple(text for text in texts if text is not None)
        kind = {"regexp_matches": "regexp", "word_in": "words"}.get(function.name, function.name)
        for argument, text in zip(node.arguments[1:], ready, strict=True):
            if not text and kind != "regexp":
                self._fail(argument, f"{function.name} looks for an empty text", "write what it shall find")
                return None
        if kind == "regexp":
            try:
                compile_re2(ready[0])
            except ValueError as error:
                fix = next((hint for said, hint in _HINTS.items() if said in str(error)), "see RE2's syntax")
                self._fail(node.arguments[1], f"the pattern cannot be read: {error}", fix)
                return None
        return tree.Found(item, tree.Pattern(kind, ready))

    def _unknown_function(self, node: syntax.Call) -> None:
        name = node.name.lower()
        if name in AGGREGATES:
            what = f"{name} looks at many rows; an expression looks at one"
            self._fail(node, what, "use a feature that counts, such as messages_1h")
            return
        fix = FOREIGN.get(name) or suggestion(name, FUNCTIONS)
        self._fail(node, f"there is no function '{node.name}'", fix)


def _all(trees: Sequence[Tree | None]) -> tuple[Tree, ...] | None:
    ready = tuple(item for item in trees if item is not None)
    return ready if len(ready) == len(trees) else None


def _negated(item: Tree, negated: bool) -> Tree:
    return tree.Not(item) if negated else item
