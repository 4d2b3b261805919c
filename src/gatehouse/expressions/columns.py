"""The column form: NumPy for numbers, Arrow for texts, over all rows of a batch at once."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.expressions.arithmetic import operate
from gatehouse.expressions.comparisons import SIGNS, Comparisons
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
from gatehouse.expressions.looks import Looks
from gatehouse.expressions.texts import FEW, TEXT_SIGNS, column_of, finder, operation, seeker
from gatehouse.expressions.tree import Column, Literal, Type

Asked = Callable[[Frame], Mask]
Read = Callable[[Frame], Any]

_DEAR = 15
"""Cost from which a condition is asked only of the rows that are still open."""
_FEW = 0.5
"""Share of open rows above which picking them out costs more than it saves."""
_SHORT_LIST = 8
"""Length of an IN list up to which comparing one by one is faster than sorting."""


class Columns:
    """Many conditions over the rows of a frame; what they share is computed once.

    Each is taken as parts that hold all together. What is known first is the rows of one mask: every cheap part, and
    a first look for a dear one. Part by part these are joined for all conditions at a time; the dear parts are then
    asked of the rows that are left.
    """

    def __init__(self, conditions: Iterable[Condition]) -> None:
        roots = list(conditions)
        parts = [root.items if isinstance(root, Every) else (root,) for root in roots]
        every = dict.fromkeys(part for items in parts for part in items)
        self._comparisons, self._looks = Comparisons(everything(roots)), Looks(every)
        compared, looked = self._comparisons.rows, self._looks.rows
        maker = _Maker({node: slot for slot, node in enumerate(repeated(roots))}, compared)
        known = compared.keys() | self._looks.sure
        cheap = [part for part in every if cost(part) < _DEAR and part not in known]
        self._cheap = [maker.condition(part) for part in cheap]
        rows = dict(zip([*compared, *looked, *cheap], itertools.count()))
        self._joins = _Joins([[rows[part] for part in items if part in rows] for items in parts], len(rows))
        dear = {part: maker.condition(part) for part in every if cost(part) >= _DEAR and part not in known}
        self._dear = [
            (place, steps)
            for place, items in zip(self._joins.places.tolist(), parts, strict=True)
            if (steps := [dear[part] for part in items if part in dear])
        ]
        self._waiting = np.array([place for place, _ in self._dear], np.int64)

    def __call__(self, frame: Frame) -> Mask:
        """For each condition and row [k, n]: whether it holds."""
        found = self._joins(self._first(frame))
        for waiting in np.flatnonzero(found[self._waiting].any(axis=1)):
            place, steps = self._dear[waiting]
            for step in steps:
                found[place] &= _ask(step, frame, found[place])
        return found[self._joins.places]

    def _first(self, frame: Frame) -> Mask:
        """What is known first [rows, n], and a last row that always holds."""
        compared = len(self._comparisons.rows)
        looked = compared + len(self._looks.rows)
        frame.answers = np.empty((looked + len(self._cheap) + 1, frame.length), np.bool_)
        self._comparisons.answer(frame, frame.answers[:compared])
        self._looks.answer(frame, frame.answers[compared:looked])
        for row, asked in enumerate(self._cheap, looked):
            frame.answers[row] = asked(frame)
        frame.answers[-1] = True
        return frame.answers


class _Joins:
    """Rows of a mask that are joined to lists that hold all together, as many lists at a time as have a next row.

    The longest list comes first: `places` says where each is in the answer.
    """

    def __init__(self, lists: Sequence[Sequence[int]], always: int) -> None:
        order = sorted(range(len(lists)), key=lambda place: -len(lists[place]))
        self.places = np.argsort(np.array(order, np.int64))
        self._first = np.array([lists[place][0] if lists[place] else always for place in order], np.int64)
        steps = itertools.islice(itertools.zip_longest(*(lists[place] for place in order)), 1, None)
        self._more = [np.array([row for row in step if row is not None]) for step in steps]

    def __call__(self, mask: Mask) -> Mask:
        """For each list and column of the mask: whether all its rows hold."""
        found: Mask = mask[self._first]
        for rows in self._more:
            found[: len(rows)] &= mask[rows]
        return found


class _Maker:
    def __init__(self, shared: Mapping[Condition | Value, int], compared: Mapping[Condition | Value, int]) -> None:
        self.shared = shared
        self.compared = compared

    def condition(self, node: Condition) -> Asked:
        """A function that says for which rows the condition holds."""
        if (row := self.compared.get(node)) is not None:
            return lambda frame: frame.answered(row)
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
        compare = SIGNS[node.operator]
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
        if node.operator == "=" and isinstance(node.right, Literal) and (wanted := node.right.value) is not None:
            strings = self._strings(node.left)
            return lambda frame: np.array([text == wanted for text in strings(frame)], np.bool_)
        name = TEXT_SIGNS[node.operator]
        read_left, read_right = self.value(node.left), self.value(node.right)

        def asked(frame: Frame) -> Mask:
            left = column_of(read_left(frame), frame)
            return true_rows(pc.call_function(name, [left, read_right(frame)]))

        return asked

    def _strings(self, value: Value) -> Callable[[Frame], Sequence[str | None]]:
        """A function that gives texts as Python's: what is asked of each costs less than Arrow does to be called."""
        if isinstance(value, Column):
            return lambda frame: frame.strings(value.name)
        read = self.value(value)
        return lambda frame: column_of(read(frame), frame).to_pylist()

    def _member(self, node: Member) -> Asked:
        inside = node.inside
        if node.value.type is Type.VARCHAR:
            strings, listed = self._strings(node.value), frozenset(node.constants)
            if inside:
                return lambda frame: np.array([text in listed for text in strings(frame)], np.bool_)
            listed |= {None}
            return lambda frame: np.array([text not in listed for text in strings(frame)], np.bool_)
        read = self.value(node.value)
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
        read, strings, wanted = self.value(node.value), self._strings(node.value), node.found
        find, seek = finder(node.pattern), seeker(node.pattern)

        def asked(frame: Frame) -> Mask:
            if frame.length <= FEW:
                found = np.array(seek(strings(frame)), np.bool_)
            else:
                found = find(column_of(read(frame), frame))
            return found if wanted else ~found & true_rows(column_of(read(frame), frame).is_valid())

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
