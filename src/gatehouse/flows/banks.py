"""Living banks: entries are added, proposed, accepted and retired, and what changes goes live at once, on record."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatehouse.detectors import banks_file
from gatehouse.errors import Faults, UserError, did_you_mean, suggestion
from gatehouse.flows import releases
from gatehouse.flows.bank_files import BANK_FILES, FORMS, read_bank, read_labels
from gatehouse.flows.releases import Shelf
from gatehouse.ports.ledger import Ledger, Matches
from gatehouse.records.bank import BankKind, EntryChange, EntryState
from gatehouse.records.dataset import Release, Transition
from gatehouse.text.normalise import normalise_text

Said = Mapping[str, Any]
"""An entry as a line of its bank's file says it; its `id` may be left out."""


@dataclass(frozen=True)
class KnownEntry:
    """One entry of a pack's banks, in its pack's file or of its own life.

    `live` tells whether it is in the release that is live. `at`, `by` and `why` are None for one that only ever stood
    in the pack's file.
    """

    bank: BankKind
    id: str
    state: EntryState
    said: Said
    live: bool
    source: str = "the pack's file"
    at: int | None = None
    by: str | None = None
    why: str | None = None


@dataclass(frozen=True)
class Changed:
    """What was recorded, in order, and the release that it brought live; None where nothing had to change."""

    entries: tuple[EntryChange, ...]
    live: Transition | None


@dataclass(frozen=True)
class Hit:
    """An entry that matches, and how near: `similarity 0.93`, `distance 12`, `the same text`."""

    bank: BankKind
    entry: str
    how: str


@dataclass(frozen=True)
class Matched:
    """How often an entry was the evidence of a decision: events, their share of all that are recorded, and when."""

    bank: BankKind
    entry: str
    events: int
    share: float
    first: int
    last: int


@dataclass(frozen=True)
class Stats:
    """Entries by bank and state, events on record, and what each entry matched."""

    entries: Mapping[BankKind, Mapping[EntryState, int]]
    events: int
    matches: tuple[Matched, ...]


def add(
    shelf: Shelf,
    pack: str,
    entries: Sequence[Said | None],
    *,
    bank: BankKind,
    at: int,
    by: str,
    why: str,
    source: str = "by hand",
    where: str = "",
    skip_known: bool = False,
) -> Changed:
    """Put entries into a bank, which take effect at once; those that are active already are left as they are.

    `where` names the file whose lines they are, in which None is a line that says nothing. `skip_known` leaves out
    entries that say the same as one that is known under another name or in another state, which else are faults.
    Raises UserError with every fault and its line, and nothing recorded.
    """
    release = releases.live(shelf, [pack])[0]
    made = _new(shelf, release, pack, bank, entries, where, skip_known)
    changes = [_change(pack, bank, one, "active", source, at, by, why) for one in made]
    return _record(shelf, pack, changes, at=at, by=by, why=why)


def propose(
    shelf: Shelf,
    pack: str,
    entries: Sequence[Said | None],
    *,
    bank: BankKind = "near",
    at: int,
    by: str,
    why: str,
    source: str = "by hand",
    where: str = "",
) -> Changed:
    """Put entries forward that match nothing until somebody accepts them; what is known in any state stays as it is.

    Raises UserError as `add` does.
    """
    made = _new(shelf, shelf.registry.live(pack), pack, bank, entries, where, skip_known=True)
    changes = tuple(_change(pack, bank, one, "proposed", source, at, by, why) for one in made)
    shelf.registry.change_entries(changes)
    return Changed(changes, None)


def accept(
    shelf: Shelf, pack: str, ids: Sequence[str], *, at: int, by: str, why: str, share: float | None = None
) -> Changed:
    """Let entries match from now on, for this share of traffic where one is given, else for their own.

    Raises UserError, naming all, for ids that are not known, and for a share that an entry cannot have.
    """
    return _move(shelf, pack, ids, "active", {} if share is None else {"share": share}, at=at, by=by, why=why)


def retire(shelf: Shelf, pack: str, ids: Sequence[str], *, at: int, by: str, why: str) -> Changed:
    """Let entries match no more, whether of the pack's file or added; raises UserError for ids that are not known."""
    return _move(shelf, pack, ids, "retired", {}, at=at, by=by, why=why)


def listed(shelf: Shelf, pack: str) -> list[KnownEntry]:
    """All entries of a pack's banks: those of the live release, then those that are only on record."""
    return list(_known(shelf, pack).values())


def find(shelf: Shelf, pack: str, *, text: str | None = None, media: Sequence[str] = ()) -> list[Hit]:
    """The entries of the live release that a text or some media match, the nearest of each bank first.

    Whatever their share of traffic.
    """
    release = releases.live(shelf, [pack])[0]
    policy = shelf.registry.policy(pack, release.policy_version)
    normalised = None if text is None else normalise_text(text)
    hits = []
    for bank in BANK_FILES:
        content = _content(shelf, release, bank)
        if content is not None:
            name = f"{pack}.{bank}"
            opened = read_bank(bank, content, name, name, policy)
            hits += [Hit(bank, entry, how) for entry, how in opened.matching(normalised, media)]
    return hits


def stats(shelf: Shelf, ledger: Ledger, pack: str) -> Stats:
    """What a pack's banks hold, and what their entries matched in standing live decisions, the most first.

    Of entries that match one event for one label, only the nearest counts.
    """
    entries: dict[BankKind, dict[EntryState, int]] = {bank: {} for bank in BANK_FILES}
    for entry in listed(shelf, pack):
        entries[entry.bank][entry.state] = entries[entry.bank].get(entry.state, 0) + 1
    events = ledger.last()
    found: dict[tuple[BankKind, str], list[Matches]] = {}
    for bank in BANK_FILES:
        for one in ledger.matches(f"{pack}.{bank}"):
            entry_id = one.evidence if bank == "bank" else one.evidence.rpartition(" at ")[0]
            found.setdefault((bank, entry_id), []).append(one)
    matched = [
        Matched(
            bank,
            entry_id,
            (n := sum(one.events for one in parts)),
            n / events,
            min(one.first for one in parts),
            max(one.last for one in parts),
        )
        for (bank, entry_id), parts in found.items()
    ]
    return Stats(entries, events, tuple(sorted(matched, key=lambda one: (-one.events, one.bank, one.entry))))


def _record(shelf: Shelf, pack: str, changes: Sequence[EntryChange], *, at: int, by: str, why: str) -> Changed:
    shelf.registry.change_entries(changes)
    return Changed(tuple(changes), _take_effect(shelf, pack, at=at, by=by, why=why))


def _take_effect(shelf: Shelf, pack: str, *, at: int, by: str, why: str) -> Transition | None:
    """Bring a release live that is like the live one but for its banks; None where its banks are as they should be."""
    done = None
    release = shelf.registry.live(pack)
    # Somebody else may change entries meanwhile: what is live in the end holds the changes of both.
    while release is not None and (wanted := releases.with_entries(shelf, release)).version != release.version:
        shelf.registry.add_release(wanted, at=at, by=by, why=f"banks changed: {why}")
        done = Transition(pack=pack, version=wanted.version, state="live", at=at, by=by, why=f"banks changed: {why}")
        shelf.registry.move(done)
        release = shelf.registry.live(pack)
    return done


def _move(
    shelf: Shelf, pack: str, ids: Sequence[str], state: EntryState, more: Said, *, at: int, by: str, why: str
) -> Changed:
    known = _known(shelf, pack)
    faults = Faults()
    changes = []
    for id_ in dict.fromkeys(ids):
        found = [entry for (_, other), entry in known.items() if other == id_]
        if not found:
            hint = did_you_mean(id_, {other for _, other in known})
            faults.add(f"no entry '{id_}' is known", f"banks of {pack}", f"{hint}gatehouse bank list {pack} names all")
        for entry in found:
            said = {**entry.said, **more}
            with faults.gather():
                banks_file.read(json.dumps(said), f"{pack}.{entry.bank} {id_}", FORMS[entry.bank])
            if (entry.state, entry.said) != (state, said):
                changes.append(_change(pack, entry.bank, said, state, entry.source, at, by, why))
    faults.raise_found()
    return _record(shelf, pack, changes, at=at, by=by, why=why)


def _change(
    pack: str, bank: BankKind, said: Said, state: EntryState, source: str, at: int, by: str, why: str
) -> EntryChange:
    content = json.dumps(said, ensure_ascii=False)
    return EntryChange(
        pack=pack, bank=bank, entry=said["id"], state=state, content=content, source=source, at=at, by=by, why=why
    )


def _new(
    shelf: Shelf,
    release: Release | None,
    pack: str,
    bank: BankKind,
    entries: Sequence[Said | None],
    where: str,
    skip_known: bool,
) -> list[Said]:
    """The entries that are not known yet, each with its id; raises UserError where one may not be added."""
    where = where or f"{pack}.{bank}"
    named = [None if said is None else _named(bank, said) for said in entries]
    form = FORMS[bank]
    banks_file.read("\n".join("" if said is None else json.dumps(said) for said in named), where, form)
    labels = None if release is None else _labels(shelf, release, bank)
    known = {entry.id: entry for entry in _known(shelf, pack).values() if entry.bank == bank}
    made = {id_: form.make(entry.said) for id_, entry in known.items()}
    same = {(one.same, one.label): id_ for id_, one in made.items()}
    faults = Faults()
    found = []
    for line, said in enumerate(named, start=1):
        if said is None:
            continue
        new = form.make(said)
        other = said["id"] if said["id"] in known else same.get((new.same, new.label))
        if labels is not None and said["label"] not in labels:
            what = f"no step of the live policy reads the label '{said['label']}' of '{pack}.{bank}'"
            faults.add(what, f"{where}:{line}", suggestion(said["label"], labels))
        elif other is None:
            found.append(said)
        elif other == said["id"] and made[other] != new:
            faults.add(f"entry '{other}' is known with other content", f"{where}:{line}", "give it an id of its own")
        elif not skip_known and (other != said["id"] or known[other].state != "active"):
            faults.add(
                f"it says the same as {_standing(known[other])}", f"{where}:{line}", _instead(pack, known[other])
            )
    faults.raise_found()
    return found


def _standing(known: KnownEntry) -> str:
    return f"'{known.id}', which is {known.state}" + (f": {known.why}" if known.why else "")


def _instead(pack: str, known: KnownEntry) -> str:
    if known.state == "active":
        return "leave it out; an import leaves out what is known with --skip-known"
    return f"gatehouse bank accept {pack} {known.id}; an import leaves out what is known with --skip-known"


def entries_in(path: Path) -> list[Said | None]:
    """The entries of a file of JSON lines, None for an empty line; raises UserError with each line that is no JSON."""
    faults = Faults()
    found: list[Said | None] = []
    for line, text in enumerate(path.read_bytes().decode("utf-8-sig", "surrogateescape").split("\n"), start=1):
        try:
            found.append(json.loads(text) if text.strip() else None)
        except (json.JSONDecodeError, RecursionError):
            faults.add("not valid JSON", f"{path}:{line}", "write one JSON object a line")
    faults.raise_found()
    return found


def _named(bank: BankKind, said: Said) -> Said:
    """An entry with an id, which is of what it says where it has none."""
    if not isinstance(said, dict) or "id" in said:
        return said
    content = json.dumps(said, sort_keys=True)
    return {"id": f"{bank}-{hashlib.sha256(content.encode()).hexdigest()[:12]}", **said}


def _labels(shelf: Shelf, release: Release, bank: BankKind) -> list[str]:
    """The labels that steps of a release's policy read of its bank; raises UserError where they read none."""
    name = f"{release.pack}.{bank}"
    labels = read_labels(shelf.registry.policy(release.pack, release.policy_version), name)
    if name not in release.detectors or not labels:
        raise UserError(
            f"the live release of '{release.pack}' does not look into '{name}'",
            fix=f"add a step that reads {name} to policy.yaml, then gatehouse train and promote {release.pack}",
        )
    return labels


def _content(shelf: Shelf, release: Release, bank: BankKind) -> str | None:
    """The file of a release's bank; None where it has none."""
    name = f"{release.pack}.{bank}"
    if name not in release.detectors:
        return None
    model = shelf.registry.model(name, release.detectors[name])
    file = BANK_FILES[bank]
    return shelf.files.get(f"{name}/{file}", model.files[file]).decode()


def _known(shelf: Shelf, pack: str) -> dict[tuple[BankKind, str], KnownEntry]:
    """Every entry by its bank and id: those of the live release's files, with what is on record of each."""
    release = shelf.registry.live(pack)
    found: dict[tuple[BankKind, str], KnownEntry] = {}
    for bank in BANK_FILES:
        content = None if release is None else _content(shelf, release, bank)
        for line in (content or "").removeprefix("\ufeff").split("\n"):
            if line.strip():
                said = json.loads(line)
                found[bank, said["id"]] = KnownEntry(bank, said["id"], "active", said, live=True)
    for one in shelf.registry.entries(pack):
        live = (one.bank, one.entry) in found
        said = json.loads(one.content)
        found[one.bank, one.entry] = KnownEntry(
            one.bank, one.entry, one.state, said, live, one.source, one.at, one.by, one.why
        )
    return found
