"""The check of a new actor model: ONNX Runtime, the trees that score and LightGBM give one answer."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gatehouse.detectors.actor_trees import Trees
from gatehouse.errors import RefusedError

Floats = npt.NDArray[np.float64]

ALIKE, NEAR = 1e-12, 1e-9
"""How far probabilities may be apart: of the graph read by two, and of the graph and the trees that it was made of."""


MOST = 1e300
"""What LightGBM writes for a limit above all values; beyond it a graph and the model in memory may differ."""


def at_the_limits(limits: Sequence[Sequence[float]]) -> Floats:
    """Rows whose values stand on each limit of each column, and next to it on either side; the last is all unknown.

    `limits` are those of each column; no value is beyond MOST.
    """
    most = max((len(column) for column in limits), default=0)
    on = np.full((most, len(limits)), np.nan)
    for place, column in enumerate(limits):
        on[:, place] = np.resize(np.array(column, np.float64), most) if column else np.nan
    beside = (np.nextafter(on, -np.inf), np.nextafter(on, np.inf))
    rows: Floats = np.vstack([on, *beside, np.full((1, len(limits)), np.nan)])
    return rows.clip(-MOST, MOST)


def check(onnx: bytes, x: Floats, expected: Floats, where: str) -> None:
    """Compare probabilities of rows, float64 [n, columns] and [n, labels]; raises RefusedError where they differ."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    [said] = session.run(["probability"], {"x": x})
    ours = Trees(onnx, *np.shape(x)[1:], *np.shape(expected)[1:]).probabilities(x)
    for who, other, allowed in (("the trees that score", ours, ALIKE), ("LightGBM", expected, NEAR)):
        apart = float(np.abs(said - other).max(initial=0.0))
        if not apart <= allowed:
            what = f"ONNX Runtime {onnxruntime.__version__} and {who} are {apart:.1e} apart on one row or more"
            raise RefusedError(
                what, where=where, fix="the model was not kept: report this with the recipe and the data"
            )
