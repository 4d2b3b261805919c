"""Webhooks against a real local server: what is sent, what answers mean, and whom it never speaks to."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
import pytest

from gatehouse.adapters import webhooks
from gatehouse.adapters.webhooks import Webhook, WebhookActuator, is_public, secret_of, sign
from gatehouse.enforcement.undo import undoing
from gatehouse.errors import RefusedError, UserError
from gatehouse.ports.actuator import NotDoneError
from gatehouse.records.enforcement import Told
from gatehouse.testing.makers import make_event
from gatehouse.testing.outbox_contract import make_enforcement

SECRET = b"sixteen bytes or more"


class Server(HTTPServer):
    """Answers as it is told to, and keeps what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""
        self.drip = 0.0


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, dict(self.headers), body))
        if self.server.drip:
            try:
                for byte in b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20:
                    self.wfile.write(bytes([byte]))
                    time.sleep(self.server.drip)
            except OSError:
                return
        self.send_response(self.server.status)
        for name, value in {"Content-Length": str(len(self.server.body)), **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


Make = Callable[..., WebhookActuator]


@pytest.fixture
def actuator(server: Server) -> Make:
    def make(path: str = "/hook", **said: Any) -> WebhookActuator:
        content = said.pop("content", None)
        known = {"private": True, "timeout": 5.0, **said}
        webhook = Webhook(f"http://127.0.0.1:{server.server_port}{path}", SECRET, **known)
        return WebhookActuator(webhook, clock=lambda: 1_700_000_000.5, content=content)

    return make


def test_an_enforcement_is_sent_signed_with_its_key_and_without_content(server: Server, actuator: Make) -> None:
    deed = make_enforcement("n1", subject="event:e1", until=5)
    assert actuator("/hook?tenant=7").act(deed, "n1") == "HTTP 200"
    ((path, headers, body),) = server.came
    assert path == "/hook?tenant=7"
    assert headers["Idempotency-Key"] == headers["webhook-id"] == "n1"
    assert headers["webhook-timestamp"] == "1700000000"
    assert headers["webhook-signature"] == sign(SECRET, "n1", 1_700_000_000, body)
    assert json.loads(body) == {
        "type": "enforcement.remove",
        "timestamp": 1_700_000_000,
        "data": {
            "id": "n1",
            "decision_id": "d-e1-0",
            "event_id": "e1",
            "policy": "spam",
            "kind": "remove",
            "policy_version": "p1",
            "subject": "event:e1",
            "step": None,
            "until": 5,
            "undoes": None,
            "follows": None,
        },
    }


def test_the_signature_is_the_one_of_the_standard() -> None:
    # The example of the published specification of Standard Webhooks.
    secret = secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    said = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert secret_of("plain") == b"plain"
    with pytest.raises(UserError, match="is not base64"):
        secret_of("whsec_?")


def test_content_is_sent_where_it_is_asked_for(server: Server, actuator: Make) -> None:
    actuator(content=lambda id: make_event(id, "words")).act(make_enforcement(), "n1")
    assert json.loads(server.came[0][2])["event"]["text"] == "words"
    actuator(content=lambda id: None).act(make_enforcement(), "n1")
    assert "event" not in json.loads(server.came[1][2])


def test_what_is_to_be_told_is_sent_with_it(server: Server, actuator: Make) -> None:
    told = Told(**msgspec.structs.asdict(make_enforcement("n1")), notice="Your post e1: it was removed.")
    actuator().act(told, "n1")
    assert json.loads(server.came[0][2])["data"]["notice"] == "Your post e1: it was removed."


def test_what_takes_back_says_so(server: Server, actuator: Make) -> None:
    actuator().act(undoing(make_enforcement("n1")), "n1-undo")
    message = json.loads(server.came[0][2])
    assert (message["type"], message["data"]["undoes"]) == ("enforcement.restore", "n1")


def test_the_receipt_of_the_answer_is_kept(server: Server, actuator: Make) -> None:
    for body, receipt in (
        (b'{"receipt": "r-7", "more": 1}', "r-7"),
        (b"{", "HTTP 200"),
        (b"[1]", "HTTP 200"),
        (b"\xff", "HTTP 200"),
        (b'{"receipt": ""}', "HTTP 200"),
    ):
        server.body = body
        assert actuator().act(make_enforcement(), "n1") == receipt


@pytest.mark.parametrize("status", [401, 403, 408, 409, 425, 429, 500, 503])
def test_what_may_be_taken_later_is_tried_again(server: Server, actuator: Make, status: int) -> None:
    server.status = status
    with pytest.raises(NotDoneError, match=f"answered {status}\n    → it is tried again by itself") as caught:
        actuator().act(make_enforcement(), "n1")
    assert caught.value.after is None


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_what_the_server_never_takes_has_failed(server: Server, actuator: Make, status: int) -> None:
    server.status = status
    with pytest.raises(RefusedError, match=f"http://127.0.0.1/hook: answered {status}"):
        actuator("/hook?token=hidden").act(make_enforcement(), "n1")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120.0), ("Tue, 14 Nov 2023 22:14:20 GMT", 59.5), ("Mon, 13 Nov 2023 22:14:20 GMT", 0.0), ("soon", None)],
)
def test_retry_after_is_honoured(server: Server, actuator: Make, said: str, seconds: float | None) -> None:
    server.status, server.headers = 503, {"Retry-After": said}
    with pytest.raises(NotDoneError) as caught:
        actuator().act(make_enforcement(), "n1")
    assert caught.value.after == seconds


def test_a_redirect_is_not_followed(server: Server, actuator: Make) -> None:
    server.status, server.headers = 302, {"Location": "/elsewhere"}
    with pytest.raises(NotDoneError, match="answered 302: redirects are not followed"):
        actuator().act(make_enforcement(), "n1")
    assert [path for path, _, _ in server.came] == ["/hook"]


def test_an_answer_that_drips_is_cut_off(server: Server, actuator: Make) -> None:
    server.drip = 0.05
    start = time.monotonic()
    with pytest.raises(NotDoneError, match="no answer"):
        actuator(timeout=0.3).act(make_enforcement(), "n1")
    assert time.monotonic() - start < 2


def test_nobody_there_is_told_as_not_done() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    webhook = Webhook(f"http://127.0.0.1:{port}/", SECRET, private=True)
    with pytest.raises(NotDoneError, match="no answer \\(ConnectionRefusedError\\)"):
        WebhookActuator(webhook).act(make_enforcement(), "n1")


def test_a_name_that_leads_to_a_private_address_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = []

    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        lookups.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.server_port))]

    monkeypatch.setattr(webhooks.socket, "getaddrinfo", lookup)
    webhook = Webhook("https://hooks.example/in", SECRET)
    with pytest.raises(NotDoneError) as caught:
        WebhookActuator(webhook).act(make_enforcement(), "n1")
    assert str(caught.value) == (
        "https://hooks.example/in: hooks.example leads to addresses that are not of the public internet\n"
        "    → allow private addresses for this webhook if that is meant"
    )
    assert (lookups, server.came) == (["hooks.example"], [])


def test_a_name_that_changes_its_address_is_looked_up_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was checked is the one that is connected to."""
    answers = [("192.0.2.1", 9), ("127.0.0.1", server.server_port)]

    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", answers.pop(0))]

    monkeypatch.setattr(webhooks.socket, "getaddrinfo", lookup)
    monkeypatch.setattr(webhooks, "is_public", lambda address: address == "192.0.2.1")
    connected = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, to: connected.append(to[0]) or self.close())
    with pytest.raises(NotDoneError):
        WebhookActuator(Webhook("https://hooks.example/in", SECRET)).act(make_enforcement(), "n1")
    assert connected == ["192.0.2.1"]
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.1.2.3", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("::7f00:1", False),
        ("::ffff:0:7f00:1", False),
        ("64:ff9b:1::a00:1", False),
        ("64:ff9b::808:808", True),
        ("fec0::1", False),
        ("3fff::1", False),
        ("192.0.0.8", False),
        ("255.255.255.255", False),
    ],
)
def test_addresses_that_are_not_public_are_known(address: str, public: bool) -> None:
    assert is_public(address) == public


@pytest.mark.parametrize(
    ("url", "said", "what"),
    [
        ("hooks.example/in", {}, "needs a whole address"),
        ("ftp://hooks.example/in", {}, "needs a whole address"),
        ("https://hooks.example:99999/in", {}, "needs a whole address"),
        ("https://hooks.example:0/in", {}, "needs a whole address"),
        ("https://[::1/in", {}, "needs a whole address"),
        ("https://hooks.example/a b", {}, "needs a whole address"),
        ("https://hooks.example/\u00e9", {}, "needs a whole address"),
        ("https://me:secret@hooks.example/in", {}, "holds a password"),
        ("https://other.example/in", {"hosts": frozenset({"hooks.example"})}, "no allowed host\n    → allowed: hooks"),
        ("http://hooks.example/in", {}, "goes over https"),
    ],
)
def test_addresses_that_may_not_be_spoken_to_are_told_when_they_are_read(
    url: str, said: dict[str, Any], what: str
) -> None:
    with pytest.raises(UserError, match=what) as caught:
        Webhook(url, SECRET, **said)
    assert "secret@" not in str(caught.value)


def test_hosts_are_the_same_in_capitals() -> None:
    Webhook("https://Hooks.example/in", SECRET, hosts=frozenset({"hooks.EXAMPLE"}))


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]"])
def test_odd_ways_to_write_this_machine_lead_nowhere(server: Server, host: str) -> None:
    with pytest.raises(NotDoneError, match=r"not of the public internet|no answer"):
        WebhookActuator(Webhook(f"https://{host}:{server.server_port}/", SECRET)).act(make_enforcement(), "n1")
    assert server.came == []


def test_a_name_server_that_hangs_is_waited_for_no_longer_than_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    monkeypatch.setattr(webhooks.socket, "getaddrinfo", lambda *_, **__: hangs.wait(10))
    start = time.monotonic()
    with pytest.raises(NotDoneError, match=r"hooks.example could not be looked up in time"):
        WebhookActuator(Webhook("https://hooks.example/in", SECRET, timeout=0.2)).act(make_enforcement(), "n1")
    assert time.monotonic() - start < 2
    hangs.set()


def test_a_secret_is_long_and_never_shown() -> None:
    with pytest.raises(UserError, match="shorter than 16 bytes\n    → openssl rand -hex 32"):
        Webhook("https://hooks.example/in", b"short")
    assert "sixteen" not in repr(Webhook("https://hooks.example/in", SECRET))
