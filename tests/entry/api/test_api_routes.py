"""Every route: who may use it, what it says when it cannot answer, and that no content goes where it should not."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from litestar import get
from tests.entry.api.conftest import Api, as_caller, serving

from gatehouse.bootstrap.erasing import erase_everywhere
from gatehouse.entry.api.app import ROUTES, create_app
from gatehouse.entry.api.parts import Parts
from gatehouse.errors import OutsideError
from gatehouse.flows.health import Check, Health
from gatehouse.flows.live import Answer
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.observe import Tally
from gatehouse.ports.ledger import Judged
from gatehouse.records.access import SCOPES
from gatehouse.records.decision import Decision
from gatehouse.records.enforcement import StateChange
from gatehouse.records.event import Entity, Event
from gatehouse.testing.memory import MemoryLedger

SECRET = "meet me behind the old mill"
EVENT = {"id": "r1", "text": SECRET, "actor": "account:7", "attributes": {"plan": "free"}, "occurred": 1_000_000}

OURS = [
    ("POST", "/v1/decisions", "ingest"),
    ("GET", "/v1/decisions/r1", "ingest"),
    ("GET", "/v1/events/r1", "read"),
    ("GET", "/v1/policies", "read"),
    ("GET", "/v1/policies/spam", "read"),
    ("GET", "/v1/releases", "read"),
    ("GET", "/v1/status", "read"),
    ("GET", "/health", "open"),
    ("GET", "/health/ready", "open"),
    ("GET", "/openapi.json", "open"),
]


def ask(api: Api, method: str, path: str, headers: dict[str, str] | None = None) -> Any:
    return api.client.request(method, path, json=EVENT if method == "POST" else None, headers=headers)


@pytest.mark.parametrize(("method", "path", "scope"), OURS)
def test_each_route_answers_its_scope_and_no_other(api: Api, method: str, path: str, scope: str) -> None:
    ask(api, "POST", "/v1/decisions")
    without = ask(api, method, path, {"Authorization": ""})
    assert without.status_code == (200 if scope == "open" else 401)
    for other in SCOPES:
        answer = ask(api, method, path, as_caller(api.keys[other]))
        assert answer.status_code == (200 if scope in ("open", other) else 403), (other, answer.text)


def operations() -> list[tuple[str, str, str]]:
    """Method, a path and the scope of all that there is."""
    return [
        (str(method), re.sub(r"{\w+:\w+}", "nobody", path), route.opt["scope"])
        for route in ROUTES
        for path in route.paths
        for method in sorted(route.http_methods)
    ]


@pytest.mark.parametrize(("method", "path", "scope"), operations())
def test_every_route_there_is_wants_its_scope_before_it_looks_at_anything_else(
    api: Api, method: str, path: str, scope: str
) -> None:
    def status(headers: dict[str, str]) -> int:
        return api.client.request(method, path, content=b"{", headers=headers).status_code

    if scope == "open":
        assert status({"Authorization": ""}) == 200
        return
    assert status({"Authorization": ""}) == 401
    assert {other: status(as_caller(api.keys[other])) for other in SCOPES if other != scope} == {
        other: 403 for other in SCOPES if other != scope
    }
    assert status(as_caller(api.keys[scope])) in (200, 400, 404, 415)


def test_a_route_that_names_no_scope_keeps_the_api_from_starting(api: Api) -> None:
    @get("/v1/forgotten", sync_to_thread=False)
    def forgotten() -> str:
        return ""

    with pytest.raises(ValueError, match=r"the route \['/v1/forgotten'\] names no scope"):
        create_app(api.parts, [*ROUTES, forgotten])


def test_only_health_and_the_description_of_the_api_are_open() -> None:
    opened = {path for route in ROUTES for path in route.paths if route.opt["scope"] == "open"}
    assert opened == {"/health", "/health/ready"}


def test_paths_and_methods_that_are_not_there_are_told_in_the_same_form(api: Api) -> None:
    unknown = api.client.get("/v2/decisions")
    assert unknown.status_code == 404
    assert unknown.json() == {
        "faults": [{"what": "there is no /v2/decisions", "where": "", "fix": "see /openapi.json"}]
    }
    other = api.client.put("/v1/decisions", json={})
    assert (other.status_code, "POST" in other.headers["Allow"]) == (405, True)
    assert other.json()["faults"][0]["what"] == "PUT is not for /v1/decisions"


def test_head_is_answered_as_get_without_the_body(api: Api) -> None:
    for path, key, status in (
        ("/health", "", 200),
        ("/v1/policies/spam", api.keys["read"], 200),
        ("/v1/policies/none", api.keys["read"], 404),
        ("/v1/policies/spam", api.keys["ingest"], 403),
        ("/v1/decisions", api.keys["ingest"], 405),
    ):
        headers = as_caller(key) if key else {"Authorization": ""}
        head, got = api.client.head(path, headers=headers), api.client.get(path, headers=headers)
        assert (head.status_code, head.content) == (status, b"")
        assert head.headers["Content-Length"] == got.headers["Content-Length"]


@pytest.mark.parametrize("id_", ["https://example.org/a?b#c", "/", "a%2Fb", "ü/ 1", "a/marks/b"])
def test_an_entity_is_found_by_any_id(api: Api, id_: str) -> None:
    path = f"/v1/entities/{quote(f'url:{id_}', safe='')}"
    put = api.client.post(f"{path}/marks", json={"name": "seen ü", "why": "test"})
    assert (put.status_code, put.json()["entity"]) == (200, f"url:{id_}"), put.text
    said = api.client.get(path).json()
    assert (said["entity"], [mark["name"] for mark in said["marks"]]) == (f"url:{id_}", ["seen ü"])
    assert api.client.delete(f"{path}/marks/seen%20%C3%BC").status_code == 204
    assert api.client.get(path).json()["marks"] == []
    assert api.client.post(f"{path}/erase", json={"why": "test"}).json()["entity"] == f"url:{id_}"


def test_a_misspelt_name_in_a_query_of_cases_is_named(api: Api) -> None:
    answer = api.client.get("/v1/cases?stat=closed")
    assert (answer.status_code, answer.json()["faults"][0]["fix"]) == (400, "did you mean 'state'?")


def test_an_event_is_shown_whole_to_readers_and_that_is_recorded(api: Api) -> None:
    ask(api, "POST", "/v1/decisions")
    reader = as_caller(api.keys["read"])
    said = ask(api, "GET", "/v1/events/r1", reader).json()
    assert (said["event"]["text"], said["event"]["actor"]) == (SECRET, "account:7")
    assert (said["event"]["attributes"], said["event"]["occurred"]) == ({"plan": "free"}, 1_000_000)
    assert said["features"]["word_count"] == 6
    assert {signal["detector"] for signal in said["signals"]} >= {"spam.linear", "spam.rules"}
    assert said["decision"]["event_id"] == "r1"
    assert (said["enforcements"], said["cases"]) == ([], [])
    assert ask(api, "GET", "/v1/events/none", reader).status_code == 404
    api.parts.access.flush()
    reads = api.parts.access.reads.find(which="r1")
    assert (reads[0].by, reads[0].what) == ("read", "event")
    assert not api.parts.access.reads.find(which="none")
    assert SECRET not in ask(api, "GET", "/v1/decisions/r1").text


def test_policies_are_told_in_words_with_what_their_points_rest_on(api: Api) -> None:
    (summary,) = api.client.get("/v1/policies").json()
    assert summary["name"] == "spam"
    assert summary["release"] == api.parts.judge().releases["spam"]
    said = api.client.get("/v1/policies/spam").json()
    assert summary.items() <= said.items()
    assert {"id", "title", "text"} == set(said["clauses"][0])
    steps = {step["name"]: step for step in said["steps"]}
    assert steps["spam_pattern"]["point"] is None
    assert steps["spam_pattern"]["then"] == "labelled and a person looks"
    point = steps["certain_spam"]["point"]
    assert (point["n"], point["threshold"], point["provisional"]) == (4, None, True)
    assert point["words"].startswith("precision at least 95 %: cannot be promised on 4 labelled rows")
    missing = api.client.get("/v1/policies/spma")
    assert (missing.status_code, missing.json()["faults"][0]["fix"]) == (404, "did you mean 'spam'?")
    (release,) = api.client.get("/v1/releases").json()
    assert (release["pack"], release["state"], release["version"]) == ("spam", "live", summary["release"])


def broken_health() -> Health:
    return Health(
        state="broken", checks=(Check(name="ledger", state="broken", what="cannot be written", mend="doctor"),)
    )


def test_readiness_names_no_detail_without_a_key(parts_and_tally: tuple[Parts, Tally]) -> None:
    parts, tally = parts_and_tally
    with serving(replace(parts, ready=broken_health), tally) as api:
        unready = api.client.get("/health/ready", headers={"Authorization": ""})
        assert (unready.status_code, unready.headers["Retry-After"]) == (503, "5")
        assert "ledger" not in unready.text
        assert api.client.get("/health").json() == {"alive": True}
        assert api.client.get("/v1/status").json()["checks"][0]["what"] == "cannot be written"
    with serving(parts, tally) as api:
        assert api.client.get("/health/ready").json() == {"ready": True}
        assert api.client.get("/v1/status").json()["state"] == "ok"


def test_a_fault_of_our_own_tells_neither_content_nor_where(
    parts_and_tally: tuple[Parts, Tally], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(events: Sequence[Event]) -> list[Answer]:
        raise KeyError(events[0].text)

    parts, tally = parts_and_tally
    with serving(parts, tally, broken) as api:
        answer = ask(api, "POST", "/v1/decisions")
    assert answer.status_code == 500
    assert [fault["what"] for fault in answer.json()["faults"]] == ["a fault of Gatehouse itself (KeyError)"]
    assert SECRET not in answer.text + caplog.text
    assert "KeyError at api/test_api_routes.py:" in caplog.text


class Down(MemoryLedger):
    """A ledger that can be read, and not written."""

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        raise OutsideError("the disk is full", where="/var/lib/gatehouse/ledger.sqlite", fix="make room")


def test_with_the_ledger_down_nothing_is_decided_and_all_are_told_when_to_come_again(
    parts_and_tally: tuple[Parts, Tally],
) -> None:
    parts, tally = parts_and_tally
    ledger = Down()
    gate = LiveGate(parts.judge(), ledger, None, parts.clock)
    with serving(parts, tally, gate.decide) as api:
        one = ask(api, "POST", "/v1/decisions")
        several = api.client.post("/v1/decisions", json=[{"id": "s1"}, {"idd": "s2"}])
    for answer in (one, several):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        (fault,) = answer.json()["faults"]
        assert fault == {"what": "the disk is full", "where": "", "fix": "send it again; nothing is decided twice"}
    assert ledger.last() == 0
    assert parts.house.ledger.find("s1") is None
    assert not parts.enforcing.outbox.find(ids=["s1"])


def test_what_was_done_since_is_told_to_whoever_sends_an_event_again(api: Api) -> None:
    event = {"id": "done", "text": "win a free prize now, call 0800 000 000 to claim it"}
    first = api.client.post("/v1/decisions", json=event).json()
    (deed,) = first["planned"]
    assert deed["state"] == "planned"
    change = StateChange(enforcement_id=deed["id"], state="undone", at=api.parts.clock(), by="test")
    assert api.parts.enforcing.outbox.move(change, ["planned"])
    again = api.client.post("/v1/decisions", json=[event]).json()[0]["decision"]
    assert ([one["state"] for one in again["planned"]], again["known"]) == (["undone"], True)
    found = api.client.get("/v1/decisions/done").json()
    assert [one["state"] for one in found["planned"]] == ["undone"]


def test_who_looked_just_before_an_erasure_leaves_no_name_behind(api: Api) -> None:
    on_record: list[int] = []
    access, name = api.parts.access, "account:looked-at"

    def erase(entity: Entity, by: str, why: str) -> Mapping[str, int]:
        on_record.append(len(access.looked(which=name)))
        return api.parts.erase(entity, by, why)

    with serving(replace(api.parts, erase=erase), Tally()) as served:
        assert served.client.get(f"/v1/entities/{name}").status_code == 200
        answer = served.client.post(f"/v1/entities/{name}/erase", json={"why": "asked for it"})
    assert (answer.status_code, on_record) == (200, [1]), answer.text
    access.flush()
    assert access.looked(which=name) == []


def test_nothing_is_erased_where_it_cannot_be_recorded_who_looked(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def down() -> None:
        raise OutsideError("the disk is full", where="/srv/ledger.sqlite")

    monkeypatch.setattr(api.parts.access, "flush", down)
    event = {"id": "to-stay", "text": "words", "actor": "account:stays"}
    assert api.client.post("/v1/decisions", json=event).status_code == 200
    answer = api.client.post("/v1/entities/account:stays/erase", json={"why": "asked for it"})
    assert (answer.status_code, "/srv" in answer.text) == (503, False), answer.text
    assert "account:stays" in api.client.get("/v1/events/to-stay").text


MENDED_BY_OTHERS = "whoever keeps the server must mend it, as its log says; then send it again"


def test_an_erasure_that_a_broken_file_of_the_server_stops_is_no_fault_of_the_caller(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    file = api.parts.house.settings.home / "actuators.yaml"
    file.write_text("actuators: [")
    try:
        answer = api.client.post("/v1/entities/account:anybody/erase", json={"why": "asked for it"})
    finally:
        file.unlink()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert answer.json()["faults"] == [{"what": "the actuators cannot be read", "where": "", "fix": MENDED_BY_OTHERS}]
    (line,) = [one.getMessage() for one in caplog.records if one.name == "gatehouse.api"]
    assert line.startswith(f"nothing can be erased: {file}: the actuators cannot be read\n")
    assert line.endswith("mend it: gatehouse doctor says what is wrong")


def test_an_erasure_that_cannot_ask_redis_as_it_is_named_is_no_fault_of_the_caller(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("redis", reason="redis is not installed: pip install 'gatehouse[redis]'")
    house = replace(api.parts.house, settings=replace(api.parts.house.settings, redis="nonsense"))

    def erase(entity: Entity, by: str, why: str) -> Mapping[str, int]:
        return erase_everywhere(house, entity, by=by, why=why, at=api.parts.clock()).counts()

    with serving(replace(api.parts, erase=erase), Tally()) as served:
        answer = served.client.post("/v1/entities/account:anybody/erase", json={"why": "asked for it"})
        theirs = served.client.post("/v1/entities/account:anybody/erase", json={})
    assert (answer.status_code, theirs.status_code) == (503, 400), answer.text
    assert answer.json()["faults"] == [
        {"what": "the address of Redis cannot be read", "where": "", "fix": MENDED_BY_OTHERS}
    ]
    (line,) = [one.getMessage() for one in caplog.records if one.name == "gatehouse.api"]
    assert "write redis://HOST:PORT/NUMBER" in line


def test_an_entity_is_erased_by_whom_and_why_and_what_it_said_is_gone(api: Api) -> None:
    event = {"id": "to-forget", "text": "words of somebody", "actor": "account:forgotten"}
    assert api.client.post("/v1/decisions", json=event).status_code == 200
    path = "/v1/entities/account:forgotten/erase"
    assert api.client.post(path, json={"why": "asked"}, headers=as_caller(api.keys["review"])).status_code == 403
    answer = api.client.post(path, json={"why": "asked for it"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["entity"] == "account:forgotten"
    assert sum(answer.json()["erased"].values()) > 0
    after = api.client.get("/v1/events/to-forget")
    assert "words of somebody" not in after.text
    assert "account:forgotten" not in after.text
    assert api.client.post("/v1/decisions", json=event).json()["known"]
