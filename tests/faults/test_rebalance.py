"""Workers that join and leave a group while events flow: partitions move, and nothing is lost or decided twice."""

import signal
import time
from collections.abc import Callable

import pytest
from tests.faults.freezing import freeze

from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.testing.faults_fleet import Fleet, Place, trial, wait_for
from gatehouse.testing.faults_forks import Forks
from gatehouse.testing.faults_receiver import Receiver
from gatehouse.testing.faults_roles import QUICK_GROUP

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]

DEPLOYMENT = {"worker-1": "worker", "worker-2": "worker", "performer": "performer"}
SESSION = int(QUICK_GROUP["session.timeout.ms"]) / 1_000
PATIENCE = 10 * SESSION
"""A group that waits for one who is gone gives out nothing meanwhile."""


class Writers:
    """Which processes have decided how much, by their hash chains."""

    def __init__(self, place: Place) -> None:
        self._ledger = SqlLedger(place.database())

    def lengths(self) -> dict[str, int]:
        """The decisions of each writer."""
        return {head.writer: head.seq for head in self._ledger.heads()}

    def all_go_on(self, n: int) -> None:
        """Wait until so many processes have decided since now."""
        before = self.lengths()

        def going_on() -> bool:
            return sum(seq > before.get(writer, 0) for writer, seq in self.lengths().items()) >= n

        wait_for(going_on, PATIENCE, f"no {n} workers decide")


def leave_and_come_back(fleet: Fleet, writers: Writers) -> None:
    """One leaves in good order."""
    writers.all_go_on(2)
    assert fleet.children["worker-2"].stop() == 0
    writers.all_go_on(1)
    fleet.start("worker-2")
    writers.all_go_on(2)


def vanish(fleet: Fleet, writers: Writers) -> None:
    """One is frozen until the other has its partitions and then goes on, one is killed."""
    writers.all_go_on(2)
    # Most often in the midst of a batch: what it then commits is of partitions that are not its own any more.
    freeze(fleet.children["worker-1"], fleet.place)
    time.sleep(SESSION + 1.0)
    writers.all_go_on(1)
    fleet.children["worker-1"].signal(signal.SIGCONT)
    writers.all_go_on(2)
    fleet.kill("worker-2")
    fleet.start("worker-2")
    writers.all_go_on(2)


@pytest.mark.parametrize(
    ("member", "happens"),
    [
        ("gatehouse.testing.faults_roles:member", vanish),
        ("tests.faults.quick_roles:member_that_hands_over_one_by_one", leave_and_come_back),
    ],
)
def test_partitions_that_move_under_fire_lose_nothing_and_repeat_nothing(
    forks: Forks, place: Place, receiver: Receiver, member: str, happens: Callable[[Fleet, Writers], None]
) -> None:
    with trial(forks, place, receiver, seed=9, deployment=DEPLOYMENT, instead={"worker": member}) as run:
        happens(run.fleet, Writers(place))
        found = run.end()
    assert run.fleet.died == []
    assert found.agrees, str(found)
    assert found.compared["events sent"] > 100, str(found)
