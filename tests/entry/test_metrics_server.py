"""The metrics of a worker: who may read them, and what others are answered."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest

from gatehouse.adapters.prometheus import PrometheusObserver
from gatehouse.adapters.sql.access import SqlKeys, SqlReads
from gatehouse.adapters.sql.engine import Database
from gatehouse.entry.cli.show import now
from gatehouse.entry.metrics_server import AT_ONCE, Address, Door, MetricsServer, address_of, door_of
from gatehouse.errors import OutsideError, UserError
from gatehouse.flows.access import Access, make_key
from gatehouse.flows.health import Check, Health
from gatehouse.records.access import Key, Scope
from gatehouse.testing.access_contract import MemoryKeys, MemoryReads

LOCAL = Address("127.0.0.1", 0)
CHECK = Check(name="ledger", state="ok", what="the ledger answers")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


def health(state: str = "ok") -> Health:
    return Health(state=state, checks=(CHECK,))  # type: ignore[arg-type]


@contextmanager
def served(door: Door = lambda _: None, state: str = "ok") -> Iterator[MetricsServer]:
    server = MetricsServer(LOCAL, PrometheusObserver(), lambda: health(state), door)
    try:
        yield server
    finally:
        server.close()


def ask(server: MetricsServer, path: str, key: str | None = None) -> Answer:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return Answer(answer.status, dict(answer.getheaders()), body)


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    database = Database(tmp_path_factory.mktemp("keys") / "ledger.db")
    yield Access(SqlKeys(database), SqlReads(database), now)
    database.close()


def secret(access: Access, *scopes: Scope) -> str:
    return make_key(access.keys, "x", scopes, now=now(), by="test").secret


def test_without_any_key_only_this_machine_is_told(access: Access) -> None:
    door_of(access, now, LOCAL)(None)
    for host in ("0.0.0.0", "::", "192.0.2.1", "metrics.example.com"):
        with pytest.raises(UserError, match="there is no key to ask them for") as told:
            door_of(access, now, Address(host, 9464))
        assert "gatehouse keys make metrics --scope read" in told.value.faults[0].fix


def test_with_keys_one_that_may_read_is_wanted_on_this_machine_too(access: Access) -> None:
    good, ingest = secret(access, "read"), secret(access, "ingest")
    with served(door_of(access, now, LOCAL)) as server:
        whole = ask(server, "/metrics", good)
        assert (whole.status, whole.headers["Content-Type"]) == (200, PrometheusObserver.content_type)
        assert "gatehouse_build_info" in whole.body
        refused = ask(server, "/metrics")
        assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "gatehouse_" not in refused.body
        assert ask(server, "/metrics", "gh_wrong").status == 401
        lacking = ask(server, "/metrics", ingest)
        assert (lacking.status, json.loads(lacking.body)["faults"][0]["what"]) == (
            403,
            "the key 'x' has not the scope read",
        )
        assert 'route="/metrics",status="200"} 1.0' in ask(server, "/metrics", good).body


def test_readiness_is_open_but_its_checks_are_for_keys(access: Access) -> None:
    good = secret(access, "read")
    # One that has read no keys before the new one.
    with served(door_of(Access(access.keys, access.reads, now), now, LOCAL), "broken") as server:
        assert ask(server, "/health") == Answer(200, ask(server, "/health").headers, '{"alive":true}')
        short = ask(server, "/health/ready")
        assert (short.status, short.body) == (503, '{"ready":false}')
        whole = ask(server, "/health/ready", good)
        assert (whole.status, json.loads(whole.body)["checks"][0]["what"]) == (503, "the ledger answers")
        assert ask(server, "/health/ready", "gh_wrong").status == 401
    with served(state="degraded") as server:
        assert ask(server, "/health/ready").status == 200


def test_a_worker_that_lost_its_ledger_still_tells_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 10**15, 10**12))
    keys = MemoryKeys()
    own = Access(keys, MemoryReads(), now, ticks=lambda: next(ticks))
    good = secret(own, "read")
    with served(door_of(own, now, LOCAL), "broken") as server:
        assert ask(server, "/metrics", good).status == 200

        def gone(_: int) -> list[Key]:
            raise OutsideError("the ledger is down")

        monkeypatch.setattr(keys, "usable", gone)
        assert ask(server, "/metrics", good).status == 200
        told = ask(server, "/health/ready", good)
        assert (told.status, json.loads(told.body)["state"]) == (503, "broken")
        assert ask(server, "/metrics", secret(own, "read")).status == 503


UNKNOWN = 'gatehouse_request_seconds_count{method="GET",route="unknown",status="404"} 20.0'


def test_what_is_not_there_is_one_route_in_the_metrics() -> None:
    with served() as server:
        for number in range(20):
            assert ask(server, f"/zebra{number}?x=zebra").status == 404
        end = time.monotonic() + 10
        # The last may be answered already and not be counted yet.
        while UNKNOWN not in (told := ask(server, "/metrics").body) and time.monotonic() < end:
            time.sleep(0.05)
    assert "zebra" not in told
    assert UNKNOWN in told


def test_clients_that_dawdle_keep_no_threads_and_others_are_answered_after_them(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gatehouse.entry.metrics_server._Handler.timeout", 0.3)
    with served() as server:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(AT_ONCE)]
        idle[0].sendall(b"GET /metrics HTTP/1.1\r\nX: zebra")
        time.sleep(0.1)
        more = socket.create_connection(("127.0.0.1", server.port))
        more.settimeout(5.0)
        assert more.recv(1) == b""
        time.sleep(0.5)
        assert ask(server, "/health").status == 200
        for one in (*idle, more):
            one.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "address", "loopback"),
    [
        ("127.0.0.1:9464", Address("127.0.0.1", 9464), True),
        ("[::1]:0", Address("::1", 0), True),
        ("localhost:80", Address("localhost", 80), True),
        ("0.0.0.0:80", Address("0.0.0.0", 80), False),
        ("worker-1:80", Address("worker-1", 80), False),
    ],
)
def test_addresses_are_read_and_those_of_this_machine_alone_are_known(
    text: str, address: Address, loopback: bool
) -> None:
    assert address_of(text) == address
    assert address.loopback == loopback


@pytest.mark.parametrize("text", ["", "9464", "host:", ":9464", "host:x", "host:70000"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is no address to listen at"):
        address_of(text)


def test_an_address_that_is_taken_is_told_with_the_next_step(tmp_path: Path) -> None:
    with served() as server, pytest.raises(OutsideError, match="cannot listen") as told:
        MetricsServer(Address("127.0.0.1", server.port), PrometheusObserver(), health, lambda _: None)
    assert "a free port" in told.value.faults[0].fix
