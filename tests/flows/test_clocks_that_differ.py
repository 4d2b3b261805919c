"""Two processes on one ledger whose clocks differ: what each knows of an actor."""

from pathlib import Path

import pytest
from tests.flows.remembering import START, make_judge, make_post

from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.local_history import LocalHistory
from gatehouse.testing.clock import Clock
from gatehouse.testing.memory import MemoryLedger

MINUTE = 60_000_000


@pytest.mark.parametrize(("ahead", "known"), [(5 * MINUTE, [2, 3, 4]), (62 * MINUTE, [0, 0, 0])])
def test_windows_are_measured_at_the_latest_clock_of_all(tmp_path: Path, ahead: int, known: list[int]) -> None:
    judge, ledger = make_judge(), MemoryLedger()
    clocks = [Clock(START), Clock(START + ahead)]
    right, fast = (
        LiveGate(judge, ledger, LocalHistory(ledger, judge, tmp_path / str(ahead) / str(clock.now)), clock)
        for clock in clocks
    )
    right.decide([make_post("e0")])
    right.decide([make_post("e1")])
    fast.decide([make_post("e2", actor="other")])
    found = []
    for number in range(3):
        right.decide([make_post(f"e{3 + number}")])
        (event,) = [one for _, one in ledger.log() if one.id == f"e{3 + number}"]
        found.append(ledger.judged([event])[0].features["posts_1h"])
    assert found == known
