"""The description of the API says what the API does: requests made from it are answered as it says."""

import json
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from tests.entry.api.conftest import Api

from gatehouse.entry.api.app import BODIES, ROUTES
from gatehouse.entry.api.openapi import EVENT, REFUSED, document
from gatehouse.flows.read_event import KEYS


def without_keys() -> dict[str, Any]:
    """The description, of which keys are left out: with and without them each route is asked elsewhere."""
    said = json.loads(json.dumps(document(ROUTES, BODIES)))
    for operations in said["paths"].values():
        for operation in operations.values():
            operation["security"] = []
    return said


described = schemathesis.openapi.from_dict(without_keys())
described.config.generation.update(modes=list(GenerationMode))
described.config.checks.negative_data_rejection.expected_statuses = ["400", "403", "404", "409", "413", "415"]

load_all_checks()
BY_REQUESTS_OF_THEIR_OWN = ("ignored_auth", "unsupported_method", "use_after_free", "ensure_resource_availability")
CHECKED = [
    check
    for name, check in zip(CHECKS.get_all_names(), CHECKS.get_all(), strict=True)
    if name not in (*BY_REQUESTS_OF_THEIR_OWN, "positive_data_acceptance", "allow_header_conformance")
]
"""What schemathesis checks on an answer. That known names are found and declared attributes have their types no schema
can say, so what it makes is not always accepted; and Litestar answers OPTIONS by one handler of those on a path."""


@described.parametrize()
@settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_each_route_answers_as_it_is_described(case: Case, api: Api) -> None:
    made = requests.Request(**case.as_transport_kwargs(base_url="http://testserver.local")).prepare()
    body = made.body.encode() if isinstance(made.body, str) else made.body
    headers = {**made.headers, "Authorization": api.client.headers["Authorization"]}
    answer = api.client.request(str(made.method), str(made.url), content=body, headers=headers)
    case.validate_response(answer, checks=CHECKED)


def test_the_description_is_what_is_served_without_a_key(api: Api) -> None:
    answer = api.client.get("/openapi.json", headers={"Authorization": ""})
    assert answer.headers["Content-Type"] == "application/vnd.oai.openapi+json"
    assert answer.json() == json.loads(json.dumps(document(ROUTES, BODIES)))
    for route in ROUTES:
        for path in route.paths:
            assert path.replace(":path", "").replace(":str", "") in answer.json()["paths"]


def test_every_operation_names_its_scope_its_key_and_its_refusals() -> None:
    said = document(ROUTES, BODIES)
    for path, operations in said["paths"].items():
        for operation in operations.values():
            opened = path.startswith("/health")
            assert operation["security"] == ([] if opened else [{"key": []}])
            assert ("Scope: " in operation["description"]) != opened
            assert REFUSED.keys() <= operation["responses"].keys()
            assert any(status.startswith("2") for status in operation["responses"])


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"id": "x" * 500}, 200),
        ({"id": "x" * 501}, 400),
        ({"id": "revised", "revision": 999_999_999}, 200),
        ({"id": "revised", "revision": 1_000_000_000}, 400),
        ({"id": "paid", "amount": 10**18 - 1}, 200),
        ({"id": "paid", "amount": 10**18}, 400),
        ({"id": "told", "attributes": {"n": 1.5, "s": "x", "b": True, "none": None}}, 200),
        ({"id": "told", "attributes": {"n": []}}, 400),
        ({"id": "named", "actor": "", "kind": "", "media": ["MD5:" + "0F" * 16]}, 200),
        ({"id": "named", "actor": "account:"}, 400),
    ],
)
def test_the_schema_of_events_has_the_bounds_of_their_reader(api: Api, event: dict[str, Any], status: int) -> None:
    assert api.client.post("/v1/decisions", json=event).status_code == status
    assert Draft202012Validator(EVENT).is_valid(event) == (status == 200)
    assert tuple(EVENT["properties"]) == KEYS
