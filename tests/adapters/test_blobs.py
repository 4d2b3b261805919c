"""Blobs give back what went into them, from columns or from records; the quick look misses no fault."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.adapters.sql.blobs import Encoder, blobs_of, features_of, layout_of, signals_of
from gatehouse.adapters.sql.faults import faults, surely_kept
from gatehouse.ports.ledger import Judged
from gatehouse.records.event import Entity
from gatehouse.records.feature import FeatureRow
from gatehouse.records.signal import SignalRow, Signals, State
from gatehouse.testing.makers import make_decision, make_event, make_judged

NAMES = st.text("abc", min_size=1, max_size=3)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
ODD = st.integers(2**63, 2**70) | st.just(float("nan")) | st.just(float("inf")) | st.just("a\0b") | st.just("\ud83d")


@st.composite
def columns(draw: st.DrawFn) -> tuple[Signals, ...]:
    """Signals of up to three detectors for two events."""
    blocks = []
    for detector in range(draw(st.integers(1, 3))):
        labels = tuple(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)))
        shape = (2, len(labels))
        size = 2 * len(labels)
        state = np.array(draw(st.lists(st.sampled_from(State), min_size=size, max_size=size)), np.uint8).reshape(shape)
        score = np.array(draw(st.lists(st.floats(0, 1), min_size=size, max_size=size))).reshape(shape)
        evidence = np.array(draw(st.lists(st.integers(-1, 1), min_size=size, max_size=size)), np.int32).reshape(shape)
        blocks.append(Signals(f"d{detector}", "1", labels, state, score, evidence, ("a rule", "é")))
    return tuple(blocks)


def as_row(features: dict[str, Any]) -> FeatureRow:
    return FeatureRow({name: place for place, name in enumerate(features)}, tuple(features.values()))


@given(blocks=columns(), features=st.dictionaries(NAMES, SCALARS, max_size=5), rows=st.booleans())
@settings(deadline=None, max_examples=60)
def test_columns_and_records_make_the_same_blobs_which_read_back(
    blocks: tuple[Signals, ...], features: dict[str, Any], rows: bool
) -> None:
    encoder = Encoder()
    given = as_row(features) if rows else features
    for row in range(2):
        event = make_event(f"e{row}")
        fast = encoder.blobs(make_judged(event, signals=SignalRow(event.id, blocks, row), features=given))
        said = [signal for block in blocks for signal in block.of(row, event.id)]
        slow = blobs_of(features, said)
        assert fast[:4] == slow[:4]
        layout = layout_of(fast.layout.content)
        assert features_of(layout, fast.features) == features
        assert [type(value) for value in features_of(layout, fast.features).values()] == [
            type(value) for value in features.values()
        ]
        assert list(signals_of(layout, fast.signals, event.id)) == said
        matches = [(i, one.detector, one.evidence) for i, one in enumerate(said) if one.state == "matched"]
        assert fast.matched == [one for one in matches if one[2] is not None]


@st.composite
def doubtful(draw: st.DrawFn) -> Judged:
    """An event that may have faults anywhere."""
    text = st.sampled_from(["plain", "a\0b", "\ud83d", "\\u0000 in letters"])
    event = make_event(
        draw(st.sampled_from(["e", "a\0b"])),
        draw(text),
        seen=draw(st.sampled_from([0, 2**63, -(2**63)])),
        occurred=draw(st.sampled_from([None, 5, 2**63])),
        actor=draw(st.sampled_from([None, Entity("account", "a"), Entity("a:b", "c"), Entity("", "c")])),
        target=draw(st.sampled_from([None, Entity("account", "b"), Entity("a:b", "c"), Entity("account", "")])),
        amount=draw(st.sampled_from([None, 0, 7, -1, 2**63])),
        media=draw(st.sampled_from([(), (f"md5:{'0' * 32}",), (f"md5:{'A' * 32}",), ("md5:0",)])),
        attributes=draw(st.none() | st.dictionaries(NAMES | st.just("a\0b"), SCALARS | ODD, max_size=2)),
    )
    decision = make_decision(event, id=draw(text))
    features = draw(st.dictionaries(NAMES, SCALARS | ODD | st.just(b"x") | st.just([1]), max_size=3))
    blocks = (Signals.scored("spam.linear", "d1", ("spam",), np.array([[draw(st.sampled_from([0.5, np.inf]))]])),)
    given = as_row(features) if draw(st.booleans()) else features
    return make_judged(event, decision=decision, features=given, signals=SignalRow(event.id, blocks, 0))


@given(judged=doubtful())
@settings(deadline=None, max_examples=300)
def test_what_is_surely_kept_has_no_fault(judged: Judged) -> None:
    try:
        kept = Encoder().blobs(judged).clean and surely_kept(judged)
    except (ArithmeticError, ValueError, TypeError):
        return  # what cannot be written takes the long way, which finds the fault
    assert not (kept and faults(judged))


def test_a_sound_event_with_all_that_it_may_say_takes_the_short_way() -> None:
    blocks = (Signals.scored("spam.linear", "d1", ("spam",), np.array([[0.5]])),)
    said = {"followers": 12, "share": 0.1, "verified": True, "name": "a", "since": 2**40}
    event = make_event(
        "e1", target=Entity("account", "b"), amount=12, media=(f"md5:{'0' * 32}",), attributes=said, address="one"
    )
    features = as_row({**said, "nothing": None, "large": 2.0**1000})
    judged = make_judged(event, features=features, signals=SignalRow("e1", blocks, 0))
    assert Encoder().blobs(judged).clean
    assert surely_kept(judged)
