"""The world: simulated accounts as columns that grow, and the groups that they truly belong to."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE

NEVER = np.iinfo(np.int64).max


class Role(IntEnum):
    """What an account truly is."""

    MEMBER = 0
    SPAMMER = 1
    SCAMMER = 2
    HARASSER = 3
    BOT = 4
    FALSE_REPORTER = 5
    TAKEN_OVER = 6


@dataclass(frozen=True)
class Campaign:
    """Accounts that acted together: `harmful` ones by plan, the others because something moved them all.

    `shape` is how they went about it (lockstep, jittered, slow_drip, copied_text; fandom, petition, breaking_news,
    giveaway ...); `members` are accounts of the world.
    """

    shape: str
    harmful: bool
    members: tuple[int, ...]


COLUMNS: dict[str, tuple[type, object]] = {
    "created": (np.int64, 0),
    "role": (np.uint8, Role.MEMBER),
    "person": (np.int32, NONE),
    "zone": (np.int8, 0),
    "language": (np.uint8, 0),
    "community": (np.int32, NONE),
    "activity": (np.float64, 0.0),
    "followers": (np.int32, 0),
    "following": (np.int32, 0),
    "address": (np.int32, NONE),
    "device": (np.int32, NONE),
    "pictured": (np.bool_, True),
    "turned": (np.int64, NEVER),
    "suspended": (np.int64, NEVER),
}
"""Columns of accounts, their types and what they are where nothing is said.

`created`, `turned` (from when on an account is truly bad; it was good before) and `suspended` are microseconds UTC;
`person` tells who is behind an account, so that one who comes back under another name is known; `zone` is hours from
UTC; `language` a place in the corpus' languages; `community` a group of like interests; `activity` acts a day.
"""


@dataclass(eq=False)
class World:
    """Accounts 0 to n - 1 as arrays by the names of COLUMNS, and the campaigns, numbered from 0."""

    columns: dict[str, npt.NDArray[Any]] = field(
        default_factory=lambda: {name: np.empty(0, kind) for name, (kind, _) in COLUMNS.items()}
    )
    campaigns: list[Campaign] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.columns["created"])

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.columns[name]

    def join(self, n: int, **said: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Add n accounts and give back who they are; one value stands for all of them."""
        first = len(self)
        for name, (kind, usual) in COLUMNS.items():
            new: npt.NDArray[Any] = np.broadcast_to(np.asarray(said.pop(name, usual), kind), (n,))
            self.columns[name] = np.concatenate([self.columns[name], new])
        if said:
            raise ValueError(f"accounts have no {', '.join(said)}")
        who = np.arange(first, first + n, dtype=np.int32)
        alone = self.columns["person"][who] == NONE
        self.columns["person"][who[alone]] = who[alone]
        return who

    def gather(self, shape: str, harmful: bool, members: npt.ArrayLike) -> int:
        """Remember a campaign and give back its number."""
        self.campaigns.append(Campaign(shape, harmful, tuple(np.asarray(members, np.int64).tolist())))
        return len(self.campaigns) - 1
