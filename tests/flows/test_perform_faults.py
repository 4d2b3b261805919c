"""Performers killed at any moment: nothing is lost, and no effect is repeated at a receiver that honours the key."""

import json
import multiprocessing
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.flows.performing import SmallHouse

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.outbox import SqlOutbox
from gatehouse.adapters.sql.standing import SqlStanding
from gatehouse.adapters.webhooks import Webhook, WebhookActuator, sign
from gatehouse.flows.perform import Performer, Terms
from gatehouse.flows.undo import Chosen, undo

pytestmark = pytest.mark.faults

FORK = multiprocessing.get_context("fork")
SECRET = b"sixteen bytes or more"
KILLS = 20


class Platform(ThreadingHTTPServer):
    """A platform's server that checks signatures, honours the key, and counts effects and deliveries."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.effects: Counter[str] = Counter()
        self.deliveries: Counter[str] = Counter()
        self.order: list[tuple[str, str]] = []
        self.forged = 0


class _Handler(BaseHTTPRequestHandler):
    server: Platform

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key, at = self.headers["webhook-id"], int(self.headers["webhook-timestamp"])
        message = json.loads(body)
        with self.server.lock:
            self.server.forged += self.headers["webhook-signature"] != sign(SECRET, key, at, body)
            self.server.deliveries[key] += 1
            if self.server.deliveries[key] == 1:
                self.server.effects[message["data"]["id"]] += 1
                self.server.order.append((message["data"]["subject"], message["type"]))
        time.sleep(random.random() / 200)
        try:
            self.send_response(204)
            self.end_headers()
        except OSError:
            pass  # the performer was killed

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def platform() -> Iterator[Platform]:
    server = Platform()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def perform(path: Path, port: int, name: str) -> None:
    """Perform until killed, with leases short enough that the next one need not wait long."""
    database = Database(path)
    webhook = Webhook(f"http://127.0.0.1:{port}/enforcements", SECRET, private=True)
    terms = Terms(most=8, threads=4, lease=400_000, tries=1000, first=10_000, longest=50_000)
    performer = Performer(
        name,
        SqlOutbox(database),
        SqlStanding(database),
        WebhookActuator(webhook),
        lambda *_: None,
        lambda: time.time_ns() // 1000,
        terms=terms,
    )
    performer.run(threading.Event(), pause=0.02)


def _child(path: Path, port: int, name: str) -> None:
    try:
        perform(path, port, name)
    finally:
        os._exit(1)


def kill_at_random(house: SmallHouse, port: int, draw: random.Random) -> None:
    """Two performers at once, one of them killed again and again."""
    children = [FORK.Process(target=_child, args=(house.database.path, port, f"p{i}")) for i in range(2)]
    for child in children:
        child.start()
    for kill in range(KILLS):
        time.sleep(draw.uniform(0.02, 0.25))
        now = time.time_ns() // 1000
        house.decide(f"kill{kill}", decided=now)
        if kill % 5 == 0:
            undo(house.outbox, Chosen(decision_id=f"d-e{kill // 5}-0-0"), by="sam", why="a mistake", now=now)
        chosen = draw.randrange(2)
        assert children[chosen].pid is not None
        os.kill(children[chosen].pid, signal.SIGKILL)
        children[chosen].join()
        children[chosen] = FORK.Process(target=_child, args=(house.database.path, port, f"p{kill + 2}"))
        children[chosen].start()
    end = time.monotonic() + 20
    while house.outbox.waiting().planned and time.monotonic() < end:
        time.sleep(0.05)
    for child in children:
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_performers_killed_at_random_lose_nothing_and_repeat_no_effect(tmp_path: Path, platform: Platform) -> None:
    house = SmallHouse(tmp_path / "ledger.db")
    now = time.time_ns() // 1000
    for part in range(10):
        house.decide(*(f"e{part}-{i}" for i in range(40)), decided=now)
    house.database.close()
    kill_at_random(house, platform.server_port, random.Random(11))
    found = {one.id: one for one in house.outbox.find()}
    undone = {f"d-e{i}-0-0-remove" for i in range(KILLS // 5)}
    assert {id_ for id_, one in found.items() if one.state != "done"} == undone
    # What was dropped before anybody carried it out has no effect, and neither has its undo.
    done = {f"{id_}-undo" for id_ in undone if f"{id_}-undo" in found and id_ in platform.effects}
    wanted = {id_ for id_, one in found.items() if id_ not in undone and one.undoes is None}
    assert set(platform.effects) - undone == wanted | done
    assert len(wanted) == 400 + KILLS - len(undone)
    assert set(platform.effects.values()) == {1}
    assert set(Counter(platform.order).values()) == {1}
    assert platform.forged == 0
    assert [platform.order.count((f"event:e{i}-0", "enforcement.restore")) for i in range(KILLS // 5)] == [
        int(f"{id_}-undo" in done) for id_ in sorted(undone)
    ]
    house.database.close()
