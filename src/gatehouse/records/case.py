"""Cases that a person looks at, and labels: claims of truth about events."""

import msgspec
import pyarrow as pa


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked to look at; `chance` is the probability with which it was drawn."""

    id: str
    event_id: str
    policy: str
    decision_id: str
    opened_by: str
    reason: str
    chance: float = 1.0
    state: str = "open"


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A claim of truth about an event: many per event, kept as they were given, never averaged away.

    `value` is 1 (holds) or 0; `votes` counts raters who gave this value where the source names none;
    `chance` is the probability with which the event was drawn for labelling, None where unknown.
    """

    event_id: str
    label: str
    value: int
    source: str
    rater: str | None = None
    votes: int = 1
    at: int | None = None
    policy_version: str | None = None
    chance: float | None = None


LABEL_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("value", pa.int8(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("rater", pa.string()),
        pa.field("votes", pa.int32(), nullable=False),
        pa.field("at", pa.int64()),
        pa.field("policy_version", pa.string()),
        pa.field("chance", pa.float64()),
    ]
)
