"""Columns of a record batch as one matrix, read where they lie.

To ask pyarrow for one column after the other takes longer, for a single row, than all else that a detector does.
So the batch is exported once through Arrow's C data interface, and compiled code reads all of its columns. An
ArrowArray of it is ten words of 64 bits, some of them addresses.
"""

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit, types
from numba.extending import intrinsic
from numba.np.numpy_support import carray

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

INT64, DOUBLE, BOOL = 0, 1, 2
"""The types of columns that can be read."""

_WORDS = 10
_OFFSET, _BUFFERS, _CHILDREN, _RELEASE = 2, 5, 6, 8
_ArrowArray = ctypes.c_int64 * _WORDS


def matrix(rows: pa.RecordBatch, places: Integers, kinds: Integers) -> Floats:
    """The columns at some places, float64 [n, places]: NULL as NaN, truth values as 0 and 1.

    `kinds` are the types of these columns, which are not looked at again: another than said is read as that one.
    """
    x = np.empty((rows.num_rows, len(places)))
    exported = _ArrowArray()
    address = ctypes.addressof(exported)
    rows._export_to_c(address)
    _read(address, places, kinds, x)
    return x


def _build_pointer(_: Any, address: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, words: Any) -> Any:
        return builder.inttoptr(words[0], context.get_value_type(signature.return_type))

    return types.voidptr(types.int64), build


def _build_release(_: Any, function: Any, array: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, words: Any) -> Any:
        from llvmlite import ir

        pointer = context.get_value_type(types.voidptr)
        function = builder.inttoptr(words[0], ir.FunctionType(ir.VoidType(), [pointer]).as_pointer())
        builder.call(function, [builder.inttoptr(words[1], pointer)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


_pointer: Any = intrinsic(_build_pointer)
"""An address, int64, as what `carray` reads from."""

_release: Any = intrinsic(_build_release)
"""Calls the function by whose address an exported array, by its own, is given back."""


@njit(cache=True, nogil=True)
def _read(address: int, places: Integers, kinds: Integers, x: Floats) -> None:
    """Fill in the matrix from the exported batch, and give the batch back."""
    batch = carray(_pointer(address), _WORDS, np.int64)
    children = carray(_pointer(batch[_CHILDREN]), places.max() + 1, np.int64)
    for column in range(len(places)):
        array = carray(_pointer(children[places[column]]), _WORDS, np.int64)
        valid, values = carray(_pointer(array[_BUFFERS]), 2, np.int64)
        start = batch[_OFFSET] + array[_OFFSET]
        end = start + x.shape[0]
        if kinds[column] == BOOL:
            _copy_bits(carray(_pointer(values), (end + 7) // 8, np.uint8), start, x[:, column])
        elif kinds[column] == INT64:
            _copy(carray(_pointer(values), end, np.int64)[start:], x[:, column])
        else:
            _copy(carray(_pointer(values), end, np.float64)[start:], x[:, column])
        # Where there is no NULL there may be no bits that say so.
        if valid:
            _forget(carray(_pointer(valid), (end + 7) // 8, np.uint8), start, x[:, column])
    _release(batch[_RELEASE], address)


@njit(cache=True, nogil=True)
def _copy(values: npt.NDArray[Any], column: Floats) -> None:
    for row in range(len(column)):
        column[row] = values[row]


@njit(cache=True, nogil=True)
def _copy_bits(bits: npt.NDArray[np.uint8], start: int, column: Floats) -> None:
    for row in range(len(column)):
        column[row] = _bit(bits, start + row)


@njit(cache=True, nogil=True)
def _forget(valid: npt.NDArray[np.uint8], start: int, column: Floats) -> None:
    for row in range(len(column)):
        if not _bit(valid, start + row):
            column[row] = np.nan


@njit(cache=True, nogil=True)
def _bit(bits: npt.NDArray[np.uint8], place: int) -> Any:
    return (bits[place >> 3] >> (place & 7)) & 1
