"""Enforcement: what is done about an event or an actor, in a stated order of severity."""

from enum import IntEnum

import msgspec
import pyarrow as pa


class Kind(IntEnum):
    """Kinds of enforcement, from nothing to the severest; a decision takes the severest of its policies."""

    NONE = 0
    OFFER_HELP = 1
    LABEL = 2
    WARN = 3
    BLUR = 4
    AGE_GATE = 5
    LIMIT = 6
    REMOVE = 7
    STRIKE = 8
    SUSPEND = 9
    TERMINATE = 10
    ESCALATE = 11

    @property
    def word(self) -> str:
        """The kind as it is written in policies, files and screens."""
        return self.name.lower()


NEEDS_A_PERSON = frozenset({Kind.SUSPEND, Kind.TERMINATE})
"""Kinds that no shipped policy may carry out without a person."""


class Enforcement(msgspec.Struct, frozen=True, kw_only=True):
    """One planned deed of a decision; states: planned, held, done, failed, undone."""

    id: str
    decision_id: str
    event_id: str
    policy: str
    kind: str
    state: str = "planned"


ENFORCEMENT_SCHEMA = pa.schema([pa.field(name, pa.string(), nullable=False) for name in Enforcement.__struct_fields__])
