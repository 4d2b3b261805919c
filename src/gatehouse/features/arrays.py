"""Columns out of numpy as slices of one Arrow array, because to make an array takes longer than a few values."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def rows_of(values: npt.NDArray[np.generic], known: npt.NDArray[np.bool_] | None = None) -> list[pa.Array]:
    """Each row of a matrix as an array, NULL where it is not known; both are [columns, n]."""
    columns, n = values.shape
    whole = pa.array(values.reshape(-1), mask=None if known is None or known.all() else ~known.reshape(-1))
    return [whole.slice(place * n, n) for place in range(columns)]
