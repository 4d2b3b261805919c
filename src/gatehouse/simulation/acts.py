"""Acts: what simulated accounts do, as columns of numbers, before it becomes events."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

NONE = -1
"""What stands in a column of numbers where there is nothing."""


class Act(IntEnum):
    """Kinds of acts; the name in small letters is the kind of the event."""

    POST = 0
    COMMENT = 1
    MESSAGE = 2
    REPOST = 3
    LIKE = 4
    FOLLOW = 5
    REPORT = 6
    PROFILE = 7


class Harm(IntEnum):
    """What is truly wrong with an act; NONE for nearly all."""

    NONE = 0
    SPAM = 1
    SCAM = 2
    HARASSMENT = 3
    FALSE_REPORT = 4
    MANIPULATION = 5


@dataclass(frozen=True, eq=False)
class Acts:
    """n acts in any order.

    `at` int64 microseconds UTC; `actor` and `target` int32 accounts of the world; `item` int32, what else is acted on
    (a page, a link, a tag); `parent` int64, the serial number of the act that is answered, reposted, liked or reported;
    `text` int32, a text of the corpus; `address` and `device` int32, NONE meaning the account's own; `amount` int64
    cents; `harm` uint8 of Harm; `campaign` int32, the group that the act belongs to.
    """

    at: npt.NDArray[np.int64]
    actor: npt.NDArray[np.int32]
    kind: npt.NDArray[np.uint8]
    target: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    parent: npt.NDArray[np.int64]
    text: npt.NDArray[np.int32]
    address: npt.NDArray[np.int32]
    device: npt.NDArray[np.int32]
    amount: npt.NDArray[np.int64]
    harm: npt.NDArray[np.uint8]
    campaign: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.at)

    @classmethod
    def of(cls, at: npt.ArrayLike, actor: npt.ArrayLike, kind: npt.ArrayLike, **said: npt.ArrayLike) -> "Acts":
        """Acts of which only some columns are said; one value stands for all, and what is not said is NONE or 0."""
        times = np.asarray(at, np.int64)
        given = {"at": times, "actor": actor, "kind": kind, "harm": Harm.NONE, **said}
        columns: dict[str, npt.NDArray[Any]] = {
            field.name: np.broadcast_to(np.asarray(given.get(field.name, NONE), _TYPES[field.name]), times.shape).copy()
            for field in fields(cls)
        }
        return cls(**columns)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Acts":
        """Some of the acts: by their places, or by a mask."""
        return Acts(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


_TYPES: dict[str, type] = {
    **dict.fromkeys(("at", "parent", "amount"), np.int64),
    **dict.fromkeys(("actor", "target", "item", "text", "address", "device", "campaign"), np.int32),
    **dict.fromkeys(("kind", "harm"), np.uint8),
}


def together(parts: Iterable[Acts]) -> Acts:
    """Acts of several groups as one."""
    known = [part for part in parts if len(part)] or [Acts.of([], [], [])]
    return Acts(**{field.name: np.concatenate([getattr(part, field.name) for part in known]) for field in fields(Acts)})
