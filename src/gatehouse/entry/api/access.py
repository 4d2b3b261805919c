"""The door of the API: who asks, whether they may, and how often, before anything else is looked at."""

import asyncio
import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast
from urllib.parse import parse_qs

from litestar.types import ASGIApp, Receive, Scope, Send

from gatehouse.entry.api.errors import AnswerError
from gatehouse.errors import GatehouseError, OutsideError, RefusedError
from gatehouse.flows.access import Access, DeniedError, LateError
from gatehouse.records.access import Caller
from gatehouse.records.access import Scope as KeyScope

LONGEST_HEADER = 128
"""A key has 59 signs; longer headers are not looked at."""

LONGEST_QUERY = 1_000
"""Signs of an address that are looked at for a key."""

LONGEST_WAIT_SECONDS = 2.0
"""How long a request waits for the keys to be read before it is answered 503."""

_NO_KEY = {"WWW-Authenticate": "Bearer"}
_BAD_KEY = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def authentication(access: Access, clock: Callable[[], int]) -> Callable[[ASGIApp], ASGIApp]:
    """The middleware that lets in only who may: it sets `request.user`, or answers 401, 403, 429 or 503.

    Each request counts as one event of its key. A handler that is sent `n` events at once asks for the others itself,
    `access.allow(caller, n - 1)`, and where it has to wait raises `too_many`.
    """
    door = _Door(access, clock)

    def guard(app: ASGIApp) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            wanted = _wanted(scope)
            if wanted != "open":
                headers = _headers(scope)
                watches = bool(_options(scope).get("watches"))
                scope["user"] = door.known(headers, wanted) or await door.looked_up(headers, wanted, watches)
            await app(scope, receive, send)

        return guarded

    return guard


def too_many(caller: Caller, wait: float) -> AnswerError:
    """What is answered, `raise too_many(...)`, where a caller sends more than its rate: when to come again."""
    seconds = max(1, math.ceil(wait))
    return AnswerError(
        429,
        f"the key '{caller.name}' sends more than its rate",
        fix=f"send it again in {seconds} s, and fewer a second; gatehouse keys list shows the rate",
        headers={"Retry-After": str(seconds)},
    )


class _Door:
    """What all routes share: one look at the keys at a time, however many requests wait for it."""

    def __init__(self, access: Access, clock: Callable[[], int]) -> None:
        self._access = access
        self._clock = clock
        self._looking: asyncio.Future[None] | None = None
        # A thread of its own: those that all share may be waiting for a slow ledger.
        self._thread = ThreadPoolExecutor(1, "keys")

    def known(self, headers: Iterable[tuple[bytes, bytes]], wanted: KeyScope) -> Caller | None:
        """Who asks, by the keys in memory and let in; None where those must be read first."""
        try:
            caller = self._access.known(_key(headers), self._clock())
        except DeniedError as denied:
            raise _refused(401, denied, _BAD_KEY) from denied
        if caller is None:
            return None
        if self._access.ageing:
            self._look()
        return self._let_in(caller, wanted)

    async def looked_up(self, headers: Iterable[tuple[bytes, bytes]], wanted: KeyScope, watches: bool) -> Caller:
        """Who asks, after the keys were read; for who `watches` by those last known where they cannot be."""
        try:
            caller = await self._held(_key(headers))
        except OutsideError:
            known = self._access.last_known(_key(headers), self._clock()) if watches else None
            if known is None:
                raise
            caller = known
        except DeniedError as denied:
            raise _refused(401, denied, _BAD_KEY) from denied
        return self._let_in(caller, wanted)

    async def _held(self, key: str) -> Caller:
        try:
            # Shielded: when this client leaves, others wait still.
            await asyncio.wait_for(asyncio.shield(self._look()), LONGEST_WAIT_SECONDS)
        except TimeoutError as late:
            raise LateError from late
        return self._access.held(key, self._clock())

    def _let_in(self, caller: Caller, wanted: KeyScope) -> Caller:
        if wanted not in caller.scopes:
            try:
                self._access.check(caller, wanted)
            except RefusedError as lacking:
                headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{wanted}"'}
                raise _refused(403, lacking, headers) from lacking
        if (wait := self._access.count(caller)) is not None:
            raise too_many(caller, wait)
        return caller

    def _look(self) -> "asyncio.Future[None]":
        if self._looking is None:
            self._looking = asyncio.get_running_loop().run_in_executor(self._thread, self._access.refresh)
            self._looking.add_done_callback(self._looked)
        return self._looking

    def _looked(self, done: "asyncio.Future[None]") -> None:
        self._looking = None
        if not done.cancelled():
            done.exception()  # whoever waits for it is told; in the background it is tried again


def _options(scope: Scope) -> dict[str, Any]:
    return cast(dict[str, Any], cast(Any, scope)["route_handler"].opt)


def _wanted(scope: Scope) -> Any:
    """The scope that a route wants; `admin` for what names none, such as answers to OPTIONS."""
    return _options(scope).get("scope", "admin")


def _headers(scope: Scope) -> Iterable[tuple[bytes, bytes]]:
    """The headers, and the key of the address where a route's clients may only put it there."""
    headers = scope["headers"]
    name = _options(scope).get("key_parameter")
    if name is None or any(one == b"authorization" for one, _ in headers):
        return headers
    said = parse_qs(scope["query_string"].decode("latin-1")[:LONGEST_QUERY]).get(name, ())
    return [*headers, *((b"authorization", b"Bearer " + one.encode()) for one in said)]


def _key(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The key that was sent; raises AnswerError where there is none, DeniedError where there is no telling which."""
    sent = [value for name, value in headers if name == b"authorization"]
    if not sent:
        fix = "send the header Authorization: Bearer KEY; gatehouse keys make NAME --scope SCOPE makes a key"
        raise AnswerError(401, "no key", fix=fix, headers=_NO_KEY)
    words = sent[0].split() if len(sent) == 1 and len(sent[0]) <= LONGEST_HEADER else ()
    if len(words) != 2 or words[0].lower() != b"bearer" or not words[1].isascii():
        raise DeniedError
    return words[1].decode()


def _refused(status: int, error: GatehouseError, headers: dict[str, str]) -> AnswerError:
    fault = error.faults[0]
    return AnswerError(status, fault.what, fix=fault.fix, headers=headers)
