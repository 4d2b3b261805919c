"""Streams of events for tests of coordination: members who act by chance, and rings that act together."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gatehouse.detectors.coordination import DAY, MINUTE
from gatehouse.records.event import EVENT_SCHEMA

AT = 1_746_230_400_000_000
"""3 May 2025, midnight UTC."""

Row = dict[str, Any]


def event(actor: str | None, at: int, **said: Any) -> Row:
    """One like at a time after AT, or what else is said; its id is given when the stream is made."""
    return {"kind": "like", "actor": actor, "seen": AT + at, **said}


def stream(rows: Sequence[Row]) -> Callable[[], list[pa.RecordBatch]]:
    """The events as what `find` takes, in two batches."""
    full = [{"id": f"e{i}", "imported": True, "revision": 0, **row} for i, row in enumerate(rows)]
    table = pa.Table.from_pylist(full, schema=EVENT_SCHEMA)
    return lambda: table.to_batches(max_chunksize=max(len(full) // 2, 1))


def members(seed: int, n: int = 300, acts: int = 20, targets: int = 150, days: int = 14) -> list[Row]:
    """Accounts m0, m1 ... that act on popular and less popular targets at any time, each as often as it likes."""
    rng = np.random.default_rng(seed)
    actor = rng.choice(n, n * acts, p=_shares(rng, n))
    target = rng.choice(targets, len(actor), p=_shares(rng, targets))
    at = rng.integers(0, days * DAY, len(actor))
    return [
        event(f"account:m{who}", int(when), target=f"account:t{whom}")
        for who, whom, when in zip(actor, target, at, strict=True)
    ]


def ring(seed: int, size: int = 12, times: int = 8, within: int = MINUTE // 2, days: int = 14) -> list[Row]:
    """Accounts r0, r1 ... that reply to the same accounts within half a minute, among the targets of all."""
    rng = np.random.default_rng(seed)
    rows = []
    for whom in rng.choice(150, times, replace=False):
        begins = int(rng.integers(0, days * DAY - within))
        rows += [
            event(f"account:r{who}", begins + int(rng.integers(0, within)), kind="reply", target=f"account:t{whom}")
            for who in range(size)
        ]
    return rows


def _shares(rng: np.random.Generator, n: int) -> np.ndarray:
    weight = rng.pareto(1.5, n) + 0.5
    return weight / weight.sum()
