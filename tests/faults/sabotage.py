"""Roles that break a promise, so that it shows whether anybody would notice."""

import random
import time
from collections.abc import Sequence
from typing import Any

from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.perform import Performer
from gatehouse.flows.work import Batch, Worker
from gatehouse.ports.ledger import Judged
from gatehouse.records.decision import Decision
from gatehouse.testing import faults_roles


def worker_that_commits_first(**said: Any) -> None:
    """Offsets are committed before the ledger."""
    decide = Worker._decide

    def too_late(self: Worker, batch: Batch) -> None:
        self._consumer.commit(batch.messages)
        time.sleep(0.25)
        decide(self, batch)

    Worker._decide = too_late  # type: ignore[method-assign]
    faults_roles.worker(**said)


def api_that_skips_commits(**said: Any) -> None:
    """One commit in ten is answered and not made."""
    commit = SqlLedger.commit

    def now_and_then(self: SqlLedger, judged: Sequence[Judged]) -> list[Decision]:
        return [one.decision for one in judged] if random.random() < 0.1 else commit(self, judged)

    SqlLedger.commit = now_and_then  # type: ignore[method-assign]
    faults_roles.api(**said)


def performer_that_only_says_so(**said: Any) -> None:
    """One deed in ten is recorded as done without having been done."""
    act = Performer._act

    def now_and_then(self: Performer, leased: Any) -> Any:
        if random.random() >= 0.1:
            return act(self, leased)
        actuator, self._actuator = self._actuator, _Idle()
        try:
            return act(self, leased)
        finally:
            self._actuator = actuator

    Performer._act = now_and_then  # type: ignore[method-assign]
    faults_roles.performer(**said)


class _Idle:
    def act(self, *_: object) -> str:
        return "done"


def worker_that_counts_nobody_else(**said: Any) -> None:
    """What other processes recorded since the start is not counted."""
    LocalHistory.catch_up = lambda _: 0  # type: ignore[method-assign]
    faults_roles.worker(**said)
