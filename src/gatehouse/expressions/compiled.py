"""Expressions made ready to run: a row at a time, or all rows of a batch, with equal answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gatehouse.errors import UserError
from gatehouse.expressions import rows
from gatehouse.expressions.check import check
from gatehouse.expressions.columns import Columns
from gatehouse.expressions.conditions import size, when_false, when_true
from gatehouse.expressions.frame import Frame, Mask
from gatehouse.expressions.parse import parse
from gatehouse.expressions.place import Place, Problem
from gatehouse.expressions.rows import Row
from gatehouse.expressions.tokens import UnreadableError
from gatehouse.expressions.tree import Column, Tree, Type, parts

MAX_SIZE = 4_000
"""Conditions and values that one expression may ask for."""


@dataclass(frozen=True)
class Expression:
    """A condition whose names and types are checked; `columns` are those it names, in order of appearance."""

    text: str
    tree: Tree
    columns: dict[str, Type]


def read_expression(text: str, schema: pa.Schema, place: Place) -> Expression:
    """Parse and check a condition over these columns; raises UserError with every fault, its line and column."""
    try:
        syntax = parse(text)
    except UnreadableError as stopped:
        raise UserError(place.faults(text, [stopped.problem])) from None
    tree, problems = check(syntax, text, schema)
    if tree is None:
        raise UserError(place.faults(text, problems))
    if size(tree) > MAX_SIZE:
        problem = Problem(0, 1, f"the expression asks for more than {MAX_SIZE:,} things", "split it into several")
        raise UserError(place.faults(text, [problem]))
    return Expression(text, tree, _columns(tree))


def _columns(tree: Tree) -> dict[str, Type]:
    if isinstance(tree, Column):
        return {tree.name: tree.type}
    return {name: kind for part in parts(tree) for name, kind in _columns(part).items()}


class Compiled:
    """One expression, ready to run; three-valued, and unknown wherever a value it names is NaN (unavailable).

    `used` are the columns it names; `row` takes their values in this order.
    """

    def __init__(self, expression: Expression) -> None:
        self.text = expression.text
        self.used = tuple(expression.columns)
        self._types = expression.columns
        pair = when_true(expression.tree), when_false(expression.tree)
        self.row = rows.three_valued(expression.columns, *pair)
        self._pair = Columns(pair)

    def columns(self, batch: pa.RecordBatch) -> tuple[Mask, Mask]:
        """For each row of the batch: whether it is TRUE, and whether that is known."""
        frame = Frame(len(batch), self._types, batch.column)
        with np.errstate(all="ignore"):
            values, false = self._pair(frame)
        known = values | false
        for unavailable in _unavailable(frame, self._types).values():
            values, known = values & ~unavailable, known & ~unavailable
        return values, known


class CompiledSet:
    """Many expressions, ready to run together; what they share is computed once.

    `used` are the columns they name; `row` takes their values in this order and gives the indices of the expressions
    that are TRUE, and of those that could not be evaluated because a value they name is NaN (unavailable).
    """

    def __init__(self, expressions: Sequence[Expression]) -> None:
        self._types = {name: kind for expression in expressions for name, kind in expression.columns.items()}
        self.used = tuple(self._types)
        conditions = [when_true(expression.tree) for expression in expressions]
        named = [expression.columns for expression in expressions]
        self.row = rows.matching(self._types, conditions, named)
        self._asked = Columns(conditions)
        self._users = {name: [i for i, names in enumerate(named) if name in names] for name in self.used}

    def columns(self, batch: pa.RecordBatch) -> tuple[Mask, Mask]:
        """For each expression and row [k, n]: whether it is TRUE, and whether it could not be evaluated."""
        return self.over(len(batch), batch.column)

    def over(self, n: int, column: Callable[[str], pa.Array]) -> tuple[Mask, Mask]:
        """The same for n rows of columns that are asked for by name."""
        frame = Frame(n, self._types, column)
        with np.errstate(all="ignore"):
            true = self._asked(frame)
        lost = np.zeros_like(true)
        if unavailable := _unavailable(frame, self._types):
            for name, where in unavailable.items():
                lost[self._users[name]] |= where
            true &= ~lost
        return true, lost


def compile_expression(text: str, schema: pa.Schema, where: str, line: int = 1) -> Compiled:
    """Parse, check and compile a condition that starts in column 1 of this line of the file `where`.

    Raises UserError with every fault, its line and column.
    """
    return Compiled(read_expression(text, schema, Place.of(text, where, line)))


def row_values(batch: pa.RecordBatch, used: Sequence[str]) -> list[Row]:
    """The rows of a batch as the row form takes them."""
    if not used:
        return [()] * len(batch)
    return list(zip(*(batch.column(name).to_pylist() for name in used), strict=True))


def _unavailable(frame: Frame, types: Mapping[str, Type]) -> dict[str, Mask]:
    """Where a DOUBLE column is NaN, for the columns that are so somewhere."""
    names = [name for name, kind in types.items() if kind is Type.DOUBLE]
    if not names:
        return {}
    nan = np.isnan([frame.numbers(name)[0] for name in names])
    found = {}
    for place in np.flatnonzero(nan.any(axis=1)):
        known = frame.numbers(names[place])[1]
        where = nan[place] if known is None else nan[place] & known
        if where.any():
            found[names[place]] = where
    return found
