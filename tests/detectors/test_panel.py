"""Detectors that are asked together say what each says by itself, and one that breaks costs the others nothing."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.detectors.banks import BankDetector, Entry
from gatehouse.detectors.base import Asked, Detector
from gatehouse.detectors.linear import LinearDetector
from gatehouse.detectors.linear_file import Calibration, Header, LinearModel
from gatehouse.detectors.rules import RulesDetector
from gatehouse.detectors.run import Panel, run_all
from gatehouse.records.event import EVENT_SCHEMA, Event, to_batch
from gatehouse.records.signal import Signals, State
from gatehouse.text.rows import Rows

FEATURES = pa.schema(
    [("count", pa.int64()), ("share", pa.float64()), ("language", pa.string()), ("normalised", pa.string())]
)
SCHEMA = pa.schema([*(field for field in EVENT_SCHEMA if field.name != "language"), *FEATURES])
WORDS = ("win a prize today", "call this number", "see you at lunch", "todo mundo", "")


def rules(name: str, *conditions: str) -> RulesDetector:
    said = [f'  - {{name: r{i}, label: l{i % 2}, when: "{when}", why: So.}}' for i, when in enumerate(conditions)]
    return RulesDetector.from_yaml("rules:\n" + "\n".join(said), "rules.yaml", name, SCHEMA)


def bank(name: str, *texts: str, hashed: str = "") -> BankDetector:
    entries = [Entry(f"t{i}", "known", hashlib.sha256(text.encode()).hexdigest(), text) for i, text in enumerate(texts)]
    if hashed:
        entries.append(Entry("h", "other", hashlib.sha256(hashed.encode()).hexdigest()))
    return BankDetector(name, entries)


def linear(name: str, *languages: str, labels: tuple[str, ...] = ("spam",), normalise: bool = True) -> LinearDetector:
    weights = np.random.default_rng(len(name)).integers(-100, 100, (2**10, len(labels)))
    line = Calibration(
        unit=0.004, bias=-0.5, slope=1.3, offset=0.2, fitted_positives=4, fitted_negatives=6, positives=2, negatives=3
    )
    header = Header(
        buckets=2**10,
        labels=labels,
        languages=languages,
        normalise=normalise,
        kernel=1,
        calibration=(line,) * len(labels),
        dataset="made",
        dataset_version="0123456789ab",
        recipe="ba9876543210",
    )
    return LinearDetector(name, "1", LinearModel(header, weights.astype(np.int16 if len(labels) == 1 else np.int8)))


DETECTORS: list[Detector] = [
    rules("a.rules", "count > 2", "share > 0.5 AND kind = 'post'", "word_in(normalised, 'prize', 'lunch')"),
    linear("a.linear", "en"),
    bank("a.bank", WORDS[0], hashed=WORDS[1]),
    rules("b.rules", "share > 0.2", "count > 2 AND normalised LIKE '%number%'"),
    linear("bb.linear", "pt", labels=("x", "y")),
    bank("b.bank", WORDS[2], WORDS[1]),
    linear("ccc.linear", "en", normalise=False),
    linear("any.linear"),
]

row = st.fixed_dictionaries(
    {
        "count": st.none() | st.integers(0, 5),
        "share": st.none() | st.sampled_from([0.1, 0.4, 0.9, float("nan")]),
        "language": st.sampled_from([None, "en", "pt"]),
        "normalised": st.none() | st.sampled_from(WORDS),
    }
)


def batches(rows: Sequence[dict[str, object]], without: str = "") -> tuple[pa.RecordBatch, pa.RecordBatch]:
    events = to_batch([Event(id=str(i), text=str(one["normalised"])) for i, one in enumerate(rows)])
    features = pa.RecordBatch.from_pylist(rows, schema=FEATURES)
    return events, features.select([name for name in FEATURES.names if name != without])


def said(blocks: Sequence[Signals]) -> list[object]:
    return [(one.labels, one.version, [one.of(i, str(i)) for i in range(len(one))]) for one in blocks]


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(row, max_size=12), times=st.sampled_from([1, 1, 30]), without=st.sampled_from(["", "share"]))
def test_together_detectors_say_what_each_says_by_itself(
    rows: list[dict[str, object]], times: int, without: str
) -> None:
    events, features = batches(rows * times, without)
    wanted = said(run_all(DETECTORS, events, features))
    panel = Panel(DETECTORS)
    assert said(panel(Rows.of(events), Rows.of(features))) == wanted
    values = {name: features.column(name).to_pylist() for name in features.schema.names}
    assert said(panel(Rows.of(events), Rows(features.schema, len(features), values=values))) == wanted


class Breaks:
    """Scores .5, but raises where somebody else is asked with it, or where a text is bad."""

    version = "1"
    labels = ("a",)
    languages: frozenset[str] = frozenset()

    def __init__(self, name: str) -> None:
        self.name = name

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        texts = features.column("normalised").to_pylist()
        if self.name == "broken" and "bad" in texts:
            raise RuntimeError("secret content")
        return Signals.scored(self.name, self.version, self.labels, np.full((len(texts), 1), 0.5))

    @classmethod
    def together(cls, detectors: Sequence["Breaks"]) -> Asked:
        def asked(events: Rows, features: Rows) -> list[Signals]:
            return [one.signals(events.batch, features.batch) for one in detectors]

        return asked


def test_where_asking_together_fails_only_the_rows_that_break_a_detector_do() -> None:
    events, features = batches([{"normalised": text} for text in ("good", "bad")])
    healthy, broken = Panel([Breaks("healthy"), Breaks("broken")])(Rows.of(events), Rows.of(features))
    assert healthy.state.tolist() == [[State.SCORED]] * 2
    assert broken.state.tolist() == [[State.SCORED], [State.FAILED]]
    assert broken.of(1, "1")[0].evidence == "raised RuntimeError"


def test_after_the_deadline_all_that_were_still_to_come_have_failed() -> None:
    left = iter([1.0, 0.0])
    events, features = batches([{"normalised": "late"}])
    panel = Panel([Breaks("one"), linear("two.linear")])
    first, second = panel(Rows.of(events), Rows.of(features), time_left=lambda: next(left))
    assert (first.state[0, 0], second.state[0, 0]) == (State.SCORED, State.FAILED)
    assert second.of(0, "0")[0].evidence == "the deadline had passed"


@pytest.mark.parametrize("detectors", [[], DETECTORS])
def test_signals_come_in_the_order_of_the_detectors(detectors: list[Detector]) -> None:
    found = Panel(detectors)(*map(Rows.of, batches([{"normalised": "x", "language": "en"}])))
    assert [one.detector for one in found] == [one.name for one in detectors]
