"""The registry in a SQL database: versions of policies, data sets, detectors and releases, and their life."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Select, Table, func, insert, select, update

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.faults import unkept
from gatehouse.adapters.sql.tables import bank_changes, datasets, models, policies, releases, transitions
from gatehouse.adapters.sql.versions import Version, differs, key_of, moves, seal, unknown, unseal
from gatehouse.errors import Fault, UserError
from gatehouse.records.bank import EntryChange
from gatehouse.records.dataset import DatasetInfo, LifeState, Model, Release, Transition
from gatehouse.records.policy import Policy

_Record = TypeVar("_Record", Policy, Model, DatasetInfo, Release)

_CHANGES = select(*(bank_changes.c[name] for name in EntryChange.__struct_fields__))

_KINDS: dict[type[Version], Table] = {Policy: policies, Model: models, DatasetInfo: datasets, Release: releases}


class SqlRegistry:
    """Versions and the life of releases in a ledger file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_policy(self, policy: Policy) -> None:
        """Remember a policy version; adding it again changes nothing, with other content raises UserError."""
        with self._database.writing() as connection:
            _add(connection, policy)

    def policy(self, name: str, version: str) -> Policy:
        """A policy version; raises UserError when it is not known, OutsideError when its row was changed."""
        return self._get(Policy, name, version)

    def add_dataset(self, info: DatasetInfo, path: str) -> None:
        """Remember a frozen data set and the folder that holds it; the latest folder and card are the ones that count.

        The version pins rows and labels, so a card reworded or a folder moved is the same data set.
        """
        content, digest = seal(info)
        said = {"content": content, "digest": digest, "path": path}
        same = (datasets.c.name == info.name, datasets.c.version == info.version)
        with self._database.writing() as connection:
            if connection.execute(update(datasets).where(*same).values(said)).rowcount == 0:
                connection.execute(insert(datasets), {"name": info.name, "version": info.version, **said})

    def datasets(self) -> list[tuple[DatasetInfo, str]]:
        """All frozen data sets with their folders, newest first."""
        with self._database.reading() as connection:
            found = connection.execute(select(datasets).order_by(datasets.c.number.desc())).all()
        return [(self._record(DatasetInfo, row), row.path) for row in found]

    def add_model(self, model: Model) -> None:
        """Remember a detector version; adding it again changes nothing, with other content raises UserError."""
        with self._database.writing() as connection:
            _add(connection, model)

    def model(self, name: str, version: str) -> Model:
        """A detector version; raises UserError when it is not known, OutsideError when its row was changed."""
        return self._get(Model, name, version)

    def add_release(self, release: Release, *, at: int, by: str, why: str) -> None:
        """Remember a release as a draft; adding it again changes nothing.

        Raises UserError where its version is not the hash of what it holds.
        """
        draft = Transition(pack=release.pack, version=release.version, state="draft", at=at, by=by, why=why)
        check_kept(draft)
        with self._database.writing() as connection:
            if _add(connection, release):
                connection.execute(insert(transitions), msgspec.structs.asdict(draft))

    def release(self, pack: str, version: str) -> Release:
        """A release; raises UserError when it is not known, OutsideError when its row was changed."""
        return self._get(Release, pack, version)

    def releases(self, pack: str | None = None) -> list[tuple[Release, Transition]]:
        """Releases with the latest transition of each, the one added last first."""
        wanted = select(releases).order_by(releases.c.number.desc())
        if pack is not None:
            wanted = wanted.where(releases.c.name == pack)
        with self._database.reading() as connection:
            latest = {(one.pack, one.version): one for one in map(_transition, connection.execute(_latest(pack)))}
            found = connection.execute(wanted).all()
        return [(self._record(Release, row), latest[row.name, row.version]) for row in found]

    def move(self, transition: Transition, was: LifeState | None = None) -> None:
        """Record a change of state; making one release of a pack live retires the one that was, in one transaction.

        Raises UserError for a release that is not known and RefusedError, naming the states it can go to, for a step
        that its life does not have, or where it is not in the state that it `was` in any more.
        """
        check_kept(transition)
        with self._database.writing() as connection:
            states = {one.version: one.state for one in map(_transition, connection.execute(_latest(transition.pack)))}
            if transition.version not in states:
                raise unknown(Release, transition.pack, transition.version, _known(connection, releases))
            live = next((version for version, state in states.items() if state == "live"), None)
            for one in moves(transition, states[transition.version], live, was):
                connection.execute(insert(transitions), msgspec.structs.asdict(one))

    def life(self, pack: str) -> list[Transition]:
        """All transitions of a pack's releases, oldest first."""
        wanted = select(transitions).where(transitions.c.pack == pack).order_by(transitions.c.number)
        with self._database.reading() as connection:
            return [_transition(row) for row in connection.execute(wanted)]

    def live(self, pack: str) -> Release | None:
        """The release that is live, or None."""
        return next((release for release, latest in self.releases(pack) if latest.state == "live"), None)

    def change_entries(self, changes: Sequence[EntryChange]) -> None:
        """Record changes of banks' entries in one transaction; raises UserError where a text cannot be kept."""
        if faults := [fault for change in changes for fault in entry_faults(change)]:
            raise UserError(faults)
        with self._database.writing() as connection:
            if changes:
                connection.execute(insert(bank_changes), [msgspec.structs.asdict(change) for change in changes])

    def entries(self, pack: str) -> list[EntryChange]:
        """The latest change of each entry of a pack's banks, in the order of these changes."""
        last = select(func.max(bank_changes.c.number)).where(bank_changes.c.pack == pack)
        last = last.group_by(bank_changes.c.bank, bank_changes.c.entry)
        return self._changes(_CHANGES.where(bank_changes.c.number.in_(last)))

    def entry_life(self, pack: str) -> list[EntryChange]:
        """All changes of entries of a pack's banks, oldest first."""
        return self._changes(_CHANGES.where(bank_changes.c.pack == pack))

    def _changes(self, wanted: Select[Any]) -> list[EntryChange]:
        names = EntryChange.__struct_fields__
        with self._database.reading() as connection:
            found = connection.execute(wanted.order_by(bank_changes.c.number))
            # A bank may have a million entries, and rows as tuples cost much less than as mappings.
            return [EntryChange(**dict(zip(names, row, strict=True))) for row in found]

    def _get(self, kind: type[_Record], name: str, version: str) -> _Record:
        table = _KINDS[kind]
        with self._database.reading() as connection:
            row = connection.execute(_version(table, name, version)).one_or_none()
            if row is None:
                raise unknown(kind, name, version, _known(connection, table))
        return self._record(kind, row)

    def _record(self, kind: type[_Record], row: Row[Any]) -> _Record:
        return unseal(row.content, row.digest, kind, (row.name, row.version), where=self._database.where)


def _add(connection: Connection, record: Version) -> bool:
    """Insert a version unless it is there; gives back whether it was new."""
    table = _KINDS[type(record)]
    name, version = key_of(record)
    content, digest = seal(record)
    row = connection.execute(_version(table, name, version)).one_or_none()
    if row is None:
        connection.execute(insert(table), {"name": name, "version": version, "content": content, "digest": digest})
    elif row.digest != digest:
        raise differs(type(record), name, version)
    return row is None


def _version(table: Table, name: str, version: str) -> Select[Any]:
    return select(table).where(table.c.name == name, table.c.version == version)


def _known(connection: Connection, table: Table) -> Sequence[tuple[str, str]]:
    found = connection.execute(select(table.c.name, table.c.version).order_by(table.c.number.desc()))
    return [(row.name, row.version) for row in found]


def _latest(pack: str | None) -> Select[Any]:
    """The latest transition of each release, of one pack or of all."""
    last = select(func.max(transitions.c.number)).group_by(transitions.c.pack, transitions.c.version)
    if pack is not None:
        last = last.where(transitions.c.pack == pack)
    return select(transitions).where(transitions.c.number.in_(last))


def _transition(row: Row[Any]) -> Transition:
    return Transition(**{name: value for name, value in row._mapping.items() if name != "number"})


def entry_faults(change: EntryChange) -> list[Fault]:
    """What stops a change of an entry from being recorded."""
    return [Fault(what, f"entry {change.entry!r}", fix) for what, fix in unkept(change)]


def check_kept(transition: Transition) -> None:
    """Raise UserError where a text of a transition cannot be kept."""
    if found := [Fault(what, f"release {transition.version}", fix) for what, fix in unkept(transition)]:
        raise UserError(found)
