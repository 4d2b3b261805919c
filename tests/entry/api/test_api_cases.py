"""Reports, appeals, cases and entities over HTTP: answered with what became of them, or with every fault."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from litestar.testing import TestClient
from tests.entry.api.conftest import Api, as_caller

from gatehouse.entry.api import entities
from gatehouse.entry.api.app import create_app
from gatehouse.records.event import Entity

SPAM = "gatehouse canary text: known spam sample 1"


def decided(api: Api, id: str, text: str = "see you at lunch") -> dict[str, Any]:
    answer = api.client.post("/v1/decisions", json={"id": id, "text": text, "actor": f"account:{id}"})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def reported(api: Api, id: str, event_id: str, **said: Any) -> dict[str, Any]:
    known = {"id": id, "event_id": event_id, "reporter": f"account:by-{id}", "policy": "spam"}
    answer = api.client.post("/v1/reports", json={**known, **said})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def close(api: Api, case_id: str, key: str = "all", **said: Any) -> Any:
    body = {"value": "violating", "why": "looked", **said}
    return api.client.post(f"/v1/cases/{case_id}/close", json=body, headers=as_caller(api.keys[key]))


def test_a_report_is_closed_and_its_reporter_learns_of_it(api: Api) -> None:
    decided(api, "c1")
    report = reported(api, "c1/r 1", "c1")
    assert report == {"id": "c1/r 1", "event_id": "c1", "case_id": report["case_id"], "state": "open", "known": False}
    assert reported(api, "c1/r 1", "c1")["known"] is True
    answer = close(api, report["case_id"], step="certain_spam")
    assert answer.status_code == 200, answer.text
    whole = answer.json()
    assert (whole["state"], whole["closing"]["by"], whole["closing"]["finding"]) == ("closed", "all", "violating")
    assert whole["notice"].startswith("Your post c1: ")
    standing = api.client.get("/v1/decisions/c1").json()
    assert (standing["decision_id"], standing["outcome"]) == (whole["led_to"], "violating")
    assert api.client.get(f"/v1/reports/{quote('c1/r 1', safe='')}").json()["state"] == "upheld"
    record = api.client.get("/v1/entities/account:by-c1%2Fr%201")
    assert record.status_code in (200, 404), "an id with a slash is not in every path"


def test_an_appeal_is_overturned_by_somebody_else(api: Api) -> None:
    before = decided(api, "c2", SPAM)
    assert before["enforce"] == "remove"
    said = {"id": "c2-a", "event_id": "c2", "by": "account:c2", "statement": "it was a joke"}
    appeal = api.client.post("/v1/appeals", json=said).json()
    assert (appeal["state"], appeal["decision_id"]) == ("open", before["decision_id"])
    assert api.client.post("/v1/appeals", json={**said, "id": "c2-b"}).status_code == 409
    assert api.client.post("/v1/appeals", json={**said, "id": "c2-c", "by": "account:x"}).status_code == 403
    assert api.client.post("/v1/appeals", json={**said, "id": "c2-d", "event_id": "nowhere"}).status_code == 404
    assert close(api, appeal["case_id"], value="violating").status_code == 400
    assert close(api, appeal["case_id"], value="overturned", key="review").status_code == 200
    again = close(api, appeal["case_id"], value="upheld")
    assert again.status_code == 409
    assert again.json()["faults"][0]["what"] == "review closed the case already and found it overturned"
    after = api.client.get("/v1/appeals/c2-a").json()
    assert after["state"] == "overturned"
    assert "found that it was wrong" in after["notice"]
    assert api.client.get("/v1/decisions/c2").json()["outcome"] == "clear"


def test_the_queue_is_given_page_by_page(api: Api) -> None:
    ids = {reported(api, f"c3-{i}", decided(api, f"c3-{i}")["event_id"])["case_id"] for i in range(5)}
    found, after = [], ""
    while True:
        page = api.client.get("/v1/cases", params={"limit": 2, **({"after": after} if after else {})}).json()
        found += [case["id"] for case in page["cases"]]
        if not (after := page["after"]):
            break
    assert ids <= set(found)
    assert len(found) == len(set(found))
    assert api.client.get("/v1/cases?after=zz").status_code == 400
    assert api.client.get("/v1/cases?limit=0").status_code == 400
    assert api.client.get("/v1/cases?state=odd").status_code == 400
    assert {case["state"] for case in api.client.get("/v1/cases?state=closed").json()["cases"]} <= {"closed"}


def test_a_case_is_shown_and_that_somebody_looked_is_recorded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[tuple[str, str, str]] = []
    monkeypatch.setattr(api.parts.access, "read", lambda caller, what, which: looked.append((caller.name, what, which)))
    decided(api, "c4")
    case_id = reported(api, "c4-r", "c4", comment="they asked for money")["case_id"]
    whole = api.client.get(f"/v1/cases/{case_id}").json()
    assert (whole["reported"], whole["reports"][0]["comment"]) == (1, "they asked for money")
    assert looked == [("all", "case", case_id)]
    assert api.client.get("/v1/cases/none").status_code == 404
    assert close(api, "none").status_code == 404
    api.client.get("/v1/entities/c4")
    assert looked[-1] == ("all", "actor", "account:c4")


def test_a_report_of_an_unknown_event_waits(api: Api) -> None:
    assert reported(api, "c5-r", "c5")["state"] == "waiting"
    decided(api, "c5")
    api.client.get("/v1/cases")
    assert api.client.get("/v1/reports/c5-r").json()["state"] == "open"
    assert api.client.get("/v1/reports/none").status_code == 404
    assert api.client.get("/v1/appeals/none").status_code == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is empty"),
        (b"[]", "not an object"),
        (b'{"id": "x"', "not JSON"),
        (b'{"id": "\\u0000", "event_id": "\\ud800", "reporter": ":", "policy": "spum"}', "holds a NUL character"),
        (b"[" * 50_000, "nested too deep"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/reports", "/v1/appeals", "/v1/cases/x/close", "/v1/entities/a/marks"])
def test_what_cannot_be_read_is_answered_with_its_faults(api: Api, path: str, body: bytes, said: str) -> None:
    answer = api.client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    faults = answer.json()["faults"]
    if b"spum" not in body:
        assert said in faults[0]["what"]
    elif path == "/v1/reports":
        assert [fault["where"] for fault in faults] == ["id", "event_id", "reporter", "policy"]
    assert api.client.post(path, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_the_same_report_with_other_content_is_a_conflict(api: Api) -> None:
    decided(api, "c6")
    reported(api, "c6-r", "c6")
    body = {"id": "c6-r", "event_id": "c6", "reporter": "account:z", "policy": "spam"}
    answer = api.client.post("/v1/reports", json=body)
    assert (answer.status_code, answer.json()["faults"][0]["where"]) == (409, "id")


def test_marks_come_and_go_and_the_record_says_so(api: Api) -> None:
    path = "/v1/entities/account:c7"
    made = api.client.post(f"{path}/marks", json={"name": "press", "why": "known"})
    assert (made.status_code, made.json()["by"]) == (200, "all")
    record = api.client.get(path).json()
    assert [mark["name"] for mark in record["marks"]] == ["press"]
    assert record["reporter"] == {"upheld": 0, "rejected": 0, "reliability": 0.5}
    assert api.client.delete(f"{path}/marks/press").status_code == 204
    assert api.client.delete(f"{path}/marks/press").status_code == 404
    assert api.client.get(path).json()["marks"] == []
    assert api.client.get("/v1/entities/:").status_code == 400
    assert api.client.get("/v1/entities/a%00b").status_code == 400


def test_an_erasure_is_asked_for_with_who_and_why(api: Api) -> None:
    asked = []

    def erase(entity: Entity, by: str, why: str) -> dict[str, int]:
        asked.append((str(entity), by, why))
        return {"events": 2}

    parts = replace(api.parts)
    object.__setattr__(parts, "erase", erase)
    path = "/v1/entities/account:c8/erase"
    with TestClient(create_app(parts, [entities.erase])) as client:
        client.headers.update(as_caller(api.keys["admin"]))
        assert client.post(path, json={"why": " "}).status_code == 400
        answer = client.post(path, json={"why": "asked to"})
        assert (answer.status_code, answer.json()) == (200, {"entity": "account:c8", "erased": {"events": 2}})
        assert client.post(path, json={"why": "w"}, headers=as_caller(api.keys["review"])).status_code == 403
    assert asked == [("account:c8", "admin", "asked to")]


def test_each_scope_opens_its_own_doors(api: Api) -> None:
    doors = {
        ("GET", "/v1/cases"): "review",
        ("GET", "/v1/cases/x"): "review",
        ("POST", "/v1/cases/x/close"): "review",
        ("POST", "/v1/reports"): "ingest",
        ("POST", "/v1/appeals"): "ingest",
        ("GET", "/v1/appeals/x"): "ingest",
        ("GET", "/v1/entities/x"): "read",
        ("POST", "/v1/entities/x/marks"): "review",
        ("DELETE", "/v1/entities/x/marks/y"): "review",
    }
    for (method, path), scope in doors.items():
        for name in ("ingest", "read", "review", "admin"):
            refused = api.client.request(method, path, headers=as_caller(api.keys[name])).status_code == 403
            assert refused == (name != scope), (method, path, name)
