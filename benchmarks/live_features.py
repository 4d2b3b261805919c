"""Speed and size of live windows on one core: read and count in batches of 500, and one event at a time.

Actors, targets and addresses are drawn by Zipf's law (50,000 of each, exponent 1.1), 100 events come in a second, one
target in ten is not known.
Batches go through `LiveHistory.advance`, Arrow in and out; one event goes through `advance_arrays`, NumPy in and out,
because Arrow by itself costs more than the windows of one event: both are printed. The peer is what people write for
themselves, dicts and deques in Python, with the same values. Speeds are of CPU time, the median of several rounds.
Exits 1 when 4 features are under 1 M events a second, 20 under 200 k, or one event takes over 30 µs (median).
"""

import itertools
import statistics
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from gatehouse.features.define import FeatureSet
from gatehouse.features.live import LiveHistory
from gatehouse.features.plan import ORDER, Plan, amount_name, code_name
from gatehouse.features.windows import Age, Count, Distinct, RepeatShare, Sum, duration

SIZE = 500
ROUNDS = 9
BATCHES = 60
WARM = 300
PEER_BATCHES = 10
SINGLES = 3_000
ACTORS = 50_000
EXPONENT = 1.1
EVENTS = SIZE * (WARM + ROUNDS * BATCHES) + 2 * SINGLES
FLOORS = {4: 1e6, 20: 200e3}
MOST_MICROSECONDS = 30

ACTOR, TARGET, ADDRESS, HOUR, DAY = ("actor",), ("target",), ("address",), duration("1h"), duration("1d")
MESSAGES = "kind = 'message'"
FOUR = (
    Count(name="posts_1h", key=ACTOR, window=HOUR),
    Count(name="messages_1d", key=ACTOR, window=DAY, where=MESSAGES),
    Distinct(name="targets_1h", key=ACTOR, window=HOUR, of=TARGET),
    Age(name="age", key=ACTOR, window=duration("7d")),
)
TWENTY = (
    *FOUR,
    Count(name="posts_10m", key=ACTOR, window=duration("10m")),
    Count(name="posts_1d", key=ACTOR, window=DAY),
    Count(name="messages_10m", key=ACTOR, window=duration("10m"), where=MESSAGES),
    Count(name="messages_1h", key=ACTOR, window=HOUR, where=MESSAGES),
    Count(name="received_1h", key=ACTOR, under=TARGET, window=HOUR),
    Count(name="received_1d", key=ACTOR, under=TARGET, window=DAY),
    Count(name="between_7d", key=("actor", "target"), window=duration("7d")),
    Count(name="address_1h", key=ADDRESS, window=HOUR),
    Sum(name="paid_1h", key=ACTOR, window=HOUR, of="amount"),
    Sum(name="paid_1d", key=ACTOR, window=DAY, of="amount", where=MESSAGES),
    Distinct(name="targets_1d", key=ACTOR, window=DAY, of=TARGET),
    Distinct(name="senders_1h", key=ACTOR, under=TARGET, window=HOUR, of=ACTOR),
    Distinct(name="actors_here_1h", key=ADDRESS, window=HOUR, of=ACTOR),
    Distinct(name="actors_here_1d", key=ADDRESS, window=DAY, of=ACTOR),
    RepeatShare(name="same_target_1h", key=ACTOR, window=HOUR, of=TARGET),
    RepeatShare(name="same_target_1d", key=ACTOR, window=DAY, of=TARGET),
)

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def make_stream(plan: Plan) -> Arrays:
    """Times, then the coded columns and where they are known, as `advance_arrays` takes them."""
    rng = np.random.default_rng(4)
    seen = 1_700_000_000_000_000 + np.cumsum(rng.integers(1, 20_000, EVENTS))
    shares = np.cumsum(np.arange(1, ACTORS + 1) ** -EXPONENT)

    def drawn() -> np.ndarray:
        ranks = np.searchsorted(shares, rng.random(EVENTS) * shares[-1]).astype(np.uint64)
        return ((ranks + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)).view(np.int64)

    actors, targets, addresses = drawn(), drawn(), drawn()
    known = rng.random(EVENTS) < 0.9
    columns = {
        code_name(ACTOR): actors,
        code_name(TARGET): targets,
        code_name(ADDRESS): addresses,
        code_name(("actor", "target")): actors ^ (targets >> 1),
        "f_0": (rng.random(EVENTS) < 0.4).astype(np.int64),
        amount_name("amount"): rng.integers(0, 1_000, EVENTS),
    }
    names = plan.coded.names[len(ORDER) :]
    valid = [known if "target" in name else np.ones(EVENTS, np.bool_) for name in names]
    return seen, np.array([columns[name] for name in names]), np.array(valid)


def cut(stream: Arrays, start: int, size: int) -> Arrays:
    seen, values, valid = stream
    part = slice(start, start + size)
    return seen[part].copy(), values[:, part].copy(), valid[:, part].copy()


def coded(plan: Plan, stream: Arrays, start: int, size: int) -> pa.RecordBatch:
    seen, values, valid = cut(stream, start, size)
    rows = np.arange(start, start + size)
    order = [rows, [f"event-{row:09d}" for row in rows], np.zeros(size, np.int64), seen, seen]
    columns = [
        pa.array(v, mask=~known).cast(f.type) for v, known, f in zip(values, valid, list(plan.coded)[5:], strict=True)
    ]
    return pa.RecordBatch.from_arrays([*map(pa.array, order), *columns], schema=plan.coded)


class Peer:
    """The same windows with dicts and deques; for events in the order of their times, and without caps."""

    def __init__(self, plan: Plan) -> None:
        self.said = [(d, code_name(d.key), code_name(d.counted), plan.filter_name(d)) for d in plan.declarations]
        self.steps: list[dict] = [defaultdict(deque) for _ in self.said]
        self.totals: list[dict] = [defaultdict(int) for _ in self.said]
        self.values: list[dict] = [defaultdict(dict) for _ in self.said]

    def advance(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Read, then count, event by event."""
        return [self._one(row) for row in rows]

    def _one(self, row: dict[str, Any]) -> dict[str, Any]:
        now, found = row["seen"], {}
        for place, (said, key, counted, condition) in enumerate(self.said):
            found[said.name] = None if row[key] is None else self._read(place, said, row[key], now)
            if row[counted] is not None and (condition is None or row[condition]):
                self._count(place, said, row[counted], row, now)
        return found

    def _read(self, place: int, said: Any, entity: int, now: int) -> Any:
        steps, totals = self.steps[place][entity], self.totals[place]
        if isinstance(said, Age):
            return (now - steps[0]) // 1_000_000 if steps and now < steps[1] else 0
        while steps and steps[0][0] <= now:
            totals[entity] -= steps.popleft()[1]
        if isinstance(said, Count | Sum):
            return totals[entity]
        values = self.values[place][entity]
        for value in list(itertools.takewhile(lambda value: values[value] <= now, values)):
            del values[value]
        different = min(len(values), said.cap)
        if isinstance(said, Distinct):
            return different
        events = min(totals[entity], said.cap)
        return (events - different) / events if events else None

    def _count(self, place: int, said: Any, entity: int, row: dict[str, Any], now: int) -> None:
        steps, end = self.steps[place][entity], now - now % said.step + 61 * said.step
        if isinstance(said, Age):
            self.steps[place][entity] = deque([now if not steps or now >= steps[1] else steps[0], end])
            return
        brought = row[amount_name(said.of)] if isinstance(said, Sum) else 1
        if isinstance(said, Distinct | RepeatShare):
            value = row[code_name(said.of)]
            if value is None:
                return
            self.values[place][entity].pop(value, None)
            self.values[place][entity][value] = end
        if steps and steps[-1][0] == end:
            steps[-1][1] += brought
        else:
            steps.append([end, brought])
        self.totals[place][entity] += brought


def seconds(run: Callable[[], object]) -> float:
    """CPU time of one run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def one_at_a_time(run: Callable[..., object], given: list[tuple]) -> float:
    """Microseconds of a call, the median."""
    taken = []
    for arguments in given:
        start = time.perf_counter_ns()
        run(*arguments)
        taken.append(time.perf_counter_ns() - start)
    return statistics.median(taken) / 1_000


def peer_speed(plan: Plan, stream: Arrays) -> float | None:
    """Events a second of the peer, or None where its values are not ours."""
    peer, history = Peer(plan), LiveHistory(plan)
    batches = [coded(plan, stream, SIZE * place, SIZE) for place in range(2 * PEER_BATCHES)]
    taken = []
    for batch in batches:
        rows = batch.to_pylist()
        start = time.process_time()
        found = peer.advance(rows)
        taken.append(time.process_time() - start)
        if found != history.advance(batch).to_pylist():
            return None
    return SIZE / statistics.median(taken[PEER_BATCHES:])


def measure(windows: tuple) -> bool:
    """Print what one set of declarations costs; whether it is within the limits."""
    plan = FeatureSet(windows=windows).plan
    stream, history = make_stream(plan), LiveHistory(plan)
    for place in range(WARM):
        history.advance(coded(plan, stream, SIZE * place, SIZE))
    speeds, at = [], SIZE * WARM
    for _ in range(ROUNDS):
        batches = [coded(plan, stream, at + SIZE * place, SIZE) for place in range(BATCHES)]
        at += SIZE * BATCHES
        speeds.append(SIZE * BATCHES / seconds(lambda batches=batches: [history.advance(one) for one in batches]))
    speed, floor = statistics.median(speeds), FLOORS[len(windows)]
    arrays = one_at_a_time(history.advance_arrays, [cut(stream, at + i, 1) for i in range(SINGLES)])
    at += SINGLES
    arrow = one_at_a_time(history.advance, [(coded(plan, stream, at + i, 1),) for i in range(SINGLES)])
    peer = peer_speed(plan, stream)
    if peer is None:
        print("the peer and the history disagree")
        return False
    print(f"{len(windows)} features, {SIZE * (WARM + ROUNDS * BATCHES):,} events, {history.entities:,} entities held")
    limits = f"at least {floor:,.0f}; rounds {min(speeds):,.0f} to {max(speeds):,.0f}"
    print(f"  batches of {SIZE}, events/s           {speed:11,.0f}   ({limits})")
    print(f"  dicts and deques, events/s         {peer:11,.0f}   ({speed / peer:.0f} times slower)")
    print(f"  one event, µs: arrays            {arrays:11.1f}   (at most {MOST_MICROSECONDS})")
    print(f"  one event, µs: Arrow in and out  {arrow:11.1f}")
    print(f"  bytes set aside for an entity    {history.nbytes / history.entities:11,.0f}")
    for name, size in history.bytes_per_entity().items():
        print(f"    {name:28s} {size:13,}")
    return speed >= floor and arrays <= MOST_MICROSECONDS


def main() -> int:
    return 0 if all([measure(FOUR), measure(TWENTY)]) else 1


if __name__ == "__main__":
    sys.exit(main())
