"""Processes that stand still for a while, as on a machine that swaps."""

import signal
from contextlib import closing

from gatehouse.adapters.sql.sqlite_driver import driver
from gatehouse.testing.faults_fleet import Place, wait_for
from gatehouse.testing.faults_forks import Child
from gatehouse.testing.faults_roles import settings_of


def freeze(child: Child, place: Place) -> None:
    """Freeze a process where it does not hold the right to write, for which everybody else would wait."""

    def frozen() -> bool:
        child.signal(signal.SIGSTOP)
        if not (free := _may_write(place)):
            child.signal(signal.SIGCONT)
        return free

    wait_for(frozen, 60, "a process never lets go of the right to write")


def _may_write(place: Place) -> bool:
    with closing(driver.connect(settings_of(place.home).ledger, timeout=1.0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except driver.OperationalError:
            return False
        connection.execute("ROLLBACK")
    return True
