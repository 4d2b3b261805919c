"""Operations on columns of numbers; equal to the row form to the last bit, overflow and x/0 NULL."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gatehouse.expressions.frame import Mask, Numbers
from gatehouse.expressions.tree import Type
from gatehouse.expressions.values import MIN_BIGINT

_LIMIT = -float(MIN_BIGINT)


def both(left: Mask | None, right: Mask | None) -> Mask | None:
    """Where two values are both known."""
    if left is None:
        return right
    return left if right is None else left & right


def operate(name: str, kind: Type, arguments: list[Numbers]) -> Numbers:
    """The result of an operation whose arguments and result are numbers."""
    known = None
    if name == "coalesce":
        return _coalesce(arguments)
    if name == "nullif":
        (left, known), (right, right_known) = arguments
        equal = left == right
        return left, both(known, ~(equal if right_known is None else equal & right_known))
    for _, part in arguments:
        known = both(known, part)
    values = [value for value, _ in arguments]
    if name in ("least", "greatest"):
        result = values[0]
        for value in values[1:]:
            result = np.where(value < result if name == "least" else value > result, value, result)
        return result, known
    table = _BIGINT if kind is Type.BIGINT else _DOUBLE
    result, fits = table[name](*values)
    return result, both(known, fits)


def _coalesce(arguments: list[Numbers]) -> Numbers:
    result, known = arguments[-1]
    for value, present in reversed(arguments[:-1]):
        if present is None:
            result, known = value, None
        else:
            result = np.where(present, value, result)
            known = None if known is None else present | known
    return result, known


def _finite(result: Any) -> tuple[Any, Any]:
    return result, np.isfinite(result)


def _add(a: Any, b: Any) -> tuple[Any, Any]:
    result = np.add(a, b)
    return result, ((a ^ result) & (b ^ result)) >= 0


def _subtract(a: Any, b: Any) -> tuple[Any, Any]:
    result = np.subtract(a, b)
    return result, ((a ^ b) & (a ^ result)) >= 0


def _multiply(a: Any, b: Any) -> tuple[Any, Any]:
    """A product that wrapped is no multiple any more; the one exception, the smallest times -1, is named."""
    result = np.multiply(a, b)
    zero = b == 0
    whole = np.floor_divide(result, np.where(zero, 1, b)) == a
    return result, zero | (whole & ~((b == -1) & (a == MIN_BIGINT)))


def _remainder(a: Any, b: Any) -> tuple[Any, Any]:
    """What is left has the sign of a; dividing by -1 leaves nothing, and the processor traps on the smallest by -1."""
    return np.fmod(a, np.where((b == 0) | (b == -1), 1, b)), b != 0


def _truncate(a: Any) -> tuple[Any, Any]:
    fits = (a >= -_LIMIT) & (a < _LIMIT)
    return np.where(fits, a, 0.0).astype(np.int64), fits


_BIGINT: dict[str, Callable[..., tuple[Any, Any]]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "%": _remainder,
    "negate": lambda a: (np.negative(a), a != MIN_BIGINT),
    "abs": lambda a: (np.absolute(a), a != MIN_BIGINT),
    "truncate": _truncate,
}
_DOUBLE: dict[str, Callable[..., tuple[Any, Any]]] = {
    "+": lambda a, b: _finite(np.add(a, b)),
    "-": lambda a, b: _finite(np.subtract(a, b)),
    "*": lambda a, b: _finite(np.multiply(a, b)),
    "/": lambda a, b: _finite(np.divide(a, b)),
    "%": lambda a, b: _finite(np.fmod(a, b)),
    "negate": lambda a: (np.negative(a), None),
    "abs": lambda a: (np.absolute(a), None),
    "floor": lambda a: (np.floor(a), None),
    "ceil": lambda a: (np.ceil(a), None),
    "widen": lambda a: (a.astype(np.float64), None),
}
