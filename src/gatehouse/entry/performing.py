"""A performer of the house, put together in the one way in which every process carries out enforcements."""

import os
import secrets
import socket

from gatehouse.bootstrap import Enforcing
from gatehouse.entry.cli.cases import desk
from gatehouse.entry.cli.show import now
from gatehouse.flows.notices import Notices
from gatehouse.flows.observe import Observer
from gatehouse.flows.perform import Performer


def performer_of(parts: Enforcing, observer: Observer | None = None, name: str | None = None) -> Performer:
    """A performer by the house's actuators, whose deeds carry their notices; named by machine and process if not given.

    Raises OutsideError or UserError where the actuators cannot be read.
    """
    return Performer(
        name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}",
        parts.outbox,
        parts.standing,
        parts.actuator(now),
        parts.policy,
        now,
        notice=Notices(desk(parts), now),
        observer=observer,
    )
