"""What the members of a community did together, in words that a person can check."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from gatehouse.detectors.coordination.acts import Acts, Numbers
from gatehouse.detectors.coordination.cells import changes
from gatehouse.detectors.coordination.communities import Group
from gatehouse.detectors.coordination.null import LEAST_P, Shares
from gatehouse.detectors.coordination.settings import MEANS
from gatehouse.records.community import Community, Evidence

_DID = {
    "post": "posted to",
    "comment": "commented on",
    "reply": "replied to",
    "message": "wrote to",
    "repost": "reposted",
    "like": "liked",
    "follow": "followed",
    "report": "reported",
}
_MOST_EVENTS = 50
_TELLING = math.log(1_000)
_UNITS = (("s", 1_000_000), ("min", 60_000_000), ("h", 3_600_000_000), ("days", 86_400_000_000))


@dataclass(frozen=True, eq=False)
class _Window:
    """Acts on one thing, by their places: each member's first in the fullest bucket, all of members who met, a weight.

    The weight is how unlikely it is (minus the logarithm) that so many come to where one is.
    """

    rows: Numbers
    together: Numbers
    weight: float


def community(acts: Acts, own: Numbers, group: Group, chances: Mapping[int, Shares], shown: int) -> Community:
    """A group as a record; `own` are the places of its members' acts, `chances` those of meeting, by length of buckets.

    Each thing is shown by the length at which its chance is least; what few could do by chance and many did comes
    first. What two members may well share by chance is counted only where there is nothing else.
    """
    windows = []
    begins = np.flatnonzero(changes(acts.thing[own]))
    for rows in np.split(own, begins[1:]):
        rows = rows[np.argsort(acts.at[rows], kind="stable")]
        found = [window for length, chance in chances.items() for window in _windows(acts, rows, length, chance)]
        if found:
            windows.append(max(found, key=lambda window: window.weight))
    windows = [window for window in windows if window.weight >= _TELLING] or windows
    windows.sort(key=lambda window: (-window.weight, int(acts.at[window.rows[0]]), int(window.rows[0])))
    done = np.concatenate([window.together for window in windows])
    names = sorted(acts.actors.take(group.members).to_pylist())
    by_means = np.bincount(acts.means[done], minlength=len(MEANS))
    return Community(
        id=hashlib.sha256("\n".join(names).encode()).hexdigest()[:16],
        members=tuple(names),
        first_seen=int(acts.at[done].min()),
        last_seen=int(acts.at[done].max()),
        acts={means: int(n) for means, n in zip(MEANS, by_means, strict=True) if n},
        ties=len(group.ties),
        p=group.p,
        evidence=tuple(_evidence(acts, window, len(names)) for window in windows[:shown]),
    )


def _windows(acts: Acts, rows: Numbers, length: int, chance: Shares) -> Iterator[_Window]:
    """The best window at one length, where the thing has a chance there and two members met."""
    alone = float(chance[acts.thing[rows[0]]])
    near = _near(acts, rows, length) if alone == alone else rows[:0]
    if len(near):
        best = _best(acts, near, length)
        yield _Window(best, near, (len(best) - 1) * -math.log(max(alone, LEAST_P)))


def _near(acts: Acts, rows: Numbers, length: int) -> Numbers:
    """Those acts on one thing, in order of time, that share a bucket of either grid with another account's."""
    found = np.zeros(len(rows), np.bool_)
    half = acts.at[rows] // (length // 2)
    for slot in (half >> 1, (half + 1) >> 1):
        _, which = np.unique(slot, return_inverse=True)
        pairs = np.unique(np.stack([which, acts.actor[rows]], axis=1), axis=0)
        found |= np.bincount(pairs[:, 0])[which] > 1
    return rows[found]


def _best(acts: Acts, rows: Numbers, length: int) -> Numbers:
    """Each member's first act in the bucket of either grid with most members."""
    half, best = acts.at[rows] // (length // 2), rows[:0]
    for slot in (half >> 1, (half + 1) >> 1):
        order = np.lexsort((np.arange(len(rows)), acts.actor[rows], slot))
        firsts = order[changes(slot[order], acts.actor[rows][order])]
        numbers, counts = np.unique(slot[firsts], return_counts=True)
        if counts.max() > len(best):
            best = rows[np.sort(firsts[slot[firsts] == numbers[counts.argmax()]])]
    return best


def _evidence(acts: Acts, window: _Window, size: int) -> Evidence:
    rows = window.rows
    means = MEANS[int(acts.means[rows[0]])]
    thing = acts.things[int(acts.thing[rows[0]])].as_py()
    what = f"text of {thing}" if means == "text" else thing
    kinds = {kind.as_py() for kind in acts.kinds.take(acts.event[rows]).unique()}
    at, until = int(acts.at[rows[0]]), int(acts.at[rows[-1]])
    members = acts.actors.take(acts.actor[rows]).to_pylist()
    return Evidence(
        means=means,
        what=what,
        at=at,
        members=tuple(members),
        event_ids=tuple(acts.ids.take(acts.event[rows[:_MOST_EVENTS]]).to_pylist()),
        said=f"{len(members)} of the {size} accounts {_did(means, thing, kinds)} {_within(until - at)} on {_day(at)}",
    )


def _did(means: str, thing: str, kinds: set[str]) -> str:
    if means == "text":
        return f"wrote nearly the same text (first seen in {thing})"
    if means == "address":
        return f"acted from address {thing}"
    verb = _DID.get(next(iter(kinds)), "acted on") if len(kinds) == 1 else "acted on"
    return f"{verb} {thing}"


def _within(span: int) -> str:
    """A time span, rounded up, in the largest unit of which it has two or more."""
    if not span:
        return "at the same moment"
    unit, length = next(((unit, length) for unit, length in reversed(_UNITS) if span > length), _UNITS[0])
    return f"within {-(-span // length)} {unit}"


def _day(at: int) -> str:
    try:
        day = datetime.fromtimestamp(at / 1e6, UTC)
    except (ValueError, OverflowError, OSError):
        return f"a day outside the calendar ({at} µs)"
    return f"{day.day} {day:%B %Y}"
