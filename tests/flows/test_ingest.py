"""The gate's clock never tells one microsecond twice, and leaves imported events their own time."""

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.flows.ingest import Gate
from gatehouse.records.event import Event
from gatehouse.testing.makers import make_event


def test_each_event_is_seen_after_the_one_before_whatever_the_clock_says() -> None:
    gate = Gate()
    first = gate.stamp([make_event(id_, seen=5) for id_ in "abc"], 1_000)
    back = gate.stamp([make_event("d")], 10)
    later = gate.stamp([make_event("e")], 2_000)
    assert [event.seen for event in (*first, *back, *later)] == [1_000, 1_001, 1_002, 1_003, 2_000]
    assert gate.last == 2_000


def test_a_gate_goes_on_after_what_it_saw_before_a_start() -> None:
    (event,) = Gate(last=5_000).stamp([make_event()], 1_000)
    assert event.seen == 5_001


def test_imported_events_keep_their_own_time_and_do_not_move_the_clock() -> None:
    gate = Gate(last=50)
    own = Event(id="a", occurred=9_000, seen=1, imported=True)
    untimed = Event(id="b", seen=7, imported=True)
    stamped = gate.stamp([own, untimed, Event(id="c", occurred=9_000)], 100)
    assert [(event.seen, event.imported) for event in stamped] == [(9_000, True), (7, True), (100, False)]
    assert [event.digest() for event in stamped] == [
        event.digest() for event in (own, untimed, Event(id="c", occurred=9_000))
    ]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 4)), max_size=20))
def test_seen_always_rises(calls: list[tuple[int, int]]) -> None:
    gate = Gate()
    seen = [event.seen for now, n in calls for event in gate.stamp([make_event(str(i)) for i in range(n)], now)]
    assert seen == sorted(set(seen))
    assert all(moment > 0 for moment in seen)
