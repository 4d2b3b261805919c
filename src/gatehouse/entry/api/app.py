"""The application: all routes put together, what they answer on errors, and the rule that each names who may use it."""

from collections.abc import Sequence
from typing import Any, get_args

from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler

from gatehouse.entry.api import (
    appeals,
    cases,
    decisions,
    entities,
    events,
    health,
    keys,
    metrics,
    openapi,
    perspective,
    policies,
    reports,
)
from gatehouse.entry.api.access import authentication
from gatehouse.entry.api.errors import HANDLERS
from gatehouse.entry.api.limits import LARGEST_BODY
from gatehouse.entry.api.parts import Parts
from gatehouse.entry.api.paths import named, routable
from gatehouse.records.access import Scope

ROUTES: list[HTTPRouteHandler] = [
    *decisions.ROUTES,
    *events.ROUTES,
    *reports.ROUTES,
    *appeals.ROUTES,
    *cases.ROUTES,
    *entities.ROUTES,
    *policies.ROUTES,
    *keys.ROUTES,
    *health.ROUTES,
    *metrics.ROUTES,
    *perspective.ROUTES,
]
"""Every route of the API."""

BODIES: openapi.Bodies = {
    **openapi.BODIES,
    **reports.BODIES,
    **appeals.BODIES,
    **cases.BODIES,
    **entities.BODIES,
}
"""What is sent to those that read it by themselves."""

OPEN = "open"
"""The scope of what needs no key."""


def create_app(parts: Parts, routes: Sequence[HTTPRouteHandler] = ROUTES, **options: Any) -> Litestar:
    """The application of these parts; `options` are Litestar's own.

    Raises ValueError where a route does not name its scope.
    """
    for route in routes:
        refuse_unnamed(route)
    app = Litestar(
        [*routes, openapi.route(routes, BODIES)],
        dependencies={"parts": Provide(lambda: parts, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        middleware=[named, authentication(parts.access, parts.clock)],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=LARGEST_BODY,
        debug=False,
        **options,
    )
    app.asgi_handler = routable(app.asgi_handler)
    return app


def refuse_unnamed(route: HTTPRouteHandler) -> None:
    """Raise ValueError where a route does not say who may use it."""
    if route.opt.get("scope") not in (*get_args(Scope), OPEN):
        raise ValueError(f"the route {sorted(route.paths)} names no scope: opt={{'scope': ...}}")
