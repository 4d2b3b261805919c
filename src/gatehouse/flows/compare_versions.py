"""A release in shadow against what was decided live: on which events they differ, and what would be done anew."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatehouse.flows.replay_policy import NOT_ASKED, Compared, Reach, Replay, said_of
from gatehouse.ports.tried import Beside
from gatehouse.records.decision import Decision, PolicyOutcome
from gatehouse.records.enforcement import Kind
from gatehouse.stats.clustered import korn_graubard
from gatehouse.stats.intervals import Interval

FIRST_IDS = 5


@dataclass(frozen=True)
class Share:
    """Some of the events: how many, of how many actors, and their share with its interval over actors."""

    events: int
    actors: int
    share: Interval
    first: tuple[str, ...]


@dataclass(frozen=True)
class Versions:
    """How a release in shadow and the live decisions compare; `taken` means removed or worse.

    `changes` has every kind of difference with its counts and first event ids.
    """

    n: int
    actors: int
    agree: Share
    newly_taken: Share
    no_longer_taken: Share
    changes: Replay


def compare(pack: str, rows: Sequence[Beside]) -> Versions | None:
    """The two on the same events, by the pack's policy alone; None where no event has both."""
    if not rows:
        return None
    compared = [_compared(pack, row) for row in rows]
    done = Replay()
    with closing(Reach(done)) as reach:
        reach.add(compared)
    actors = np.array([one.actor or f"event:{one.event_id}" for one in compared])
    ids = [one.event_id for one in compared]
    taken = np.array([(_taken(one.before.enforce), _taken(one.now.enforce)) for one in compared])
    same = np.array([not one.flips for one in compared])
    return Versions(
        n=len(rows),
        actors=len(np.unique(actors)),
        agree=_share(same, actors, ids),
        newly_taken=_share(~taken[:, 0] & taken[:, 1], actors, ids),
        no_longer_taken=_share(taken[:, 0] & ~taken[:, 1], actors, ids),
        changes=done,
    )


def _compared(pack: str, row: Beside) -> Compared:
    before, now = _of(row.live, pack), _of(row.shadow, pack)
    assert now is not None, "a release in shadow decides for its pack"
    was = NOT_ASKED if before is None else said_of(before)
    return Compared(row.shadow.event_id, row.actor, was, said_of(now), now.reason)


def _of(decision: Decision, pack: str) -> PolicyOutcome | None:
    return next((said for said in decision.policies if said.policy == pack), None)


def _taken(enforce: str | None) -> bool:
    return Kind[(enforce or "none").upper()] >= Kind.REMOVE


def _share(hits: npt.NDArray[np.bool_], actors: npt.NDArray[np.str_], ids: Sequence[str]) -> Share:
    low, high = korn_graubard(hits, actors) if len(np.unique(actors)) > 1 else (0.0, 1.0)
    first = tuple(ids[place] for place in np.flatnonzero(hits)[:FIRST_IDS])
    interval = Interval(float(hits.mean()), low, high)
    return Share(int(hits.sum()), len(np.unique(actors[hits])), interval, first)
