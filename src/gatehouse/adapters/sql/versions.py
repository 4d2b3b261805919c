"""Rules of versions that hold whatever keeps them: how a record is sealed, and how a release may move."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec

from gatehouse.errors import OutsideError, RefusedError, UserError, did_you_mean
from gatehouse.records.dataset import DatasetInfo, LifeState, Model, Release, Transition
from gatehouse.records.policy import Policy

NEXT_STATES: dict[LifeState, tuple[LifeState, ...]] = {
    "draft": ("shadow", "canary", "live"),
    "shadow": ("draft", "canary", "live", "retired"),
    "canary": ("draft", "canary", "live", "retired"),
    "live": ("retired",),
    "retired": ("shadow", "canary", "live"),
}
"""Where a release may go from each state: from retired to live is a rollback, from canary to canary another share."""

Version = Policy | Model | DatasetInfo | Release

WORDS: dict[type[Version], str] = {
    Policy: "policy",
    Model: "model",
    DatasetInfo: "data set",
    Release: "release",
}
"""What messages call each kind of version."""

_Record = TypeVar("_Record", Policy, Model, DatasetInfo, Release)

_SHOWN = 5


def seal(record: Version) -> tuple[str, str]:
    """A record as JSON text and the SHA-256 of that text.

    Raises UserError where it would not read back equal, and for a release whose version is not the hash of its content.
    """
    kind = WORDS[type(record)]
    try:
        encoded = msgspec.json.encode(record)
        back = msgspec.json.decode(encoded, type=type(record))
    except (UnicodeEncodeError, msgspec.ValidationError) as error:
        raise UserError(f"a {kind} would not read back as it is: {error}", fix="mend that value") from error
    if back != record:
        raise UserError(f"a {kind} would not read back as it is", fix="give each value the type that its field has")
    if not _keeps_version(back):
        raise UserError(
            f"a {kind} holds other things than its version says",
            fix="take the version from Release.version_of, with floats for the numbers of points",
        )
    return encoded.decode(), hashlib.sha256(encoded).hexdigest()


def unseal(content: str, digest: str, kind: type[_Record], key: tuple[str, str], *, where: str) -> _Record:
    """The record of a JSON text; raises OutsideError where it is not the one that was sealed as this version."""
    encoded = content.encode()
    if hashlib.sha256(encoded).hexdigest() == digest:
        with suppress(msgspec.DecodeError):
            record = msgspec.json.decode(encoded, type=kind)
            if key_of(record) == key and _keeps_version(record):
                return record
    raise OutsideError(
        f"{WORDS[kind]} {' '.join(key)} was changed after it was written",
        where=where,
        fix="bring the ledger back from a copy, or make the version again: gatehouse train PACK",
    )


def key_of(record: Version) -> tuple[str, str]:
    """Name and version of a policy, model, data set or release; a release goes by its pack's name."""
    return (record.pack if isinstance(record, Release) else record.name), record.version


def _keeps_version(record: Version) -> bool:
    """Whether a release still holds what its version says; the versions of other records hash files they only name."""
    if not isinstance(record, Release):
        return True
    return record.version == Release.version_of(
        record.pack, record.policy_version, record.detectors, record.features, record.points
    )


def unknown(kind: type[Version], name: str, version: str, known: Sequence[tuple[str, str]]) -> UserError:
    """What to say of a version that is not known; `known` are (name, version), newest first."""
    names = sorted({known_name for known_name, _ in known})
    versions = [known_version for known_name, known_version in known if known_name == name]
    if versions:
        what = f"{WORDS[kind]} {name!r} has no version {version!r}"
        return UserError(what, fix=did_you_mean(version, versions) + f"known, newest first: {_listed(versions)}")
    what = f"no {WORDS[kind]} {name!r} is known"
    if not names:
        return UserError(what, fix="gatehouse train PACK makes one")
    return UserError(what, fix=did_you_mean(name, names) + f"known: {_listed(names)}")


def _listed(known: Sequence[str]) -> str:
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more


def differs(kind: type[Version], name: str, version: str) -> UserError:
    """What to say of a version that comes again with other content."""
    return UserError(
        f"version {version} of {WORDS[kind]} {name!r} is known with other content",
        fix="a version is the hash of everything its answers depend on: give the changed one a version of its own",
    )


def moves(wanted: Transition, state: LifeState, live: str | None, was: LifeState | None = None) -> list[Transition]:
    """The transitions that a wanted one brings, in order: a release that goes live first retires the live one.

    Raises RefusedError where a release in this state may not go there, or is not where it `was` any more.
    """
    if was not in (None, state):
        raise RefusedError(f"release {wanted.version} is {state} by now", fix="gatehouse versions list")
    if wanted.state not in NEXT_STATES[state]:
        raise RefusedError(
            f"release {wanted.version} of {wanted.pack!r} is {state} and cannot become {wanted.state}",
            fix=f"from {state} it can become {' or '.join(NEXT_STATES[state])}",
        )
    if wanted.state != "live" or live is None:
        return [wanted]
    retired = Transition(
        pack=wanted.pack,
        version=live,
        state="retired",
        at=wanted.at,
        by=wanted.by,
        why=f"{wanted.version} went live: {wanted.why}",
    )
    return [retired, wanted]
