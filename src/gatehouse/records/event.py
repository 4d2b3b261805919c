"""Events: what happened on the platform, and the entities they name."""

import hashlib
from collections.abc import Sequence

import msgspec
import pyarrow as pa

from gatehouse.errors import UserError


class Entity(msgspec.Struct, frozen=True, order=True):
    """A reference to something with an identity, written `kind:id` in columns and files."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Entity":
        """Read `kind:id`; a text without a colon is an account."""
        kind, colon, id_ = text.partition(":")
        if not colon:
            kind, id_ = "account", text
        if not kind or not id_:
            raise UserError(f"'{text}' names no entity", fix="write it as kind:id, for example account:42")
        return cls(kind, id_)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened on the platform; immutable, an edit is a new event with another revision.

    Times are int64 microseconds UTC: `occurred` is what the event claims, `seen` when the gate first saw it.
    `imported` marks history, whose `seen` is its own time rather than the gate's.
    `language` is what the platform claims (ISO 639-1), or None.
    """

    id: str
    kind: str = "post"
    text: str | None = None
    language: str | None = None
    occurred: int | None = None
    seen: int = 0
    imported: bool = False
    actor: Entity | None = None
    target: Entity | None = None
    parent: str | None = None
    thread: str | None = None
    revision: int = 0

    def digest(self) -> str:
        """SHA-256 of what the event says; `seen` and `imported` are the gate's, so they do not count."""
        said = (self.id, self.kind, self.text, self.language, self.occurred, self.actor, self.target)
        return hashlib.sha256(msgspec.json.encode((*said, self.parent, self.thread, self.revision))).hexdigest()


EVENT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("text", pa.string()),
        pa.field("language", pa.string()),
        pa.field("occurred", pa.int64()),
        pa.field("seen", pa.int64(), nullable=False),
        pa.field("imported", pa.bool_(), nullable=False),
        pa.field("actor", pa.string()),
        pa.field("target", pa.string()),
        pa.field("parent", pa.string()),
        pa.field("thread", pa.string()),
        pa.field("revision", pa.int64(), nullable=False),
    ]
)
"""Columns of a batch of events; entities are written `kind:id`."""


def to_batch(events: Sequence[Event]) -> pa.RecordBatch:
    """Events as one Arrow batch in EVENT_SCHEMA, in the order given."""
    columns = {
        name: [str(value) if isinstance(value := getattr(event, name), Entity) else value for event in events]
        for name in EVENT_SCHEMA.names
    }
    return pa.RecordBatch.from_pydict(columns, schema=EVENT_SCHEMA)


def from_batch(batch: pa.RecordBatch) -> list[Event]:
    """The events of an Arrow batch in EVENT_SCHEMA."""
    rows = batch.to_pylist()
    for row in rows:
        for name in ("actor", "target"):
            if row[name] is not None:
                row[name] = Entity.parse(row[name])
    return [Event(**row) for row in rows]
