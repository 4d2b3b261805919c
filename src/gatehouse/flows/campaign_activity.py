"""Timelines: how much the members of each community did around the time of it, and how much everybody else did."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.ports.campaigns import ACTIVITY_SCHEMA, Sighting

MOST_STEPS = 96
"""Steps of a timeline at most."""

_SECOND = 1_000_000
_MINUTE, _HOUR, _DAY = 60 * _SECOND, 3_600 * _SECOND, 86_400 * _SECOND
_STEPS = (
    *(n * _SECOND for n in (1, 5, 15)),
    *(n * _MINUTE for n in (1, 5, 15)),
    *(n * _HOUR for n in (1, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 30, 90, 365)),
)


class Activity:
    """Counts events by time while they are read; each community has its own stretch of time and its own step."""

    def __init__(self, sightings: Sequence[Sighting], first: int, last: int) -> None:
        self._names = [each.community.id for each in sightings]
        self._edges = [edges(each.first, each.last, first, last) for each in sightings]
        self._acts = [np.zeros(len(own) - 1, np.int64) for own in self._edges]
        self._all = [np.zeros(len(own) - 1, np.int64) for own in self._edges]
        everyone = sorted({member for each in sightings for member in each.community.members})
        self._members = pa.array(everyone, pa.string())
        place = {member: i for i, member in enumerate(everyone)}
        self._belongs = np.zeros((len(sightings), len(everyone)), np.bool_)
        for row, each in enumerate(sightings):
            self._belongs[row, [place[member] for member in each.community.members]] = True

    def add(self, events: pa.RecordBatch) -> None:
        """Count a batch of events."""
        seen = events.column("seen").to_numpy()
        who = pc.index_in(events.column("actor"), value_set=self._members).fill_null(-1).to_numpy(zero_copy_only=False)
        sorted_ = np.sort(seen)
        ours, times = who[who >= 0], seen[who >= 0]
        for row, own in enumerate(self._edges):
            self._all[row] += np.diff(np.searchsorted(sorted_, own))
            mine = np.sort(times[self._belongs[row][ours]])
            self._acts[row] += np.diff(np.searchsorted(mine, own))

    def table(self) -> pa.Table:
        """What was counted, in ACTIVITY_SCHEMA."""
        lengths = [len(acts) for acts in self._acts]
        columns = {
            "community": [name for name, n in zip(self._names, lengths, strict=True) for _ in range(n)],
            "at": _joined([own[:-1] for own in self._edges]),
            "step": _joined([np.diff(own) for own in self._edges]),
            "acts": _joined(self._acts),
            "others": _joined([every - acts for every, acts in zip(self._all, self._acts, strict=True)]),
        }
        return pa.Table.from_pydict(columns, schema=ACTIVITY_SCHEMA)


def edges(first: int, last: int, earliest: int, latest: int) -> npt.NDArray[np.int64]:
    """Where the steps of a timeline begin and the last one ends: `first` to `last` with half as much on both sides.

    It stays within the events, which are from `earliest` to `latest`; microseconds.
    """
    around = max((last - first) // 2, 10 * _SECOND)
    start, end = max(first - around, min(earliest, first)), min(last + around, max(latest, last))
    step = next((step for step in _STEPS if (end - start) // step + 2 <= MOST_STEPS), None)
    step = step or -(-(end - start) // (MOST_STEPS - 2))
    return np.arange(start // step, end // step + 2, dtype=np.int64) * step


def _joined(parts: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(0, np.int64), *parts])
