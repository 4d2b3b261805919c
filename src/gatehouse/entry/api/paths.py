"""Paths as they are sent: a slash that is escaped belongs to a name and parts nothing, and HEAD asks as GET does."""

from collections.abc import Awaitable
from typing import Any, cast
from urllib.parse import unquote

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send


def routable(app: ASGIApp) -> ASGIApp:
    """The application, where a name that holds slashes leads to its route, and HEAD is answered without a body."""

    def answered(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == ScopeType.HTTP:
            raw = _raw(scope)
            if b"%2" in raw:
                # For finding the route alone: what is named is read by `named`.
                kept = raw.replace(b"%2F", b"%252F").replace(b"%2f", b"%252F")
                cast(Any, scope)["path"] = unquote(kept.decode("latin-1"))
            if scope["method"] == "HEAD":
                return _without_body(app, cast(Any, scope), receive, send)
        return app(scope, receive, send)

    return cast(ASGIApp, answered)


def named(app: ASGIApp) -> ASGIApp:
    """The middleware that gives routes the names in their paths as they were before they were escaped."""

    def asked(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["path_params"]:
            template = cast(Any, scope)["path_template"].split("/")
            raw = _raw(scope)
            scope["path_params"] = {
                name: _name(raw, template.index(f"{{{name}}}"), rest=str(value).startswith("/"))
                for name, value in scope["path_params"].items()
            }
        return app(scope, receive, send)

    return cast(ASGIApp, asked)


def _raw(scope: Scope) -> bytes:
    """The path as it was sent."""
    raw: bytes = cast(Any, scope).get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0]


def _name(raw: bytes, place: int, *, rest: bool) -> str:
    """What stands at a place of a path, or all the `rest` from there."""
    part = raw.split(b"/", place)[place] if rest else [one for one in raw.split(b"/") if one][place - 1]
    return unquote(part.decode("latin-1"))


async def _without_body(app: ASGIApp, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    asked = {**scope, "method": "GET"}

    async def head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = cast(Message, {**message, "body": b""})
        await send(message)

    try:
        await app(cast(Scope, asked), receive, head)
    finally:
        # Metrics look for the route in the scope that they gave.
        scope["path_template"] = asked.get("path_template")
