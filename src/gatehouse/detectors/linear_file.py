"""The file of a linear model: a framed header, and the weights [buckets, labels] after it.

Weights are little-endian, int16 for one label and int8 for several.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from gatehouse.detectors.model_file import Frame, again
from gatehouse.errors import UserError
from gatehouse.text.ngrams import KERNEL

FORMAT = 1

_FRAME = Frame(b"GHLINEAR", "linear", FORMAT)

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
        return _FRAME.pack(self.header, np.ascontiguousarray(self.weights).tobytes())

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> "LinearModel":
        """Read a model's file.

        Raises OutsideError where it is cut short or changed, UserError where it is no such file or one of another
        format or kernel.
        """
        header, content = _FRAME.unpack(data, Header, where)
        if header.kernel != KERNEL:
            what = f"the model was trained with n-gram kernel {header.kernel}, this version has kernel {KERNEL}"
            raise UserError(what, where=where, fix=again(where))
        shape = (header.buckets, len(header.labels))
        if len(header.labels) == 1:
            return cls(header, np.frombuffer(content, np.int16).reshape(shape))
        return cls(header, np.frombuffer(content, np.int8).reshape(shape))
