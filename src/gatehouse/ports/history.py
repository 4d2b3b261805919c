"""What the house asks of the place that remembers what was known before an event."""

from typing import Protocol

import pyarrow as pa


class History(Protocol):
    """Windows over the events that came before, for one plan of declared features.

    Batches are of coded events (`features.plan`); answers have one row per event, in the order given.
    """

    def advance(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        """Each event's windows; the events then count for those after them, in the order of (seen, id).

        Raises OutsideError, with nothing counted, where what was known cannot be read.
        """
        ...

    def roll_back(self) -> None:
        """Forget the batch that was advanced last, as if it had never come; a second time does nothing."""
        ...

    def replay(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        """Like `advance`, for events of a log, which stand in the order in which they were advanced at first."""
        ...
