"""After warming no kernel is left to compile: that would keep an event waiting, and fail where the disk is full."""

import subprocess
import sys
from pathlib import Path

DECIDES = """
import sys
from pathlib import Path

from numba.core.dispatcher import Dispatcher

from gatehouse.bootstrap import open_house
from gatehouse.entry.cli.score import live_releases
from gatehouse.errors import OutsideError
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.releases import open_judge
from gatehouse.records.event import Entity, Event
from gatehouse.testing.clock import Clock
from gatehouse.testing.faults_roles import prepare, settings_of
from gatehouse.testing.memory import MemoryLedger


class Unsteady(MemoryLedger):
    down = False

    def commit(self, judged):
        if self.down:
            raise OutsideError("the disk is full")
        return super().commit(judged)


home = Path(sys.argv[1])
prepare(str(home))
house, ledger = open_house(settings_of(home)), Unsteady()
judge = open_judge(house.shelf, live_releases(house, ()))
gate, other = (
    LiveGate(judge, ledger, LocalHistory(ledger, judge, home / name), Clock(1_000_000)) for name in ("one", "two")
)
if "warm" in sys.argv:
    gate.warm()
compile_ = Dispatcher.compile
compiled = set()


def noted(self, signature):
    compiled.add(f"{self.py_func.__module__}.{self.py_func.__name__}")
    return compile_(self, signature)


def events(name, size, actors):
    texts = ("claim your prize: http://x.example", "good morning", None, "", "123 a@b.example!")
    return [
        Event(id=f"{name}-{n}", text=texts[n % 5], seen=0, actor=Entity("account", str(n % actors)))
        for n in range(size)
    ]


Dispatcher.compile = noted
for size in (1, 2, 3, 8, 33, 64, 65):
    gate.decide(events(size, size, 3))
# The ledger is away; another process records; more actors come than there is room for.
ledger.down = True
gate.decide(events("lost", 10, 5))
ledger.down = False
gate.decide(events("lost", 10, 5))
other.decide(events("elsewhere", 100, 30))
gate.decide(events("many", 3_000, 3_000))
print("compiled", *sorted(compiled))
"""


def compiled(home: Path, *how: str) -> list[str]:
    """The kernels that events had to wait for, in a process of their own."""
    done = subprocess.run([sys.executable, "-c", DECIDES, str(home), *how], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[1:]


def test_no_event_waits_for_a_kernel_of_a_warm_gate(tmp_path: Path) -> None:
    assert compiled(tmp_path / "cold")
    assert compiled(tmp_path / "warm", "warm") == []
