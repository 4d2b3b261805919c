"""The sound roles with limits of time so short that a test need not wait long, and with another clock."""

from time import time_ns
from typing import Any

from gatehouse.adapters.sql import postgres
from gatehouse.entry import live
from gatehouse.testing import faults_roles


def quick() -> None:
    postgres.ANSWER_SECONDS = postgres.WRITE_SECONDS = postgres.READ_SECONDS = 1.0
    postgres.WAIT_SECONDS = 1.0


def api(**said: Any) -> None:
    quick()
    faults_roles.api(**said)


def performer(**said: Any) -> None:
    quick()
    faults_roles.performer(**said)


def member_that_hands_over_one_by_one(**said: Any) -> None:
    """One of a group that moves only the partitions that must go elsewhere."""
    faults_roles.member(**said, **{"partition.assignment.strategy": "cooperative-sticky"})


def api_an_hour_ago(**said: Any) -> None:
    """As where somebody has set the machine's clock back."""
    live.now = lambda: time_ns() // 1_000 - 3_600_000_000
    faults_roles.api(**said)
