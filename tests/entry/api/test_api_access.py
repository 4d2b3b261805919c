"""The door of the API: who is let in, who is not, and what each is told."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from litestar import Litestar, Request, get, post
from litestar.params import FromQuery
from litestar.testing import TestClient

from gatehouse.entry.api import access as door
from gatehouse.entry.api.access import authentication, too_many
from gatehouse.entry.api.errors import HANDLERS, AnswerError
from gatehouse.errors import OutsideError
from gatehouse.flows.access import Access, make_key, revoke_key
from gatehouse.records.access import Caller, Key, Scope
from gatehouse.testing.access_contract import MemoryKeys, MemoryReads
from gatehouse.testing.clock import Clock
from gatehouse.testing.makers import NOW


@get("/health", opt={"scope": "open"}, sync_to_thread=False)
def health() -> str:
    return "well"


@get("/read", opt={"scope": "read"}, sync_to_thread=False)
def read(request: Request[Caller, Any, Any]) -> str:
    return request.user.name


@get("/watch", opt={"scope": "read", "watches": True}, sync_to_thread=False)
def watch() -> str:
    return "seen"


@post("/many", opt={"scope": "ingest"}, sync_to_thread=False)
def many(request: Request[Caller, Any, Any], n: FromQuery[int]) -> str:
    if (wait := request.app.state.access.allow(request.user, n - 1)) is not None:
        raise too_many(request.user, wait)
    return "done"


@get("/unnamed", sync_to_thread=False)
def unnamed() -> str:
    return "shown"


class BreakableKeys(MemoryKeys):
    """Keys that can be down, or take their time."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.asked = 0
        self.slow: Event | None = None

    def usable(self, now: int) -> list[Key]:
        self.asked += 1
        if self.slow is not None:
            self.slow.wait(5)
        if self.down:
            raise OutsideError("the ledger is down", where="db1", fix="gatehouse doctor")
        return super().usable(now)


class Ticks:
    """Nanoseconds in a test's hand."""

    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def keys() -> BreakableKeys:
    return BreakableKeys()


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def access(keys: BreakableKeys, ticks: Ticks) -> Access:
    return Access(keys, MemoryReads(), Clock(NOW), ticks=ticks)


@pytest.fixture
def client(access: Access) -> Iterator[TestClient[Litestar]]:
    app = Litestar(
        [health, read, watch, many, unnamed],
        middleware=[authentication(access, Clock(NOW))],
        exception_handlers=HANDLERS,
        openapi_config=None,
        logging_config=None,
    )
    app.state.access = access
    with TestClient(app) as client:
        yield client


@pytest.fixture
def secret(keys: BreakableKeys) -> Callable[..., str]:
    def make(*scopes: Scope, **said: Any) -> str:
        return make_key(keys, "site", scopes or ("read",), now=NOW, by="sam", **said).secret

    return make


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_what_is_open_needs_no_key_and_asks_no_database(client: TestClient[Litestar], keys: BreakableKeys) -> None:
    assert client.get("/health").status_code == 200
    assert keys.asked == 0


def test_without_a_key_nothing_is_shown(client: TestClient[Litestar]) -> None:
    answer = client.get("/read")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {
        "faults": [
            {
                "what": "no key",
                "where": "",
                "fix": "send the header Authorization: Bearer KEY; gatehouse keys make NAME --scope SCOPE makes a key",
            }
        ]
    }


def test_a_key_with_the_scope_is_let_in_by_its_name(client: TestClient[Litestar], secret: Callable[..., str]) -> None:
    key = secret("read")
    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = client.get("/read", headers={"Authorization": f"{scheme} {key}"})
        assert (answer.status_code, answer.text) == (200, "site")


def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(
    client: TestClient[Litestar], keys: BreakableKeys, secret: Callable[..., str]
) -> None:
    good, expired, gone = secret(), secret(lasts=1), secret()
    revoke_key(keys, gone.split("_")[1], now=NOW, by="sam")
    stranger = make_key(MemoryKeys(), "x", ["read"], now=NOW, by="x").secret
    wrong: list[bytes] = [
        *(f"Bearer {key}".encode() for key in (expired, gone, stranger, good[:-1], f"{good}x", good.upper(), "x")),
        f"Basic {good}".encode(),
        f"Bearer {good} {good}".encode(),
        f"Bearer{good}".encode(),
        f"Bearer {good},".encode(),
        good.encode(),
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer gh_\xc3\xa9_\xff",
        b"Bearer x\r\nX-Injected: 1",
        b"Bearer \x00",
        f"Bearer {good}\0".encode(),
        f"Bearer\u00a0{good}".encode(),
        "Bearer gh_é".encode("latin-1"),
        b"Bearer " + b"x" * 100_000,
        f"Bearer {good}{' ' * 200}".encode(),
    ]
    answers = [client.get("/read", headers=[(b"authorization", value)]) for value in wrong]
    assert [answer.status_code for answer in answers] == [401] * len(wrong)
    assert len({answer.content for answer in answers}) == 1
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer error="invalid_token"'}
    assert not any("x-injected" in answer.headers for answer in answers)


def test_two_keys_are_none(client: TestClient[Litestar], secret: Callable[..., str]) -> None:
    value = f"Bearer {secret()}".encode()
    answer = client.get("/read", headers=[(b"authorization", value), (b"Authorization", value)])
    assert answer.status_code == 401
    assert client.get("/read", headers=[(b"authorization", value)]).status_code == 200


def test_a_key_in_the_query_or_a_cookie_is_no_key(client: TestClient[Litestar], secret: Callable[..., str]) -> None:
    key = secret()
    answer = client.get(
        "/read", params={"key": key}, headers={"Cookie": f"authorization=Bearer {key}", "X-Api-Key": key}
    )
    assert answer.status_code == 401


def test_a_key_without_the_scope_is_told_which(client: TestClient[Litestar], secret: Callable[..., str]) -> None:
    answer = client.get("/read", headers=bearer(secret("ingest", "review", "admin")))
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="read"'
    assert answer.json()["faults"] == [
        {
            "what": "the key 'site' has not the scope read",
            "where": "",
            "fix": "send a key with the scope read: gatehouse keys make NAME --scope read",
        }
    ]


def test_a_route_that_names_no_scope_wants_admin(client: TestClient[Litestar], secret: Callable[..., str]) -> None:
    key = bearer(secret("read"))
    assert client.get("/unnamed").status_code == 401
    assert client.get("/unnamed", headers=key).status_code == 403
    assert client.options("/read", headers=key).status_code == 403


def test_over_the_rate_is_answered_with_when_to_come_again(
    client: TestClient[Litestar], secret: Callable[..., str], ticks: Ticks
) -> None:
    key, other = bearer(secret("read", rate=2)), bearer(secret("read"))
    assert [client.get("/read", headers=key).status_code for _ in range(3)] == [200, 200, 429]
    answer = client.get("/read", headers=key)
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["faults"] == [
        {
            "what": "the key 'site' sends more than its rate",
            "where": "",
            "fix": "send it again in 1 s, and fewer a second; gatehouse keys list shows the rate",
        }
    ]
    assert client.get("/read", headers=other).status_code == 200
    ticks.now += 500_000_000
    assert [client.get("/read", headers=key).status_code for _ in range(2)] == [200, 429]


def test_a_list_counts_its_events_and_passes_when_it_comes_again_as_it_was_told(
    client: TestClient[Litestar], secret: Callable[..., str], ticks: Ticks
) -> None:
    key = bearer(secret("ingest", rate=1))

    def send(n: int) -> tuple[int, str | None]:
        answer = client.post("/many", params={"n": n}, headers=key)
        return answer.status_code, answer.headers.get("retry-after")

    assert send(3) == (201, None), "more than the bucket holds, when it is full"
    assert send(1) == (429, "3")
    assert send(9) == (429, "3")
    ticks.now += 2_500_000_000
    assert send(2) == (429, "1")
    ticks.now += 500_000_000
    assert send(2) == (201, None)
    assert send(0) == (429, "2")


def test_refused_requests_count_nothing_for_others_and_unknown_ones_no_bucket(
    client: TestClient[Litestar], secret: Callable[..., str]
) -> None:
    key = bearer(secret("read", rate=1))
    for _ in range(5):
        assert client.get("/unnamed", headers=key).status_code == 403
    assert client.get("/read", headers=key).status_code == 200


def test_while_keys_cannot_be_read_the_answer_is_503_with_when_to_come_again(
    client: TestClient[Litestar], secret: Callable[..., str], keys: BreakableKeys
) -> None:
    keys.down = True
    answer = client.get("/read", headers=bearer(secret()))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["faults"][0]["what"] == "the ledger is down"
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("hangs", [False, True])
def test_who_watches_is_told_by_the_keys_last_known_while_they_cannot_be_read(
    client: TestClient[Litestar],
    secret: Callable[..., str],
    keys: BreakableKeys,
    ticks: Ticks,
    monkeypatch: pytest.MonkeyPatch,
    hangs: bool,
) -> None:
    monkeypatch.setattr(door, "LONGEST_WAIT_SECONDS", 0.05)
    key, lacking = bearer(secret()), bearer(secret("ingest"))
    strange = bearer(make_key(MemoryKeys(), "x", ["read"], now=NOW, by="x").secret)
    assert client.get("/watch", headers=key).status_code == 200
    keys.down, keys.slow = True, Event() if hangs else None
    ticks.now += 3_600 * 10**9
    told = [
        client.get(path, headers=who).status_code for path in ("/watch", "/read") for who in (key, lacking, strange)
    ]
    assert told == [200, 403, 503, 503, 503, 503]
    ticks.now += 24 * 3_600 * 10**9
    assert client.get("/watch", headers=key).status_code == 503
    if keys.slow:
        keys.slow.set()


def test_a_key_revoked_here_watches_no_more_though_keys_cannot_be_read(
    client: TestClient[Litestar], access: Access, secret: Callable[..., str], keys: BreakableKeys
) -> None:
    key = secret()
    assert client.get("/watch", headers=bearer(key)).status_code == 200
    keys.down = True
    access.revoke(Caller(name="sam", key_id="x", scopes=frozenset()), key.split("_")[1])
    assert client.get("/watch", headers=bearer(key)).status_code == 503


def test_a_database_that_hangs_is_not_waited_for_long(
    client: TestClient[Litestar], secret: Callable[..., str], keys: BreakableKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "LONGEST_WAIT_SECONDS", 0.05)
    keys.slow = Event()
    key = bearer(secret())
    answer = client.get("/read", headers=key)
    assert (answer.status_code, answer.json()["faults"][0]["what"]) == (503, "the keys cannot be read in time")
    keys.slow.set()
    monkeypatch.undo()
    assert client.get("/read", headers=key).status_code == 200


def test_keys_are_read_again_behind_the_requests_and_nobody_waits(
    client: TestClient[Litestar], secret: Callable[..., str], keys: BreakableKeys, ticks: Ticks
) -> None:
    key = bearer(secret())
    assert client.get("/read", headers=key).status_code == 200
    keys.slow = Event()
    ticks.now += 3_000_000_000
    for _ in range(20):
        assert client.get("/read", headers=key).status_code == 200
    assert keys.asked == 2
    keys.slow.set()


def test_a_revoked_key_stops_within_five_seconds_of_requests_without_a_pause(
    client: TestClient[Litestar], secret: Callable[..., str], keys: BreakableKeys, ticks: Ticks
) -> None:
    sent = secret()
    assert client.get("/read", headers=bearer(sent)).status_code == 200
    revoke_key(keys, sent.split("_")[1], now=NOW, by="sam")
    ticks.now += 5_000_000_000
    assert client.get("/read", headers=bearer(sent)).status_code == 401


def test_no_answer_and_no_log_holds_a_key(
    client: TestClient[Litestar],
    secret: Callable[..., str],
    keys: BreakableKeys,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    ticks: Ticks,
) -> None:
    caplog.set_level(logging.DEBUG)
    sent = [secret(rate=1), secret("admin"), make_key(MemoryKeys(), "x", ["read"], now=NOW, by="x").secret]
    told = [client.get("/read", headers=bearer(key)) for key in sent * 3]
    keys.down = True
    ticks.now += 9_000_000_000
    told += [client.get("/read", headers=bearer(key)) for key in sent]
    assert {answer.status_code for answer in told} == {200, 401, 403, 429, 503}
    shown = "\n".join([str(caplog.records), caplog.text, *capfd.readouterr(), *(a.text for a in told)])
    shown += "\n".join(str(answer.headers) for answer in told)
    for key in sent:
        assert key.split("_")[2] not in shown


def test_a_web_socket_wants_a_key_too(access: Access) -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("let in")

    class Route:
        opt = {"scope": "read"}  # noqa: RUF012

    async def go() -> None:
        scope = {"type": "websocket", "headers": [], "route_handler": Route}
        await authentication(access, Clock(NOW))(app)(scope, None, sent.append)  # type: ignore[arg-type]

    with pytest.raises(AnswerError, match="no key"):
        asyncio.run(go())
    assert sent == []
