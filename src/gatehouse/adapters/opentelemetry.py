"""Spans of batches for OpenTelemetry, made and sent by a thread of their own: what decides only notes times.

A trace is one batch of the live gate with its stages. It links to the requests that were gathered into it, whose traces
it cannot be a part of, for they are several.
"""

import queue
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock, Thread

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanContext, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gatehouse import __version__
from gatehouse.flows.live import Answer
from gatehouse.flows.observe import ACTED, WAITED, SignalStates, sort

SAMPLE = 0.01
"""The share of batches of which spans are made."""

WAITING = 1_000
"""Batches that wait to be made into spans; while so many do, more are dropped and counted."""

TOGETHER = 100
"""Batches that are sent in one request at most."""

MOST_LINKS = 64
MOST_STAGES = 32

DECISIONS = 64
"""Ids of decisions that a span names at most."""

_FIRST = frozenset({WAITED, "poll"})
"""Stages with which a batch begins; what was noted before belongs to the end of another."""


@dataclass(frozen=True)
class _Batch:
    """One batch as it was noted: when its last stage ended (nanoseconds), and its stages in order."""

    ended: int
    stages: Sequence[tuple[str, float]]
    counts: Sequence[tuple[str, int]]
    decisions: Sequence[str]
    traces: Sequence[str]


class TraceObserver:
    """An observer whose batches become spans; for several threads at once, of which one at a time decides.

    `counted` is told of batches that were dropped, and of those that could not be sent.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        *,
        sample: float = SAMPLE,
        process: str = "gatehouse",
        counted: Callable[[str, int], None] = lambda *_: None,
        waiting: int = WAITING,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._exporter, self._sample, self._counted, self._chance = exporter, sample, counted, chance
        self._stages: deque[tuple[str, float]] = deque(maxlen=MOST_STAGES)
        self._gathered: tuple[int, Sequence[str]] = (0, ())
        self._queue: queue.Queue[_Batch | None] = queue.Queue(waiting)
        self._made = _Made()
        resource = Resource({"service.name": process, "service.version": __version__})
        provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(self._made)
        self._tracer = provider.get_tracer("gatehouse", __version__)
        self._lock = Lock()
        self._thread: Thread | None = None

    def spent(self, stage: str, seconds: float, events: int) -> None:
        """Note a stage of the batch at hand."""
        if stage == ACTED:
            return
        if stage in _FIRST:
            self._stages.clear()
        self._stages.append((stage, seconds / events if stage == WAITED and events else seconds))

    def judged(self, signals: SignalStates) -> None:
        """Nothing of signals is traced."""

    def gathered(self, n: int, waiting: int, traces: Sequence[str] = ()) -> None:
        """Note which requests will be a batch."""
        self._gathered = (n, traces)

    def counted(self, what: str, n: int = 1) -> None:
        """Nothing of this is traced."""

    def answered(self, answers: Sequence[Answer], now: int) -> None:
        """The batch at hand is done: keep it for the thread that makes spans, or drop it."""
        stages = list(self._stages)
        self._stages.clear()
        traces = self._requests_of(len(answers))
        if self._chance() >= self._sample:
            return
        came = sort(answers, now)
        counts = (
            ("events", len(answers)),
            ("decided", len(came.decided)),
            ("known", came.known),
            ("conflict", came.conflicts),
            ("unrecorded", came.unrecorded),
        )
        ids = [decision.id for decision in came.decided[:DECISIONS]]
        self._started()
        try:
            self._queue.put_nowait(_Batch(time.time_ns(), stages, counts, ids, traces))
        except queue.Full:
            self._counted("spans dropped", 1)

    def close(self, seconds: float = 5.0) -> None:
        """Send what waits, for so long at most."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            try:
                self._queue.put(None, timeout=seconds)
            except queue.Full:
                return
            thread.join(seconds)
            # A collector that does not answer is asked again for a minute, which nobody waits for any more.
            self._exporter.shutdown()
            thread.join(1.0)

    def _requests_of(self, n: int) -> Sequence[str]:
        """The traces of the last gathering, if it has this size; those before it ended in no batch of their own."""
        (size, traces), self._gathered = self._gathered, (0, ())
        return traces if size == n else ()

    def _started(self) -> None:
        """Start the thread when it is first needed: a process that forks before has none to lose."""
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = Thread(target=self._run, daemon=True, name="gatehouse-spans")
                    self._thread.start()

    def _run(self) -> None:
        open_ = True
        while open_:
            batches = [self._queue.get()]
            while len(batches) < TOGETHER and not self._queue.empty():
                batches.append(self._queue.get_nowait())
            for batch in batches:
                if batch is not None:
                    self._make(batch)
            open_ = None not in batches
            self._send(self._made.taken())
        self._exporter.shutdown()

    def _send(self, spans: Sequence[ReadableSpan]) -> None:
        if not spans:
            return
        try:
            sent = self._exporter.export(spans)
        except Exception:  # whatever a collector does must not end the thread
            self._counted("spans not sent", len(spans))
            return
        if sent.name != "SUCCESS":
            self._counted("spans not sent", len(spans))

    def _make(self, batch: _Batch) -> None:
        lengths = [round(seconds * 1e9) for _, seconds in batch.stages]
        at = batch.ended - sum(lengths)
        links = [Link(found) for found in map(_context_of, batch.traces[:MOST_LINKS]) if found is not None]
        span = self._tracer.start_span("batch", context=Context(), links=links, start_time=at)
        for what, n in batch.counts:
            span.set_attribute(f"gatehouse.{what}", n)
        span.set_attribute("gatehouse.decisions", list(batch.decisions))
        inside = set_span_in_context(span, Context())
        for (stage, _), length in zip(batch.stages, lengths, strict=True):
            self._tracer.start_span(stage, context=inside, start_time=at).end(at + length)
            at += length
        span.end(batch.ended)


_HEADERS = TraceContextTextMapPropagator()


def _context_of(traceparent: str) -> SpanContext | None:
    """The span that a request belongs to, or None where its header names none."""
    found = get_current_span(_HEADERS.extract({"traceparent": traceparent}, Context())).get_span_context()
    return found if found.is_valid else None


class _Made(SpanProcessor):
    """Holds the spans that have ended until they are taken; for one thread."""

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing yet."""

    def on_end(self, span: ReadableSpan) -> None:
        """Hold it."""
        self._spans.append(span)

    def taken(self) -> list[ReadableSpan]:
        """The spans held, which are then held no more."""
        taken, self._spans = self._spans, []
        return taken


def to_collector(endpoint: str, sample: float, process: str, counted: Callable[[str, int], None]) -> TraceObserver:
    """An observer that sends to a collector, `http://HOST:4318`, by OTLP over HTTP."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    whole = endpoint if endpoint.endswith("/v1/traces") else endpoint.rstrip("/") + "/v1/traces"
    return TraceObserver(OTLPSpanExporter(endpoint=whole, timeout=5), sample=sample, process=process, counted=counted)
