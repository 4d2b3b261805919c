"""Looking up rows by many ids at once."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Row, Select

_MOST = 500
"""Ids in one lookup: well under every database's limit on parameters."""


def among(connection: Connection, wanted: Select[Any], column: Column[str], ids: Sequence[str]) -> Iterator[Row[Any]]:
    """Rows whose column is one of these ids, looked up some hundred at a time."""
    once = [id_ for id_ in dict.fromkeys(ids) if _kept(id_)]
    for start in range(0, len(once), _MOST):
        yield from connection.execute(wanted.where(column.in_(once[start : start + _MOST])))


def _kept(id: str) -> bool:
    """Whether an id can be on record at all: not every database takes every text, even to look it up."""
    if id.isascii():
        return "\0" not in id
    try:
        return b"\0" not in id.encode()
    except UnicodeEncodeError:
        return False
