"""Ingest: the gate's clock, which says when each event was seen."""

from collections.abc import Sequence

import msgspec

from gatehouse.records.event import Event


class Gate:
    """One writer's gate; no two events pass it at the same microsecond, even where the clock stands or goes back.

    `last` is when it saw the latest event before (microseconds UTC). Not for several threads at once.
    """

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def stamp(self, events: Sequence[Event], now: int) -> list[Event]:
        """The events with the time at which they are seen, in the order given; imported ones keep their own time.

        That is `occurred`, and `seen` as it is where they claim no time.
        """
        return [self._stamped(event, now) for event in events]

    def _stamped(self, event: Event, now: int) -> Event:
        if event.imported:
            own = event.seen if event.occurred is None else event.occurred
            return msgspec.structs.replace(event, seen=own)
        self.last = max(now, self.last + 1)
        return msgspec.structs.replace(event, seen=self.last)
