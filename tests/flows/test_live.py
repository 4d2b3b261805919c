"""Deciding on record: known events, windows in order, and what a single bad event or a lost history costs."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from tests.flows.remembering import START, WINDOWS, make_judge, make_post, post_batches

from gatehouse.errors import OutsideError, UserError
from gatehouse.features.live import LiveHistory
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import Answer, Unrecorded, decide, decision_id, each_id_once
from gatehouse.flows.replay import replay
from gatehouse.ports.ledger import ConflictError, Judged
from gatehouse.records.decision import Decision
from gatehouse.records.event import Event
from gatehouse.testing.makers import make_event
from gatehouse.testing.memory import MemoryLedger

NUL = "a\0b"


@pytest.fixture(scope="module")
def judge() -> Judge:
    return make_judge()


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def history(judge: Judge) -> LiveHistory:
    return LiveHistory(judge.features.plan)


class Counting:
    """A history that notes what it is asked."""

    def __init__(self, inner: LiveHistory) -> None:
        self.inner = inner
        self.advanced: list[list[str]] = []
        self.rolled_back = 0

    def advance(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        self.advanced.append(coded.column("id").to_pylist())
        return self.inner.advance(coded)

    def replay(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        return self.inner.replay(coded)

    def roll_back(self) -> None:
        self.rolled_back += 1
        self.inner.roll_back()


class Gone:
    """A history that cannot be asked."""

    def advance(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        raise OutsideError("the history is gone")

    def replay(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        raise OutsideError("the history is gone")

    def roll_back(self) -> None:
        raise AssertionError("nothing was advanced")


class Down(MemoryLedger):
    """A ledger that cannot be written while it is down."""

    down = True

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        if self.down:
            raise OutsideError("the disk is full")
        return super().commit(judged)


def windows(ledger: MemoryLedger, event_id: str) -> dict[str, Any]:
    found = ledger.find(event_id)
    assert found is not None
    return {name: found.features[name] for name in WINDOWS}


def outcomes(answers: Sequence[Answer]) -> list[str]:
    return [answer.enforce if isinstance(answer, Decision) else str(answer.error) for answer in answers]


def test_each_event_sees_those_before_it_in_time_and_answers_come_in_the_order_given(
    judge: Judge, ledger: MemoryLedger, history: LiveHistory
) -> None:
    answers = decide(judge, ledger, [make_post("c", 3), make_post("a", 1), make_post("b", 2)], 9, history)
    assert [answer.event_id for answer in answers] == ["c", "a", "b"]
    assert outcomes(answers) == ["remove", "none", "none"]
    assert {id_: windows(ledger, id_)["posts_1h"] for id_ in "abc"} == {"a": 0, "b": 1, "c": 2}
    assert [event.id for _, event in ledger.log()] == ["a", "b", "c"]
    decide(judge, ledger, [make_post("d", 4)], 9, history)
    assert windows(ledger, "d") == {
        "posts_1h": 3,
        "paid_1d": 0,
        "recipients_1h": 0,
        "same_text_1d": 2 / 3,
        "known_seconds": 3,
    }


def test_a_known_event_keeps_its_decision_and_does_not_count_again(
    judge: Judge, ledger: MemoryLedger, history: LiveHistory
) -> None:
    counting = Counting(history)
    first = decide(judge, ledger, [make_post("a")], 5, counting)
    again = decide(judge, ledger, [make_post("b", 1), make_post("a", 2), make_post("b", 1)], 6, counting)
    assert again[1:2] == first
    assert again[0] == again[2]
    assert counting.advanced == [["a"], ["b"]]
    assert windows(ledger, "b")["posts_1h"] == 1


def test_other_content_under_a_known_id_is_a_conflict_and_nothing_of_the_batch_is_kept(
    judge: Judge, ledger: MemoryLedger, history: LiveHistory
) -> None:
    decide(judge, ledger, [make_post("a")], 5, history)
    batch = [make_post("a", 1, text="x"), make_post("b", 2), make_post("c", 3), make_post("c", 3, text="y")]
    with pytest.raises(ConflictError) as caught:
        decide(judge, ledger, batch, 6, history)
    assert caught.value.event_ids == ("a", "c")
    assert ledger.last() == 1
    decide(judge, ledger, [make_post("b", 2)], 7, history)
    assert windows(ledger, "b")["posts_1h"] == 1


def test_an_edit_is_judged_and_counts_as_an_event_of_its_own(
    judge: Judge, ledger: MemoryLedger, history: LiveHistory
) -> None:
    edit = make_post("a", 1, text="a prize", revision=1)
    answers = decide(judge, ledger, [edit, make_post("a"), make_post("b", 2)], 5, history)
    assert outcomes(answers) == ["limit", "none", "remove"]
    assert decide(judge, ledger, [make_post("a"), edit], 6, history) == [answers[1], answers[0]]
    assert ledger.last() == 3


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (make_post("bad", 2, device=NUL), "event 'bad': its device holds a NUL character"),
        (make_post("bad", 2, attributes={"age": 2**70}), "event 'bad': its attribute age does not fit 64 bits"),
        (make_post("bad", 2, text="half \ud83d"), "event 'bad': the event cannot be judged: raised UnicodeEncodeError"),
        (make_post("bad", 2, occurred=2**63), "event 'bad': the event cannot be judged: raised OverflowError"),
    ],
)
def test_a_bad_event_fails_alone_and_counts_for_nobody(
    judge: Judge, ledger: MemoryLedger, history: LiveHistory, bad: Event, said: str
) -> None:
    batch = [make_post("a"), make_post("b", 1), bad, make_post("c", 3), make_post("d", 4)]
    answers = decide(judge, ledger, batch, 9, history)
    assert outcomes(answers[:2] + answers[3:]) == ["none", "none", "remove", "remove"]
    failed = answers[2]
    assert isinstance(failed, Unrecorded)
    assert failed.event_id == "bad"
    assert isinstance(failed.error, UserError)
    assert said in str(failed.error)
    assert failed.error.faults[0].fix
    assert [windows(ledger, id_)["posts_1h"] for id_ in "abcd"] == [0, 1, 2, 3]
    assert [event.id for _, event in ledger.log()] == ["a", "b", "c", "d"]


def test_an_event_that_another_writer_took_in_with_other_content_fails_alone(
    judge: Judge, history: LiveHistory
) -> None:
    class Overtaken(MemoryLedger):
        """Another writer comes between looking and committing."""

        def standing(self, events: Sequence[Event]) -> list[Decision | None]:
            if events[0].id == "a":
                decide(judge, self, [make_post("b", 1, text="other words")], 5)
                return [None] * len(events)
            return super().standing(events)

    answers = decide(judge, Overtaken(), [make_post("a"), make_post("b", 1), make_post("c", 2)], 6, history)
    assert isinstance(answers[1], Unrecorded)
    assert isinstance(answers[1].error, ConflictError)
    assert outcomes([answers[0], answers[2]]) == ["none", "none"]


def test_a_history_that_cannot_be_asked_fails_what_names_a_window_and_no_more(
    judge: Judge, ledger: MemoryLedger
) -> None:
    lure, plain = decide(judge, ledger, [make_post("a", text="a prize"), make_post("b")], 5, Gone())
    assert isinstance(lure, Decision)
    assert isinstance(plain, Decision)
    assert (lure.outcome, lure.enforce) == ("violating", "limit")
    assert (plain.outcome, plain.enforce) == ("undecided", "none")
    found = ledger.find("b")
    assert found is not None
    assert not set(WINDOWS) & set(found.features)
    assert {signal.label: (signal.state, signal.evidence) for signal in found.signals} == {
        "burst": ("failed", "value unavailable for burst"),
        "lure": ("abstained", None),
    }
    assert replay(found, judge).same


def test_without_a_history_nothing_is_known_of_the_windows(judge: Judge, ledger: MemoryLedger) -> None:
    answers = decide(judge, ledger, [make_post("a"), make_post("b", 1), make_post("c", 2)], 5)
    assert outcomes(answers) == ["none"] * 3
    assert windows(ledger, "c") == dict.fromkeys(WINDOWS)


def test_a_ledger_that_is_down_decides_nothing_and_nothing_counts(judge: Judge, history: LiveHistory) -> None:
    ledger, counting = Down(), Counting(history)
    batch = [make_post("a"), make_post("b", 1)]
    with pytest.raises(OutsideError, match="the disk is full"):
        decide(judge, ledger, batch, 5, counting)
    assert (len(counting.advanced), counting.rolled_back) == (1, 1)
    ledger.down = False
    decide(judge, ledger, batch, 6, counting)
    assert [windows(ledger, id_)["posts_1h"] for id_ in "ab"] == [0, 1]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (OSError(28, "No space left on device", "/home/one/cache"), "No space left on device"),
        (MemoryError(), "out of memory"),
    ],
)
def test_where_the_machine_fails_no_event_is_at_fault_and_each_is_decided_on_when_it_is_sent_again(
    judge: Judge, ledger: MemoryLedger, history: LiveHistory, failure: Exception, said: str
) -> None:
    class Full(Counting):
        def advance(self, coded: pa.RecordBatch) -> pa.RecordBatch:
            super().advance(coded)
            self.inner.roll_back()
            raise failure

    batch = [make_post("a"), make_post("b", 1)]
    with pytest.raises(OutsideError) as told:
        decide(judge, ledger, batch, 5, Full(history))
    assert str(told.value) == (
        f"the judge cannot work on this machine: {said}\n"
        "    → look at the machine's disk and memory, then do it again; nothing of this was recorded"
    )
    assert ledger.log() == []
    assert outcomes(decide(judge, ledger, batch, 6, history)) == ["none", "none"]


def test_nothing_to_decide_asks_nobody(judge: Judge, ledger: MemoryLedger) -> None:
    assert decide(judge, ledger, [], 5, Gone()) == []


def test_parts_hold_each_id_once_and_keep_the_order() -> None:
    events = [make_post(id_, i) for i, id_ in enumerate("abacca")]
    parts = list(each_id_once(events))
    assert [[event.id for event in part] for part in parts] == [["a", "b"], ["a", "c"], ["c", "a"]]
    assert [event for part in parts for event in part] == events
    assert list(each_id_once([])) == []


@settings(deadline=None, max_examples=40)
@given(post_batches())
def test_bad_events_in_between_change_no_value_of_the_others(judge: Judge, batches: list[list[Event]]) -> None:
    clean, spoilt = MemoryLedger(), MemoryLedger()
    histories = LiveHistory(judge.features.plan), LiveHistory(judge.features.plan)
    for number, batch in enumerate(batches):
        bad = make_post(f"bad{number}", (batch[0].seen - START) / 1_000_000, device=NUL)
        expected = decide(judge, clean, batch, 5, histories[0])
        *answers, failed = decide(judge, spoilt, [*batch, bad], 5, histories[1])
        assert answers == expected
        assert isinstance(failed, Unrecorded)
    assert spoilt.log() == clean.log()
    for _, event in clean.log():
        assert spoilt.find(event.id) == clean.find(event.id)


def test_decisions_of_events_seen_later_come_later_in_an_index_by_their_ids() -> None:
    moments = [0, 1_000, 999_000, 1_000_000, 1_794_470_831_210_000, 1_794_470_831_211_000, 2**53]
    ids = [decision_id(make_event("e", seen=seen), {"a": "1"}) for seen in moments]
    assert ids == sorted(ids)
    assert {len(one) for one in ids} == {27}


def test_a_decision_is_named_by_its_event_and_the_releases_in_any_order(judge: Judge, ledger: MemoryLedger) -> None:
    event = make_post("a")
    (made,) = decide(judge, ledger, [event], 5)
    assert isinstance(made, Decision)
    seen = ledger.log()[0][1]
    said = (seen.id, seen.revision, seen.digest(), sorted(judge.releases.items()))
    assert made.id == f"{seen.seen // 1_000:011x}{hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]}"
    assert decision_id(event, {"b": "2", "a": "1"}) == decision_id(event, {"a": "1", "b": "2"})
