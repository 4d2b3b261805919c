"""The worker: what each message becomes, what is made durable when, and what happens when something is down."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.flows.remembering import START, make_judge, make_post

from gatehouse.adapters.memory_bus import MemoryBus, MemoryConsumer
from gatehouse.errors import OutsideError
from gatehouse.flows import work
from gatehouse.flows.dead_letters import retry
from gatehouse.flows.judge import Judge
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.observe import Tally
from gatehouse.flows.work import Worker
from gatehouse.ports.bus import Message
from gatehouse.ports.dead_letters import DeadLetter
from gatehouse.ports.ledger import Judged
from gatehouse.records.decision import Decision
from gatehouse.testing.clock import Clock
from gatehouse.testing.dead_letters_contract import MemoryDeadLetters
from gatehouse.testing.memory import MemoryLedger


class Killed(BaseException):
    pass


class Setting:
    """A worker and all that it stands on; what happens is noted in order, and anything may fail a few times first."""

    def __init__(self, judge: Judge, folder: Path) -> None:
        self.notes: list[str] = []
        self.fail: dict[str, Iterator[BaseException | None]] = {}
        self.said: list[str] = []
        self.stop = False
        self.bus = MemoryBus()
        self.judge, self.folder = judge, folder
        self.ledger, self.letters = self._ledger(), self._letters()

    def happens(self, what: str) -> None:
        if error := next(self.fail.get(what, iter(())), None):
            self.notes.append(f"{what} fails")
            raise error
        if not what.endswith("done"):
            self.notes.append(what)

    def _ledger(self) -> MemoryLedger:
        setting = self

        class Ledger(MemoryLedger):
            def commit(self, judged: Sequence[Judged]) -> list[Decision]:
                setting.happens("ledger")
                decided = super().commit(judged)
                setting.happens("ledger done")
                return decided

        return Ledger()

    def _letters(self) -> MemoryDeadLetters:
        setting = self

        class Letters(MemoryDeadLetters):
            def add(self, letters: Sequence[DeadLetter]) -> None:
                setting.happens("letters")
                super().add(letters)
                setting.happens("letters done")

        return Letters()

    def consumer(self) -> MemoryConsumer:
        setting = self

        class Consumer(MemoryConsumer):
            def poll(self, most: int, seconds: float) -> list[Message]:
                setting.happens("poll")
                return super().poll(most, 0.0)

            def rest(self, seconds: float) -> None:
                setting.happens("rest")

            def commit(self, messages: Sequence[Message]) -> None:
                setting.happens("offsets")
                super().commit(messages)
                setting.happens("offsets done")

        made = self.bus.consumer("events")
        made.__class__ = Consumer
        return made

    def worker(self, batch: int = 500) -> tuple[Worker, MemoryConsumer]:
        history = LocalHistory(self.ledger, self.judge, self.folder / "history.snapshot")
        clock = Clock(START)
        gate = LiveGate(self.judge, self.ledger, history, clock)
        consumer = self.consumer()
        worker = Worker(
            consumer, gate, self.letters, clock, batch=batch, stopping=lambda: self.stop, said=self.said.append
        )
        return worker, consumer

    def send(self, *said: object) -> None:
        values = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in said]
        self.bus.producer().send("events", values, [b"one"] * len(values))

    def recorded(self) -> list[str]:
        return [event.id for _, event in self.ledger.log()]


def posts(*numbers: int) -> list[dict[str, object]]:
    return [{"id": f"e{number}", "text": "hello", "actor": "a1"} for number in numbers]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return make_judge()


@pytest.fixture
def setting(judge: Judge, tmp_path: Path) -> Setting:
    return Setting(judge, tmp_path)


def none_more() -> bool:
    return True


def test_a_batch_is_recorded_then_its_letters_kept_then_its_offsets_committed(setting: Setting) -> None:
    setting.send(*posts(1, 2), b"nonsense", {"id": "e3", "txet": "hello"}, {"id": "e1", "text": "other"}, *posts(2))
    worker, consumer = setting.worker()
    assert worker.step() == 6
    assert setting.notes == ["poll", "ledger", "ledger", "letters", "offsets"]
    assert sorted(setting.recorded()) == ["e1", "e2"]
    letters = {letter.source: letter for letter in setting.letters.list()}
    assert {source[-1]: (letter.event_id, letter.reason) for source, letter in letters.items()} == {
        "2": (None, "not JSON: expecting value at line 1, column 1"),
        "3": ("e3", "txet: is unknown"),
        "4": ("e1", "id: is known with other content"),
    }
    assert {letter.value for letter in letters.values()} >= {b"nonsense"}
    assert (worker.step(), consumer.behind()) == (0, 0)


@pytest.mark.parametrize("part", ["poll", "ledger", "letters", "offsets"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_moment_nothing_is_lost_and_nothing_decided_twice(
    setting: Setting, part: str, after: bool
) -> None:
    setting.send(*posts(1, 2, 3), b"nonsense", *posts(4, 5, 2))
    setting.fail[f"{part} done" if after and part != "poll" else part] = iter([Killed()])
    worker, consumer = setting.worker(batch=3)
    with pytest.raises(Killed):
        worker.run(once=none_more)
    consumer.close()
    again, _ = setting.worker(batch=3)
    again.run(once=none_more)
    assert sorted(setting.recorded()) == ["e1", "e2", "e3", "e4", "e5"]
    assert [letter.value for letter in setting.letters.list()] == [b"nonsense"]
    windows = [judged.features["posts_1h"] for judged in setting.ledger.judged([e for _, e in setting.ledger.log()])]
    assert windows == [0, 1, 2, 3, 4]


def test_while_the_ledger_is_down_nothing_is_read_and_no_offset_committed(setting: Setting) -> None:
    setting.send(*posts(1, 2))
    setting.fail["ledger"] = iter([OutsideError("the disk is full", fix="make room")] * 3)
    worker, _ = setting.worker()
    worker.step()
    down = ["ledger fails", "rest"] * 3
    assert setting.notes == ["poll", *down, "ledger", "offsets"]
    assert setting.said == ["nothing is read until this is mended: the disk is full\n    → make room"] * 3
    assert setting.recorded() == ["e1", "e2"]


def test_asked_to_stop_while_the_ledger_is_down_it_leaves_and_the_batch_comes_again(setting: Setting) -> None:
    setting.send(*posts(1, 2))

    def down() -> Iterator[Exception]:
        yield OutsideError("the disk is full")
        setting.stop = True
        yield OutsideError("the disk is full")

    setting.fail["ledger"] = down()
    worker, consumer = setting.worker()
    worker.run()
    assert "offsets" not in setting.notes
    consumer.close()
    setting.stop = False
    again, _ = setting.worker()
    again.run(once=none_more)
    assert setting.recorded() == ["e1", "e2"]


def test_asked_to_stop_it_finishes_the_batch_at_hand(setting: Setting) -> None:
    setting.send(*posts(1, 2, 3, 4))
    worker, consumer = setting.worker(batch=2)

    def stop() -> None:
        setting.stop = True

    worker.run(after_poll=[stop])
    assert (setting.recorded(), consumer.behind()) == (["e1", "e2"], 2)


def test_partitions_that_went_elsewhere_while_the_ledger_was_down_are_left_to_others(setting: Setting) -> None:
    producer = setting.bus.producer()
    for number in range(40):
        producer.send("events", [json.dumps(posts(number)[0]).encode()], [b"k%d" % number])
    worker, consumer = setting.worker()
    others: list[MemoryConsumer] = []

    def another_joins() -> Iterator[Exception]:
        yield OutsideError("the disk is full")
        others.append(setting.bus.consumer("events"))
        yield OutsideError("the disk is full")

    setting.fail["ledger"] = another_joins()
    worker.step()
    there = {json.loads(one.value)["id"] for one in others[0].poll(500, 0.0)}
    assert there
    assert set(setting.recorded()) == {f"e{number}" for number in range(40)} - there
    assert consumer.behind() == 0


def test_letters_and_offsets_that_cannot_be_kept_do_not_lose_a_message(setting: Setting) -> None:
    setting.send(b"nonsense", *posts(1))
    setting.fail["letters"] = iter([OutsideError("no room")])
    setting.fail["offsets"] = iter([OutsideError("the broker is gone")])
    worker, consumer = setting.worker()
    worker.step()
    assert setting.notes == ["poll", "ledger", "letters fails", "rest", "letters", "offsets fails"]
    consumer.close()
    again, _ = setting.worker()
    again.run(once=none_more)
    assert setting.recorded() == ["e1"]
    assert [letter.tries for letter in setting.letters.list()] == [2]


def test_a_bus_out_of_reach_is_waited_for_unless_it_is_for_once(setting: Setting) -> None:
    setting.send(*posts(1))
    setting.fail["poll"] = iter([OutsideError("no broker")] * 2)
    worker, _ = setting.worker()

    def enough() -> None:
        setting.stop = bool(setting.recorded())

    worker.run(after_poll=[enough])
    assert setting.said == ["waiting: no broker"] * 2
    setting.fail["poll"] = iter([OutsideError("no broker")])
    setting.stop = False
    with pytest.raises(OutsideError, match="no broker"):
        worker.run(once=none_more)


def test_stages_are_timed_and_counted(setting: Setting) -> None:
    setting.send(*posts(1, 2, 2), b"nonsense")
    worker, _ = setting.worker()
    worker.run(once=none_more)
    tally = worker._observer
    assert isinstance(tally, Tally)
    assert {name: tally.counts[name] for name in ("messages", "decided", "known", "letters")} == {
        "messages": 4,
        "decided": 2,
        "known": 1,
        "letters": 1,
    }
    assert set(tally.microseconds()) == {"poll", "read", "catch up", "judge", "ledger", "letters", "offsets"}


def test_a_letter_is_decided_on_again_and_what_fails_again_waits_with_a_try_more(setting: Setting) -> None:
    late = {"id": "late", "text": "hello", "occurred": (START + 3 * 86_400_000_000)}
    setting.send(late, b"nonsense", *posts(1), {"id": "e1", "text": "other"})
    worker, _ = setting.worker()
    worker.run(once=none_more)
    assert setting.letters.waiting() == 3
    clock = Clock(START + 4 * 86_400_000_000)
    gate = LiveGate(setting.judge, setting.ledger, None, clock)
    done = retry(setting.letters, gate, setting.letters.list(), clock, "sam")
    decided = {one.letter.event_id: one.decision for one in done if one.decision}
    assert list(decided) == ["late"]
    assert setting.recorded() == ["e1", "late"]
    assert {letter.tries for letter in setting.letters.list()} == {2}
    assert [letter.settled_by for letter in setting.letters.list(state="retried")] == ["sam"]
    setting.fail["ledger"] = iter([OutsideError("the disk is full")])
    setting.letters.add([DeadLetter(id="x", value=b'{"id": "new"}', source="s", reason="r", at=1)])
    with pytest.raises(OutsideError, match="the disk is full"):
        retry(setting.letters, gate, [one for one in setting.letters.list() if one.id == "x"], clock, "sam")
    assert setting.letters.waiting() == 3


def test_pauses_grow_and_are_cut_short_by_a_stop(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "LONGEST_PAUSE_SECONDS", 0.4)
    setting.send(*posts(1))
    setting.fail["ledger"] = iter([OutsideError("down")] * 5)
    rests: list[float] = []
    worker, consumer = setting.worker()
    monkeypatch.setattr(type(consumer), "rest", lambda _, seconds: rests.append(seconds))
    worker.step()
    assert rests == [0.1, 0.2, 0.4, 0.4, 0.4]


def test_a_letter_that_was_erased_or_settled_since_it_was_chosen_is_left_as_it_is(setting: Setting) -> None:
    setting.send(b"nonsense", *posts(1), {"id": "e2", "text": 7}, {"id": "e3", "txet": "hello"})
    worker, _ = setting.worker()
    worker.run(once=none_more)
    chosen = setting.letters.list()
    erased, dropped, left = sorted(chosen, key=lambda one: one.source)
    setting.letters.erase([erased.id])
    setting.letters.settle(dropped.id, "dropped", START, "kim")
    clock = Clock(START)
    done = retry(setting.letters, LiveGate(setting.judge, setting.ledger, None, clock), chosen, clock, "sam")
    assert [one.letter.id for one in done] == [left.id]
    assert {one.id: one.tries for one in setting.letters.list(state=None)} == {dropped.id: 1, left.id: 2}


def test_a_letter_that_is_erased_while_it_is_tried_does_not_come_back(setting: Setting) -> None:
    setting.send(b"nonsense")
    worker, _ = setting.worker()
    worker.run(once=none_more)
    (letter,) = setting.letters.list()

    def clock() -> int:
        setting.letters.erase([letter.id])
        return START

    retry(setting.letters, LiveGate(setting.judge, setting.ledger, None, clock), [letter], clock, "sam")
    assert setting.letters.list(state=None) == []


def test_the_traces_that_messages_belong_to_are_told_of_with_their_batch(setting: Setting) -> None:
    told: list[tuple[int, int, list[str]]] = []

    class Observer(Tally):
        def gathered(self, n: int, waiting: int, traces: Sequence[str] = ()) -> None:
            told.append((n, waiting, list(traces)))

    setting.send(*posts(1, 2, 3), b"nonsense")
    worker, consumer = setting.worker()
    worker._observer = Observer()
    take = consumer._take
    consumer._take = lambda most: [replace(one, trace=f"t{one.offset}") for one in take(most)]  # type: ignore[method-assign]
    worker.step()
    # Of what is no event nothing is decided.
    assert told == [(3, 0, ["t0", "t1", "t2"])]
    consumer._take = take  # type: ignore[method-assign]
    setting.send(*posts(4))
    worker.step()
    assert len(told) == 1


def test_a_worker_to_which_nothing_comes_counts_what_others_record(setting: Setting) -> None:
    worker, _ = setting.worker()
    other = LiveGate(setting.judge, setting.ledger, None, Clock(START))
    other.decide([make_post("e1"), make_post("e2")])
    assert worker.step() == 0
    assert isinstance(tally := worker._observer, Tally)
    assert tally.counts["recorded elsewhere"] == 2
    reads = setting.ledger.last
    setting.ledger.last = down  # type: ignore[method-assign]
    assert worker.step() == 0
    setting.ledger.last = reads  # type: ignore[method-assign]
    setting.send({"id": "e3", "text": "hello", "actor": "a1"})
    worker.step()
    (third,) = [one for _, one in setting.ledger.log() if one.id == "e3"]
    assert setting.ledger.judged([third])[0].features["posts_1h"] == 2


def down() -> int:
    raise OutsideError("the disk is gone")
