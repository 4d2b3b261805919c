"""The live gate: the clock, what one bad event costs, other writers, other releases, and a ledger that is down."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from tests.flows.remembering import START, WINDOWS, make_judge, make_post

from gatehouse.errors import OutsideError, UserError
from gatehouse.features import live_copy, snapshot
from gatehouse.features.define import FeatureSet
from gatehouse.features.live import LiveHistory
from gatehouse.features.live_kernel import STAMP
from gatehouse.features.windows import Count, duration
from gatehouse.flows import live_gate
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import Answer, Unrecorded
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.observe import Tally
from gatehouse.ports.ledger import ConflictError, Judged
from gatehouse.records.decision import Decision
from gatehouse.records.event import Event
from gatehouse.testing.clock import Clock
from gatehouse.testing.makers import NOW
from gatehouse.testing.memory import MemoryLedger


class Unsteady(MemoryLedger):
    """A ledger that cannot be written while it is down, and refuses events of these ids."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.refused: set[str] = set()

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        if self.down:
            raise OutsideError("the disk is full")
        if self.refused & {one.event.id for one in judged}:
            raise UserError("this one cannot be kept")
        return super().commit(judged)


@pytest.fixture
def ledger() -> Unsteady:
    return Unsteady()


@pytest.fixture(scope="module")
def judge() -> Judge:
    return make_judge()


def make_gate(judge: Judge, ledger: MemoryLedger, folder: Path, now: int = START) -> LiveGate:
    return LiveGate(judge, ledger, LocalHistory(ledger, judge, folder / "history.snapshot"), Clock(now))


def posts(start: int, stop: int, actor: str = "a1", **said: object) -> list[Event]:
    return [make_post(f"e{number:03}", actor=actor, **said) for number in range(start, stop)]


def said(answers: Sequence[Answer]) -> list[str]:
    return [one.enforce if isinstance(one, Decision) else one.error.faults[0].what for one in answers]


def posts_before(ledger: MemoryLedger, event_id: str) -> int:
    found = ledger.find(event_id)
    assert found is not None
    value = found.features[WINDOWS[0]]
    assert isinstance(value, int)
    return value


def test_each_event_is_seen_a_microsecond_after_the_one_before_even_after_a_restart_with_an_earlier_clock(
    judge: Judge, ledger: Unsteady, tmp_path: Path
) -> None:
    make_gate(judge, ledger, tmp_path).decide(posts(0, 3))
    make_gate(judge, ledger, tmp_path, now=5).decide(posts(3, 5))
    assert [event.seen for _, event in ledger.log()] == [START + 1 + place for place in range(5)]
    assert [posts_before(ledger, f"e{number:03}") for number in range(5)] == [0, 1, 2, 3, 4]


def test_one_bad_event_among_63_good_ones_fails_alone(judge: Judge, ledger: Unsteady, tmp_path: Path) -> None:
    gate = make_gate(judge, ledger, tmp_path)
    ledger.refused = {"e040"}
    answers = gate.decide(posts(0, 64, actor="b"))
    assert [place for place, one in enumerate(answers) if isinstance(one, Unrecorded)] == [40]
    assert said(answers)[40] == "this one cannot be kept"
    assert [one.event_id for one in answers] == [event.id for event in posts(0, 64)]
    assert len(ledger.log()) == 63
    assert posts_before(ledger, "e063") == 62
    broken = make_post("half", text="\ud800")
    assert "raised UnicodeEncodeError" in said(gate.decide([*posts(64, 95), broken, *posts(95, 127)]))[31]
    assert len(ledger.log()) == 126


def test_a_conflict_fails_alone_and_the_first_of_two_that_differ_is_recorded(
    judge: Judge, ledger: Unsteady, tmp_path: Path
) -> None:
    gate = make_gate(judge, ledger, tmp_path)
    (first,) = gate.decide([make_post("known")])
    batch = [
        make_post("x"),
        make_post("known", text="other"),
        make_post("twice", text="one"),
        make_post("y"),
        make_post("twice", text="two"),
        make_post("known"),
        make_post("known", text="an edit", revision=1),
        make_post("twice", text="one"),
    ]
    answers = gate.decide(batch)
    assert [place for place, one in enumerate(answers) if isinstance(one, Unrecorded)] == [1, 4]
    for place, id_ in ((1, "known"), (4, "twice")):
        answer = answers[place]
        assert isinstance(answer, Unrecorded)
        assert isinstance(answer.error, ConflictError)
        assert answer.error.event_ids == (id_,)
    assert answers[5] == first
    assert answers[7] == answers[2]
    assert [(event.id, event.revision, event.text) for _, event in ledger.log()[1:]] == [
        ("x", 0, "hello"),
        ("y", 0, "hello"),
        ("twice", 0, "one"),
        ("known", 1, "an edit"),
    ]
    assert isinstance(gate.observer, Tally)
    assert (gate.observer.counts["conflict"], gate.observer.counts["decided"]) == (2, 5)


def test_while_the_ledger_is_down_everything_is_answered_so_and_nothing_counts(
    judge: Judge, ledger: Unsteady, tmp_path: Path
) -> None:
    gate = make_gate(judge, ledger, tmp_path)
    ledger.down = True
    for _ in range(2):
        answers = gate.decide(posts(0, 3))
        assert said(answers) == ["the disk is full"] * 3
        assert all(isinstance(one, Unrecorded) and isinstance(one.error, OutsideError) for one in answers)
    assert ledger.log() == []
    ledger.down = False
    assert said(gate.decide(posts(0, 3))) == ["none", "none", "remove"]
    assert [posts_before(ledger, f"e{number:03}") for number in range(3)] == [0, 1, 2]


def test_what_another_writer_records_counts_here_once(judge: Judge, ledger: Unsteady, tmp_path: Path) -> None:
    clock = Clock(START)
    gates = [
        LiveGate(judge, ledger, LocalHistory(ledger, judge, tmp_path / f"{number}.snapshot"), clock)
        for number in range(2)
    ]
    for number in range(30):
        gates[number % 2].decide([make_post(f"e{number:03}")] if number % 5 else posts(number, number + 1))
    assert [posts_before(ledger, f"e{number:03}") for number in range(30)] == list(range(30))
    gates[0].decide(posts(20, 32))
    assert posts_before(ledger, "e031") == 31
    gates[1].close()
    kept = LocalHistory(ledger, judge, tmp_path / "1.snapshot")
    assert (kept.position, kept.said) == (32, ("0 events replayed from the ledger",))
    LiveGate(judge, ledger, kept, clock).decide([make_post("last")])
    assert posts_before(ledger, "last") == 32


def test_another_judge_decides_from_the_next_batch_on_with_the_same_history(
    judge: Judge, ledger: Unsteady, tmp_path: Path
) -> None:
    gate = make_gate(judge, ledger, tmp_path)
    gate.decide(posts(0, 2))
    other = make_judge()
    other = Judge(other.features, other.detectors, other.policies, {"demo": "r2"})
    gate.swap(other)
    assert gate.judge is other
    (answer,) = gate.decide(posts(2, 3))
    assert isinstance(answer, Decision)
    assert (answer.releases, answer.enforce) == ({"demo": "r2"}, "remove")


def test_a_judge_of_other_features_gets_a_history_restored_from_the_ledger(
    judge: Judge, ledger: Unsteady, tmp_path: Path
) -> None:
    gate = make_gate(judge, ledger, tmp_path)
    gate.decide(posts(0, 3))
    daily = Count(name="posts_1d", key=("actor",), window=duration("1d"))
    more = FeatureSet(columns=judge.features.columns, windows=(*judge.features.windows, daily))
    gate.swap(Judge(more, judge.detectors, judge.policies, {"demo": "r2"}))
    gate.decide(posts(3, 4))
    found = ledger.find("e003")
    assert found is not None
    assert (found.features["posts_1d"], found.features["posts_1h"]) == (3, 3)


def test_threads_wait_for_one_another_and_no_event_is_lost_or_counted_twice(
    judge: Judge, ledger: Unsteady, tmp_path: Path
) -> None:
    gate = make_gate(judge, ledger, tmp_path)
    gate.warm()
    assert ledger.log() == []
    batches = [posts(start, start + 5) for start in range(0, 100, 5)]
    threads = [threading.Thread(target=lambda part=part: [gate.decide(one) for one in part]) for part in (batches,) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(posts_before(ledger, f"e{number:03}") for number in range(100)) == list(range(100))
    assert isinstance(gate.observer, Tally)
    assert (gate.observer.counts["decided"], gate.observer.counts["known"]) == (100, 200)
    assert set(gate.observer.microseconds()) == {"catch up", "ledger", "judge"}


def test_a_snapshot_that_cannot_be_kept_stops_nothing(
    judge: Judge, ledger: Unsteady, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_gate, "KEPT_EVERY", 4)
    nowhere = make_gate(judge, ledger, tmp_path / "none")
    assert said(nowhere.decide(posts(0, 4))) == ["none"] * 2 + ["remove"] * 2
    nowhere.close()
    assert isinstance(nowhere.observer, Tally)
    assert nowhere.observer.counts["snapshots not kept"] == 2


def test_deciding_waits_for_no_snapshot_and_it_holds_what_was_known_when_it_was_begun(
    judge: Judge, ledger: Unsteady, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_gate, "KEPT_EVERY", 4)
    begun, go_on = threading.Event(), threading.Event()
    write = snapshot._write

    def slow(path: Path, parts: Any) -> None:
        begun.set()
        assert go_on.wait(10)
        write(path, parts)

    monkeypatch.setattr(snapshot, "_write", slow)
    gate = make_gate(judge, ledger, tmp_path)
    gate.decide(posts(0, 4))
    assert begun.wait(10)
    # While one is written no other is begun, and windows go on counting.
    gate.decide(posts(4, 9))
    assert posts_before(ledger, "e008") == 8
    assert not (tmp_path / "history.snapshot").exists()
    go_on.set()
    while not (tmp_path / "history.snapshot").exists():
        time.sleep(0.01)
    history, position = snapshot.load(tmp_path / "history.snapshot", judge.features.plan, judge.features_version)
    assert (position, len(history.tables[0])) == (4, 1)
    gate.close()
    assert snapshot.load(tmp_path / "history.snapshot", judge.features.plan, judge.features_version)[1] == 9


def test_a_snapshot_that_is_copied_while_events_are_decided_is_of_one_moment(
    judge: Judge, ledger: Unsteady, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_gate, "KEPT_EVERY", 20)
    monkeypatch.setattr(live_copy, "PIECE", 1)
    gate = make_gate(judge, ledger, tmp_path)
    pieces: list[float] = []

    def meanwhile(seconds: float) -> None:
        """Somebody known and somebody new are let in after each piece."""
        assert seconds > 0
        first = 100 + 2 * len(pieces)
        pieces.append(seconds)
        gate.decide([*posts(first, first + 1), *posts(first + 1, first + 2, actor=f"new{first}")])

    monkeypatch.setattr(live_gate, "sleep", meanwhile)
    for number in range(20):
        gate.decide(posts(number, number + 1, actor=f"a{number}"))
    while gate._saving is None or gate._saving.is_alive():
        time.sleep(0.01)
    assert len(pieces) >= 20
    path, plan = tmp_path / "history.snapshot", judge.features.plan
    found, position = snapshot.load(path, plan, judge.features_version)
    assert position == 20 + 2 * len(pieces) == ledger.last()
    path.unlink()
    assert same(found, LocalHistory(ledger, judge, path).live)
    gate.decide(posts(900, 904))
    gate.close()
    assert same(snapshot.load(path, plan, judge.features_version)[0], LocalHistory(ledger, judge, tmp_path / "no").live)


def same(one: LiveHistory, other: LiveHistory) -> bool:
    """Whether they know the same, whatever their batches were."""
    rows = [[np.delete(table.rows, STAMP, axis=1) for table in history.tables] for history in (one, other)]
    return one.clock == other.clock and all(map(np.array_equal, *rows))


def test_a_shared_history_is_not_silently_lost_when_the_judge_changes() -> None:
    class Shared:
        """A history that is not this process's own."""

    judge = cast(Any, object())
    gate = LiveGate(judge, MemoryLedger(), cast(Any, Shared()), lambda: NOW)
    with pytest.raises(ValueError, match="give the one of the new judge"):
        gate.swap(judge)
    assert gate.judge is judge
