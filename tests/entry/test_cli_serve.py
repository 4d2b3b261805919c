"""`gatehouse serve` as a process: it decides, stops when it is told, and what it said is on record."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest
from tests.entry.conftest import Command

from gatehouse.bootstrap import open_house
from gatehouse.entry.api import server
from gatehouse.entry.cli.serve import serve
from gatehouse.errors import OutsideError, UserError
from gatehouse.records.access import SCOPES
from gatehouse.settings import read

SPAM = "win a free prize now, call 0800 000 000 to claim it"


class Started:
    """A server that is ready: its address, and what it said."""

    def __init__(self, *options: str) -> None:
        code = "import sys; from gatehouse.entry.cli.main import run; sys.exit(run(sys.argv[1:]))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "serve", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "NUMBA_NUM_THREADS": "1"},
        )
        self.said = ""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line
            if ready := re.search(r"ready: listening on (http://[^ \"]+)", line):
                self.url = ready[1]
                return
        raise AssertionError(self.said)

    def stop(self) -> tuple[int, str]:
        """SIGTERM; the exit code, and all that was printed as an answer."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=20)
        self.said += err
        return self.process.returncode, out


@contextmanager
def started(*options: str) -> Iterator[Started]:
    made = Started(*options)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.communicate()


def test_it_decides_stops_and_leaves_on_record_what_it_answered(with_spam: Command) -> None:
    answered: list[str] = []
    with started() as it:
        assert it.process.stdout is not None
        key = it.process.stdout.readline().removeprefix("key ").strip()
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{it.url}/health/ready").json() == {"ready": True}
        assert httpx.get(f"{it.url}/v1/status", headers=headers).json()["state"] == "ok"
        first = {"id": "first", "text": SPAM, "actor": "account:42"}
        decided = httpx.post(f"{it.url}/v1/decisions", json=first, headers=headers).json()
        assert (decided["outcome"], decided["enforce"]) == ("violating", "label")

        def send(worker: int) -> None:
            with httpx.Client(base_url=it.url, headers=headers) as mine:
                for number in range(10_000):
                    id_ = f"w{worker}-{number}"
                    try:
                        answer = mine.post("/v1/decisions", json={"id": id_, "text": "good morning"})
                    except httpx.TransportError:
                        return
                    if answer.status_code != 200:
                        return
                    answered.append(id_)

        told = httpx.get(f"{it.url}/metrics", headers=headers).text
        assert "gatehouse_decisions_total" in told
        assert "gatehouse_judge_process_resident_memory_bytes" in told
        threads = [threading.Thread(target=send, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) < 40:
            assert it.process.poll() is None
        code, _ = it.stop()
        for thread in threads:
            thread.join(5)
    assert code == 0, it.said
    told = [json.loads(line) for line in it.said.splitlines()]
    assert [one["event"].split(" ")[0] for one in told if one["logger"] == "gatehouse.api"][-3:] == [
        "deciding",
        "ready:",
        "stopped",
    ]
    assert all(one["level"] == "info" and one["time"] for one in told), it.said
    house = open_house(read())
    for id_ in ("first", *answered):
        assert house.ledger.find(id_) is not None, id_
    assert (house.settings.home / "history.snapshot").exists()
    (deed, *_) = map(json.loads, (house.settings.home / "enforcements.jsonl").read_text().splitlines())
    assert deed["kind"] == "label"
    assert deed["notice"].startswith("Your post "), "whoever it is done to is told, and why"


def test_where_its_judge_is_killed_the_server_ends_and_says_so(with_spam: Command) -> None:
    with started() as it:
        (judge,) = (
            child
            for child in psutil.Process(it.process.pid).children()
            if "resource_tracker" not in str(child.cmdline())
        )
        judge.kill()
        _, said = it.process.communicate(timeout=30)
    assert it.process.returncode == 3
    assert "the judge's process ended by itself with -9" in said
    assert "start gatehouse serve again" in said


def test_only_the_first_start_makes_a_key_and_prints_it_once(
    with_spam: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []
    monkeypatch.setattr(
        server, "serve", lambda house, enforcing, access, decides, how, said: made.append((access, decides, how))
    )
    serve.main(["--json", "--no-perform", "--pack", "spam"], obj=read(), standalone_mode=False)
    said = json.loads(capsys.readouterr().out)
    access, decides, how = made[0]
    assert access.caller(said["key"], server.now()).scopes == frozenset(said["scopes"]) == frozenset(SCOPES)
    assert (decides.packs, how.performs, how.port) == (("spam",), False, 8080)
    serve.main([], obj=read(), standalone_mode=False)
    assert capsys.readouterr().out == ""


def test_what_keeps_it_from_serving_is_told(gatehouse: Command, with_spam: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OutsideError, match=f"cannot listen on 127.0.0.1:{port}: address already in use"):
            serve.main(["--port", str(port)], obj=read(), standalone_mode=False)
    with pytest.raises(UserError, match="no address is called 'no such host'"), server.listening("no such host", 0):
        pass
    with pytest.raises(UserError, match="nothing is live for hate"):
        serve.main(["--port", "0", "--pack", "hate"], obj=read(), standalone_mode=False)
