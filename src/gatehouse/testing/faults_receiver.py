"""A platform's server as a webhook finds it: checks signatures, keeps keys, and notes every effect."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gatehouse.adapters.webhooks import sign

SECRET = b"sixteen bytes or more"

Answer = Callable[[str, int], int | None]
"""The status for a key and how often it has come; None hangs up without one."""


class Receiver(ThreadingHTTPServer):
    """Honours the idempotency key unless told otherwise; `answer` says what it answers after the effect."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *, honours: bool = True, answer: Answer = lambda key, times: 204) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.chance = random.Random()
        self.honours, self.answer = honours, answer
        self.effects: Counter[str] = Counter()
        """How often each enforcement took effect, by its id."""
        self.deliveries: Counter[str] = Counter()
        """How often each key came."""
        self.forged = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}/enforcements"

    def anew(self) -> Callable[[], bool]:
        """Asks whether anything took effect since now."""
        before = self.effects.total()
        return lambda: self.effects.total() > before

    def handle_error(self, request: object, client_address: object) -> None:
        """Senders are killed here; what that leaves is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key, at = self.headers["webhook-id"], int(self.headers["webhook-timestamp"])
        try:
            enforcement = json.loads(body)["data"]["id"]
        except ValueError:
            return  # the sender was killed while it wrote
        with self.server.lock:
            self.server.forged += self.headers["webhook-signature"] != sign(SECRET, key, at, body)
            self.server.deliveries[key] += 1
            if not self.server.honours or self.server.deliveries[key] == 1:
                self.server.effects[enforcement] += 1
        status = self.server.answer(key, self.server.deliveries[key])
        time.sleep(self.server.chance.random() / 200)
        if status is not None:
            with suppress(OSError):
                self.send_response(status)
                self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving(*, honours: bool = True, answer: Answer = lambda key, times: 204) -> Iterator[Receiver]:
    """A receiver that runs as long as this."""
    server = Receiver(honours=honours, answer=answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send_to(url: str, home: Path, timeout: float = 1.0) -> None:
    """Have what a home decides carried out by a webhook to this address."""
    (home / "webhook.secret").write_bytes(SECRET)
    (home / "actuators.yaml").write_text(
        "actuators:\n"
        f"  platform: {{webhook: {{url: '{url}', secret_file: webhook.secret, private: true, timeout: {timeout}}}}}\n"
        "otherwise: platform\n"
    )
