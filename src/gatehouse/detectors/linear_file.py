"""The file of a linear model: one header in JSON, the weights, and a digest of both.

    magic (8 bytes) | format (uint16) | length of header (uint32) | header | weights [buckets, labels] | SHA-256

Numbers are little-endian. Weights are int16 for one label and int8 for several.
"""

import hashlib
import struct
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from gatehouse.errors import OutsideError, UserError
from gatehouse.text.ngrams import KERNEL

FORMAT = 1

_MAGIC = b"GHLINEAR"
_HEAD = struct.Struct("<8sHI")
_DIGEST = hashlib.sha256().digest_size

Weights = npt.NDArray[np.int16] | npt.NDArray[np.int8]


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """How a label's weights become a calibrated probability, and on how many rows that stands.

    The log-odds are `slope * (unit * sum + bias) + offset`, where `unit` turns the integer weights back into those
    that were fitted with `bias`. `weak` says why the calibration is not to be trusted, None where it is.
    """

    unit: float
    bias: float
    slope: float
    offset: float
    fitted_positives: int
    fitted_negatives: int
    positives: int
    negatives: int
    weak: str | None = None


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a linear model is and what it was made from."""

    kernel: int
    buckets: int
    labels: tuple[str, ...]
    languages: tuple[str, ...]
    normalise: bool
    calibration: tuple[Calibration, ...]
    dataset: str
    dataset_version: str
    recipe: str


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A model as its file holds it; `weights` is int16 or int8 [buckets, labels]."""

    header: Header
    weights: Weights

    def to_bytes(self) -> bytes:
        """The model's file; equal models have equal bytes."""
        header = msgspec.json.encode(self.header)
        content = _HEAD.pack(_MAGIC, FORMAT, len(header)) + header + np.ascontiguousarray(self.weights).tobytes()
        return content + hashlib.sha256(content).digest()

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> "LinearModel":
        """Read a model's file.

        Raises OutsideError where it is cut short or changed, UserError where it is no such file or one of another
        format or kernel.
        """
        if len(data) < _HEAD.size + _DIGEST:
            raise OutsideError(f"the model file is cut short after {len(data)} bytes", where=where, fix=_again(where))
        magic, format_, length = _HEAD.unpack_from(data)
        if magic != _MAGIC:
            raise UserError("this is no linear model's file", where=where, fix=_again(where))
        if format_ != FORMAT:
            what = f"the model file has format {format_}, this version reads format {FORMAT}"
            raise UserError(what, where=where, fix=_again(where))
        if hashlib.sha256(data[:-_DIGEST]).digest() != data[-_DIGEST:]:
            what = "the model file is cut short or was changed: its content does not match its digest"
            raise OutsideError(what, where=where, fix=_again(where))
        try:
            header = msgspec.json.decode(data[_HEAD.size : _HEAD.size + length], type=Header)
        except msgspec.DecodeError as error:
            what = f"the model file's header is of another version: {error}"
            raise UserError(what, where=where, fix=_again(where)) from error
        if header.kernel != KERNEL:
            what = f"the model was trained with n-gram kernel {header.kernel}, this version has kernel {KERNEL}"
            raise UserError(what, where=where, fix=_again(where))
        content = data[_HEAD.size + length : -_DIGEST]
        shape = (header.buckets, len(header.labels))
        if len(header.labels) == 1:
            return cls(header, np.frombuffer(content, np.int16).reshape(shape))
        return cls(header, np.frombuffer(content, np.int8).reshape(shape))


def _again(where: str) -> str:
    """The next step for a model that cannot be used; `where` is a detector's name."""
    return f"train it again: gatehouse train {where.partition('.')[0]}"
