"""The file of an actor model: a framed header, its trees as ONNX, and each label's LightGBM model after them.

The ONNX graph is what scores (`actor_trees` reads it): from `x`, float64 [n, columns], NaN for what is not known, to
`probability`, float64 [n, labels], calibrated. The LightGBM models are the same trees before calibration, from which
scores are explained.
"""

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

import msgspec

from gatehouse.detectors.model_file import Frame, again
from gatehouse.errors import UserError

FORMAT = 1

_FRAME = Frame(b"GHACTORS", "actor", FORMAT)

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
        return _FRAME.pack(msgspec.structs.replace(self.header, sizes=tuple(map(len, parts))), b"".join(parts))

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> "ActorModel":
        """Read a model's file.

        Raises OutsideError where it is cut short or changed, UserError where it is no such file or one of another
        format.
        """
        header, content = _FRAME.unpack(data, Header, where)
        ends = list(accumulate(header.sizes, initial=0))
        if len(header.sizes) != 1 + len(header.labels) or ends[-1] != len(content):
            raise UserError("the model file's header does not describe its content", where=where, fix=again(where))
        onnx, *boosters = (content[start:end] for start, end in pairwise(ends))
        return cls(header, onnx, tuple(boosters))
