"""The column form: NumPy for numbers, Arrow for texts, over all rows of a batch at once."""

from collections.abc import Callable, Iterable, Iterator
from math import nan
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.expressions.arithmetic import operate
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
from gatehouse.expressions.frame import Frame, Mask, Numbers, true_rows
from gatehouse.expressions.texts import SIGNS, column_of, finder, operation
from gatehouse.expressions.tree import Column, Literal, Type
from gatehouse.expressions.values import MAX_BIGINT, MIN_BIGINT

Asked = Callable[[Frame], Mask]
Read = Callable[[Frame], Any]

_DEAR = 15
"""Cost from which a condition is asked only of the rows that are still open."""
_FEW = 0.5
"""Share of open rows above which picking them out costs more than it saves."""
_SHORT_LIST = 8
"""Length of an IN list up to which comparing one by one is faster than sorting."""

_NUMBER_SIGNS = {
    "=": np.equal,
    "<>": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def compile_columns(conditions: Iterable[Condition]) -> list[Asked]:
    """A function for each condition that says for which rows of a frame it holds; what they share is computed once."""
    roots = list(conditions)
    maker = _Maker({node: slot for slot, node in enumerate(repeated(roots))}, _tables(roots))
    return [maker.condition(root) for root in roots]


class _Maker:
    def __init__(self, shared: dict[Condition | Value, int], tables: dict[Condition, Asked]) -> None:
        self.shared = shared
        self.tables = tables

    def condition(self, node: Condition) -> Asked:
        """A function that says for which rows the condition holds."""
        if node in self.tables:
            return self.tables[node]
        return self._kept(node, self._condition(node))

    def value(self, node: Value) -> Read:
        """A function that gives Numbers, or an Arrow array of texts (a scalar for a constant)."""
        return self._kept(node, self._value(node))

    def _kept(self, node: Condition | Value, run: Read) -> Read:
        slot = self.shared.get(node)
        if slot is None:
            return run

        def kept(frame: Frame) -> Any:
            found = frame.memory.get(slot)
            if found is None:
                found = frame.memory[slot] = run(frame)
            return found

        return kept

    def _condition(self, node: Condition) -> Asked:
        match node:
            case Constant(holds):
                return lambda frame: np.full(frame.length, holds)
            case Every(items):
                return self._every(items)
            case Some(items):
                return self._some(items)
            case Fails(item):
                asked = self.condition(item)
                return lambda frame: ~asked(frame)
            case Flag(name, wanted):
                return lambda frame: _flag(frame.numbers(name), wanted)
            case Known(value):
                return self._known(value)
            case Holds() if node.left.type is Type.VARCHAR:
                return self._compared_texts(node)
            case Holds():
                return self._compared_numbers(node)
            case Member():
                return self._member(node)
            case Shows():
                return self._shows(node)

    def _every(self, items: tuple[Condition, ...]) -> Asked:
        cheap = [self.condition(item) for item in items if cost(item) < _DEAR]
        dear = [self.condition(item) for item in items if cost(item) >= _DEAR]
        first, *rest = cheap or [lambda frame: np.ones(frame.length, np.bool_)]

        def asked(frame: Frame) -> Mask:
            found = first(frame)
            for step in rest:
                found = found & step(frame)
            for step in dear:
                found = found & _ask(step, frame, found)
            return found

        return asked

    def _some(self, items: tuple[Condition, ...]) -> Asked:
        cheap = [self.condition(item) for item in items if cost(item) < _DEAR]
        dear = [self.condition(item) for item in items if cost(item) >= _DEAR]
        first, *rest = cheap or [lambda frame: np.zeros(frame.length, np.bool_)]

        def asked(frame: Frame) -> Mask:
            found = first(frame)
            for step in rest:
                found = found | step(frame)
            for step in dear:
                found = found | _ask(step, frame, ~found)
            return found

        return asked

    def _known(self, value: Value) -> Asked:
        read = self.value(value)
        if value.type is Type.VARCHAR:
            return lambda frame: true_rows(column_of(read(frame), frame).is_valid())

        def asked(frame: Frame) -> Mask:
            known = read(frame)[1]
            return np.broadcast_to(np.True_ if known is None else known, frame.length)

        return asked

    def _compared_numbers(self, node: Holds) -> Asked:
        compare = _NUMBER_SIGNS[node.operator]
        read_left, read_right = self.value(node.left), self.value(node.right)

        def asked(frame: Frame) -> Mask:
            left, left_known = read_left(frame)
            right, right_known = read_right(frame)
            found = compare(left, right)
            if left_known is not None:
                found = found & left_known
            if right_known is not None:
                found = found & right_known
            return found if found.ndim else np.full(frame.length, found)

        return asked

    def _compared_texts(self, node: Holds) -> Asked:
        name = SIGNS[node.operator]
        read_left, read_right = self.value(node.left), self.value(node.right)

        def asked(frame: Frame) -> Mask:
            left = column_of(read_left(frame), frame)
            return true_rows(pc.call_function(name, [left, read_right(frame)]))

        return asked

    def _member(self, node: Member) -> Asked:
        read, inside = self.value(node.value), node.inside
        if node.value.type is Type.VARCHAR:
            options = pc.SetLookupOptions(pa.array(node.constants, pa.string()))

            def asked_texts(frame: Frame) -> Mask:
                texts = column_of(read(frame), frame)
                found = true_rows(pc.call_function("is_in", [texts], options))
                return found if inside else ~found & true_rows(texts.is_valid())

            return asked_texts
        dtype = np.int64 if node.value.type is Type.BIGINT else np.float64
        constants = np.array(node.constants, dtype)

        def asked(frame: Frame) -> Mask:
            numbers, known = read(frame)
            if len(constants) > _SHORT_LIST:
                found = np.isin(numbers, constants)
            else:
                found = numbers == constants[0]
                for constant in constants[1:]:
                    found = found | (numbers == constant)
            found = found if inside else ~found
            return np.broadcast_to(found if known is None else found & known, frame.length)

        return asked

    def _shows(self, node: Shows) -> Asked:
        read, wanted = self.value(node.value), node.found
        find = finder(node.pattern)

        def asked(frame: Frame) -> Mask:
            texts = column_of(read(frame), frame)
            found = find(texts)
            return found if wanted else ~found & true_rows(texts.is_valid())

        return asked

    def _value(self, node: Value) -> Read:
        match node:
            case Column(name, kind):
                return (lambda frame: frame.text(name)) if kind is Type.VARCHAR else (lambda frame: frame.numbers(name))
            case Literal(value, kind):
                return _constant(value, kind)
            case Choice(branches, default):
                ready = [(self.condition(asked), self.value(item)) for asked, item in branches]
                return _choice(ready, self.value(default), node.type)
            case Operation(name, arguments, kind):
                reads = [self.value(argument) for argument in arguments]
                texts = Type.VARCHAR in (kind, arguments[0].type)
                run = operation(name, kind) if texts else lambda given, _: operate(name, kind, given)
                return lambda frame: run([read(frame) for read in reads], frame)


def _ask(step: Asked, frame: Frame, open_rows: Mask) -> Mask:
    """The answers of a dear condition, right at least for the open rows; the closed ones are not worth its time."""
    rows = open_rows.nonzero()[0]
    if len(rows) > _FEW * frame.length:
        return step(frame)
    answers = np.zeros(frame.length, np.bool_)
    if len(rows):
        answers[rows] = step(frame.pick(rows))
    return answers


def _tables(roots: Iterable[Condition]) -> dict[Condition, Asked]:
    """Comparisons of a column with constants: all of one column and sign are answered by one call of NumPy.

    What is unknown is filled with a number for which the comparison is false, so that no mask is needed after it.
    """
    groups: dict[tuple[Column, str, int | float], list[Holds]] = {}
    for node in everything(roots):
        match node:
            case Holds(sign, Column(_, kind) as column, Literal(constant)) if kind.is_number and sign != "<>":
                ends = (MIN_BIGINT, MAX_BIGINT) if kind is Type.BIGINT else (None,)
                filler = nan if kind is Type.DOUBLE else MIN_BIGINT if sign in (">", ">=", "=") else MAX_BIGINT
                if constant is not None and constant not in ends:
                    groups.setdefault((column, sign, filler), []).append(node)
    return {node: ask for key, nodes in groups.items() for node, ask in _table(*key, nodes)}


def _table(column: Column, sign: str, filler: int | float, nodes: list[Holds]) -> Iterator[tuple[Holds, Asked]]:
    compare, name, slot = _NUMBER_SIGNS[sign], column.name, (column.name, sign)
    values = [node.right.value for node in nodes if isinstance(node.right, Literal)]
    constants = np.array(values, np.int64 if column.type is Type.BIGINT else np.float64)[:, None]

    def answer(row: int) -> Asked:
        def asked(frame: Frame) -> Mask:
            table = frame.memory.get(slot)
            if table is None:
                table = frame.memory[slot] = compare(frame.filled(name, filler), constants)
            found: Mask = table[row]
            return found

        return asked

    for row, node in enumerate(nodes):
        yield node, answer(row)


def _flag(column: Numbers, value: bool) -> Mask:
    flags, known = column
    found: Mask = flags if value else ~flags
    return found if known is None else found & known


def _constant(value: bool | int | float | str | None, kind: Type) -> Read:
    made: Any
    if kind is Type.VARCHAR:
        made = pa.scalar(value, pa.string())
    else:
        number = np.int64 if kind is Type.BIGINT else np.float64
        made = (number(value or 0), None if value is not None else np.False_)
    return lambda frame: made


def _choice(branches: list[tuple[Asked, Read]], default: Read, kind: Type) -> Read:
    if kind is Type.VARCHAR:

        def choose_texts(frame: Frame) -> pa.Array:
            chosen = column_of(default(frame), frame)
            for asked, read in reversed(branches):
                chosen = pc.if_else(pa.array(asked(frame)), read(frame), chosen)
            return chosen

        return choose_texts

    def choose(frame: Frame) -> Numbers:
        chosen, known = default(frame)
        for asked, read in reversed(branches):
            mask = asked(frame)
            value, value_known = read(frame)
            chosen = np.where(mask, value, chosen)
            if known is not None or value_known is not None:
                known = np.where(mask, _all_known(value_known), _all_known(known))
        return chosen, known

    return choose


def _all_known(known: Mask | None) -> Any:
    return np.True_ if known is None else known
