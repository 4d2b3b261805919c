"""`gatehouse work` and `gatehouse deadletter` as a user runs them."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from tests.adapters.kafka.mock_broker import broker
from tests.entry.conftest import Command

from gatehouse.adapters.memory_bus import MemoryBus
from gatehouse.entry import live, worker
from gatehouse.entry.cli.deadletter import escaped
from gatehouse.errors import OutsideError
from gatehouse.flows.observe import Tally
from gatehouse.settings import read


def write(path: Path, *said: object) -> str:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in said]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def events(n: int) -> list[dict[str, object]]:
    return [{"id": f"e{number}", "text": "win a free prize now", "actor": f"a{number % 5}"} for number in range(n)]


def test_events_of_a_file_are_decided_once_however_often_it_is_worked_on(with_spam: Command, tmp_path: Path) -> None:
    file = write(tmp_path / "events.jsonl", *events(30), "", '{"id": "bad", "txet": "\\u001b[2Jsecret"}', *events(5))
    first = with_spam("work", "--from", file, "--batch", "7")
    assert first.code == 0, first.err
    assert '"event": "ready: deciding by spam ' in first.err
    assert "36 messages" in first.out
    assert "30 decided, 5 known" in first.out
    assert "looking up and recording" in first.out
    assert "set aside: 1 message; gatehouse deadletter list says why" in first.out
    again = json.loads(with_spam("work", "--from", file, "--json").out)
    assert {name: again["counts"].get(name, 0) for name in ("decided", "known", "letters")} == {
        "decided": 0,
        "known": 35,
        "letters": 1,
    }
    assert again["events_a_second"] > 0
    assert with_spam("trace", "e7").code == 0


def test_a_letter_is_listed_without_content_shown_escaped_retried_and_dropped(
    with_spam: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = {"id": "ahead", "text": "good morning", "occurred": (time.time_ns() // 1_000) + 2 * 86_400_000_000}
    with_spam("work", "--from", write(tmp_path / "e.jsonl", '{"id": "bad", "txet": "\\u001b[2Jsecret"}', ahead))
    listed = with_spam("deadletter", "list")
    assert listed.code == 0, listed.err
    assert "secret" not in listed.out
    assert "txet: is unknown" in listed.out
    assert "occurred: is in the future, more than a day after now" in listed.out
    assert "2 letters waiting" in listed.out
    letters = {one["event_id"]: one for one in json.loads(with_spam("deadletter", "list", "--json").out)["letters"]}
    assert "value" not in letters["bad"]
    bad = str(letters["bad"]["id"])
    monkeypatch.setenv("COLUMNS", "80")
    assert bad in with_spam("deadletter", "list").out
    monkeypatch.setenv("COLUMNS", "200")
    shown = with_spam("deadletter", "show", bad).out
    assert 'says  (40 bytes) {"id": "bad", "txet": "\\u001b[2Jsecret"}' in shown
    retried = with_spam("deadletter", "retry", "--all")
    assert (retried.code, "0 of 2 letters decided, 2 waiting" in retried.out) == (0, True)
    assert "did you mean 'text'?" in retried.out
    dropped = with_spam("deadletter", "drop", bad)
    assert dropped.out == "1 letter dropped, 1 waiting\n"
    assert "dropped" in with_spam("deadletter", "list", "--state", "all").out
    assert json.loads(with_spam("deadletter", "show", bad, "--json").out)["tries"] == 2


def test_a_mended_world_turns_a_letter_into_a_decision(
    with_spam: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns() // 1_000
    with_spam("work", "--from", write(tmp_path / "e.jsonl", {"id": "late", "text": "hi", "occurred": now + 10**11}))
    monkeypatch.setattr(worker, "now", lambda: now + 10**11)
    monkeypatch.setattr("gatehouse.entry.cli.deadletter.now", lambda: now + 10**11)
    answer = with_spam("deadletter", "retry", "--all", "--json")
    assert answer.code == 0, answer.err
    (one,) = json.loads(answer.out)["letters"]
    assert (one["decision"]["event_id"], one["reason"]) == ("late", None)
    assert json.loads(with_spam("deadletter", "list", "--json").out)["waiting"] == 0
    assert with_spam("deadletter", "drop", one["id"]).code == 2


@pytest.mark.parametrize(
    ("arguments", "why", "fix"),
    [
        (("work",), "nothing can come by a bus within this process", "add --from FILE.jsonl"),
        (("work", "--bus", "kafak://h/t"), "no bus is called 'kafak://h/t'", "did you mean 'kafka'?"),
        (("work", "--bus", "kafka://h:9092"), "does not name brokers and a topic", "kafka://HOST:PORT/TOPIC"),
        (("deadletter", "retry"), "which letters?", "name their ids, or say --all"),
        (("deadletter", "show", "none"), "no dead letter 'none'", "gatehouse deadletter list"),
        (("deadletter", "drop", "none"), "no dead letter 'none'", "gatehouse deadletter list"),
    ],
)
def test_what_cannot_be_done_is_told_with_the_next_step(
    gatehouse: Command, arguments: tuple[str, ...], why: str, fix: str
) -> None:
    answer = gatehouse(*arguments)
    assert answer.code == 2
    assert why in answer.err
    assert fix in answer.err


def test_by_kafka_it_is_the_same(with_spam: Command, tmp_path: Path) -> None:
    pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed: pip install 'gatehouse[kafka]'")
    options = tmp_path / "kafka.properties"
    options.write_text("heartbeat.interval.ms=100\n")
    file = write(tmp_path / "events.jsonl", *events(30), "nonsense")
    with broker() as brokers:
        command = ("work", "--bus", f"kafka://{brokers}/posts", "--bus-options", str(options), "--once", "--json")
        answer = with_spam(*command, "--from", file)
    assert answer.code == 0, answer.err
    counts = json.loads(answer.out)["counts"]
    assert (counts["messages"], counts["decided"], counts["letters"]) == (31, 30, 1)


def test_without_a_live_release_nothing_is_worked_on(gatehouse: Command, tmp_path: Path) -> None:
    answer = gatehouse("work", "--from", write(tmp_path / "e.jsonl", *events(1)))
    assert answer.code == 2
    assert "no pack is live yet" in answer.err


def test_sigterm_finishes_the_batch_and_ends_with_code_0(with_spam: Command, tmp_path: Path) -> None:
    file = write(tmp_path / "events.jsonl", *events(20_000))
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.5):
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    # A signal that comes before the worker listens, or after, must not end the tests.
    with live.Stop():
        asking = threading.Thread(target=ask)
        asking.start()
        answer = with_spam("work", "--from", file, "--batch", "20", "--json")
        done.set()
        asking.join()
    assert signal.getsignal(signal.SIGTERM) == before
    assert answer.code == 0, answer.err
    counts = json.loads(answer.out)["counts"]
    assert counts.get("messages", 0) < 20_000
    assert counts.get("messages", 0) == counts.get("decided", 0) + counts.get("known", 0)


def test_a_release_promoted_meanwhile_decides_from_then_on(
    with_spam: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gatehouse.bootstrap import open_house
    from gatehouse.flows import releases

    house = open_house(read())
    gate, _ = live.open_gate(house, (), Tally())
    said: list[str] = []
    look = live.Releases(house, (), gate, said.append)
    monkeypatch.setattr(live, "LOOKS_EVERY_SECONDS", 0.0)
    look()
    assert said == []
    (release,) = releases.live(house.shelf, ["spam"])
    gate.judge.releases["spam"] = "older"  # type: ignore[index]
    look()
    assert said == [f"deciding by spam {release.version}"]
    assert dict(gate.judge.releases) == {"spam": release.version}


def test_whatever_stands_in_the_way_of_looking_it_looks_again(
    with_spam: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gatehouse.bootstrap import open_house

    house = open_house(read())
    gate, _ = live.open_gate(house, (), Tally())
    said: list[str] = []
    look = live.Releases(house, (), gate, said.append)
    monkeypatch.setattr(live, "LOOKS_EVERY_SECONDS", 0.0)

    def broken(*_: object) -> None:
        raise ValueError("a text that somebody wrote")

    monkeypatch.setattr(live, "live_releases", broken)
    look()
    assert len(said) == 1
    assert said[0].startswith("deciding goes on by the releases of before: ValueError at ")
    assert "somebody wrote" not in said[0]
    monkeypatch.undo()
    monkeypatch.setattr(live, "LOOKS_EVERY_SECONDS", 0.0)
    look()
    assert len(said) == 1


def test_how_far_it_is_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = MemoryBus()
    consumer = bus.consumer("t")
    bus.producer().send("t", [b"x"] * 1_500)
    tally, said = Tally(), list[str]()
    tell = worker.Telling(tally, consumer, said.append)
    tally.counted("messages", 12_000)
    tally.counted("letters", 3)
    tell()
    assert said == []
    monkeypatch.setattr(worker, "TELLS_EVERY_SECONDS", 0.0)
    tell()
    tell()
    (line,) = said
    assert line.startswith("12,000 messages, ")
    assert line.endswith(" a second, 3 set aside, 1,500 waiting")


def test_a_file_that_cannot_be_sent_on_ends_with_code_3(
    with_spam: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(*_: object) -> None:
        raise OutsideError("the bus is full", fix="let a worker read")

    monkeypatch.setattr("gatehouse.adapters.memory_bus.MemoryProducer.send", send)
    answer = with_spam("work", "--from", write(tmp_path / "e.jsonl", *events(3)))
    assert (answer.code, "error: the bus is full" in answer.err) == (3, True)


def test_what_a_letter_says_cannot_command_a_terminal() -> None:
    assert escaped(b"a\x1b[2J\r\n\xff\xe2\x80\xae" + "é".encode()) == "a\\x1b[2J\\r\\n\\xff\\u202eé"
    assert escaped(b"x" * 3_000) == "x" * 2_000 + " … (1,000 bytes more)"
