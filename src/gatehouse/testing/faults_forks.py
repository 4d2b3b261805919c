"""Processes forked from a parent that has everything loaded and warm, so that each starts in a moment.

    with Forks() as forks:
        child = forks.start("gatehouse.testing.faults_roles:worker", home=str(home), brokers=brokers)
        child.kill()

The parent is a process of its own without threads, connections or open ledgers, none of which survives a fork.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

START_SECONDS = 120.0
"""How long the parent may take to load everything, on cores that others use too."""


class Forks:
    """The parent, to be entered; `template` is then a home with a live pack, which children may be given copies of."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str]

    def __enter__(self) -> "Forks":
        begun = time.monotonic()
        self._folder = TemporaryDirectory(prefix="gatehouse-forks-")
        self.template = Path(self._folder.name) / "template"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gatehouse.testing.faults_forks", str(self.template)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Roles are functions of whoever asks: what can be imported there can be imported here.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        )
        assert self._answer() == "ready", "the parent of all children does not start"
        self.seconds = time.monotonic() - begun
        """How long it took to load everything."""
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
        self._folder.cleanup()

    def start(self, role: str, **said: Any) -> "Child":
        """Fork a child that calls `module:function` with these words, which are plain data."""
        return Child(self, self.ask({"start": role, "said": said}), role)

    def run(self, role: str, **said: Any) -> None:
        """The same, and wait until it has done it."""
        child = self.start(role, **said)
        code = child.wait(START_SECONDS)
        assert code == 0, f"{role} ended with {code}"

    def ask(self, order: Mapping[str, Any]) -> Any:
        """What the parent answers to an order; not for several threads at once."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline() or "null")


class Child:
    """A forked process. Exit codes are as `subprocess` gives them: below 0 for the signal that ended it."""

    def __init__(self, forks: Forks, pid: int, role: str) -> None:
        self._forks, self.pid, self.role = forks, pid, role
        self.code: int | None = None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it is known to have ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> int:
        """As a power cut does it; gives back its exit code, which differs from -9 where it had ended by itself."""
        self.signal(signal.SIGKILL)
        return self.wait(10)

    def stop(self, seconds: float = 30.0) -> int:
        """As people do it."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        if self.code is None:
            self.code = self._forks.ask({"poll": self.pid})
        return self.code

    def wait(self, seconds: float) -> int:
        """Until it has ended; raises TimeoutError where it does not."""
        end = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.role} does not end")
            time.sleep(0.005)
        assert self.code is not None
        return self.code


def _orders() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def _start(role: str, said: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        # The parent's orders and answers are not the child's.
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        _function(role)(**said)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


def _function(role: str) -> Callable[..., object]:
    module, _, name = role.partition(":")
    found: Callable[..., object] = getattr(import_module(module), name)
    return found


def _poll(pid: int) -> int | None:
    with suppress(ChildProcessError):
        ended, status = os.waitpid(pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if ended else None
    return -signal.SIGKILL


def main() -> None:
    """Load everything, then fork children by orders until there are no more; those that are left are killed."""
    from gatehouse.testing import faults_roles

    answers = os.fdopen(os.dup(1), "w")
    # What a library prints must not be taken for an answer.
    os.dup2(2, 1)

    def answer(said: object) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    faults_roles.warm(Path(sys.argv[1]))
    gc.collect()
    gc.freeze()
    running: set[int] = set()
    answer("ready")
    for order in _orders():
        if "start" in order:
            pid = _start(order["start"], order["said"])
            running.add(pid)
            answer(pid)
        else:
            code = _poll(order["poll"])
            if code is not None:
                running.discard(order["poll"])
            answer(code)
    for pid in running:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
