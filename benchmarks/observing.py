"""What it costs to tell of a batch: microseconds of a batch's observers, by its size; the least of 200.

    python benchmarks/observing.py

Eight policies and twenty detectors of two labels, all of which decide and speak on every event.
"""

import asyncio
from time import perf_counter
from typing import Any

import numpy as np

from gatehouse.adapters.prometheus import PrometheusObserver
from gatehouse.entry.api.metrics import Timed
from gatehouse.flows.observe import Observer, Tally, states
from gatehouse.records.signal import Signals
from gatehouse.testing.makers import NOW, make_decision, make_event, make_outcome


def batch_cost(observer: Observer, n: int) -> float:
    policies = tuple(make_outcome(f"policy {number}") for number in range(8))
    answers = [make_decision(make_event(f"e{row}"), decided=NOW, policies=policies) for row in range(n)]
    state, score, evidence = np.zeros((n, 2), np.uint8), np.zeros((n, 2)), np.zeros((n, 2), np.int32)
    signals = [Signals(f"detector {number}", "v", ("a", "b"), state, score, evidence) for number in range(20)]
    least = float("inf")
    for _ in range(200):
        begun = perf_counter()
        for stage in ("queue", "catch up", "ledger", "judge"):
            observer.spent(stage, 0.001, n)
        observer.judged(states(signals))
        observer.answered(answers, NOW)
        observer.gathered(n, 0)
        least = min(least, perf_counter() - begun)
    return least * 1e6


async def _sent(_: object) -> None:
    return None


async def _answering(scope: Any, _: object, send: Any) -> None:
    scope["path_template"] = "/v1/decisions"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})


async def request_cost(application: Any, n: int = 20_000) -> float:
    begun = perf_counter()
    for _ in range(n):
        await application({"type": "http", "method": "POST"}, None, _sent)
    return (perf_counter() - begun) / n * 1e6


def main() -> None:
    print("events  a tally  Prometheus  (µs a batch)")
    for n in (1, 64, 500):
        print(f"{n:6}  {batch_cost(Tally(), n):7.1f}  {batch_cost(PrometheusObserver(), n):10.1f}")
    without = asyncio.run(request_cost(_answering))
    timed = asyncio.run(request_cost(Timed(_answering, PrometheusObserver())))
    print(f"a request's time: {timed - without:.1f} µs more")


if __name__ == "__main__":
    main()
