"""Patterns looked for together in columns of texts, which takes less time than each by itself."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import numpy as np
import pyarrow as pa

from gatehouse.expressions.conditions import Condition, Shows
from gatehouse.expressions.frame import Frame, Mask, true_rows
from gatehouse.expressions.patterns import as_re2, compile_several
from gatehouse.expressions.tree import Column, Pattern


class Looks:
    """Those for some conditions; `rows` says which row of the answer belongs to each that has one.

    Of conditions in `sure` it is the last word, of others a first look: false only where a text does not show the
    pattern. None has one whose pattern is the only one asked of its column.
    """

    def __init__(self, nodes: Iterable[Condition]) -> None:
        asked: dict[str, list[Shows]] = {}
        for node in nodes:
            match node:
                case Shows(Column(name), Pattern("regexp" | "words"), True):
                    asked.setdefault(name, []).append(node)
        self.rows: dict[Condition, int] = {}
        self._columns: list[tuple[str, slice, Callable[[bytes], Sequence[int]]]] = []
        for column, shows in asked.items():
            # They may be more than RE2 takes at a time, and are then asked one by one.
            with suppress(ValueError):
                if len(shows) > 1:
                    several = compile_several([as_re2(one.pattern) for one in shows])
                    rows = slice(len(self.rows), len(self.rows) + len(shows))
                    self._columns.append((column, rows, several))
                    self.rows |= zip(shows, range(rows.start, rows.stop), strict=True)
        self.sure = {node for node in self.rows if isinstance(node, Shows) and node.pattern.kind == "regexp"}

    def answer(self, frame: Frame, into: Mask) -> None:
        """Fill the rows [conditions, n] of a mask."""
        for column, rows, several in self._columns:
            into[rows] = _found(frame.text(column), several, rows.stop - rows.start)


def _found(texts: pa.Array, several: Callable[[bytes], Sequence[int]], patterns: int) -> Mask:
    """Which of the patterns each text shows, [patterns, n]."""
    n = len(texts)
    found = np.zeros((n, patterns), np.bool_)
    _, offsets, data = texts.buffers()
    if n and data is not None:
        starts = np.frombuffer(offsets, np.int32, n + 1, texts.offset * 4).tolist()
        whole = memoryview(data)
        cells: list[int] = []
        for row, (start, end) in enumerate(itertools.pairwise(starts)):
            cells += [row * patterns + place for place in several(whole[start:end].tobytes())]
        found.reshape(-1)[cells] = True
        if texts.null_count:
            found &= true_rows(texts.is_valid())[:, None]
    return found.T
