"""How far a release would reach before it decides: stored events judged by it, against what was done about them.

Nothing is acted on and nothing is recorded. Rates are of the events' own time; intervals are over actors, for the
events of one actor are not independent.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.features.live import LiveHistory
from gatehouse.flows.arms import side
from gatehouse.flows.beside import covers, judged_by, stored_windows
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import each_id_once
from gatehouse.ports.ledger import Judged, Ledger
from gatehouse.records.enforcement import URGENT, Enforcement, Kind
from gatehouse.records.event import ERASED, Event, to_batch
from gatehouse.records.policy import Policy
from gatehouse.stats.clustered import korn_graubard

MOST = 20_000
"""The latest events that are looked at."""

WANTED = 1_000
"""Events under which an estimate says little: a kind that none of them met may still meet 0.3 % of traffic."""

BLOCK = 2_000
MINUTE = 60 * 1_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True)
class Rate:
    """Events that a kind of enforcement meets: how many, of how many actors, and their share of traffic.

    `busiest` is the most different actors that it meets within any 24 hours; of events of less than a day, a day may
    bring more.
    """

    events: int
    actors: int
    busiest: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Reached:
    """What a release would do about `n` events of `actors` in `days`, beside what was done about them.

    `share` is the share of actors that it would decide for. `kinds` are by enforcement, "any" being all of them;
    `before` is the same of what was decided at the time. `bounds` are sentences on what it would run into.
    """

    n: int
    actors: int
    days: float
    share: float
    kinds: Mapping[str, Rate]
    before: Mapping[str, Rate]
    bounds: tuple[str, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    """An event of the past: when, by whom, and the deeds that it would lead to and led to."""

    seen: int
    actor: str
    now: tuple[Enforcement, ...]
    before: tuple[Enforcement, ...]


def reach(
    ledger: Ledger,
    judge: Judge,
    policy: Policy,
    live: Judge | None,
    *,
    since: int = 0,
    share: float = 1.0,
    most: int = MOST,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Reached:
    """Judge the latest `most` events seen since then by the judge of one release, for a share of actors.

    `live` is the judge of the live releases, whose stored windows are taken where the release needs no others. Erased
    events are left out.
    """
    remarks: tuple[str, ...] = ()
    history = None
    if live is None or not covers(live, judge):
        history = LiveHistory(judge.features.plan)
        remarks = (f"its own windows know only what came in these events, at most {most:,}",)
    rows: list[_Row] = []
    last = ledger.last()
    after = max(last - most, 0)
    while block := ledger.log(after, BLOCK):
        after = block[-1][0]
        events = [event for _, event in block]
        for part in each_id_once(events):
            rows += _rows(ledger, judge, policy.name, part, history, share, since)
        progress(after, last)
    return _reached(rows, policy, share, remarks)


def _rows(
    ledger: Ledger,
    judge: Judge,
    pack: str,
    events: Sequence[Event],
    history: LiveHistory | None,
    share: float,
    since: int,
) -> Iterator[_Row]:
    windows = history.replay(judge.prepare(to_batch(events)).coded) if history else None
    stored = [
        (place, row)
        for place, row in enumerate(ledger.judged(events))
        if row.decision.mode == "live" and row.event.seen >= since and row.event.kind != ERASED
    ]
    # Feature rows of a release that counted other windows have not all columns: each is judged with what it has.
    groups: dict[frozenset[str], list[tuple[int, Judged]]] = {}
    for place, row in stored:
        groups.setdefault(frozenset(row.features), []).append((place, row))
    for group in groups.values():
        rows = [row for _, row in group]
        given = windows.take(pa.array([place for place, _ in group])) if windows else stored_windows(judge, rows)
        for row, tried in zip(rows, judged_by(judge, rows, given, 0), strict=True):
            before = tuple(deed for deed in row.enforcements if deed.policy == pack and _first(deed))
            takes = side(pack, row.event) < share
            actor = f"event:{row.event.id}" if row.event.actor is None else str(row.event.actor)
            yield _Row(row.event.seen, actor, tuple(tried.enforcements) if takes else before, before)


def _first(deed: Enforcement) -> bool:
    """Whether a deed came of the decision itself, not of another deed."""
    return deed.undoes is None and deed.follows is None


def _reached(rows: list[_Row], policy: Policy, share: float, remarks: tuple[str, ...]) -> Reached:
    rows.sort(key=lambda row: row.seen)
    span = (rows[-1].seen - rows[0].seen) / DAY if rows else 0.0
    return Reached(
        n=len(rows),
        actors=len({row.actor for row in rows}),
        days=span,
        share=share,
        kinds=_rates(rows, [row.now for row in rows]),
        before=_rates(rows, [row.before for row in rows]),
        bounds=tuple(_bounds(rows, policy)),
        remarks=remarks,
    )


def _rates(rows: Sequence[_Row], deeds: Sequence[tuple[Enforcement, ...]]) -> dict[str, Rate]:
    _, actors = np.unique(np.array([row.actor for row in rows]), return_inverse=True)
    seen = np.array([row.seen for row in rows], np.int64)
    found: dict[str, npt.NDArray[np.bool_]] = {}
    for place, done in enumerate(deeds):
        for kind in {"any", *(deed.kind for deed in done)} if done else ():
            found.setdefault(kind, np.zeros(len(rows), np.bool_))[place] = True
    return {kind: _rate(hits, actors, seen) for kind, hits in sorted(found.items(), key=_severity)}


def _severity(found: tuple[str, object]) -> int:
    return -1 if found[0] == "any" else Kind[found[0].upper()]


def _rate(hits: npt.NDArray[np.bool_], actors: npt.NDArray[np.int64], seen: npt.NDArray[np.int64]) -> Rate:
    low, high = korn_graubard(hits, actors) if actors.any() else (0.0, 1.0)
    busiest = _most_at_once(actors[hits], seen[hits], DAY)
    return Rate(int(hits.sum()), len(np.unique(actors[hits])), busiest, float(hits.mean()), low, high)


def _most_at_once(actors: npt.NDArray[np.int64], seen: npt.NDArray[np.int64], length: int) -> int:
    """The most different actors within any such length of time; `seen` is sorted."""
    there: Counter[int] = Counter()
    first = most = 0
    for last, actor in enumerate(actors.tolist()):
        there[actor] += 1
        while seen[first] <= seen[last] - length:
            gone = int(actors[first])
            there[gone] -= 1
            if not there[gone]:
                del there[gone]
            first += 1
        most = max(most, len(there))
    return most


def _bounds(rows: Sequence[_Row], policy: Policy) -> Iterator[str]:
    """What the deeds would have run into, had they been done when the events came."""
    seen = np.array([row.seen for row in rows], np.int64)
    if policy.quota and len(rows):
        deeds = np.array([len(row.now) for row in rows], np.int64)
        for allowed, length, name in ((policy.quota.hour, HOUR, "an hour"), (policy.quota.day, DAY, "a day")):
            if allowed is not None and (busiest := int(_within(seen, deeds, length).max())) > allowed:
                yield f"{busiest:,} enforcements in the busiest of {name}, over the quota of {allowed:,} in {name}"
    if policy.breaker and len(rows):
        breaker = policy.breaker
        wanted = np.array([any(_counts(deed, breaker.exempt) for deed in row.now) for row in rows], np.int64)
        made = np.maximum(_within(seen, np.ones(len(rows), np.int64), breaker.minutes * MINUTE), breaker.least)
        shares = _within(seen, wanted, breaker.minutes * MINUTE) / made
        if (worst := float(shares.max())) > breaker.share:
            yield (
                f"{worst:.1%} of decisions within {breaker.minutes} minutes want more than a limit, over the breaker's "
                f"{breaker.share:.1%}"
            )


def _counts(deed: Enforcement, exempt: Sequence[str]) -> bool:
    kind = Kind[deed.kind.upper()]
    return kind > Kind.LIMIT and kind not in URGENT and deed.step not in exempt


def _within(seen: npt.NDArray[np.int64], what: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """The sum over the `length` up to each moment; `seen` is sorted."""
    totals = np.concatenate([[0], np.cumsum(what)])
    before: npt.NDArray[np.int64] = totals[np.searchsorted(seen, seen - length, side="right")]
    return totals[1:] - before


def over(reached: Reached, at_most: float | None) -> list[str]:
    """Why this reach is more than it may be: the policy's own bounds, and a share of traffic where one was said."""
    found = list(reached.bounds)
    rate = reached.kinds.get("any")
    if at_most is not None and rate is not None and rate.high > at_most:
        found.append(
            f"{rate.share:.2%} of traffic [{rate.low:.2%}, {rate.high:.2%}] is enforced on, which may be over the "
            f"{at_most:.2%} that was allowed"
        )
    return found
