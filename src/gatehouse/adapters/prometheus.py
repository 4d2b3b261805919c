"""What a process tells of itself in Prometheus' words, kept in a registry of its own.

Labels hold names from code and configuration alone: stages, policies, detectors, routes; never an id, a text or an
actor. Past a hundred combinations a metric counts all others as `other`.
"""

from collections import Counter as Count
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Generic, TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from gatehouse import __version__
from gatehouse.adapters.prometheus_gauges import Gauges, GaugesCollector
from gatehouse.flows.live import Answer
from gatehouse.flows.observe import ANSWERED, HAPPENINGS, WAITED, SignalStates, sort

SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Bounds of all histograms of seconds: finest where the promised latencies lie, from 1 to 50 ms."""

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

MOST_LABELS = 100

OTHER = "other"

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

_Child = TypeVar("_Child")


class _By(Generic[_Child]):
    """The children of a metric by their labels' values, of which there are never more than so many."""

    def __init__(self, labels: Callable[..., _Child], most: int = MOST_LABELS) -> None:
        self._labels = labels
        self._most = most
        self._children: dict[tuple[str, ...], _Child] = {}

    def __call__(self, *values: str) -> _Child:
        child = self._children.get(values)
        if child is not None:
            return child
        if len(self._children) >= self._most:
            return self._labels(*(OTHER for _ in values))
        child = self._children[values] = self._labels(*values)
        return child


class PrometheusObserver:
    """An observer whose counts and seconds Prometheus reads; for several threads at once.

    `gauges` are asked when somebody reads.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, gauges: Gauges | None = None) -> None:
        own = self.registry = CollectorRegistry(auto_describe=False)

        def histogram(name: str, said: str, *labels: str) -> Histogram:
            return Histogram(f"gatehouse_{name}", said, labels, buckets=SECONDS, registry=own)

        def counter(name: str, said: str, *labels: str) -> Counter:
            return Counter(f"gatehouse_{name}", said, labels, registry=own)

        self._stages = _By(histogram("stage_seconds", "A batch's time in a stage.", "stage").labels)
        self._stage_events = _By(counter("stage_events", "Events that went through a stage.", "stage").labels)
        decisions = counter("decisions", "What policies concluded in new decisions.", "policy", "outcome", "enforce")
        self._decisions = _By(decisions.labels, 10 * MOST_LABELS)
        self._answers = _By(counter("answers", "Answers of the live gate.", "kind").labels)
        signals = counter("signals", "Detectors' signals on events that were recorded.", "detector", "state")
        self._signals = _By(signals.labels, 10 * MOST_LABELS)
        self._happened = _By(counter("happened", "Other things that happened.", "what").labels)
        requests = histogram("request_seconds", "Time until a request was answered.", "route", "method", "status")
        self._requests = _By(requests.labels, 3 * MOST_LABELS)
        self._gathered = Histogram(
            "gatehouse_gathered_events", "Events in a gathered batch.", buckets=SIZES, registry=own
        )
        self._waiting = Gauge("gatehouse_gather_waiting", "Events that wait to be gathered.", registry=own)
        build = Gauge("gatehouse_build_info", "The version of Gatehouse.", ["version"], registry=own)
        build.labels(__version__).set(1)
        ProcessCollector(registry=own)
        for kind in ANSWERED:
            self._answers(kind)
        for what in HAPPENINGS:
            self._happened(what)
        if gauges is not None:
            self.watch(gauges)

    def watch(self, gauges: Gauges) -> None:
        """Have these gauges asked from now on, where none were given before."""
        self.registry.register(GaugesCollector(gauges))

    def watch_process(self, name: str, pid: Callable[[], int]) -> None:
        """Give memory and processor time of another process too, under a name of its own."""
        ProcessCollector(namespace=f"gatehouse_{name}", pid=pid, registry=self.registry)

    def spent(self, stage: str, seconds: float, events: int) -> None:
        """Note a stage's seconds and events; of waiting, what an event of the batch waited on average."""
        self._stages(stage).observe(seconds / events if stage == WAITED and events else seconds)
        self._stage_events(stage).inc(events)

    def judged(self, signals: SignalStates) -> None:
        """Count signals by detector and state."""
        for (detector, state), n in signals.items():
            self._signals(detector, state).inc(n)

    def answered(self, answers: Sequence[Answer], now: int) -> None:
        """Count answers by their kind, and what each policy concluded in the new ones."""
        came = sort(answers, now)
        said = ("decided", len(came.decided)), ("known", came.known)
        for kind, n in (*said, ("conflict", came.conflicts), ("unrecorded", came.unrecorded)):
            if n:
                self._answers(kind).inc(n)
        # Rows with one conclusion share one record: counting these by what they are costs the least.
        times = Count(map(id, chain.from_iterable(decision.policies for decision in came.decided)))
        for one in chain.from_iterable(decision.policies for decision in came.decided):
            if n := times.pop(id(one), 0):
                self._decisions(one.policy, one.outcome, one.enforce).inc(n)
            if not times:
                break

    def gathered(self, n: int, waiting: int, traces: Sequence[str] = ()) -> None:
        """Note a batch's size and what waits behind it."""
        self._gathered.observe(n)
        self._waiting.set(waiting)

    def counted(self, what: str, n: int = 1) -> None:
        """Count something."""
        self._happened(what).inc(n)

    def requested(self, route: str, method: str, status: int, seconds: float) -> None:
        """Note a request by its route's template."""
        self._requests(route, method if method in METHODS else OTHER, str(status)).observe(seconds)

    def exposition(self) -> bytes:
        """All metrics, as `content_type` says; asks what the gauges need and so may take as long as they may."""
        return generate_latest(_WithoutBirths(self.registry))


class _WithoutBirths(Collector):
    """A registry without the times at which each series began, which are nearly as many series again."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        """Its metrics."""
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
