"""What operations mean on single values; the row form calls these, and the column form where Arrow has no equal.

In the row form a NULL number is NaN (a NaN never comes in, see `compiled`), a NULL text is None.
"""

import re
from functools import cache
from math import nan
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.expressions.tree import Type

MIN_BIGINT = -(2**63)
MAX_BIGINT = 2**63 - 1

CASTS: dict[tuple[Type, Type], str] = {
    (Type.BIGINT, Type.DOUBLE): "widen",
    (Type.DOUBLE, Type.BIGINT): "truncate",
    (Type.BIGINT, Type.VARCHAR): "write",
    (Type.VARCHAR, Type.BIGINT): "read_bigint",
    (Type.VARCHAR, Type.DOUBLE): "read_double",
}
"""From and to: the operation. BOOLEAN becomes BIGINT by a CASE; DOUBLE no VARCHAR: a number has many spellings."""

_WHOLE = re.compile(r"[+-]?0*[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


def read_bigint(text: str | None) -> int | float:
    """The whole number that a text spells, NaN where it spells none or one outside BIGINT."""
    if text is None or not _WHOLE.fullmatch(text):
        return nan
    sign = "-" if text[0] == "-" else ""
    value = int(sign + (text.lstrip("+-0") or "0"))
    return value if MIN_BIGINT <= value <= MAX_BIGINT else nan


def read_double(text: str | None) -> float:
    """The number that a text spells, NaN where it spells none or one outside DOUBLE."""
    if text is None or not _DECIMAL.fullmatch(text):
        return nan
    value = float(text)
    return value if abs(value) <= 1.7976931348623157e308 else nan


def remainder(a: int, b: int) -> int:
    """What is left of a after dividing by b, with the sign of a; b is not 0."""
    left = abs(a) % abs(b)
    return -left if a < 0 else left


def least(*values: Any) -> Any:
    """The smallest value, NULL where one is."""
    smallest = values[0]
    for value in values:
        if value is None or value != value:
            return value
        if value < smallest:
            smallest = value
    return smallest


def greatest(*values: Any) -> Any:
    """The largest value, NULL where one is."""
    largest = values[0]
    for value in values:
        if value is None or value != value:
            return value
        if value > largest:
            largest = value
    return largest


def lower(text: str | None) -> str | None:
    """In small letters, each character by itself, as Arrow does it (Python would turn one into two at times)."""
    if text is None or text.isascii():
        return text and text.lower()
    return text.translate(_letters(pc.utf8_lower))


def upper(text: str | None) -> str | None:
    """In capital letters, each character by itself, as Arrow does it."""
    if text is None or text.isascii():
        return text and text.upper()
    return text.translate(_letters(pc.utf8_upper))


@cache
def _letters(change: Any) -> dict[int, int]:
    """What one of Arrow's case functions makes of each code point that it changes."""
    surrogates = range(0xD800, 0xE000)
    before = np.array([code for code in range(0x110000) if code not in surrogates], np.uint32)
    text = before.tobytes().decode("utf-32-le")
    after = np.frombuffer(change(pa.scalar(text)).as_py().encode("utf-32-le"), np.uint32)
    changed = before != after
    return dict(zip(before[changed].tolist(), after[changed].tolist(), strict=True))
