"""What detectors said of events that are on record is told to who looks on, failures above all."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.flows.remembering import FEATURES, START, make_judge, make_post

from gatehouse.adapters.prometheus import PrometheusObserver
from gatehouse.errors import OutsideError
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import Answer, decide
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.local_history import LocalHistory
from gatehouse.ports.ledger import Judged
from gatehouse.records.decision import Decision
from gatehouse.records.signal import Signals, State
from gatehouse.testing.clock import Clock
from gatehouse.testing.memory import MemoryLedger


class Broken:
    """A detector that cannot read one text."""

    name = "demo.broken"
    version = "1"
    labels = ("a",)
    languages: frozenset[str] = frozenset()

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        if "bad" in events.column("text").to_pylist():
            raise RuntimeError("bad")
        return Signals.blank(self.name, self.version, self.labels, len(events), State.ABSTAINED)


@pytest.fixture(scope="module")
def judge() -> Judge:
    whole = make_judge()
    return Judge(FEATURES, (*whole.detectors, Broken()), whole.policies, whole.releases)


def test_a_detector_that_raises_is_seen_in_the_metrics(judge: Judge, tmp_path: Path) -> None:
    ledger, observer = MemoryLedger(), PrometheusObserver()
    gate = LiveGate(judge, ledger, LocalHistory(ledger, judge, tmp_path / "h"), Clock(START), observer=observer)
    posts = [make_post("one"), make_post("two", text="bad"), make_post("three")]
    assert all(isinstance(answer, Decision) for answer in gate.decide(posts))
    gate.decide(posts)  # known ones are not judged again
    told = {
        sample.labels["state"]: sample.value
        for family in text_string_to_metric_families(observer.exposition().decode())
        for sample in family.samples
        if sample.name == "gatehouse_signals_total" and sample.labels["detector"] == "demo.broken"
    }
    assert told == {"failed": 1, "abstained": 2}


class Full(MemoryLedger):
    """A ledger that cannot be written."""

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        raise OutsideError("the disk is full")


def test_nothing_is_told_of_events_that_are_not_on_record(judge: Judge) -> None:
    told: list[Sequence[Signals]] = []
    with pytest.raises(OutsideError):
        decide(judge, Full(), [make_post("one")], START, told=told.append)
    assert told == []


def test_who_looks_on_and_breaks_costs_no_event(judge: Judge) -> None:
    def breaks(_: Sequence[Signals]) -> None:
        raise RuntimeError("no more room")

    ledger = MemoryLedger()
    answers: list[Answer] = decide(judge, ledger, [make_post("one"), make_post("two")], START, told=breaks)
    assert all(isinstance(answer, Decision) for answer in answers)
    assert ledger.last() == 2
