"""Banks forget: entries made of erased texts are retired, and taken out of the record and of older releases' files."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gatehouse.errors import OutsideError, UserError
from gatehouse.flows import banks
from gatehouse.flows.bank_files import BANK_FILES
from gatehouse.flows.releases import Shelf
from gatehouse.ports.erasing import BankContents, ErasableFiles, Reached, Whom
from gatehouse.records.bank import BankKind
from gatehouse.records.event import Entity
from gatehouse.text.normalise import normalise_text

WHY = "what it was made of was erased"
BY = "erasure"

TEXTS: tuple[BankKind, ...] = ("bank", "near")
"""Banks whose entries are texts."""

_Entries = dict[tuple[BankKind, str], Mapping[str, Any]]


class BankEntries:
    """The banks of texts of all packs: in the registry, and in the files of every release.

    An entry is somebody's where its source names one of its events, or where it says what one of them said and came
    after it. One that was there before came from elsewhere: else who posts a known text could have the bank forget it.
    Hashes of media stay.
    """

    def __init__(self, shelf: Shelf, contents: BankContents, files: ErasableFiles) -> None:
        self._shelf, self._contents, self._files = shelf, contents, files

    def ids(self, entity: Entity) -> frozenset[str]:
        """None: entries name no events of others."""
        return frozenset()

    def forget(self, whom: Whom, *, at: int, dry: bool) -> Iterator[Reached]:
        """Retire the entries, then take their content out; a release whose bank held one cannot be opened any more."""
        packs = {release.pack for release, _ in self._shelf.registry.releases()} | set(self._contents.packs())
        said_first = _first_said(whom)
        for pack in sorted(packs):
            files = list(self._bank_files(pack))
            found = self._theirs(pack, files, whom, said_first)
            if not found:
                continue
            old = {file.digest for file in files if not found.keys().isdisjoint(file.keys)}
            if not dry:
                self._take(pack, found, old, at)
            files_of = "1 file" if len(old) == 1 else f"{len(old)} files"
            said = f"{files_of} of releases cannot be opened any more" if old else ""
            yield Reached("banks", pack, len(found), said)

    def _take(self, pack: str, found: _Entries, old: set[str], at: int) -> None:
        known = {entry.id: entry for entry in banks.listed(self._shelf, pack) if (entry.bank, entry.id) in found}
        active = [id_ for id_, entry in known.items() if entry.state != "retired" or entry.live]
        if active:
            banks.retire(self._shelf, pack, active, at=at, by=BY, why=WHY)
        for digest in sorted(old):
            self._files.erase(digest, at)
        self._contents.erase(pack, {key: _emptied(key[0], said) for key, said in found.items()})

    def _theirs(self, pack: str, files: Sequence["_File"], whom: Whom, said_first: Mapping[str, int]) -> _Entries:
        found: _Entries = {}
        since: dict[tuple[BankKind, str], int] = {}
        contents: list[tuple[tuple[BankKind, str], Mapping[str, Any]]] = []
        for change in self._shelf.registry.entry_life(pack):
            if change.bank in TEXTS:
                key, said = (change.bank, change.entry), json.loads(change.content)
                since[key] = min(change.at, since.get(key, change.at))
                contents.append((key, said))
                if any(word in whom.ids for word in change.source.split()):
                    found[key] = said
        for file in files:
            for said in file.entries:
                key = (file.kind, said["id"])
                since[key] = min(file.at, since.get(key, file.at))
                contents.append((key, said))
        for key, said in contents:
            first = said_first.get(normalise_text(said["text"])) if isinstance(said.get("text"), str) else None
            if first is not None and first <= since[key]:
                found[key] = said
        return found

    def _bank_files(self, pack: str) -> Iterator["_File"]:
        """Each file that a release's bank of texts was; not those that were erased before."""
        made: dict[str, int] = {}
        for change in self._shelf.registry.life(pack):
            made.setdefault(change.version, change.at)
        for release, _ in self._shelf.registry.releases(pack):
            for kind in TEXTS:
                name, file = f"{pack}.{kind}", BANK_FILES[kind]
                if name not in release.detectors:
                    continue
                with suppress(UserError, OutsideError):
                    digest = self._shelf.registry.model(name, release.detectors[name]).files[file]
                    text = self._shelf.files.get(f"{name}/{file}", digest).decode().removeprefix("\ufeff")
                    entries = [json.loads(line) for line in text.split("\n") if line.strip()]
                    yield _File(kind, digest, made[release.version], entries)


@dataclass(frozen=True)
class _File:
    """What a bank was in one release, made at some time."""

    kind: BankKind
    digest: str
    at: int
    entries: Sequence[Mapping[str, Any]]

    @property
    def keys(self) -> set[tuple[BankKind, str]]:
        return {(self.kind, said["id"]) for said in self.entries}


def _first_said(whom: Whom) -> dict[str, int]:
    """When each of its texts was first seen, by what is left of it once normalised."""
    found: dict[str, int] = {}
    for event in whom.events:
        if event.text:
            text = normalise_text(event.text)
            found[text] = min(event.seen, found.get(text, event.seen))
    return found


def _emptied(kind: BankKind, said: Mapping[str, Any]) -> str:
    """An entry that says nothing of what it said, in the form of its bank, so that its life can be read as before."""
    left = {name: value for name, value in said.items() if name not in ("text", "sha256")}
    filler = secrets.token_hex(32)
    return json.dumps({**left, "sha256": filler} if kind == "bank" else {**left, "text": f"erased {filler}"})
