"""Feature columns as the matrix that an actor model reads."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from gatehouse.detectors.actor_arrow import BOOL, DOUBLE, INT64, Floats, Integers, matrix
from gatehouse.detectors.actor_file import Column
from gatehouse.text.rows import Rows

_KINDS = {"int64": INT64, "double": DOUBLE, "bool": BOOL}

_WIDE = 2
"""How many times as many columns as are read a batch may have before the others are left out first."""


class ActorColumns:
    """Reads a model's columns out of feature rows; `columns` are numbers first, then truth values."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._names = [column.name for column in columns]
        self._kinds = np.array([_KINDS[column.type] for column in columns])
        self._needed = np.array([column.needed for column in columns])
        # Looking names up takes longer than scoring one row, and batch after batch has the same schema.
        self._known: tuple[pa.Schema | None, str | None, Integers] = (None, None, np.empty(0, np.int64))

    def why_not(self, schema: pa.Schema) -> str | None:
        """Why rows of this schema cannot be read, or None where they can."""
        return self._places(schema)[0]

    def matrix_of(self, rows: Rows) -> Floats:
        """The columns as float64 [n, columns]: NULL as NaN, truth values as 0 and 1.

        Whole numbers beyond 2^53 are rounded to the nearest float64, as they were when the trees were fitted.
        """
        if not rows.plain:
            return self.matrix(rows.batch)
        # None becomes NaN.
        values = rows.several(self._names)
        return np.array(list(zip(*values, strict=True)), np.float64).reshape(len(rows), len(values))

    def matrix(self, rows: pa.RecordBatch) -> Floats:
        """The same of a batch."""
        _, places = self._places(rows.schema)
        if rows.num_columns > _WIDE * len(places):
            rows, places = rows.select(places.tolist()), np.arange(len(places))
        return matrix(rows, places, self._kinds)

    def lacking(self, x: Floats) -> list[tuple[str, Integers]]:
        """What is not known that the model needs, and the rows of a matrix in which just that is not, int64."""
        if not _any_unknown(x, self._needed):
            return []
        lost = np.isnan(x) & self._needed
        rows = np.flatnonzero(lost.any(axis=1))
        kinds, kind = np.unique(lost[rows], axis=0, return_inverse=True)
        found = []
        for number, gone in enumerate(kinds):
            names = [self._columns[place].name for place in np.flatnonzero(gone)]
            found.append((f"not known: {', '.join(names)}", rows[kind == number]))
        return found

    def _places(self, schema: pa.Schema) -> tuple[str | None, Integers]:
        known, why, places = self._known
        if known is None or not (known is schema or schema.equals(known)):
            found = [schema.get_field_index(column.name) for column in self._columns]
            why, places = self._fault(schema, found), np.array(found, np.int64)
            self._known = (schema, why, places)
        return why, places

    def _fault(self, schema: pa.Schema, places: Sequence[int]) -> str | None:
        pairs = list(zip(self._columns, places, strict=True))
        if missing := [column.name for column, place in pairs if place < 0]:
            return f"value unavailable for {', '.join(missing)}"
        wrong = [
            f"{column.name} is {schema.field(place).type}, the model reads {column.type}"
            for column, place in pairs
            if str(schema.field(place).type) != column.type
        ]
        return "; ".join(wrong) or None


@njit(cache=True, nogil=True)
def _any_unknown(x: Floats, needed: npt.NDArray[np.bool_]) -> bool:
    """Whether anything that is needed is NaN; for one row numpy's way takes as long as the trees do."""
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            if needed[column] and np.isnan(x[row, column]):
                return True
    return False
