"""Gauges that are read when somebody asks for metrics: what waits, what is tripped, what is live, what is broken."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gatehouse.flows.asked import Asked
from gatehouse.flows.health import LEVELS, Health
from gatehouse.ports.outbox import Waiting
from gatehouse.records.enforcement import BreakerChange

ANSWER_SECONDS = 2.0
"""How long all gauges together may take to read: longer than readiness, which then says what hangs."""


@dataclass(frozen=True)
class Gauges:
    """Where gauges are read; one that cannot be read in time is left out and named by `gatehouse_gauge_unread`.

    `waiting` is the outbox's, `letters` counts dead letters, `behind` messages on the bus (None while not known),
    `releases` maps packs to what is live.
    """

    clock: Callable[[], int]
    waiting: Callable[[], Waiting] | None = None
    tripped: Callable[[], Sequence[BreakerChange]] | None = None
    letters: Callable[[], int] | None = None
    behind: Callable[[], int | None] | None = None
    releases: Callable[[], Mapping[str, str]] | None = None
    health: Callable[[], Health] | None = None


class GaugesCollector(Collector):
    """Reads all gauges at once, each in a thread of its own."""

    def __init__(self, gauges: Gauges) -> None:
        self._clock = gauges.clock
        named: dict[str, tuple[Callable[[], Any] | None, Callable[[Any], list[Metric]]]] = {
            "outbox": (gauges.waiting, self._outbox),
            "breakers": (gauges.tripped, _breakers),
            "dead letters": (gauges.letters, _letters),
            "bus": (gauges.behind, _bus),
            "releases": (gauges.releases, _releases),
            "health": (gauges.health, _health),
        }
        self._read = [(name, Asked(ask), made) for name, (ask, made) in named.items() if ask is not None]

    def collect(self) -> Iterable[Metric]:
        """The gauges that can be read in time, and the names of the others."""
        unread = GaugeMetricFamily("gatehouse_gauge_unread", "What could not be read in time.", labels=["gauge"])
        end = time.monotonic() + ANSWER_SECONDS
        begun = [(name, asked, asked.begin(), made) for name, asked, made in self._read]
        for name, asked, future, made in begun:
            try:
                found = made(asked.answer_of(future, end - time.monotonic()))
            except Exception:
                found = []
                unread.add_metric([name], 1)
            yield from found
        yield unread

    def _outbox(self, waiting: Waiting) -> list[Metric]:
        age = 0.0 if waiting.oldest is None else max(self._clock() - waiting.oldest, 0) / 1e6
        return [
            GaugeMetricFamily("gatehouse_outbox_planned", "Enforcements to be carried out.", waiting.planned),
            GaugeMetricFamily("gatehouse_outbox_held", "Enforcements that a person must look at.", waiting.held),
            GaugeMetricFamily("gatehouse_outbox_oldest_seconds", "Age of the oldest planned enforcement.", age),
        ]


def _breakers(tripped: Sequence[BreakerChange]) -> list[Metric]:
    gauge = GaugeMetricFamily("gatehouse_breaker_tripped", "Policies whose breaker is tripped.", labels=["policy"])
    for change in tripped:
        gauge.add_metric([change.policy], 1)
    return [gauge]


def _letters(n: int) -> list[Metric]:
    return [GaugeMetricFamily("gatehouse_dead_letters_waiting", "Messages that could not be decided on.", n)]


def _bus(behind: int | None) -> list[Metric]:
    if behind is None:
        return []
    return [GaugeMetricFamily("gatehouse_bus_behind_messages", "Messages that wait for this worker.", behind)]


def _releases(live: Mapping[str, str]) -> list[Metric]:
    gauge = GaugeMetricFamily("gatehouse_release_info", "The release that decides.", labels=["pack", "version"])
    for pack, version in live.items():
        gauge.add_metric([pack, version], 1)
    return [gauge]


def _health(health: Health) -> list[Metric]:
    ready = GaugeMetricFamily("gatehouse_ready", "Whether decisions can be made.", int(health.ready))
    states = GaugeMetricFamily("gatehouse_check_state", "0 ok, 1 degraded, 2 broken.", labels=["check"])
    for check in health.checks:
        states.add_metric([check.name], LEVELS[check.state])
    return [ready, states]
