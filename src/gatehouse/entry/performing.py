"""A performer of the house, put together in the one way in which every process carries out enforcements."""

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import replace

from gatehouse.bootstrap import Enforcing
from gatehouse.entry.cli.cases import desk
from gatehouse.entry.cli.show import now
from gatehouse.flows.notices import Notices
from gatehouse.flows.observe import Observer
from gatehouse.flows.perform import Performer
from gatehouse.records.policy import Policy


def performer_of(parts: Enforcing, observer: Observer | None = None, name: str | None = None) -> Performer:
    """A performer by the house's actuators, whose deeds carry their notices; named by machine and process if not given.

    Raises OutsideError or UserError where the actuators cannot be read.
    """
    policy = remembered(parts.policy)
    return Performer(
        name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}",
        parts.outbox,
        parts.standing,
        parts.actuator(now),
        policy,
        now,
        notice=Notices(replace(desk(parts), policy=policy), now),
        observer=observer,
    )


def remembered(policy: Callable[[str, str], Policy | None]) -> Callable[[str, str], Policy | None]:
    """What gives policy versions, each looked up until it is known: a version never changes."""
    known: dict[tuple[str, str], Policy] = {}

    def of(name: str, version: str) -> Policy | None:
        if (name, version) in known:
            return known[name, version]
        found = policy(name, version)
        if found is not None:
            known[name, version] = found
        return found

    return of
