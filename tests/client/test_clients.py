"""The client: what it sends, how long it insists, and what a refusal becomes."""

import asyncio
import json
import math
from collections.abc import Callable

import httpx
import msgspec
import pytest

from gatehouse.client import ApiError, AsyncClient, Client, calls
from gatehouse.client import clients as module
from gatehouse.errors import OutsideError, UserError
from gatehouse.flows.read_event import read_event
from gatehouse.records.api import DecisionAnswer, ListEntry
from gatehouse.records.event import Entity, Event

ANSWER = DecisionAnswer(
    event_id="a/ü 1",
    revision=0,
    decision_id="d",
    outcome="clear",
    enforce="none",
    policies=(),
    releases={},
    planned=(),
    decided=5,
    known=False,
)

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def waited_for(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(module.time, "sleep", waited.append)
    monkeypatch.setattr(module.asyncio, "sleep", wait)
    return waited


def client(answer: Handler) -> Client:
    return Client("http://gate", "gh_key", transport=httpx.MockTransport(answer))


def said(status: int, body: object, **headers: str) -> httpx.Response:
    return httpx.Response(status, content=msgspec.json.encode(body), headers=headers)


def test_an_event_is_sent_as_the_gate_reads_it() -> None:
    event = Event(
        id="e", text="ä", actor=Entity("account", "1"), attributes={"n": 2}, media=("md5:" + "0" * 32,), seen=7
    )
    sent: list[httpx.Request] = []
    client(lambda request: sent.append(request) or said(200, ANSWER)).decide(event)  # type: ignore[func-returns-value]
    assert read_event(sent[0].content, 0) == msgspec.structs.replace(event, seen=0)
    assert sent[0].headers["authorization"] == "Bearer gh_key"
    assert sent[0].headers["content-type"] == "application/json"


def test_a_name_is_one_part_of_a_path() -> None:
    paths: list[bytes] = []
    got = client(lambda request: paths.append(request.url.raw_path) or said(200, ANSWER)).decision("a/ü 1")  # type: ignore[func-returns-value]
    assert got == ANSWER
    assert paths == [b"/v1/decisions/a%2F%C3%BC%201"]


def test_a_long_list_goes_in_parts_and_comes_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_EVENTS", 2)

    def answer(request: httpx.Request) -> httpx.Response:
        ids = [one["id"] for one in json.loads(request.content)]
        assert len(ids) <= 2
        entries = [ListEntry(status=200, decision=msgspec.structs.replace(ANSWER, event_id=id_)) for id_ in ids]
        return said(200, entries)

    found = client(answer).decide_list([{"id": str(n)} for n in range(5)])
    assert [one.decision and one.decision.event_id for one in found] == ["0", "1", "2", "3", "4"]


def test_parts_of_a_list_are_no_larger_than_a_request_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_BYTES", 100)
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sizes.append(len(request.content))
        return said(200, [ListEntry(status=200) for _ in json.loads(request.content)])

    found = client(answer).decide_list([{"id": str(n), "text": "ä" * (200 if n == 2 else 10)} for n in range(6)])
    assert len(found) == 6
    assert [size > 101 for size in sizes] == [False, True, False, False]
    assert client(answer).decide_list([]) == []


def test_what_json_has_no_word_for_reaches_the_server_which_names_it() -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return said(200, [ListEntry(status=200), ListEntry(status=400)])

    events = [Event(id="e", attributes={"n": math.nan}), {"id": "f", "text": "\ud800"}]
    client(answer).decide_list(events)
    for one, where in zip(json.loads(sent[0]), ("attributes.n", "text"), strict=True):
        with pytest.raises(UserError) as refused:
            read_event(json.dumps(one).encode(), 0)
        assert [fault.where for fault in refused.value.faults] == [where]


@pytest.mark.parametrize(("name", "path"), [(".", b"%2E"), ("..", b"%2E%2E"), ("/", b"%2F"), ("a/../b", b"a%2F..%2Fb")])
def test_no_name_leads_to_another_path(name: str, path: bytes) -> None:
    paths: list[bytes] = []
    client(lambda request: paths.append(request.url.raw_path) or said(200, ANSWER)).decision(name)  # type: ignore[func-returns-value]
    assert paths == [b"/v1/decisions/" + path]


def test_a_key_from_a_file_may_end_with_a_line_break() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer gh_key"
        return said(200, ANSWER)

    assert Client("http://g", " gh_key\n", transport=httpx.MockTransport(answer)).decide({"id": "e"}) == ANSWER


@pytest.mark.parametrize("key", ["", "\n", "gh_kéy", "gh\nkey"])
def test_what_can_be_no_key_is_told_at_once_and_not_said_back(key: str) -> None:
    with pytest.raises(UserError, match="no key") as refused:
        Client("http://g", key)
    assert not key.strip() or key not in str(refused.value)


@pytest.mark.parametrize("url", ["", "gate:8080", "127.0.0.1:8080", "ftp://gate", "http://", "http://[::1"])
def test_what_is_no_address_is_told_at_once(url: str, waited_for: list[float]) -> None:
    with pytest.raises(UserError, match="no address of a server"):
        Client(url, "gh_key")
    assert waited_for == []


@pytest.mark.parametrize("asked", ["nan", "inf", "-1", "Mon, 23 Nov 2026 04:06:53 GMT", "x"])
def test_what_says_no_seconds_is_waited_for_as_if_it_said_nothing(asked: str, waited_for: list[float]) -> None:
    answers = [said(503, {"faults": []}, **{"Retry-After": asked}), said(200, ANSWER)]
    assert client(lambda _: answers.pop(0)).decide({"id": "e"}) == ANSWER
    assert 0.1 <= waited_for[0] <= 0.2


def test_a_key_is_not_made_twice_because_its_answer_was_lost() -> None:
    calls_: list[str] = []

    def lost(request: httpx.Request) -> httpx.Response:
        calls_.append(request.url.path)
        raise httpx.ReadTimeout("lost")

    with pytest.raises(OutsideError, match="it may have been done: look there before you send it again"):
        client(lost).post("/v1/keys", {"name": "site", "scopes": ["ingest"]})
    assert calls_ == ["/v1/keys"]
    with pytest.raises(ApiError):
        client(lambda _: calls_.append("") or said(504, {"faults": []})).post("/v1/keys", {})  # type: ignore[func-returns-value]
    answers = [said(429, {"faults": []}), said(200, {})]
    client(lambda _: answers.pop(0)).post("/v1/keys/k1/rotate", {})
    assert (calls_, answers) == (["/v1/keys", ""], [])


def test_both_clients_offer_the_same() -> None:
    def offered(one: type) -> set[str]:
        return {name for name in vars(one) if not name.startswith("_")} - {"close"}

    assert offered(Client) == offered(AsyncClient) - {"close"}


def test_a_refusal_brings_all_its_faults() -> None:
    faults = {"faults": [{"what": "is blank", "where": "id", "fix": "name it"}, {"what": "b", "where": "", "fix": ""}]}
    with pytest.raises(ApiError) as refused:
        client(lambda _: said(400, faults)).decide({"id": ""})
    assert refused.value.status == 400
    assert [one.what for one in refused.value.faults] == ["is blank", "b"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_patience_gets_it(status: int, waited_for: list[float]) -> None:
    answers = [said(status, {"faults": []}, **{"Retry-After": "3"}), said(200, ANSWER)]
    assert client(lambda _: answers.pop(0)).decide({"id": "e"}) == ANSWER
    assert waited_for == [3.0]


def test_after_the_last_try_the_refusal_is_told(waited_for: list[float]) -> None:
    fault = {"faults": [{"what": "the ledger is away", "where": "", "fix": ""}]}
    with pytest.raises(ApiError, match="the ledger is away"):
        client(lambda _: said(503, fault, **{"Retry-After": "9999"})).decide({"id": "e"})
    assert waited_for == [30.0] * 3


def test_a_cut_connection_is_tried_again_and_told_at_last() -> None:
    calls: list[int] = []

    def cut(request: httpx.Request) -> httpx.Response:
        calls.append(1)
        raise httpx.ReadError("cut")

    with pytest.raises(OutsideError, match="cannot be reached: ReadError"):
        client(cut).decide({"id": "e"})
    assert len(calls) == 4


@pytest.mark.parametrize("content", [b"<html>", b'{"other": 1}', b"\xff"])
def test_an_answer_of_something_else_says_so(content: bytes) -> None:
    with pytest.raises(OutsideError, match="something else than Gatehouse's API"):
        client(lambda _: httpx.Response(200, content=content)).decide({"id": "e"})


def test_the_key_is_in_no_error() -> None:
    with pytest.raises(OutsideError) as raised:
        client(lambda _: httpx.Response(200, content=b"x")).decide({"id": "e"})
    assert "gh_key" not in str(raised.value)
    assert "gh_key" not in repr(vars(client(lambda _: said(200, ANSWER)))["_terms"])


def test_the_one_that_does_not_block_does_the_same() -> None:
    answers = [said(503, {"faults": []}), said(200, ANSWER)]

    async def ask() -> DecisionAnswer:
        async with AsyncClient("http://g", "k", transport=httpx.MockTransport(lambda _: answers.pop(0))) as gate:
            return await gate.decide({"id": "e"})

    assert asyncio.run(ask()) == ANSWER
    assert answers == []
