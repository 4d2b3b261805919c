"""The judge in its own process: it answers as the live gate does, and its counts and errors come across."""

import asyncio
import io
import os
import shutil
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from tests.entry.conftest import Command
from tests.entry.test_cli_learn import own_pack

from gatehouse.bootstrap import House, open_house
from gatehouse.entry import judge_process
from gatehouse.entry.api import judging
from gatehouse.entry.api.judging import JudgeProcess
from gatehouse.entry.judge_process import LENGTH, Broken, Relay, answered, decode_said, encode, receive
from gatehouse.errors import Fault, OutsideError, RefusedError, UserError
from gatehouse.flows import releases
from gatehouse.flows.live import Answer, Unrecorded
from gatehouse.flows.observe import Tally
from gatehouse.ports.ledger import ConflictError
from gatehouse.records.decision import Decision
from gatehouse.records.event import Event
from gatehouse.settings import Settings, read
from gatehouse.testing.makers import make_decision, make_event, make_outcome

SPAM = "win a free prize now, call 0800 000 000 to claim it"
T = TypeVar("T")


@pytest.fixture(scope="module")
def settings(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("judged") / ".gatehouse"
    shutil.copytree(trained_home, home)
    return Settings(home=home)


def with_judge(settings: Settings, steps: Callable[[JudgeProcess, House, Tally], Awaitable[T]]) -> T:
    """Take some steps beside a judge's process."""
    tally = Tally()
    with JudgeProcess(settings) as decides:
        house = open_house(settings)
        decides.wait_until_ready(house, tally)

        async def inside() -> T:
            async with decides:
                return await steps(decides, house, tally)

        return asyncio.run(inside())


def across(events: list[Event], answers: list[Answer], relay: Relay | None = None) -> list[Answer]:
    """Answers as they come out at the other end."""
    said = decode_said(encode(answered(answers, relay or Relay(), {"spam": "r1"})))
    return said.answers(events)  # type: ignore[union-attr]


def test_answers_come_across_as_they_were() -> None:
    events = [make_event(f"e{number}") for number in range(7)]
    shared = (make_outcome(policy="spam"), make_outcome(policy="scam", enforce="remove"))
    errors = [
        ConflictError(["e3"], where="ledger"),
        RefusedError("not this one"),
        UserError([Fault("a", "b", "c"), Fault("d")]),
        OutsideError("the disk is full", fix="make room"),
    ]
    answers: list[Answer] = [
        make_decision(events[0], policies=shared, supersedes="d0"),
        make_decision(events[1], policies=shared, releases={"spam": "r1", "scam": "r2"}),
        make_decision(events[2], policies=()),
        *(Unrecorded(event.id, error) for event, error in zip(events[3:], errors, strict=True)),
    ]
    came = across(events, answers)
    assert came[:3] == answers[:3]
    for before, after, error in zip(answers[3:], came[3:], errors, strict=True):
        assert isinstance(before, Unrecorded)
        assert isinstance(after, Unrecorded)
        assert (after.event_id, type(after.error), after.error.faults) == (before.event_id, type(error), error.faults)
    conflict = came[3]
    assert isinstance(conflict, Unrecorded)
    assert isinstance(conflict.error, ConflictError)
    assert conflict.error.event_ids == ("e3",)


def test_what_the_judge_tells_of_itself_is_told_here_once() -> None:
    relay, tally = Relay(), Tally()
    for _ in range(2):
        relay.spent("judge", 0.25, 4)
        relay.counted("recorded elsewhere", 3)
        relay.judged({("spam.linear", "scored"): 4})
    relay.taken().tell(tally)
    relay.taken().tell(tally)
    assert (tally.seconds["judge"], tally.events["judge"]) == (0.5, 8)
    assert tally.counts == {"recorded elsewhere": 6}
    assert tally.signals == {("spam.linear", "scored"): 8}


def test_it_decides_on_record_as_the_live_gate_does(settings: Settings) -> None:
    async def steps(decides: JudgeProcess, house: House, tally: Tally) -> None:
        events = [Event(id="j1", text=SPAM), Event(id="j2", text="good morning"), Event(id="j1", text="other")]
        first, second, third = await decides.decide(events)
        assert isinstance(first, Decision)
        assert isinstance(second, Decision)
        assert (first.enforce, second.enforce) == ("label", "none")
        assert isinstance(third, Unrecorded)
        assert isinstance(third.error, ConflictError)
        found = house.ledger.find("j1")
        assert found is not None
        assert found.decision == first
        assert (await decides.decide([Event(id="j1", text=SPAM)]))[0] == first
        assert {"decided": 2, "known": 1, "conflict": 1}.items() <= tally.counts.items()
        assert tally.events["judge"] == 4
        assert {state for _, state in tally.signals} >= {"scored", "matched"}
        assert decides.judge.releases == first.releases

    with_judge(settings, steps)
    assert (settings.home / "history.snapshot").exists()


def test_other_releases_are_taken_up_while_nobody_asks(with_spam: Command) -> None:
    policy = own_pack() / "policy.yaml"
    policy.write_text(policy.read_text().replace("enforce: label", "enforce: remove"))
    assert with_spam("train", "mine/spam").code == 0

    async def steps(decides: JudgeProcess, house: House, tally: Tally) -> None:
        (before,) = await decides.decide([Event(id="r1", text=SPAM)])
        version = house.shelf.registry.releases("spam")[0][0].version
        releases.promote(house.shelf, "spam", version, at=1, by="test", why="test")
        async with asyncio.timeout(30):
            while decides.judge.releases != {"spam": version}:
                await asyncio.sleep(0.1)
        (after,) = await decides.decide([Event(id="r2", text=SPAM)])
        assert isinstance(before, Decision)
        assert isinstance(after, Decision)
        assert (before.enforce, after.enforce) == ("label", "remove")
        assert after.releases == {"spam": version}

    with_judge(read(), steps)


def test_whatever_keeps_releases_from_being_opened_they_are_looked_at_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[object] = []

    def opened(self: JudgeProcess, live: object) -> object:
        tries.append(live)
        raise KeyError("words of somebody")

    monkeypatch.setattr(judging, "ASKS_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(JudgeProcess, "_opened", opened)

    async def steps(decides: JudgeProcess, house: House, tally: Tally) -> None:
        decides.judge = replace(decides.judge, releases={})
        async with asyncio.timeout(30):
            while len(tries) < 3:
                await asyncio.sleep(0.01)
        (after,) = await decides.decide([Event(id="on", text=SPAM)])
        assert isinstance(after, Decision)

    with_judge(settings, steps)
    assert "the judge of before is kept: KeyError at api/test_judging.py:" in caplog.text
    assert "words of somebody" not in caplog.text


def test_a_fault_of_the_judge_s_own_says_where_it_is_and_quotes_nothing() -> None:
    def broken(events: object) -> list[Answer]:
        raise KeyError("words of somebody")

    told: list[str] = []
    said = judge_process._answer(broken, encode([Event(id="e")]), Relay(), {}, told.append)
    assert isinstance(said, Broken)
    assert said.failure.faults[0].what == "a fault of Gatehouse itself (KeyError)"
    (sentence,) = told
    assert sentence.startswith("nothing is decided of what was asked: KeyError at api/test_judging.py:")
    assert "words of somebody" not in sentence


def test_a_message_that_was_cut_off_is_none() -> None:
    whole = LENGTH.pack(5) + b"hello"
    assert receive(io.BytesIO(whole).read) == b"hello"
    for n in range(len(whole)):
        assert receive(io.BytesIO(whole[:n]).read) is None


def test_a_judge_that_is_killed_is_told_of_and_ends_the_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *to: ends.append(to))

    async def steps(decides: JudgeProcess, house: House, tally: Tally) -> None:
        waiting = asyncio.create_task(decides.decide([Event(id=f"k{n}", text=SPAM) for n in range(400)]))
        await asyncio.sleep(0)
        signal.pidfd_send_signal(os.pidfd_open(decides.pid), signal.SIGKILL)
        for asked in (waiting, decides.decide([Event(id="late")])):
            with pytest.raises(OutsideError, match="the judge's process ended by itself with -9"):
                await asked
        assert decides.ended

    with_judge(settings, steps)
    assert ends == [(os.getpid(), signal.SIGTERM)]


def test_where_nothing_is_live_it_says_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with JudgeProcess(settings) as decides, pytest.raises(UserError, match="no pack is live yet"):
        decides.wait_until_ready(open_house(settings), Tally())


def test_its_logs_hold_no_content_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured: list[dict[str, object]] = []
    monkeypatch.setattr(judge_process.logs, "configure", lambda **said: configured.append(said))
    monkeypatch.setattr(judge_process.signal, "signal", lambda *_: None)
    here, theirs = socket.socketpair()
    with here, here.makefile("rb") as answers:
        judge_process.judge(theirs, Settings(home=tmp_path / "home"), (), None)
        body = receive(answers.read)
    assert body is not None
    assert isinstance(decode_said(body), Broken)
    assert configured == [{"level": "WARNING"}]
