"""Gathering: what comes together is judged together, in order, within bounds, and nothing that was taken is lost."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest
from tests.entry.api.conftest import awaited

from gatehouse.entry.api.errors import AnswerError
from gatehouse.entry.api.gathering import Gathering, Terms
from gatehouse.flows.live import Answer
from gatehouse.flows.observe import Tally
from gatehouse.records.decision import Decision
from gatehouse.records.event import Event
from gatehouse.testing.makers import make_decision, make_event


class Judge:
    """Answers when it is let; remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.free = threading.Event()
        self.broken = False
        self.seconds = 0.0

    def __call__(self, events: Sequence[Event]) -> list[Answer]:
        self.batches.append([event.id for event in events])
        time.sleep(self.seconds)
        assert self.free.wait(10)
        if self.broken:
            raise KeyError("the judge fell over")
        return [make_decision(event, id=f"d-{event.id}") for event in events]


def events(*ids: str) -> list[Event]:
    return [make_event(id_) for id_ in ids]


def ids(answers: Sequence[Answer]) -> list[str]:
    return [one.id for one in answers if isinstance(one, Decision)]


Run = Callable[[Gathering, Judge], Awaitable[None]]


def run(steps: Run, terms: Terms | None = None) -> tuple[Judge, Tally]:
    """Take some steps with a gathering whose judge is held up until they let it go."""
    judge, tally = Judge(), Tally()

    async def inside() -> None:
        gathering = Gathering(awaited(judge), tally, terms)
        async with gathering:
            await steps(gathering, judge)
            judge.free.set()

    asyncio.run(inside())
    return judge, tally


async def asked(gathering: Gathering, *of: Sequence[Event]) -> list[asyncio.Task[list[Answer]]]:
    """Requests that were made together, in order; an idle judge has taken them."""
    tasks = [asyncio.create_task(gathering.decide(one)) for one in of]
    await asyncio.sleep(0.02)
    return tasks


def test_what_comes_while_the_judge_is_at_work_is_the_next_batch_in_order() -> None:
    async def steps(gathering: Gathering, judge: Judge) -> None:
        tasks = await asked(gathering, events("a"))
        tasks += await asked(gathering, events("b"), events("c", "d"), events("e"))
        assert gathering.waiting == 5
        judge.free.set()
        answers = await asyncio.gather(*tasks)
        assert [ids(one) for one in answers] == [["d-a"], ["d-b"], ["d-c", "d-d"], ["d-e"]]
        assert gathering.waiting == 0

    judge, tally = run(steps)
    assert judge.batches == [["a"], ["b", "c", "d", "e"]]
    assert (tally.counts["gathered"], tally.counts["gatherings"]) == (5, 2)


def test_the_traces_of_who_asks_are_told_with_their_batch() -> None:
    class Noting(Tally):
        def __init__(self) -> None:
            super().__init__()
            self.batches: list[tuple[int, int, list[str]]] = []

        def gathered(self, n: int, waiting: int, traces: Sequence[str] = ()) -> None:
            self.batches.append((n, waiting, list(traces)))

    judge, noting = Judge(), Noting()

    async def steps() -> None:
        async with Gathering(awaited(judge), noting) as gathering:
            tasks = await asked(gathering, events("a"))
            tasks.append(asyncio.create_task(gathering.decide(events("b", "c"), "trace 1")))
            tasks += await asked(gathering, events("d"))
            tasks.append(asyncio.create_task(gathering.decide(events("e"), "trace 2")))
            await asyncio.sleep(0.02)
            judge.free.set()
            await asyncio.gather(*tasks)

    asyncio.run(steps())
    assert noting.batches == [(1, 0, []), (4, 0, ["trace 1", "trace 2"])]


def test_an_idle_judge_takes_one_event_at_once() -> None:
    async def steps(gathering: Gathering, judge: Judge) -> None:
        judge.free.set()
        begun = time.perf_counter()
        for number in range(20):
            assert ids(await gathering.decide(events(f"e{number}"))) == [f"d-e{number}"]
        assert time.perf_counter() - begun < 1.0

    assert len(run(steps)[0].batches) == 20


def test_a_batch_has_no_more_than_it_may_unless_one_list_alone_has() -> None:
    async def steps(gathering: Gathering, judge: Judge) -> None:
        tasks = await asked(gathering, events("a"))
        tasks += await asked(
            gathering, events("b"), events("c", "d"), events("e", "f", "g", "h", "i", "j"), events("k")
        )
        judge.free.set()
        await asyncio.gather(*tasks)

    judge, _ = run(steps, Terms(most=4))
    assert judge.batches == [["a"], ["b", "c", "d"], [*"efghij"], ["k"]]


def test_too_many_are_refused_at_once_and_taken_again_when_there_is_room() -> None:
    async def steps(gathering: Gathering, judge: Judge) -> None:
        tasks = await asked(gathering, events("a", "b"))
        tasks += await asked(gathering, events("c"))
        with pytest.raises(AnswerError, match="3 events wait already") as refused:
            await gathering.decide(events("d"))
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
        judge.free.set()
        await asyncio.gather(*tasks)
        assert ids(await gathering.decide(events("d"))) == ["d-d"]

    judge, tally = run(steps, Terms(waiting=3))
    assert tally.counts["refused"] == 1
    assert judge.batches[-1] == ["d"]


def test_what_would_wait_too_long_by_the_pace_of_now_is_refused() -> None:
    async def steps(gathering: Gathering, judge: Judge) -> None:
        judge.free.set()
        judge.seconds = 0.1
        await gathering.decide(events("slow"))
        judge.free.clear()
        tasks = await asked(gathering, events("a"))
        tasks += await asked(gathering, events("b", "c"))
        # An event takes .1 s, so no more than two would wait less than .25 s; but a batch may always wait.
        with pytest.raises(AnswerError, match="3 events wait already"):
            await gathering.decide(events("d"))
        judge.seconds = 0.0
        judge.free.set()
        await asyncio.gather(*tasks)
        for number in range(20):
            await gathering.decide(events(f"quick{number}"))
        judge.free.clear()
        tasks = await asked(gathering, events("e"))
        tasks += await asked(gathering, events("f", "g"), events("h"))
        judge.free.set()
        await asyncio.gather(*tasks)

    run(steps, Terms(most=3, patience=0.25))


def test_whoever_waits_too_long_is_told_and_what_is_not_judged_yet_is_left_out() -> None:
    async def steps(gathering: Gathering, judge: Judge) -> None:
        tasks = await asked(gathering, events("a"))
        tasks += await asked(gathering, events("b"))
        for task in tasks:
            with pytest.raises(AnswerError, match=r"no decision within 0\.1 seconds; it may yet come") as late:
                await task
            assert (late.value.status, "Retry-After" in late.value.headers) == (503, True)
        judge.free.set()
        assert ids(await gathering.decide(events("c"))) == ["d-c"]
        assert gathering.waiting == 0

    judge, tally = run(steps, Terms(deadline=0.1))
    assert judge.batches == [["a"], ["c"]]
    assert tally.counts["late"] == 2


def test_a_stop_finishes_what_was_taken_and_takes_nothing_more() -> None:
    judge = Judge()

    async def inside() -> None:
        gathering = Gathering(awaited(judge), Tally())
        with pytest.raises(AnswerError, match="about to stop"):
            await gathering.decide(events("early"))
        async with gathering:
            tasks = await asked(gathering, events("a"))
            tasks += await asked(gathering, events("b"), events("c"))
            threading.Timer(0.05, judge.free.set).start()
        assert [ids(await task) for task in tasks] == [["d-a"], ["d-b"], ["d-c"]]
        with pytest.raises(AnswerError, match="about to stop"):
            await gathering.decide(events("late"))

    asyncio.run(inside())
    assert judge.batches == [["a"], ["b", "c"]]


def test_a_client_that_leaves_costs_the_others_nothing() -> None:
    async def steps(gathering: Gathering, judge: Judge) -> None:
        tasks = await asked(gathering, events("a"))
        tasks += await asked(gathering, events("b"), events("c"))
        tasks[1].cancel()
        judge.free.set()
        assert ids(await tasks[0]) == ["d-a"]
        assert ids(await tasks[2]) == ["d-c"]
        assert gathering.waiting == 0

    assert run(steps)[0].batches == [["a"], ["b", "c"]]


def test_a_judge_that_falls_over_is_told_of_and_goes_on() -> None:
    async def steps(gathering: Gathering, judge: Judge) -> None:
        judge.free.set()
        judge.broken = True
        with pytest.raises(KeyError):
            await gathering.decide(events("a"))
        judge.broken = False
        assert ids(await gathering.decide(events("b"))) == ["d-b"]

    run(steps)


def test_one_batch_that_was_held_up_refuses_nobody() -> None:
    async def steps(gathering: Gathering, judge: Judge) -> None:
        judge.free.set()
        for number in range(40):
            await gathering.decide(events(f"quick{number}"))
        judge.seconds = 0.3
        await gathering.decide(events("held-up"))
        judge.free.clear()
        judge.seconds = 0.0
        tasks = await asked(gathering, *(events(f"e{number}") for number in range(200)))
        judge.free.set()
        await asyncio.gather(*tasks)

    _, tally = run(steps, Terms(most=3))
    assert tally.counts["refused"] == 0
