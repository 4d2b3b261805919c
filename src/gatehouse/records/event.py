"""Events: what happened on the platform, and the entities they name."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from gatehouse.errors import Fault, UserError, did_you_mean

DIGITS = {"md5": 32, "pdq": 64, "sha256": 64}
"""Kinds of hashes by which events name media, and how many hexadecimal digits each has."""

ERASED = "erased"
"""The kind of an event whose content was taken away: its id, revision, `seen` and `imported` are all that is left."""

_HEXADECIMAL = re.compile("[0-9a-f]*")


class Entity(msgspec.Struct, frozen=True, order=True, gc=False):
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


class Event(msgspec.Struct, frozen=True, kw_only=True, dict=True):
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
        kept = self.__dict__
        if (known := kept.get("_digest")) is None:
            known = kept["_digest"] = _digest_of(self)
        return known


def _digest_of(event: Event) -> str:
    said: tuple[object, ...] = (
        *(event.id, event.kind, event.text, event.language, event.occurred),
        *(event.actor, event.target, event.parent, event.thread, event.revision),
    )
    more: dict[str, object] = {
        "address": event.address,
        "device": event.device,
        "amount": event.amount,
        "attributes": event.attributes,
        "media": event.media or None,
    }
    # What an event does not say does not count, so that a record that learns to say more keeps its digests.
    if brought := {name: value for name, value in more.items() if value is not None}:
        said = (*said, brought)
    return hashlib.sha256(_in_order(said)).hexdigest()


_in_order = msgspec.json.Encoder(order="deterministic").encode


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
    values = values_of(events)
    return pa.RecordBatch.from_arrays(arrays_of([(kind, values[name]) for name, kind in _KINDS]), schema=EVENT_SCHEMA)


def values_of(events: Sequence[Event]) -> dict[str, list[Any]]:
    """The columns of the same batch as Python's values; raises OverflowError for a number beyond 64 bits."""
    columns: dict[str, list[Any]] = {}
    for name, kind in _KINDS:
        values = [getattr(event, name) for event in events]
        if written := _WRITTEN.get(name):
            values = [None if value is None else written(value) for value in values]
        elif kind == "int64" and not all(value is None or -(1 << 63) <= value < 1 << 63 for value in values):
            raise OverflowError(f"'{name}' is a number beyond 64 bits")
        columns[name] = values
    return columns


def arrays_of(columns: Sequence[tuple[str, Sequence[Any]]]) -> list[pa.Array]:
    """Columns of one length, each given with the name of its type, as slices of one array of each type.

    To make an array takes longer than a few values.
    """
    n = len(columns[0][1]) if columns else 0
    same: dict[str, list[Any]] = {}
    for kind, values in columns:
        same.setdefault(kind, []).extend(values)
    whole = {kind: pa.array(values, pa.type_for_alias(kind)) for kind, values in same.items()}
    places = dict.fromkeys(same, 0)
    made = []
    for kind, _ in columns:
        made.append(whole[kind].slice(places[kind], n))
        places[kind] += n
    return made


_KINDS = [(field.name, str(field.type)) for field in EVENT_SCHEMA]

_WRITTEN: dict[str, Callable[[Any], str | None]] = {
    "actor": str,
    "target": str,
    "attributes": lambda said: msgspec.json.encode(said, order="deterministic").decode(),
    "media": lambda said: " ".join(said) or None,
}
"""How values are written that are no plain ones."""


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
