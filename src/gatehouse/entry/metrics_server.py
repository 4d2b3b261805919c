"""Metrics and health of a process that serves nothing else, by a few threads beside its work."""

import ipaddress
import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread
from typing import Any, NamedTuple

import msgspec

from gatehouse.adapters.prometheus import PrometheusObserver
from gatehouse.errors import Fault, GatehouseError, OutsideError, RefusedError, UserError
from gatehouse.flows.access import Access, DeniedError
from gatehouse.flows.asked import Asked
from gatehouse.flows.health import Health
from gatehouse.records.access import Caller

AT_ONCE = 8
"""Connections that are answered at a time; others are closed unanswered."""

CONNECTION_SECONDS = 5.0
"""How long a client may take to ask."""

LONGEST_HEADER = 128

KEYS_SECONDS = 1.0
"""How long keys may take to be read before those last known are taken."""


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def address_of(text: str) -> Address:
    """The address that `HOST:PORT` names; raises UserError where it is none."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise UserError(f"'{text[:60]}' is no address to listen at", fix="write HOST:PORT, such as 127.0.0.1:9464")
    return Address(host, int(port))


Door = Callable[[str | None], None]
"""Lets in who sends such an `Authorization` header; raises the error that says why not."""


def door_of(access: Access, clock: Callable[[], int], address: Address) -> Door:
    """Who may read at this address: keys with the scope `read`, as last known where they cannot be read.

    While no key was ever made, everybody on this machine. Raises UserError where others could ask then.
    """
    if not access.keys.all():
        if not address.loopback:
            raise UserError(
                f"{address.host} can be reached by others, and there is no key to ask them for",
                fix="gatehouse keys make metrics --scope read, or listen at 127.0.0.1",
            )
        return lambda _: None

    looking = Asked(access.refresh, keep=0.0)

    def caller(key: str) -> Caller:
        if (known := access.known(key, clock())) is not None:
            return known
        try:
            looking.answer(KEYS_SECONDS)
            return access.held(key, clock())
        except OutsideError:
            if (known := access.last_known(key, clock())) is None:
                raise
            return known

    def door(header: str | None) -> None:
        words = header.split() if header is not None and len(header) <= LONGEST_HEADER else []
        if len(words) != 2 or words[0].lower() != "bearer":
            raise DeniedError
        access.check(caller(words[1]), "read")

    return door


class MetricsServer:
    """Answers `/metrics`, `/health` and `/health/ready` until it is closed.

    `/health` is open, and so is whether it is ready; what exactly is the matter is told with a key. Raises OutsideError
    where it cannot listen.
    """

    def __init__(self, address: Address, metrics: PrometheusObserver, ready: Callable[[], Health], door: Door) -> None:
        class Handler(_Handler):
            pass

        Handler.metrics, Handler.ready, Handler.door = metrics, staticmethod(ready), staticmethod(door)
        try:
            self._server = _server_of(address)((address.host, address.port), Handler)
        except OSError as error:
            what = f"cannot listen: {error.strerror or type(error).__name__}"
            where = f"{address.host}:{address.port}"
            raise OutsideError(what, where=where, fix="name an address of this machine and a free port") from error
        self.port = int(self._server.server_address[1])
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name="gatehouse-metrics")
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        self._free = BoundedSemaphore(AT_ONCE)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, unless enough of them are at work."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make place for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left or dawdled is nobody's fault; the default prints what it sent."""


class _Server6(_Server):
    address_family = socket.AF_INET6


def _server_of(address: Address) -> type[_Server]:
    return _Server6 if ":" in address.host else _Server


class _Handler(BaseHTTPRequestHandler):
    metrics: PrometheusObserver
    ready: Callable[[], Health]
    door: Door
    timeout = CONNECTION_SECONDS
    server_version, sys_version = "gatehouse", ""

    def do_GET(self) -> None:
        """Answer."""
        begun = time.perf_counter()
        path = self.path.partition("?")[0]
        route = path if path in ("/metrics", "/health", "/health/ready") else "unknown"
        status, kind, body = self._answer(route)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(body)
        self.metrics.requested(route, "GET", status, time.perf_counter() - begun)

    def log_message(self, *_: object) -> None:
        """Requests are counted, not logged."""

    def _answer(self, route: str) -> tuple[int, str, bytes]:
        try:
            if route == "/metrics":
                self.door(self.headers.get("Authorization"))
                return 200, self.metrics.content_type, self.metrics.exposition()
            if route == "/health":
                return _json(200, {"alive": True})
            if route == "/health/ready":
                return self._readiness()
        except GatehouseError as error:
            return _json(_status_of(error), {"faults": error.faults})
        return _json(404, {"faults": [Fault("there is nothing here", fix="ask for /metrics or /health/ready")]})

    def _readiness(self) -> tuple[int, str, bytes]:
        header = self.headers.get("Authorization")
        found = self.ready()
        status = 200 if found.ready else 503
        try:
            self.door(header)
        except GatehouseError:
            if header is not None:
                raise
            return _json(status, {"ready": found.ready})
        return _json(status, {"ready": found.ready, **msgspec.to_builtins(found)})


def _json(status: int, answer: object) -> tuple[int, str, bytes]:
    return status, "application/json", msgspec.json.encode(answer)


def _status_of(error: GatehouseError) -> int:
    match error:
        case DeniedError():
            return 401
        case RefusedError():
            return 403
        case UserError():
            return 400
        case _:
            return 503
