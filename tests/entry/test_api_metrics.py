"""What the API tells of its requests, and at what price."""

import asyncio
from time import perf_counter
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.params import FromPath
from litestar.testing import TestClient

from gatehouse.adapters.prometheus import PrometheusObserver
from gatehouse.entry.api.errors import HANDLERS
from gatehouse.entry.api.metrics import ROUTES, Timed, timed


@get("/v1/things/{name:str}", sync_to_thread=False)
def thing(name: FromPath[str]) -> str:
    if name == "broken":
        raise ValueError("zebra")
    return name


def app(metrics: PrometheusObserver | None) -> Litestar:
    made = Litestar([thing, *ROUTES], exception_handlers=HANDLERS, logging_config=None, openapi_config=None)
    return made if metrics is None else timed(made, metrics)


def counts(told: str) -> dict[str, float]:
    """Requests by route, method and status."""
    lines = (line.rsplit(" ", 1) for line in told.splitlines() if line.startswith("gatehouse_request_seconds_count"))
    return {name.partition("{")[2].rstrip("}"): float(n) for name, n in lines}


def test_requests_are_told_by_template_and_status_whatever_their_paths() -> None:
    with TestClient(app(PrometheusObserver()), raise_server_exceptions=False) as client:
        for number in range(50):
            assert client.get(f"/v1/things/zebra-{number}").status_code == 200
            assert client.get(f"/zebra-{number}").status_code == 404
        assert client.get("/v1/things/broken").status_code == 500
        assert client.post("/v1/things/zebra").status_code == 405
        answer = client.get("/metrics")
    assert answer.headers["content-type"] == PrometheusObserver.content_type
    assert "zebra" not in answer.text
    assert counts(answer.text) == {
        'method="GET",route="/v1/things/{name}",status="200"': 50,
        'method="GET",route="/v1/things/{name}",status="500"': 1,
        'method="GET",route="unknown",status="404"': 50,
        'method="POST",route="unknown",status="405"': 1,
    }


def test_metrics_want_a_key_that_may_read() -> None:
    (route,) = ROUTES
    assert route.opt["scope"] == "read"


def test_a_process_without_metrics_says_so() -> None:
    with TestClient(app(None)) as client:
        answer = client.get("/metrics")
    assert (answer.status_code, answer.json()["faults"][0]["what"]) == (404, "this process keeps no metrics")


async def _sent(_: object) -> None:
    return None


async def _answering(scope: Any, _: object, send: Any) -> None:
    scope["path_template"] = "/v1/decisions"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})


def test_a_client_that_leaves_is_told_of_and_its_error_goes_on() -> None:
    async def left(scope: Any, *_: object) -> None:
        raise ConnectionError("gone")

    metrics = PrometheusObserver()
    with pytest.raises(ConnectionError):
        asyncio.run(Timed(left, metrics)({"type": "http", "method": "GET"}, None, _sent))  # type: ignore[arg-type]
    assert counts(metrics.exposition().decode()) == {'method="GET",route="unknown",status="499"': 1}


def test_timing_a_request_costs_under_30_microseconds() -> None:
    async def spent(application: Any, n: int = 3_000) -> float:
        begun = perf_counter()
        for _ in range(n):
            await application({"type": "http", "method": "GET"}, None, _sent)
        return (perf_counter() - begun) / n

    around = Timed(_answering, PrometheusObserver())
    # The least of several, for other work on the machine only ever adds.
    least = min(asyncio.run(spent(around)) for _ in range(5)) - min(asyncio.run(spent(_answering)) for _ in range(5))
    assert least < 30e-6
