"""`/v1/keys` and `/v1/reads` as who looks after the house uses them."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from gatehouse.entry.api import keys as routes
from gatehouse.entry.api import openapi
from gatehouse.entry.api.app import create_app
from gatehouse.entry.api.parts import Parts
from gatehouse.errors import OutsideError
from gatehouse.flows.access import Access, make_key
from gatehouse.testing.access_contract import MemoryKeys, MemoryReads, make_read
from gatehouse.testing.clock import Clock
from gatehouse.testing.makers import NOW

DAY = 86_400_000_000


class Served(NamedTuple):
    """A client with an admin's key, and what lies behind it."""

    client: TestClient[Litestar]
    keys: MemoryKeys
    reads: MemoryReads
    admin: str


@pytest.fixture
def served() -> Iterator[Served]:
    keys, reads, clock = MemoryKeys(), MemoryReads(), Clock(NOW)
    access = Access(keys, reads, clock)
    nothing = dict.fromkeys(Parts.__dataclass_fields__, cast(Any, None))
    parts = Parts(**{**nothing, "clock": clock, "access": access})
    admin = make_key(keys, "boss", ["admin"], now=NOW, by="sam").secret
    with TestClient(create_app(parts, routes.ROUTES)) as client:
        client.headers["Authorization"] = f"Bearer {admin}"
        yield Served(client, keys, reads, admin)
    access.close()


def test_a_key_is_made_shown_once_and_good_at_once(served: Served) -> None:
    wanted = {"name": "site", "scopes": ["read", "admin"], "rate": 9, "lasts_seconds": 86_400}
    answer = served.client.post("/v1/keys", json=wanted)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()["made"]
    assert (made["name"], made["scopes"], made["rate"], made["by"]) == ("site", ["read", "admin"], 9, "boss")
    assert made["expires"] == made["made"] + DAY
    listed = served.client.get("/v1/keys", headers={"Authorization": f"Bearer {answer.json()['key']}"})
    assert [one["name"] for one in listed.json()] == ["boss", "site"]
    assert listed.json()[1] == made
    for key in served.keys.all():
        assert key.hash not in listed.text + answer.text
    for secret in (served.admin, answer.json()["key"]):
        assert secret.split("_")[2] not in listed.text


def test_a_key_without_end_and_rate(served: Served) -> None:
    made = served.client.post("/v1/keys", json={"name": "site", "scopes": ["ingest"]}).json()["made"]
    assert (made["state"], made["expires"], made["rate"]) == ("good", None, None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"name": "", "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["reed"]},
        {"name": "x", "scopes": ["read"], "rate": 0},
        {"name": "x", "scopes": ["read"], "lasts_seconds": 10**18},
        {"name": "x", "scopes": ["read"], "expires": 5},
        {"name": "x\n", "scopes": ["read"]},
        {"name": "\0", "scopes": ["read"]},
    ],
)
def test_what_a_key_cannot_be_is_refused_and_nothing_is_kept(served: Served, body: object) -> None:
    answer = served.client.post("/v1/keys", json=body)
    assert answer.status_code == 400
    assert answer.json()["faults"][0]["what"]
    assert len(served.keys.all()) == 1


def test_every_fault_of_a_wanted_key_is_named_at_once(served: Served) -> None:
    body = {"scopes": ["reed", "admin", "ingst"], "rate": "9", "lasts_seconds": 0, "expires": 5, "naem": "site"}
    answer = served.client.post("/v1/keys", json=body)
    assert answer.status_code == 400
    assert [(one["where"], one["what"], one["fix"]) for one in answer.json()["faults"]] == [
        ("expires", "is unknown", "known: lasts_seconds, name, rate, scopes"),
        ("naem", "is unknown", "did you mean 'name'?"),
        ("name", "is missing", "give 1 to 100 letters and digits of ASCII, with . _ @ / + - and spaces between"),
        ("scopes", "no scope 'reed'", "did you mean 'read'?"),
        ("scopes", "no scope 'ingst'", "did you mean 'ingest'?"),
        ("rate", "is not what it may be", "give 1 to 10,000,000 events a second as a whole number, or leave it out"),
        (
            "lasts_seconds",
            "is not what it may be",
            "give 1 to 3,162,240,000 seconds as a whole number, or leave it out",
        ),
    ]
    for scopes in ([], "read", [["read"]], None):
        (fault,) = served.client.post("/v1/keys", json={"name": "site", "scopes": scopes}).json()["faults"]
        assert (fault["where"], fault["fix"]) == (
            "scopes",
            "give a list of one or more of ingest, read, review, admin",
        )
    assert len(served.keys.all()) == 1


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"name": "\xff", "scopes": ["read"]}', "application/json", 400),
        (b"[" * 200_000, "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"name": "x", "scopes": ["read"]}', "text/plain", 415),
        (b"name=x", "application/x-www-form-urlencoded", 415),
    ],
)
def test_bodies_that_cannot_be_read_are_refused(served: Served, content: bytes, kind: str, status: int) -> None:
    answer = served.client.post("/v1/keys", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, list(answer.json())) == (status, ["faults"])
    assert len(served.keys.all()) == 1


def test_a_key_is_rotated_and_the_old_one_ends_after_the_overlap(served: Served) -> None:
    old = served.client.post("/v1/keys", json={"name": "site", "scopes": ["ingest"], "rate": 3}).json()["made"]
    new = served.client.post(f"/v1/keys/{old['id']}/rotate", params={"overlap_seconds": 60})
    assert new.status_code == 201
    assert new.headers["cache-control"] == "no-store"
    assert (new.json()["made"]["replaces"], new.json()["made"]["rate"]) == (old["id"], 3)
    by_id = {one["id"]: one for one in served.client.get("/v1/keys").json()}
    assert by_id[old["id"]]["state"] == "ending"
    assert by_id[old["id"]]["expires"] == new.json()["made"]["made"] + 60_000_000
    again = served.client.post(f"/v1/keys/{old['id']}/rotate")
    assert (again.status_code, again.json()["faults"][0]["what"]) == (400, f"key '{old['id']}' was rotated before")


def test_a_revoked_key_is_refused_at_once(served: Served) -> None:
    made = served.client.post("/v1/keys", json={"name": "site", "scopes": ["admin"]}).json()
    theirs = {"Authorization": f"Bearer {made['key']}"}
    assert served.client.get("/v1/keys", headers=theirs).status_code == 200
    for _ in range(2):
        answer = served.client.delete(f"/v1/keys/{made['made']['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert served.client.get("/v1/keys", headers=theirs).status_code == 401
    assert served.client.get("/v1/keys").json()[1]["revoked_by"] == "boss"


def test_a_key_that_is_not_there_is_a_404_and_a_secret_is_not_said_back(served: Served) -> None:
    for id_ in ("nokey", served.admin):
        for answer in (served.client.delete(f"/v1/keys/{id_}"), served.client.post(f"/v1/keys/{id_}/rotate")):
            assert answer.status_code == 404
            assert "no key" in answer.json()["faults"][0]["what"]
            assert served.admin not in answer.text


def test_only_an_admin_may(served: Served) -> None:
    other = make_key(served.keys, "x", ["read", "review", "ingest"], now=NOW, by="sam").secret
    theirs = {"Authorization": f"Bearer {other}"}
    served.client.delete("/v1/keys/nokey")  # has the keys read again, as time does
    for method, path in (
        ("GET", "/v1/keys"),
        ("POST", "/v1/keys"),
        ("POST", "/v1/keys/a/rotate"),
        ("DELETE", "/v1/keys/a"),
        ("GET", "/v1/reads"),
    ):
        answer = served.client.request(method, path, headers=theirs)
        assert answer.status_code in {401, 403}, path
        assert served.client.request(method, path, headers={"Authorization": ""}).status_code == 401


def test_who_looked_is_told_newest_first(served: Served) -> None:
    served.reads.add([make_read("e1"), make_read("e2", by="kim", at=NOW + 5)])

    def asked(**said: object) -> list[str]:
        answer = served.client.get("/v1/reads", params=said)
        assert answer.status_code == 200
        return [one["which"] for one in answer.json()]

    assert asked() == ["e2", "e1"]
    assert asked(which="e1") == asked(by="site") == ["e1"]
    assert asked(since=NOW + 1) == asked(limit=1) == ["e2"]
    assert asked(which="\0") == []
    assert served.client.get("/v1/reads").json()[1] == {
        "at": NOW,
        "by": "site",
        "key_id": "k1",
        "what": "event",
        "which": "e1",
    }
    for wrong in ({"limit": 0}, {"limit": "x"}, {"since": -1}, {"since": 2**63}):
        assert served.client.get("/v1/reads", params=wrong).status_code == 400


def test_a_misspelt_parameter_is_named_with_the_right_one(served: Served) -> None:
    answer = served.client.get("/v1/reads", params={"whihc": "e1"})
    assert answer.status_code == 400
    assert answer.json()["faults"] == [
        {"what": "no parameter of this name", "where": "whihc", "fix": "did you mean 'which'?"}
    ]
    made = served.client.post("/v1/keys", json={"name": "site", "scopes": ["ingest"]}).json()["made"]
    answer = served.client.post(f"/v1/keys/{made['id']}/rotate", params={"overlap": 0})
    assert (answer.status_code, len(served.keys.all())) == (400, 2)


def test_while_the_ledger_is_down_the_answer_is_503(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served.client.get("/v1/keys").status_code == 200

    def down(key: object) -> None:
        raise OutsideError("the ledger is down")

    monkeypatch.setattr(served.keys, "add", down)
    answer = served.client.post("/v1/keys", json={"name": "site", "scopes": ["read"]})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_the_document_says_what_is_sent_and_never_speaks_of_a_hash() -> None:
    said = openapi.document(routes.ROUTES)
    body = said["paths"]["/v1/keys"]["post"]["requestBody"]["content"]
    assert list(body) == ["application/json"]
    assert set(said["components"]["schemas"]["NewKey"]["properties"]) == {"name", "scopes", "rate", "lasts_seconds"}
    assert "hash" not in said["components"]["schemas"]["KeyAnswer"]["properties"]
