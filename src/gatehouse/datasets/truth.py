"""What is true of a data set's rows, from all the claims about them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.errors import UserError, did_you_mean
from gatehouse.records.dataset import PARTS, Dataset, Part


def targets(dataset: Dataset, part: Part, labels: Sequence[str]) -> tuple[pa.Array, npt.NDArray[np.float64]]:
    """Texts of one part and what is true of them: y [n, L] is 1.0, 0.0 or NaN where nobody said.

    A label holds when at least half of its votes say so.
    """
    _require(part, PARTS, "part")
    for label in labels:
        _require(label, dataset.info.labels, "label")
    rows = dataset.rows.filter(pc.equal(dataset.rows["part"], part))
    texts = rows["text"].combine_chunks()
    place = pc.index_in(dataset.labels["event_id"], rows["id"].combine_chunks())
    column = pc.index_in(dataset.labels["label"], pa.array(labels, pa.string()))
    ours = pc.and_(pc.is_valid(place), pc.is_valid(column))
    i = place.filter(ours).to_numpy()
    j = column.filter(ours).to_numpy()
    votes = dataset.labels["votes"].filter(ours).to_numpy()
    value = dataset.labels["value"].filter(ours).to_numpy()
    cast, said = (np.zeros((len(texts), len(labels))) for _ in range(2))
    np.add.at(cast, (i, j), votes)
    np.add.at(said, (i, j), votes * (value > 0))
    known = cast > 0
    return texts, np.where(known, said >= 0.5 * cast, np.nan)


def _require(name: str, known: Sequence[str], what: str) -> None:
    if name not in known:
        guess = did_you_mean(name, known)
        raise UserError(f"there is no {what} '{name}' in the data set", fix=f"{guess}it has {', '.join(known)}")
