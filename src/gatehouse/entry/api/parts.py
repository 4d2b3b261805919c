"""What the routes of the API are put together of."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gatehouse.bootstrap import Enforcing, House
from gatehouse.entry.api.limits import Room
from gatehouse.flows.access import Access
from gatehouse.flows.health import Health
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import Answer
from gatehouse.flows.observe import Observer
from gatehouse.flows.perspective import Latest
from gatehouse.records.event import Entity, Event


@dataclass(frozen=True)
class Parts:
    """All that a route may ask for: the opened house, who decides, who may ask, and what happens told to whom.

    `judge` is the one that decides now: what it reads of events, and what it goes by. `decide` gathers what comes at
    the same time and gives back one answer an event, in order, without blocking the loop, and is told the trace of who
    asks, where there is one; `admit` raises AnswerError
    where it would refuse so many events now. `ready` looks whether all is well, and may take a second. `erase` takes
    all of an entity out of everything, by whom and why, and counts what. `room` counts the bytes of all bodies that are
    held.
    """

    house: House
    enforcing: Enforcing
    judge: Callable[[], Judge]
    admit: Callable[[int], None]
    decide: Callable[[Sequence[Event], str | None], Awaitable[list[Answer]]]
    clock: Callable[[], int]
    access: Access
    observer: Observer
    ready: Callable[[], Health]
    perspective: Latest
    erase: Callable[[Entity, str, str], Mapping[str, int]]
    room: Room = field(default_factory=Room)
