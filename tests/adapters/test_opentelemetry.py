"""Traces: a batch's stages and requests, made off the way of what decides, bounded and counted."""

import threading
import time
from collections import Counter
from collections.abc import Sequence

import pytest

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: pip install 'gatehouse[otel]'")

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gatehouse.adapters.opentelemetry import TraceObserver, to_collector
from gatehouse.testing.makers import NOW, make_decision, make_event

TRACE, SPAN = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
REQUEST = f"00-{TRACE:032x}-{SPAN:016x}-01"


def batch(observer: TraceObserver, *ids: str) -> None:
    observer.spent("queue", 0.002 * len(ids), len(ids))
    observer.spent("ledger", 0.003, len(ids))
    observer.spent("judge", 0.001, len(ids))
    observer.answered([make_decision(make_event(id_, text="zebra"), decided=NOW) for id_ in ids], NOW)


def test_a_batch_is_a_trace_with_its_stages_in_order_and_links_to_its_requests() -> None:
    exporter = InMemorySpanExporter()
    observer = TraceObserver(exporter, sample=1.0, process="test")
    observer.gathered(9, 0, ["of a batch that never was answered"])
    observer.gathered(2, 0, [REQUEST, "nonsense"])
    batch(observer, "e1", "e2")
    observer.close()
    *stages, whole = exporter.get_finished_spans()
    assert (whole.name, [span.name for span in stages]) == ("batch", ["queue", "ledger", "judge"])
    assert {span.context.trace_id for span in (*stages, whole)} == {whole.context.trace_id}
    assert all(span.parent is not None and span.parent.span_id == whole.context.span_id for span in stages)
    assert [(span.end_time or 0) - (span.start_time or 0) for span in stages] == [2_000_000, 3_000_000, 1_000_000]
    assert stages[0].start_time == whole.start_time
    assert [span.start_time for span in stages[1:]] == [span.end_time for span in stages[:-1]]
    assert stages[-1].end_time == whole.end_time
    (link,) = whole.links
    assert (link.context.trace_id, link.context.span_id) == (TRACE, SPAN)
    assert dict(whole.attributes or {}) == {
        "gatehouse.events": 2, "gatehouse.decided": 2, "gatehouse.known": 0, "gatehouse.conflict": 0,
        "gatehouse.unrecorded": 0, "gatehouse.decisions": ("d-e1-0", "d-e2-0"),
    }  # fmt: skip
    assert whole.resource.attributes["service.name"] == "test"
    assert "zebra" not in "".join(span.to_json() for span in (*stages, whole))


def test_a_batch_that_failed_leaves_its_requests_to_no_other() -> None:
    exporter = InMemorySpanExporter()
    observer = TraceObserver(exporter, sample=1.0)
    observer.gathered(1, 0, [REQUEST.replace("-b7", "-a7")])
    observer.gathered(1, 0, [REQUEST])
    batch(observer, "e1")
    batch(observer, "e2")
    observer.close()
    first, second = (span for span in exporter.get_finished_spans() if span.name == "batch")
    assert ([link.context.span_id for link in first.links], list(second.links)) == ([SPAN], [])


@pytest.mark.parametrize(
    "header", ["", "-", "00", REQUEST.upper(), REQUEST + "-x", "00-" + "0" * 32 + REQUEST[35:], "ÿ" * 128, "x" * 9_000]
)
def test_a_header_that_names_no_span_is_no_link(header: str) -> None:
    exporter = InMemorySpanExporter()
    observer = TraceObserver(exporter, sample=1.0)
    observer.gathered(1, 0, [header])
    batch(observer, "e1")
    observer.close()
    assert list(exporter.get_finished_spans()[-1].links) == []


def test_stages_after_an_answer_are_not_of_the_next_batch() -> None:
    exporter = InMemorySpanExporter()
    observer = TraceObserver(exporter, sample=1.0)
    observer.spent("offsets", 5.0, 1)
    batch(observer, "e1")
    observer.close()
    assert [span.name for span in exporter.get_finished_spans()] == ["queue", "ledger", "judge", "batch"]


def test_what_a_performer_does_meanwhile_is_of_no_batch() -> None:
    exporter = InMemorySpanExporter()
    observer = TraceObserver(exporter, sample=1.0)
    observer.spent("queue", 0.002, 1)
    observer.spent("act", 5.0, 1)
    observer.answered([make_decision(decided=NOW)], NOW)
    observer.close()
    assert [span.name for span in exporter.get_finished_spans()] == ["queue", "batch"]


def test_only_the_share_that_is_wanted_is_traced_and_without_any_no_thread_runs() -> None:
    exporter, chances = InMemorySpanExporter(), iter([0.5, 0.009, 0.01])
    observer = TraceObserver(exporter, chance=lambda: next(chances))
    for id_ in ("e1", "e2", "e3"):
        batch(observer, id_)
    observer.close()
    assert [span.name for span in exporter.get_finished_spans()].count("batch") == 1
    before = threading.active_count()
    idle = TraceObserver(InMemorySpanExporter(), sample=0.0)
    batch(idle, "e1")
    assert threading.active_count() == before
    idle.close()


class Slow(SpanExporter):
    """A collector that does not answer until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.go.wait(30.0)
        return SpanExportResult.FAILURE


def test_a_slow_collector_costs_spans_and_no_time() -> None:
    slow, counts = Slow(), Counter[str]()
    observer = TraceObserver(slow, sample=1.0, waiting=5, counted=lambda what, n: counts.update({what: n}))
    begun = time.monotonic()
    for number in range(300):
        batch(observer, f"e{number}")
    assert time.monotonic() - begun < 5.0
    slow.go.set()
    observer.close()
    assert counts["spans dropped"] >= 300 - 5 - 100
    assert counts["spans not sent"] == 4 * (300 - counts["spans dropped"])


def test_a_collector_that_is_not_there_ends_nothing() -> None:
    counts = Counter[str]()
    observer = to_collector("http://127.0.0.1:9", 1.0, "test", lambda what, n: counts.update({what: n}))
    observer._exporter._timeout = 0.2  # type: ignore[attr-defined]  # its own is 5 s
    batch(observer, "e1")
    observer.close()
    assert counts == {"spans not sent": 4}
