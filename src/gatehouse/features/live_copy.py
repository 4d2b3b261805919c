"""A table's rows as they are at one moment, most of them copied before it, piece by piece, while the table goes on."""

from collections.abc import Callable
from functools import partial

import numpy as np

from gatehouse.features.live_kernel import CODE, STAMP, Cells
from gatehouse.features.live_table import Table

PIECE = 8 << 20
"""Bytes that are copied at once: a batch waits for no more than that."""

_NO_BATCH = -1


class TableCopy:
    """Rows that are there already, to be copied ahead, and at the end those that have come or changed since.

    A row is as it was copied where it is of the same entity and no batch has touched it since: what an entity's row
    holds is told by the number of the last batch that did.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        # Fresh pages cost several times what copying into them does; written here, they come while nobody waits.
        self._rows = np.full((len(table), table.width), _NO_BATCH, "<i8")

    def pieces(self) -> list[Callable[[], None]]:
        """Each copies a part, between two batches, where that still matters."""
        step = max(1, PIECE // (8 * self._table.width))
        return [partial(self._copy, start, start + step) for start in range(0, len(self._rows), step)]

    def finished(self) -> list[Cells]:
        """The rows that the table has now, in order, in as many parts as they lie in; nothing changes them any more."""
        rows, copied = self._table.rows, self._rows[: len(self._table)]
        self._rows = np.empty((0, self._table.width), "<i8")
        there = rows[: len(copied)]
        changed = (copied[:, CODE] != there[:, CODE]) | (copied[:, STAMP] != there[:, STAMP])
        # One by one, for all at once would go by way of fresh memory.
        for row in np.flatnonzero(changed).tolist():
            copied[row] = there[row]
        return [copied, rows[len(copied) :].astype("<i8")]

    def _copy(self, start: int, stop: int) -> None:
        copied = self._rows[start : min(stop, len(self._table))]
        copied[:] = self._table.rows[start : start + len(copied)]
