"""For which events an entry is on: a new one may begin with a share of the traffic."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.text.hashing import hash64

_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_UNIT = 2.0**-53


class Shares:
    """Shares of traffic of some entries: an entry is on for an event where a hash of both ids lies below its share.

    So it is for the same events on every engine and every day, and for other events than another entry; an entry whose
    share grows keeps the events that it had.
    """

    def __init__(self, ids: Sequence[str], shares: Sequence[float]) -> None:
        # Most banks have no such entry, and those need to remember nothing.
        self._partial = any(share < 1.0 for share in shares)
        self._shares = np.array(shares if self._partial else [], np.float64)
        self._ids = hash64(pa.array(ids if self._partial else [], pa.string()))

    @property
    def nbytes(self) -> int:
        """Bytes that they hold in memory."""
        return self._shares.nbytes + self._ids.nbytes

    def on(self, entries: npt.NDArray[np.integer], event: np.uint64) -> npt.NDArray[np.bool_]:
        """Whether each of these entries (indices) is on for an event, given by `of_events`."""
        if not self._partial:
            return np.ones(len(entries), np.bool_)
        mixed = self._ids[entries] ^ event
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        mixed ^= mixed >> np.uint64(31)
        found: npt.NDArray[np.bool_] = (mixed >> np.uint64(11)) * _UNIT < self._shares[entries]
        return found

    @staticmethod
    def of_events(ids: pa.Array) -> npt.NDArray[np.uint64]:
        """A hash of each event's id, uint64 [n]."""
        return hash64(ids, seed=1)
