"""Comparisons of columns with constants, all those of one sign answered by one call of NumPy."""

from collections.abc import Iterable, Sequence
from math import nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gatehouse.expressions.conditions import Condition, Holds, Value
from gatehouse.expressions.frame import Frame, Mask
from gatehouse.expressions.tree import Column, Literal, Type
from gatehouse.expressions.values import MAX_BIGINT, MIN_BIGINT

SIGNS = {
    "=": np.equal,
    "<>": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_ENDS = {Type.BIGINT: (MIN_BIGINT, MAX_BIGINT), Type.DOUBLE: (nan, nan)}
"""Numbers that take the place of what is unknown, for which `>` and `<` are false whatever they are compared with."""


class _Alike(NamedTuple):
    """Comparisons of one type and sign: the places of their columns, their constants, and their rows of the answer."""

    sign: str
    columns: npt.NDArray[np.int64]
    constants: npt.NDArray[Any]
    rows: slice


class Comparisons:
    """Those among some conditions; `rows` says which row of the answer belongs to each."""

    def __init__(self, nodes: Iterable[Condition | Value]) -> None:
        self.rows: dict[Condition | Value, int] = {}
        groups: dict[tuple[Type, str], list[tuple[str, int | float]]] = {}
        compared = [(node, *_compared(node)) for node in nodes if isinstance(node, Holds) and _is_plain(node)]
        for node, kind, name, constant in sorted(compared, key=lambda one: (one[1], one[0].operator)):
            self.rows[node] = len(self.rows)
            groups.setdefault((kind, node.operator), []).append((name, constant))
        self._kinds: dict[Type, tuple[list[str], list[_Alike]]] = {}
        start = 0
        for (kind, sign), listed in groups.items():
            names, alike = self._kinds.setdefault(kind, ([], []))
            names += dict.fromkeys(name for name, _ in listed if name not in names)
            columns = np.array([names.index(name) for name, _ in listed])
            constants = np.array([constant for _, constant in listed], np.int64 if kind is Type.BIGINT else np.float64)
            alike.append(_Alike(sign, columns, constants[:, None], slice(start, start + len(listed))))
            start += len(listed)

    def answer(self, frame: Frame, into: Mask) -> None:
        """Fill the rows [comparisons, n] of a mask with whether each holds; none does where its column is unknown."""
        for kind, (names, groups) in self._kinds.items():
            low, high = _stacked(frame, names, kind)
            for sign, columns, constants, rows in groups:
                SIGNS[sign]((high if sign in ("<", "<=") else low)[columns], constants, out=into[rows])


def _compared(node: Holds) -> tuple[Type, str, int | float]:
    assert isinstance(node.left, Column)
    assert isinstance(node.right, Literal)
    return node.left.type, node.left.name, node.right.value  # type: ignore[return-value]


def _is_plain(node: Holds) -> bool:
    """Whether it compares a column of numbers with a number that can be told from one that is unknown."""
    match node:
        case Holds(sign, Column(_, kind), Literal(constant)):
            return kind.is_number and sign != "<>" and constant is not None and constant not in _ENDS[kind]
        case _:
            return False


def _stacked(frame: Frame, names: Sequence[str], kind: Type) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Columns [k, n] with the least and with the largest number where they are unknown."""
    columns = [frame.numbers(name) for name in names]
    low = high = np.array([values for values, _ in columns])
    unknown = [(row, ~known) for row, (_, known) in enumerate(columns) if known is not None]
    if unknown and kind is Type.BIGINT:
        high = low.copy()
    for row, where in unknown:
        low[row, where], high[row, where] = _ENDS[kind]
    return low, high
