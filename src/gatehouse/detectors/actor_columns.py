"""Feature columns as the matrix that an actor model reads."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from gatehouse.detectors.actor_file import Column

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


class ActorColumns:
    """Reads a model's columns out of feature rows; `columns` are numbers first, then truth values."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._numbers = sum(column.type != "bool" for column in columns)
        self._needed = np.array([column.needed for column in columns])
        # Looking names up takes longer than scoring one row, and batch after batch has the same schema.
        self._known: tuple[pa.Schema | None, str | None, list[int]] = (None, None, [])

    def why_not(self, schema: pa.Schema) -> str | None:
        """Why rows of this schema cannot be read, or None where they can."""
        return self._places(schema)[0]

    def matrix(self, rows: pa.RecordBatch) -> Floats:
        """The columns as float64 [n, columns]: NULL as NaN, truth values as 0 and 1.

        Whole numbers beyond 2^53 are rounded to the nearest float64, as they were when the trees were fitted.
        """
        _, places = self._places(rows.schema)
        numbers, flags = places[: self._numbers], places[self._numbers :]
        if not flags:
            return _numbers(rows, numbers)
        x = np.empty((len(rows), len(places)))
        if numbers:
            x[:, : self._numbers] = _numbers(rows, numbers)
        # One array of all truth values: to read them one by one takes twice as long for one row.
        together = pa.concat_arrays([rows.column(place) for place in flags]).to_numpy(zero_copy_only=False)
        x[:, self._numbers :] = together.reshape(len(flags), len(rows)).T
        return x

    def lacking(self, x: Floats) -> list[tuple[str, Places]]:
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

    def _places(self, schema: pa.Schema) -> tuple[str | None, list[int]]:
        known, why, places = self._known
        if known is None or not schema.equals(known):
            places = [schema.get_field_index(column.name) for column in self._columns]
            why = self._fault(schema, places)
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


def _numbers(rows: pa.RecordBatch, places: list[int]) -> Floats:
    whole: Floats = rows.select(places).to_tensor(null_to_nan=True, row_major=True).to_numpy()
    return whole


@njit(cache=True, nogil=True)
def _any_unknown(x: Floats, needed: npt.NDArray[np.bool_]) -> bool:
    """Whether anything that is needed is NaN; for one row numpy's way takes as long as the trees do."""
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            if needed[column] and np.isnan(x[row, column]):
                return True
    return False
