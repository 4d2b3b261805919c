"""Looking up rows by many ids at once."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Row, Select

from gatehouse.adapters.sql import bulk
from gatehouse.adapters.sql.chains import ChainKey, Known
from gatehouse.ports.ledger import EventKey
from gatehouse.records.event import ERASED

_MOST = 500
"""Ids in one lookup: well under every database's limit on parameters."""

# How a list is given as one parameter, so that the statement stays the same however long it is.
_EACH = {"sqlite": "IN (SELECT value FROM json_each(?))", "postgresql": "= ANY(%s)"}

_KNOWN = """
SELECT e.id, e.revision, e.kind, e.sealed, e.amended, k."key", d.id, d.track
FROM events AS e LEFT JOIN actor_keys AS k ON k.id = e."key"
LEFT JOIN decisions AS d ON d.event_id = e.id AND d.revision = e.revision
WHERE e.id {each} ORDER BY e.revision, d.place
"""

_LAST = """
SELECT 0, owner, id, "key" FROM actor_keys WHERE owner {each}
UNION ALL SELECT 1, '', (SELECT max(number) FROM events), NULL
UNION ALL SELECT 2, '', (SELECT max(id) FROM actor_keys), NULL
UNION ALL SELECT 3, '', seq, hash FROM chain_ends WHERE writer = {mark}
"""


def among(connection: Connection, wanted: Select[Any], column: Column[Any], ids: Sequence[Any]) -> Iterator[Row[Any]]:
    """Rows whose column is one of these ids, looked up some hundred at a time."""
    once = [id_ for id_ in dict.fromkeys(ids) if not isinstance(id_, str) or _kept(id_)]
    for start in range(0, len(once), _MOST):
        yield from connection.execute(wanted.where(column.in_(once[start : start + _MOST])))


def known(connection: Connection, event_ids: Sequence[str]) -> tuple[dict[EventKey, Known], dict[ChainKey, list[str]]]:
    """What is known of the revisions of these events, latest last, and their chains of decisions."""
    found: dict[EventKey, Known] = {}
    chains: dict[ChainKey, list[str]] = {}
    ids = _given(connection, event_ids)
    for id_, revision, kind, sealed, amended, key, decision, track in bulk.fetch(
        connection, _statement(_KNOWN, connection), [ids]
    ):
        if (id_, revision) not in found:
            found[id_, revision] = Known(key, sealed, amended, kind == ERASED)
        if decision is not None:
            chains.setdefault((id_, revision, track), []).append(decision)
    return found, chains


class Last:
    """Where a commit begins: the keys of some owners, the last number and key, and the end of a writer's chain."""

    def __init__(self, connection: Connection, owners: Sequence[str], writer: str) -> None:
        self.keys: dict[str, tuple[int, bytes]] = {}
        self.number = self.key = 0
        self.end: tuple[int, bytes] | None = None
        parameters = [_given(connection, owners), writer]
        for kind, owner, number, content in bulk.fetch(connection, _statement(_LAST, connection), parameters):
            if kind == 0:
                self.keys[owner] = (number, content)
            elif kind == 1:
                self.number = number or 0
            elif kind == 2:
                self.key = number or 0
            else:
                self.end = (number, content)


def _statement(text: str, connection: Connection) -> str:
    sqlite = connection.dialect.name == "sqlite"
    return text.format(each=_EACH[connection.dialect.name], mark="?" if sqlite else "%s")


def _given(connection: Connection, texts: Sequence[str]) -> str | list[str]:
    kept = [one for one in dict.fromkeys(texts) if _kept(one)]
    return msgspec.json.encode(kept).decode() if connection.dialect.name == "sqlite" else kept


def _kept(id: str) -> bool:
    """Whether an id can be on record at all: not every database takes every text, even to look it up."""
    if id.isascii():
        return "\0" not in id
    try:
        return b"\0" not in id.encode()
    except UnicodeEncodeError:
        return False
