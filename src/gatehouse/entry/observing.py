"""What a process that decides tells of itself, put together: metrics, traces where they are wanted, readiness."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gatehouse.adapters.prometheus import PrometheusObserver
from gatehouse.adapters.prometheus_gauges import Gauges
from gatehouse.bootstrap import House, Watched, open_doors, open_watched, redis_faults
from gatehouse.entry.cli.show import now
from gatehouse.errors import UserError
from gatehouse.flows import health
from gatehouse.flows.access import Access
from gatehouse.flows.judge import Judge
from gatehouse.flows.observe import Observer, Several
from gatehouse.settings import Settings

if TYPE_CHECKING:
    from gatehouse.adapters.opentelemetry import TraceObserver

ENDPOINT, SAMPLE = "GATEHOUSE_OTEL_ENDPOINT", "GATEHOUSE_OTEL_SAMPLE"

BUS_QUIET_SECONDS = 30.0
"""How long a worker's poll may take to come back."""


class Observing:
    """The metrics of one process, and its traces where the environment names a collector; `observer` tells all."""

    def __init__(self, process: str, *others: Observer, environment: Mapping[str, str] = os.environ) -> None:
        self.metrics = PrometheusObserver()
        self._traces = traces(process, self.metrics, environment)
        self._watched: Watched | None = None
        self.observer: Observer = Several(*others, self.metrics, *([self._traces] if self._traces else []))

    def watch(
        self,
        house: House,
        judge: Callable[[], Judge],
        warm: Callable[[], bool],
        *,
        behind: Callable[[], int | None] | None = None,
        quiet: Callable[[], float] | None = None,
    ) -> health.Readiness:
        """Give the gauges of a live process from now on, and what says whether it is ready.

        `judge` is the one that decides now, `warm` says whether it is warm; `behind` is how many messages wait on the
        bus, `quiet` for how many seconds it has not answered. They are asked by connections of their own, which a busy
        gate does not hold up.
        """
        self._watched = watched = open_watched(house.settings)
        questions = [
            *of_database(watched),
            health.of_releases(lambda: judge().releases, warm),
            health.of_models(house.shelf, lambda: judge().releases),
            health.of_disk(house.settings.home),
            *([health.of_history(redis_faults(house.settings, judge))] if house.settings.redis else []),
            *([health.of_bus(quiet, BUS_QUIET_SECONDS)] if quiet else []),
        ]
        ready = health.Readiness(questions)
        self.metrics.watch(
            Gauges(
                clock=now,
                waiting=watched.outbox.waiting,
                tripped=watched.outbox.tripped,
                letters=watched.letters.waiting,
                behind=behind,
                releases=lambda: judge().releases,
                health=ready,
            )
        )
        return ready

    def close(self) -> None:
        """Send the spans that wait, and let go of the database."""
        if self._traces:
            self._traces.close()
        if self._watched:
            self._watched.close()


def of_database(watched: Watched) -> list[health.Question]:
    """All that is asked of a ledger's database."""
    return [
        health.of_ledger(watched.schema, watched.newest),
        health.of_writing(watched.may_write),
        health.of_outbox(watched.outbox, now),
        health.of_breakers(watched.outbox),
        health.of_letters(watched.letters),
        health.of_clock(watched.ledger, now),
    ]


def open_access(settings: Settings, said: Callable[[str], None] = lambda _: None) -> Access:
    """Who may ask this process for what; `said` is told what people should know of it."""
    doors = open_doors(settings)
    return Access(doors.keys, doors.reads, now, said=said)


def traces(process: str, metrics: Observer, environment: Mapping[str, str]) -> "TraceObserver | None":
    """What sends spans to the collector that the environment names, if it does.

    Raises UserError where the share of batches is none, or OpenTelemetry is not installed.
    """
    endpoint = environment.get(ENDPOINT)
    if not endpoint:
        return None
    try:
        from gatehouse.adapters import opentelemetry
    except ImportError as error:
        raise UserError(
            "OpenTelemetry is not installed", where=ENDPOINT, fix="pip install 'gatehouse[otel]'"
        ) from error
    share = environment.get(SAMPLE) or str(opentelemetry.SAMPLE)
    try:
        sample = float(share)
    except ValueError:
        sample = -1.0
    if not 0.0 <= sample <= 1.0:
        raise UserError(f"'{share[:20]}' is no share of batches", where=SAMPLE, fix="write a number from 0 to 1")
    if not endpoint.startswith(("http://", "https://")):
        raise UserError("not the address of a collector", where=ENDPOINT, fix="write http://HOST:4318")
    return opentelemetry.to_collector(endpoint, sample, process, metrics.counted)
