"""The usual casts of a platform: who does harm on it and which crowds it knows, by its size."""

from functools import partial
from typing import Any

from gatehouse.simulation.bots import BotRings
from gatehouse.simulation.brigades import Brigades
from gatehouse.simulation.bursts import BreakingNews, Fandom, Giveaway, Petition
from gatehouse.simulation.campaigns import MANNERS, Campaigns
from gatehouse.simulation.cast import Cast
from gatehouse.simulation.evaders import Evaders
from gatehouse.simulation.harassers import Harassers
from gatehouse.simulation.links import Links
from gatehouse.simulation.scammers import Scammers
from gatehouse.simulation.spammers import Spammers
from gatehouse.simulation.taken_over import TakenOver

BAD: dict[str, tuple[Any, float]] = {
    "spammers": (Spammers, 20),
    "scammers": (Scammers, 20),
    "harassers": (Harassers, 24),
    "bot_rings": (BotRings, 3),
    "brigades": (Brigades, 6),
    "taken_over": (TakenOver, 28),
    **{f"campaigns_{shape}": (partial(Campaigns, shape=shape), 3.5) for shape in MANNERS},
}
"""What makes each bad cast, and how many groups of it 100,000 accounts see in a week where one act in 100 does harm."""

CROWDS: dict[str, tuple[Any, float]] = {
    "fandom": (Fandom, 5),
    "petitions": (Petition, 3),
    "breaking_news": (BreakingNews, 6),
    "giveaways": (Giveaway, 12),
    "links": (Links, 1_300),
}
"""What makes each cast of benign crowds and of links shared, and how many 100,000 accounts see in a week."""


def usual_casts(accounts: int, days: int = 7, *, harm: float = 0.01, crowds: float = 1.0) -> tuple[Cast, ...]:
    """The bad and the crowds of a platform with so many members over some days; each call makes casts of their own.

    `harm` is about the share of all acts that do harm (0: nobody is bad), `crowds` how many benign crowds there are
    compared with the usual. Of each kind there is at least one, and no group is larger than a fiftieth of the platform,
    no crowd than a tenth. Raises ValueError where there are no accounts or days, or a share is negative.
    """
    if accounts < 1 or days < 1 or not 0 <= harm < 1 or crowds < 0:
        raise ValueError(f"no casts for {accounts} accounts, {days} days, harm {harm} and crowds {crowds}")
    weeks = accounts / 100_000 * days / 7
    casts: list[Cast] = []
    if harm:
        start = (0, max(0, days - 2))
        for make, often in BAD.values():
            casts.append(_fitting(make(count=_many(often * weeks * harm / 0.01), start=start), max(5, accounts // 50)))
        casts.append(Evaders())
    if crowds:
        for make, often in CROWDS.values():
            # A fandom is there before the first day and stays.
            start = (0, 0 if make is Fandom else days - 1)
            casts.append(_fitting(make(count=_many(often * weeks * crowds), start=start), max(5, accounts // 10)))
    return tuple(casts)


def _many(expected: float) -> int:
    return max(1, round(expected))


def _fitting(cast: Any, largest: int) -> Cast:
    """The cast with groups of at most `largest`."""
    if hasattr(cast, "size"):
        low, high = cast.size
        cast.size = (min(low, largest), min(high, largest))
    fitting: Cast = cast
    return fitting
