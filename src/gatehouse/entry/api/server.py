"""`gatehouse serve` as a process: the house, the live gate, the door and the routes put together."""

import gc
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn
from litestar import Litestar

from gatehouse.bootstrap import Enforcing, House
from gatehouse.bootstrap.erasing import erase_everywhere
from gatehouse.entry.api.app import create_app
from gatehouse.entry.api.gathering import Gathering
from gatehouse.entry.api.judging import JudgeProcess
from gatehouse.entry.api.metrics import timed
from gatehouse.entry.api.parts import Parts
from gatehouse.entry.api.protocol import BoundedProtocol
from gatehouse.entry.cli.perspective import mapping
from gatehouse.entry.cli.show import now
from gatehouse.entry.live import Stop
from gatehouse.entry.observing import Observing
from gatehouse.entry.performing import performer_of
from gatehouse.errors import GatehouseError, OutsideError, UserError
from gatehouse.flows import perspective
from gatehouse.flows.access import Access
from gatehouse.flows.observe import Observer
from gatehouse.flows.perform import Performer
from gatehouse.flows.releases import versions_in_words

KEEP_ALIVE_SECONDS = 65
"""How long a connection may be idle: longer than the minute for which load balancers keep theirs."""

STOP_SECONDS = 5
"""How long requests at hand may take once the server is told to stop."""

TRIES_AGAIN_SECONDS = 5.0

Said = Callable[[str], None]


@dataclass(frozen=True)
class Serving:
    """Where to listen, and whether enforcements are carried out here."""

    host: str = "127.0.0.1"
    port: int = 8080
    performs: bool = True


def serve(house: House, enforcing: Enforcing, access: Access, decides: JudgeProcess, how: Serving, said: Said) -> None:
    """Serve until SIGTERM or SIGINT asks to stop; then what was taken is finished.

    Raises UserError where nothing is live, OutsideError where it cannot listen there or its judge is gone.
    """
    with listening(how.host, how.port) as sockets, ExitStack() as closing:
        observing = Observing("gatehouse-api")
        closing.callback(observing.close)
        closing.callback(access.close)
        for sentence in decides.wait_until_ready(house, observing.observer):
            said(sentence)
        observing.metrics.watch_process("judge", lambda: decides.pid)
        gathering = Gathering(decides.decide, observing.observer)
        parts = Parts(
            house,
            enforcing,
            lambda: decides.judge,
            gathering.admit,
            gathering.decide,
            now,
            access,
            observing.observer,
            ready=observing.watch(house, lambda: decides.judge, lambda: True),
            erase=lambda entity, by, why: erase_everywhere(house, entity, by=by, why=why, at=now()).counts(),
            perspective=perspective.Latest(perspective.load(*mapping(house.settings))),
        )

        @asynccontextmanager
        async def lifespan(_: Litestar) -> AsyncIterator[None]:
            async with decides, gathering:
                yield

        app = timed(create_app(parts, lifespan=[lifespan]), observing.metrics)
        with Stop() as stop, performing(enforcing if how.performs else None, observing.metrics, said):
            said(f"deciding by {versions_in_words(decides.judge.releases)}")
            run(app, sockets, stop, said)
    if decides.ended:
        raise decides.gone()
    said("stopped")


class Server(uvicorn.Server):
    """uvicorn's server, which stops too where a signal came before it listened to signals itself."""

    def __init__(self, config: uvicorn.Config, stop: Stop, said: Said) -> None:
        super().__init__(config)
        self._stop_asked, self._said = stop, said

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where it listens, once it does."""
        await super().startup(sockets)
        for one in sockets or ():
            host, port = one.getsockname()[:2]
            self._said(f"ready: listening on http://{f'[{host}]' if ':' in host else host}:{port}")
        self.should_exit = self.should_exit or self._stop_asked()


def run(app: Litestar, sockets: list[socket.socket], stop: Stop, said: Said) -> None:
    """Answer by these sockets until a signal asks to stop, which uvicorn gives on to `stop`."""
    # What was made until now lives as long as the process: looking through it would only cost pauses.
    gc.collect()
    gc.freeze()
    # A loop that has something to answer waits so long at most for a thread that computes in Python.
    sys.setswitchinterval(0.001)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    Server(config, stop, said).run(sockets)


@contextmanager
def listening(host: str, port: int) -> Iterator[list[socket.socket]]:
    """The sockets of an address; connections that come before they are served wait. Raises OutsideError, UserError."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise UserError(f"no address is called '{host}'", fix="--host 127.0.0.1, or 0.0.0.0 for all") from None
    family, _, _, _, address = found[0]
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind(address)
        except OSError as error:
            what = f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}"
            raise OutsideError(what, fix="--port 0 finds one that is free") from None
        made.listen(2048)
        yield [made]
    finally:
        made.close()


@contextmanager
def performing(enforcing: Enforcing | None, observer: Observer, said: Said) -> Iterator[None]:
    """A thread that carries out enforcements, where they are given; it ends with what is inside."""
    if enforcing is None:
        yield
        return
    stop = threading.Event()
    performer = performer_of(enforcing, observer)
    thread = threading.Thread(target=performs, args=(performer, stop, said), name="performer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_SECONDS)


def performs(performer: Performer, stop: threading.Event, said: Said) -> None:
    """Carry out enforcements until told to stop; what stands in the way is told of, and tried again."""
    while not stop.is_set():
        try:
            performer.run(stop, said=said)
        except GatehouseError as error:
            said(f"enforcements wait: {error.faults[0].what}")
            stop.wait(TRIES_AGAIN_SECONDS)
