"""The file of an actor model: one header in JSON, its trees as ONNX, each label's LightGBM model, and a digest.

    magic (8 bytes) | format (uint16) | length of header (uint32) | header | ONNX | LightGBM models | SHA-256

Numbers are little-endian. The ONNX graph is what scores: from `x`, float64 [n, columns] with NaN for what is not known,
to `probability`, float64 [n, labels], calibrated. The LightGBM models are the same trees before calibration, from which
scores are explained.
"""

import hashlib
import struct
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

import msgspec

from gatehouse.errors import OutsideError, UserError

FORMAT = 1

_MAGIC = b"GHACTORS"
_HEAD = struct.Struct("<8sHI")
_DIGEST = hashlib.sha256().digest_size

ColumnType = Literal["int64", "double", "bool"]
"""Arrow types that trees can split: truth values count as 0 and 1."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A feature column that the trees read; `needed` where they never saw it unknown and so cannot do without it."""

    name: str
    type: ColumnType
    needed: bool


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """How a label's trees become a calibrated probability, and on how many rows that stands.

    The log-odds are `slope * sum of the trees + offset`. `weak` says why the calibration is not to be trusted, None
    where it is.
    """

    slope: float
    offset: float
    fitted_positives: int
    fitted_negatives: int
    positives: int
    negatives: int
    weak: str | None = None


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an actor model is and what it was made from; `sizes` are bytes of the ONNX graph and of each label's model.

    Columns stand in the order of the matrix: numbers first, then truth values.
    """

    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    calibration: tuple[Calibration, ...]
    dataset: str
    dataset_version: str
    recipe: str
    sizes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ActorModel:
    """A model as its file holds it; a label that had only one class to learn from has an empty LightGBM model."""

    header: Header
    onnx: bytes
    boosters: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """The model's file; equal models have equal bytes."""
        parts = (self.onnx, *self.boosters)
        header = msgspec.json.encode(msgspec.structs.replace(self.header, sizes=tuple(map(len, parts))))
        content = _HEAD.pack(_MAGIC, FORMAT, len(header)) + header + b"".join(parts)
        return content + hashlib.sha256(content).digest()

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> "ActorModel":
        """Read a model's file.

        Raises OutsideError where it is cut short or changed, UserError where it is no such file or one of another
        format.
        """
        if len(data) < _HEAD.size + _DIGEST:
            raise OutsideError(f"the model file is cut short after {len(data)} bytes", where=where, fix=again(where))
        magic, format_, length = _HEAD.unpack_from(data)
        if magic != _MAGIC:
            raise UserError("this is no actor model's file", where=where, fix=again(where))
        if format_ != FORMAT:
            what = f"the model file has format {format_}, this version reads format {FORMAT}"
            raise UserError(what, where=where, fix=again(where))
        if hashlib.sha256(data[:-_DIGEST]).digest() != data[-_DIGEST:]:
            what = "the model file is cut short or was changed: its content does not match its digest"
            raise OutsideError(what, where=where, fix=again(where))
        try:
            header = msgspec.json.decode(data[_HEAD.size : _HEAD.size + length], type=Header)
        except msgspec.DecodeError as error:
            what = f"the model file's header is of another version: {error}"
            raise UserError(what, where=where, fix=again(where)) from error
        content = data[_HEAD.size + length : -_DIGEST]
        ends = list(accumulate(header.sizes, initial=0))
        if len(header.sizes) != 1 + len(header.labels) or ends[-1] != len(content):
            raise UserError("the model file's header does not describe its content", where=where, fix=again(where))
        onnx, *boosters = (content[start:end] for start, end in pairwise(ends))
        return cls(header, onnx, tuple(boosters))


def again(where: str) -> str:
    """The next step for a model that cannot be used; `where` is a detector's name."""
    return f"train it again: gatehouse train {where.partition('.')[0]}"
