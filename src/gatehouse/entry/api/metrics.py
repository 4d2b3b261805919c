"""`GET /metrics`, and what each request took, by its route."""

from time import perf_counter
from typing import Any, Protocol

from litestar import Litestar, Request, Response, get
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from gatehouse.entry.api.errors import missing

UNKNOWN = "unknown"
"""The route of a request whose path or method nothing answers."""

NO_ANSWER = 499
"""The status of a request that ended without an answer: its client left."""


class Metrics(Protocol):
    """What keeps the metrics of a process; `content_type` is that of its exposition."""

    content_type: str

    def requested(self, route: str, method: str, status: int, seconds: float) -> None:
        """Note a request by its route's template."""
        ...

    def exposition(self) -> bytes:
        """All metrics in the format of Prometheus."""
        ...


def timed(app: Litestar, metrics: Metrics) -> Litestar:
    """The application, which from now on gives these metrics, and notes what each request took."""
    app.state.metrics = metrics
    app.asgi_handler = Timed(app.asgi_handler, metrics)
    return app


@get("/metrics", opt={"scope": "read", "watches": True}, sync_to_thread=True)
def read_metrics(request: "Request[Any, Any, Any]") -> Response[bytes]:
    """All metrics of this process in the format of Prometheus."""
    metrics: Metrics | None = request.app.state.get("metrics")
    if metrics is None:
        raise missing("this process keeps no metrics")
    # Litestar names the character set of what is text by itself.
    return Response(metrics.exposition(), media_type=metrics.content_type.removesuffix("; charset=utf-8"))


ROUTES: list[HTTPRouteHandler] = [read_metrics]


class Timed:
    """Around all of an application: what a request took until its answer was sent, by its route's template.

    A template has as many values as there are routes; all paths that lead nowhere share one.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._requested = app, metrics.requested

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and note it."""
        if scope["type"] != ScopeType.HTTP:
            return await self._app(scope, receive, send)
        status = NO_ANSWER

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun = perf_counter()
        try:
            await self._app(scope, receive, noting)
        finally:
            # The router writes the template into the scope once it has found the route.
            route = scope.get("path_template") or UNKNOWN
            self._requested(route, str(scope.get("method")), status, perf_counter() - begun)
