"""What is known of the entities that one combination of columns names, for every declaration that counts them."""

import secrets
from collections.abc import Mapping, Sequence

import numpy as np

from gatehouse.features import live_kernel as kernel
from gatehouse.features.plan import Plan, amount_name, code_name
from gatehouse.features.windows import Age, Count, Declaration, Distinct, RepeatShare, Sum

_NO_CAP = 2**63 - 1
_FIRST_ROOM = 64
_OPS = {
    Count: kernel.COUNT,
    Sum: kernel.SUM,
    Distinct: kernel.DISTINCT,
    RepeatShare: kernel.SHARE,
    Age: kernel.AGE,
}


def cells_of(said: Declaration) -> int:
    """How many int64 cells a declaration takes for each entity."""
    match said:
        case Count():
            return kernel.COUNT_CELLS
        case Sum():
            return kernel.SUM_CELLS
        case Distinct():
            return kernel.values_cells(said.cap)
        case RepeatShare():
            return kernel.COUNT_CELLS + kernel.values_cells(said.cap)
        case Age():
            return kernel.AGE_CELLS


class Table:
    """One row of int64 cells for each entity: its code, when its last window ends, then each declaration's cells.

    Rows stand in the order in which entities came; an index with open addressing finds them by their code.
    """

    def __init__(self, plan: Plan, counted: tuple[str, ...], columns: Mapping[str, int]) -> None:
        """`columns` are the rows of the values that an advance is given, by the names of coded columns."""
        mine = [(place, said) for place, said in enumerate(plan.declarations) if said.counted == counted]
        keys = list(dict.fromkeys([counted, *(said.key for _, said in mine)]))
        self._keys = np.array([columns[code_name(key)] for key in keys], np.int64)
        self._program = np.empty((len(mine), kernel.FIELDS), np.int64)
        self.width = kernel.HEADER
        for line, (place, said) in zip(self._program, mine, strict=True):
            condition = plan.filter_name(said)
            line[kernel.OP], line[kernel.AT], line[kernel.STEP] = _OPS[type(said)], self.width, said.step
            line[kernel.KEY], line[kernel.OUT] = keys.index(said.key), place
            line[kernel.FILTER] = -1 if condition is None else columns[condition]
            line[kernel.OF] = _of(said, columns)
            line[kernel.CAP] = _NO_CAP if isinstance(said, Age) or said.cap is None else said.cap
            self.width += cells_of(said)
        self._state = np.zeros(kernel.STATE, np.int64)
        # Drawn anew in each process, so that nobody can choose names that all fall into one bucket.
        self._state[kernel.MULTIPLIER] = np.uint64(secrets.randbits(64) | 1).view(np.int64)
        self._images = np.empty((0, self.width), np.int64)
        # Rows if every event since they were counted had brought one.
        self._most = 0
        self._take(np.zeros((_FIRST_ROOM, self.width), np.int64))

    def __len__(self) -> int:
        return int(self._state[kernel.ROWS])

    @property
    def nbytes(self) -> int:
        """Bytes set aside for rows, their index and the images of the last batch."""
        return self._cells.nbytes + self._index.nbytes + self._images.nbytes

    @property
    def rows(self) -> kernel.Cells:
        """What is known, int64 [entities, width]; not a copy."""
        return self._cells[: len(self)]

    def restore(self, rows: kernel.Cells, clock: int) -> None:
        """Hold these rows instead, as of this clock."""
        cells = np.zeros((_room_for(len(rows)), self.width), np.int64)
        cells[: len(rows)] = rows
        cells[: len(rows), kernel.STAMP] = 0
        self._state[kernel.ROWS] = self._state[kernel.OLD_ROWS] = len(rows)
        self._state[kernel.CLOCK] = self._state[kernel.OLD_CLOCK] = clock
        self._most = len(rows)
        self._take(cells)

    def evict(self) -> None:
        """Drop the entities whose every window has ended."""
        kernel.evict(self._cells, self._index, self._state)

    def make_room(self, values: kernel.Cells, valid: kernel.Flags) -> None:
        """See to it that a batch fits, evicting before growing; values and their validity are [columns, events]."""
        coming = values.shape[1]
        self._most += coming
        if self._most > len(self._cells):
            self._make_rows(values[self._keys[0]], valid[self._keys[0]])
        if coming * len(self._keys) > len(self._images):
            touched = min(coming * len(self._keys), len(self))
            if touched > len(self._images):
                self._images = np.empty((min(2 * touched, len(self._cells)), self.width), np.int64)

    def _make_rows(self, codes: kernel.Cells, valid: kernel.Flags) -> None:
        coming = len(np.unique(codes[valid]))
        if len(self) + coming > len(self._cells):
            self.evict()
            # Where little could be dropped it would soon be tried again, so the table grows before it is full.
            if (room := _room_for(len(self) + coming)) > len(self._cells):
                cells = np.zeros((room, self.width), np.int64)
                cells[: len(self)] = self.rows
                self._take(cells)
        self._most = len(self) + coming

    def advance(
        self, seen: kernel.Cells, values: kernel.Cells, valid: kernel.Flags, out: kernel.Cells, there: kernel.Flags
    ) -> None:
        """Read and count a batch that has room; see the kernel."""
        table = (self._cells, self._index, self._state, self._images, self._program, self._keys)
        kernel.advance(table, seen, values, valid, out, there)

    def undo(self) -> None:
        """Bring back what was before the batch advanced last."""
        kernel.undo(self._cells, self._index, self._state, self._images)

    def _take(self, cells: kernel.Cells) -> None:
        self._cells = cells
        self._index = np.empty(2 * len(cells), np.int32)
        self._state[kernel.SHIFT] = 64 - (len(self._index).bit_length() - 1)
        kernel.index_all(self._cells, self._index, self._state)


def tables_of(plan: Plan, columns: Sequence[str]) -> tuple[Table, ...]:
    """A table for each combination of columns under which events are counted; `columns` name the rows of values."""
    places = {name: place for place, name in enumerate(columns)}
    return tuple(Table(plan, counted, places) for counted in dict.fromkeys(said.counted for said in plan.declarations))


def _of(said: Declaration, columns: Mapping[str, int]) -> int:
    if isinstance(said, Sum):
        return columns[amount_name(said.of)]
    return columns[code_name(said.of)] if isinstance(said, Distinct | RepeatShare) else -1


def _room_for(rows: int) -> int:
    """A power of two that leaves at least a quarter free."""
    return int(max(_FIRST_ROOM, 1 << (rows + rows // 3).bit_length()))
