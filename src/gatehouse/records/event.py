"""Events: what happened on the platform, and the entities they name."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import pyarrow as pa

from gatehouse.errors import Fault, UserError, did_you_mean

DIGITS = {"md5": 32, "pdq": 64, "sha256": 64}
"""Kinds of hashes by which events name media, and how many hexadecimal digits each has."""

_HEXADECIMAL = re.compile("[0-9a-f]*")


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
    `language` is what the platform claims (ISO 639-1), or None. `address` and `device` are what the actor came from,
    as the platform names them; `amount` is in whole smallest units (cents), never negative; `attributes` are what else
    the platform says of the actor or the event at that time. `media` names its images and videos by their hashes, as
    `media_of` writes them.
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
    address: str | None = None
    device: str | None = None
    amount: int | None = None
    attributes: Mapping[str, str | int | float | bool] | None = None
    media: tuple[str, ...] = ()

    def digest(self) -> str:
        """SHA-256 of what the event says; `seen` and `imported` are the gate's, so they do not count."""
        said: tuple[object, ...] = (self.id, self.kind, self.text, self.language, self.occurred)
        said = (*said, self.actor, self.target, self.parent, self.thread, self.revision)
        more: dict[str, object] = {
            "address": self.address,
            "device": self.device,
            "amount": self.amount,
            "attributes": self.attributes,
            "media": self.media or None,
        }
        # What an event does not say does not count, so that a record that learns to say more keeps its digests.
        if brought := {name: value for name, value in more.items() if value is not None}:
            said = (*said, brought)
        return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


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
        pa.field("address", pa.string()),
        pa.field("device", pa.string()),
        pa.field("amount", pa.int64()),
        pa.field("attributes", pa.string()),
        pa.field("media", pa.string()),
    ]
)
"""Columns of a batch of events; entities are written `kind:id`, attributes as a JSON object with its keys in order,
media as hashes with a space between them."""


def media_of(said: Iterable[str]) -> tuple[str, ...]:
    """Hashes of media as an event names them: `kind:digits` in small letters, in order, each once.

    Raises UserError with each that is none.
    """
    named = sorted({one.lower() for one in said})
    if faults := [fault for one in named if (fault := _no_hash(one))]:
        raise UserError(faults)
    return tuple(named)


def _no_hash(said: str) -> Fault | None:
    kind, colon, digits = said.partition(":")
    kinds = ", ".join(DIGITS)
    if not colon:
        return Fault(f"the media '{said[:40]}' does not say of which kind its hash is", "", f"write KIND:HASH; {kinds}")
    if kind not in DIGITS:
        return Fault(f"the media hash is of an unknown kind '{kind[:40]}'", "", f"{did_you_mean(kind, DIGITS)}{kinds}")
    if fault := hash_fault(kind, digits):
        return Fault(fault, "", "take the hash as the tool prints it")
    return None


def hash_fault(kind: str, digits: str) -> str | None:
    """Why these digits, in small letters, are no hash of this kind; None where they are one."""
    if len(digits) != DIGITS[kind]:
        return f"the {kind} hash '{digits[:40]}' has {len(digits)} characters, not {DIGITS[kind]}"
    if not _HEXADECIMAL.fullmatch(digits):
        return f"the {kind} hash '{digits[:40]}' holds other characters than 0-9 and a-f"
    return None


def to_batch(events: Sequence[Event]) -> pa.RecordBatch:
    """Events as one Arrow batch in EVENT_SCHEMA, in the order given."""
    columns = {name: [_written(getattr(event, name)) for event in events] for name in EVENT_SCHEMA.names}
    return pa.RecordBatch.from_pydict(columns, schema=EVENT_SCHEMA)


def _written(value: object) -> object:
    if isinstance(value, Entity):
        return str(value)
    if isinstance(value, tuple):
        return " ".join(value) or None
    return msgspec.json.encode(value, order="deterministic").decode() if isinstance(value, Mapping) else value


def from_batch(batch: pa.RecordBatch) -> list[Event]:
    """The events of an Arrow batch in EVENT_SCHEMA."""
    rows = batch.to_pylist()
    for row in rows:
        for name in ("actor", "target"):
            if row[name] is not None:
                row[name] = Entity.parse(row[name])
        if row["attributes"] is not None:
            row["attributes"] = msgspec.json.decode(row["attributes"])
        row["media"] = tuple((row["media"] or "").split())
    return [Event(**row) for row in rows]
