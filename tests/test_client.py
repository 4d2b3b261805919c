"""The client: what it sends, how long it insists, and what a refusal becomes."""

import asyncio
import json
from collections.abc import Callable

import httpx
import msgspec
import pytest

from gatehouse import client as module
from gatehouse.client import ApiError, AsyncClient, Client
from gatehouse.errors import OutsideError
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
    monkeypatch.setattr(module, "MOST_EVENTS", 2)

    def answer(request: httpx.Request) -> httpx.Response:
        ids = [one["id"] for one in json.loads(request.content)]
        assert len(ids) <= 2
        entries = [ListEntry(status=200, decision=msgspec.structs.replace(ANSWER, event_id=id_)) for id_ in ids]
        return said(200, entries)

    found = client(answer).decide_list([{"id": str(n)} for n in range(5)])
    assert [one.decision and one.decision.event_id for one in found] == ["0", "1", "2", "3", "4"]


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


def test_the_one_that_does_not_block_does_the_same() -> None:
    answers = [said(503, {"faults": []}), said(200, ANSWER)]

    async def ask() -> DecisionAnswer:
        async with AsyncClient("http://g", "k", transport=httpx.MockTransport(lambda _: answers.pop(0))) as gate:
            return await gate.decide({"id": "e"})

    assert asyncio.run(ask()) == ANSWER
    assert answers == []
