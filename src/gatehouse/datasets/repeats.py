"""Finds ids that came before, over any number of rows, in memory that does not grow with them."""

import tempfile
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

LARGEST_RUN = 4_000_000
"""Rows that one merged run may hold (64 MB while it is merged)."""


class Came(IntEnum):
    """How an id stands to what came before it."""

    NEW = 0
    AGAIN = 1
    AGAIN_WITH_OTHER_CONTENT = 2


class Repeats:
    """Remembers the hashes of ids and contents in sorted runs on disk.

    Two ids that differ share a 64-bit hash with chance n²/2⁶⁵, 3 in 100 million over a million rows; such a row is
    then taken for a repeat, which is reported and not lost.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gatehouse-ids-")
        self._runs: list[npt.NDArray[np.uint64]] = []
        self._made = 0

    def close(self) -> None:
        """Remove the runs."""
        self._runs.clear()
        self._folder.cleanup()

    def came(self, ids: npt.NDArray[np.uint64], contents: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
        """How each row stands to all rows before it, here and in earlier calls: uint8 [n] of Came."""
        answer = np.zeros(len(ids), np.uint8)
        if not len(ids):
            return answer
        unique, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        first_content = contents[first]
        for run in self._runs:
            place = np.minimum(np.searchsorted(run[0], unique), run.shape[1] - 1)
            known = run[0][place] == unique
            first_content = np.where(known, run[1][place], first_content)
            answer[first[known]] = Came.AGAIN
        answer[np.arange(len(ids)) != first[inverse]] = Came.AGAIN
        other = (answer == Came.AGAIN) & (contents != first_content[inverse])
        answer[other] = Came.AGAIN_WITH_OTHER_CONTENT
        new = answer[first] == Came.NEW
        if new.any():
            self._add(np.stack([unique[new], contents[first][new]]))
        return answer

    def _add(self, run: npt.NDArray[np.uint64]) -> None:
        while self._runs and self._runs[-1].shape[1] <= 2 * run.shape[1]:
            if self._runs[-1].shape[1] + run.shape[1] > LARGEST_RUN:
                break
            both = np.concatenate([self._runs.pop(), run], axis=1)
            run = both[:, np.argsort(both[0], kind="stable")]
        path = Path(self._folder.name) / f"{self._made}.npy"
        self._made += 1
        np.save(path, run)
        self._runs.append(np.load(path, mmap_mode="r"))
