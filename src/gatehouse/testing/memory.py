"""Ledger, registry and model files in memory: they keep the same contracts as those on disk."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

from gatehouse.adapters.sql.registry import check_kept, entry_faults
from gatehouse.adapters.sql.versions import Version, differs, key_of, moves, seal, unknown
from gatehouse.errors import OutsideError, UserError
from gatehouse.records.bank import EntryChange
from gatehouse.records.dataset import DatasetInfo, LifeState, Model, Release, Transition
from gatehouse.records.policy import Policy
from gatehouse.testing.memory_ledger import MemoryLedger

__all__ = ["MemoryLedger", "MemoryModelFiles", "MemoryRegistry"]

_Record = TypeVar("_Record", Policy, Model, DatasetInfo, Release)


class MemoryRegistry:
    """A registry that lasts as long as the object."""

    def __init__(self) -> None:
        self._kept: dict[type[Version], dict[tuple[str, str], Version]] = {}
        self._datasets: dict[tuple[str, str], tuple[DatasetInfo, str]] = {}
        self._life: list[Transition] = []
        self._changes: list[EntryChange] = []

    def add_policy(self, policy: Policy) -> None:
        """Remember a policy version; adding it again changes nothing."""
        self._add(policy)

    def policy(self, name: str, version: str) -> Policy:
        """A policy version; raises UserError when it is not known."""
        return self._get(Policy, name, version)

    def add_dataset(self, info: DatasetInfo, path: str) -> None:
        """Remember a frozen data set and the folder that holds it."""
        seal(info)
        self._datasets[info.name, info.version] = (info, path)

    def datasets(self) -> list[tuple[DatasetInfo, str]]:
        """All frozen data sets with their folders, newest first."""
        return list(reversed(self._datasets.values()))

    def add_model(self, model: Model) -> None:
        """Remember a detector version; adding it again changes nothing."""
        self._add(model)

    def model(self, name: str, version: str) -> Model:
        """A detector version; raises UserError when it is not known."""
        return self._get(Model, name, version)

    def add_release(self, release: Release, *, at: int, by: str, why: str) -> None:
        """Remember a release as a draft; adding it again changes nothing."""
        draft = Transition(pack=release.pack, version=release.version, state="draft", at=at, by=by, why=why)
        check_kept(draft)
        if self._add(release):
            self._life.append(draft)

    def release(self, pack: str, version: str) -> Release:
        """A release; raises UserError when it is not known."""
        return self._get(Release, pack, version)

    def releases(self, pack: str | None = None) -> list[tuple[Release, Transition]]:
        """Releases with the latest transition of each, the one added last first."""
        latest = {(one.pack, one.version): one for one in self._life}
        known = reversed(self._of(Release).items())
        return [(release, latest[key]) for key, release in known if pack in (None, release.pack)]

    def move(self, transition: Transition, was: LifeState | None = None) -> None:
        """Record a change of state; making one release of a pack live retires the one that was."""
        check_kept(transition)
        states = {one.version: one.state for one in self._life if one.pack == transition.pack}
        if transition.version not in states:
            raise unknown(Release, transition.pack, transition.version, self._known(Release))
        live = next((version for version, state in states.items() if state == "live"), None)
        self._life += moves(transition, states[transition.version], live, was)

    def life(self, pack: str) -> list[Transition]:
        """All transitions of a pack's releases, oldest first."""
        return [one for one in self._life if one.pack == pack]

    def live(self, pack: str) -> Release | None:
        """The release that is live, or None."""
        return next((release for release, latest in self.releases(pack) if latest.state == "live"), None)

    def change_entries(self, changes: Sequence[EntryChange]) -> None:
        """Record changes of banks' entries, all or none."""
        if faults := [fault for change in changes for fault in entry_faults(change)]:
            raise UserError(faults)
        self._changes += changes

    def entries(self, pack: str) -> list[EntryChange]:
        """The latest change of each entry of a pack's banks, in the order of these changes."""
        latest = {(one.bank, one.entry): place for place, one in enumerate(self._changes) if one.pack == pack}
        return [self._changes[place] for place in sorted(latest.values())]

    def entry_life(self, pack: str) -> list[EntryChange]:
        """All changes of entries of a pack's banks, oldest first."""
        return [one for one in self._changes if one.pack == pack]

    def _add(self, record: Version) -> bool:
        """Keep a version unless it is kept; gives back whether it was new."""
        seal(record)
        kept = self._kept.setdefault(type(record), {})
        key = key_of(record)
        if key in kept and kept[key] != record:
            raise differs(type(record), *key)
        new = key not in kept
        kept[key] = record
        return new

    def _of(self, kind: type[_Record]) -> dict[tuple[str, str], _Record]:
        return {key: record for key, record in self._kept.get(kind, {}).items() if isinstance(record, kind)}

    def _known(self, kind: type[Version]) -> list[tuple[str, str]]:
        return list(reversed(self._kept.get(kind, {})))

    def _get(self, kind: type[_Record], name: str, version: str) -> _Record:
        try:
            return self._of(kind)[name, version]
        except KeyError:
            raise unknown(kind, name, version, self._known(kind)) from None


class MemoryModelFiles:
    """Model files that last as long as the object; `content` may be spoilt by a test."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def put(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Keep each file; gives back the SHA-256 of each by its name."""
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        self.content |= {digest: files[name] for name, digest in digests.items()}
        return digests

    def get(self, name: str, digest: str) -> bytes:
        """The file with this content hash; raises OutsideError when it is missing, cut short or changed."""
        content = self.content.get(digest)
        fix = "gatehouse train PACK makes it again"
        if content is None:
            raise OutsideError(f"{name} is missing", where=f"memory, {digest}", fix=fix)
        if hashlib.sha256(content).hexdigest() != digest:
            raise OutsideError(f"{name} was cut short or changed", where=f"memory, {digest}", fix=fix)
        return content
