"""What repeats from decision to decision, kept once: read when it is first needed, written when it is new."""

import hashlib
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Generic, TypeVar

from sqlalchemy import Connection, select

from gatehouse.adapters.sql.blobs import Repeated
from gatehouse.adapters.sql.lookup import among
from gatehouse.adapters.sql.tables import layouts

_MOST = 10_000
"""Of each kind, as many as a process remembers before it begins anew."""

Read = TypeVar("Read")


class Layouts:
    """What this process knows to be on record; safe to share between threads."""

    def __init__(self) -> None:
        self._on_record: set[bytes] = set()

    def new(self, all_of_them: Iterable[Repeated]) -> dict[bytes, Repeated]:
        """Those of which it is not known that they are on record, each once."""
        return {one.digest: one for one in all_of_them if one.digest not in self._on_record}

    def committed(self, digests: set[bytes]) -> None:
        """These are on record now."""
        if digests:
            self._on_record = digests if len(self._on_record) > _MOST else self._on_record | digests


class Reading(Generic[Read]):
    """Repeated content of one kind, read from the table once; safe to share between threads."""

    def __init__(self, read: Callable[[str], Read]) -> None:
        self._read = read
        self._found: dict[bytes, Read] = {}
        self._lock = Lock()

    def of(self, connection: Connection, digests: Iterable[bytes]) -> dict[bytes, Read]:
        """The content of those that are there and whole, by digest."""
        wanted = {bytes(digest) for digest in digests if isinstance(digest, bytes | memoryview)}
        missing = [digest for digest in wanted if digest not in self._found]
        if missing:
            read = {}
            for row in among(connection, select(layouts), layouts.c.digest, missing):
                content = row.content
                if isinstance(content, str) and hashlib.sha256(content.encode()).digest() == bytes(row.digest):
                    read[bytes(row.digest)] = self._read(row.content)
            with self._lock:
                if len(self._found) > _MOST:
                    self._found = {}
                self._found = self._found | read
        found = self._found
        return {digest: found[digest] for digest in wanted if digest in found}
