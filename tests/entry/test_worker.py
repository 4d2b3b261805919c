"""The worker as a process: its metrics while it works."""

import json
import re
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests.entry.conftest import Command

from gatehouse.adapters.memory_bus import MemoryBus
from gatehouse.entry import worker
from gatehouse.errors import OutsideError
from gatehouse.flows.observe import Tally
from gatehouse.ports.bus import Consumer


def ask(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    said = answer.status, answer.read().decode()
    connection.close()
    return said


def test_metrics_and_readiness_are_told_while_it_works(
    with_spam: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, told = threading.Event(), dict[str, tuple[int, str]]()
    found: list[int] = []
    served = worker.MetricsServer

    def serving(*arguments: object) -> worker.MetricsServer:
        server = served(*arguments)  # type: ignore[arg-type]
        found.append(server.port)
        port.set()
        return server

    def watch() -> None:
        port.wait(30.0)
        end = time.monotonic() + 30.0
        while time.monotonic() < end:
            told["metrics"] = ask(found[0], "/metrics")
            if re.search(r'kind="decided"} [1-9]', told["metrics"][1]):
                break
        told["ready"] = ask(found[0], "/health/ready")
        told["health"] = ask(found[0], "/health")
        done.set()

    done = threading.Event()
    monkeypatch.setattr(worker, "MetricsServer", serving)
    # The last batch is held until somebody has looked.
    monkeypatch.setattr(worker.Telling, "__call__", lambda _: done.wait(30.0) and None)
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps({"id": f"e{n}", "text": f"zebra {n}"}) + "\n" for n in range(40)))
    watching = threading.Thread(target=watch)
    watching.start()
    answer = with_spam("work", "--from", str(file), "--metrics", "127.0.0.1:0")
    watching.join()
    assert answer.code == 0, answer.err
    assert '"event": "metrics: http://127.0.0.1:' in answer.err
    status, metrics = told["metrics"]
    assert status == 200
    assert "zebra" not in metrics
    assert 'gatehouse_stage_seconds_count{stage="ledger"}' in metrics
    assert 'gatehouse_check_state{check="bus"} 0.0' in metrics
    assert (told["ready"][0], json.loads(told["ready"][1])["state"]) == (200, "ok")
    assert told["health"] == (200, '{"alive":true}')
    with pytest.raises(ConnectionError):
        ask(found[0], "/health")


def test_metrics_for_others_want_a_key_and_nothing_is_worked_on_without(with_spam: Command, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"id": "e1", "text": "hello"}\n')
    answer = with_spam("work", "--from", str(file), "--metrics", "0.0.0.0:0")
    assert answer.code == 2
    assert "gatehouse keys make metrics --scope read" in answer.err
    assert with_spam("trace", "e1").code == 2
    assert with_spam("work", "--from", str(file), "--metrics", "nowhere").code == 2


def test_lines_of_a_worker_are_json_where_nobody_reads_them(with_spam: Command, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"id": "e1", "text": "zebra"}\n{"id": "zebra", "txet": "zebra"}\n')
    answer = with_spam("work", "--from", str(file))
    assert answer.code == 0
    lines = [json.loads(line) for line in answer.err.splitlines()]
    assert {line["logger"] for line in lines} == {"gatehouse.worker"}
    assert any(line["event"].startswith("ready: deciding by spam ") for line in lines)
    assert "zebra" not in answer.err


class Waiting:
    """A consumer on which so many wait, or that cannot say."""

    def __init__(self, waiting: int | None) -> None:
        self.waiting = waiting

    def behind(self) -> int | None:
        if self.waiting is None:
            raise OutsideError("no broker")
        return self.waiting


def test_what_waits_on_the_bus_is_asked_by_the_worker_s_own_thread_now_and_then() -> None:
    consumer = Waiting(5)
    polls = worker.Polls(consumer)  # type: ignore[arg-type]
    assert polls.behind is None
    polls()
    consumer.waiting = 9
    polls()
    assert polls.behind == 5
    assert polls.quiet() < 5.0
    lost = worker.Polls(Waiting(None))  # type: ignore[arg-type]
    lost()
    assert lost.behind is None


def test_a_bus_that_does_not_answer_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer: Consumer = MemoryBus().consumer("t")
    polls = worker.Polls(consumer)
    later = time.monotonic() + 40.0
    monkeypatch.setattr(worker.time, "monotonic", lambda: later)
    assert 39.0 < polls.quiet() < 41.0
    polls()
    assert polls.quiet() == 0.0


def test_what_a_worker_tells_of_its_way_does_not_end_it_where_the_bus_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    tally, consumer = Tally(), Waiting(5)
    telling = worker.Telling(tally, consumer, said.append)  # type: ignore[arg-type]
    later = time.monotonic() + 3_600.0
    for consumer.waiting in (1_200, None):
        tally.counted("messages", 36_000)
        later += 3_600.0
        monkeypatch.setattr(worker.time, "monotonic", lambda later=later: later)
        telling()
    assert [one.split(", ")[2:] for one in said] == [
        ["0 set aside", "1,200 waiting"],
        ["0 set aside", "an unknown number waiting"],
    ]
