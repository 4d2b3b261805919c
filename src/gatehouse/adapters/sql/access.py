"""API keys, and who looked at content, in a SQL database."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, func, insert, or_, select, update

from gatehouse.adapters.sql.access_tables import api_keys, reads
from gatehouse.adapters.sql.engine import Database
from gatehouse.errors import UserError
from gatehouse.records.access import SCOPES, Key, Read


class SqlKeys:
    """API keys in the ledger's own database; keeps the promise of `ports.access.Keys`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: Key) -> None:
        """Keep a key. Raises UserError where its id or hash is taken."""
        with self._database.writing() as connection:
            _add(connection, key)

    def add_first(self, key: Key) -> bool:
        """Keep a key unless there is one already, be it revoked; gives back whether it is kept."""
        with self._database.writing() as connection:
            first = connection.scalar(select(func.count()).select_from(api_keys)) == 0
            if first:
                _add(connection, key)
        return first

    def replace(self, key: Key, expires: int) -> None:
        """Keep a key in the place of the one that it names as `replaces`, which then expires, in one step.

        The old one keeps an earlier end. Raises UserError where it is not there, is revoked or was replaced before.
        """
        there = api_keys.c
        with self._database.writing() as connection:
            old = connection.execute(select(api_keys).where(there.id == key.replaces)).one_or_none()
            taken = connection.scalar(select(there.id).where(there.replaces == key.replaces))
            if old is None or old.revoked is not None or taken is not None:
                raise UserError(
                    f"key '{key.replaces}' cannot be replaced", fix="gatehouse keys list shows how it stands"
                )
            sooner = expires if old.expires is None else min(expires, old.expires)
            connection.execute(update(api_keys).where(there.id == key.replaces).values(expires=sooner))
            _add(connection, key)

    def revoke(self, key_id: str, at: int, by: str) -> bool:
        """Revoke a key; gives back whether there is one. One that is revoked stays as it is."""
        there = api_keys.c
        with self._database.writing() as connection:
            wanted = update(api_keys).where(there.id == key_id, there.revoked.is_(None))
            if connection.execute(wanted.values(revoked=at, revoked_by=by)).rowcount:
                return True
            return connection.scalar(select(there.id).where(there.id == key_id)) is not None

    def usable(self, now: int) -> list[Key]:
        """Every key that is neither revoked nor expired, oldest first."""
        there = api_keys.c
        return self._found(_keys().where(there.revoked.is_(None), or_(there.expires.is_(None), there.expires > now)))

    def all(self) -> list[Key]:
        """Every key, oldest first."""
        return self._found(_keys())

    def _found(self, wanted: Select[Any]) -> list[Key]:
        with self._database.reading() as connection:
            return [_key(row) for row in connection.execute(wanted)]


class SqlReads:
    """Who looked at which content, in the ledger's own database; keeps the promise of `ports.access.Reads`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, made: Sequence[Read]) -> None:
        """Record them, all or none."""
        if made:
            with self._database.writing() as connection:
                connection.execute(insert(reads), [msgspec.structs.asdict(one) for one in made])

    def find(self, *, which: str | None = None, by: str | None = None, since: int = 0, limit: int = 1000) -> list[Read]:
        """Reads with these properties, newest first."""
        there = reads.c
        wanted = select(there.at, there.by, there.key_id, there.what, there.which).where(there.at >= since)
        if which is not None:
            wanted = wanted.where(there.which == which)
        if by is not None:
            wanted = wanted.where(there.by == by)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(there.at.desc(), there.number.desc()).limit(limit))
            return [Read(**row._mapping) for row in rows]


def _keys() -> Select[Any]:
    return select(api_keys).order_by(api_keys.c.made, api_keys.c.id)


def _add(connection: Connection, key: Key) -> None:
    connection.execute(insert(api_keys), {**msgspec.structs.asdict(key), "scopes": " ".join(key.scopes)})


def _key(row: Row[Any]) -> Key:
    # A word that this version does not know is no right, and does not keep the other keys from being read.
    said = row.scopes.split()
    return Key(**{**row._mapping, "scopes": tuple(scope for scope in SCOPES if scope in said)})
