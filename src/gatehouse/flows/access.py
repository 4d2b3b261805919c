"""Who may ask: API keys from their making to their end, the callers that they stand for, and what those looked at."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic_ns

from gatehouse.errors import Fault, GatehouseError, OutsideError, RefusedError, UserError, suggestion
from gatehouse.flows.audit import Audit
from gatehouse.flows.key_form import hash_of, holds_key, is_key, new_key
from gatehouse.flows.rate import RATE, Rates
from gatehouse.ports.access import Keys, Reads
from gatehouse.records.access import LONGEST_LIFE, NAME, SCOPES, Caller, Key, KeyAnswer, Read, Scope, State

KNOWN_SECONDS = 5
"""How long at most a key is taken for good after it was last looked up: a revoked one stops within this time."""

LOOK_AGAIN_SECONDS = 2
"""After how long keys are read again in the background, so that no request has to wait for it."""

UNKNOWN_SECONDS = 1
"""How old keys may be for one that is not among them to be refused: a new one is good within this time, and a flood of
wrong ones costs the database one query a second."""

OVERLAP = 24 * 3_600_000_000
"""Microseconds for which a key that was rotated is good still."""

LAST_KNOWN_SECONDS = 24 * 3_600
"""How long after keys were last read they are good still for what tells of the process alone."""

LONGEST_SHOWN = 1_000

_SECOND = 1_000_000_000


class UnknownKeyError(UserError):
    """There is no key of this id."""

    def __init__(self, key_id: str) -> None:
        # It may be a secret that came in the place of an id, and is not said back.
        named = f"'{key_id}'" if re.fullmatch("[0-9a-z]{1,12}", key_id) else "of this id"
        super().__init__(f"no key {named}", fix="gatehouse keys list shows all of them")


class DeniedError(GatehouseError):
    """The caller is not known. One sentence for every reason, so that nobody learns which keys there are."""

    def __init__(self) -> None:
        super().__init__("this key is not valid", fix="send a key that is: gatehouse keys make NAME --scope SCOPE")


class LateError(OutsideError):
    """The keys are not known as of now, and it takes too long to read them."""

    def __init__(self) -> None:
        super().__init__("the keys cannot be read in time", fix="send it again; gatehouse doctor says more")


@dataclass(frozen=True)
class Made:
    """A key with its secret, which is there this one time."""

    key: Key
    secret: str

    def __repr__(self) -> str:
        """The key without its secret."""
        return f"Made({self.key!r})"


def make_key(
    keys: Keys,
    name: str,
    scopes: Sequence[Scope],
    *,
    now: int,
    by: str,
    rate: int | None = None,
    lasts: int | None = None,
) -> Made:
    """Make a key and keep it, good for `lasts` microseconds. Raises UserError for what a key cannot be."""
    made = _made(name, scopes, now=now, by=by, rate=rate, expires=None if lasts is None else now + lasts)
    keys.add(made.key)
    return made


def first_key(keys: Keys, now: int, by: str) -> Made | None:
    """A key named `admin` that may do everything, where no key was ever made; else None."""
    made = _made("admin", SCOPES, now=now, by=by)
    return made if keys.add_first(made.key) else None


def rotate_key(keys: Keys, key_id: str, *, now: int, by: str, overlap: int = OVERLAP) -> Made:
    """Make a key in the place of another, with its name, scopes, rate and length of life; the old one ends later.

    Raises UserError where there is none, or it was revoked, expired or rotated before.
    """
    known = {key.id: key for key in keys.all()}
    old = known.get(key_id)
    if old is None:
        raise UnknownKeyError(key_id)
    if old.revoked is not None or (old.expires is not None and old.expires <= now):
        raise UserError(f"key '{key_id}' has ended", fix=f"gatehouse keys make {old.name} makes a new one")
    if after := next((key for key in known.values() if key.replaces == key_id), None):
        raise UserError(f"key '{key_id}' was rotated before", fix=f"rotate the key that replaced it, '{after.id}'")
    if not 0 <= overlap <= LONGEST_LIFE * 1_000_000:
        raise UserError(
            "an overlap that is less than nothing, or too long", fix="give a day; 0 ends the old key at once"
        )
    expires = None if old.expires is None else now + old.expires - old.made
    made = _made(old.name, old.scopes, now=now, by=by, rate=old.rate, expires=expires, replaces=old.id)
    keys.replace(made.key, now + overlap)
    return made


def revoke_key(keys: Keys, key_id: str, *, now: int, by: str) -> None:
    """End a key for good. Raises UserError where there is none."""
    if not keys.revoke(key_id, now, by):
        raise UnknownKeyError(key_id)


def state_of(key: Key, now: int) -> State:
    """How a key stands now."""
    if key.revoked is not None:
        return "revoked"
    if key.expires is None:
        return "good"
    return "expired" if key.expires <= now else "ending"


def shown(key: Key, now: int) -> KeyAnswer:
    """A key as it may be shown."""
    return KeyAnswer(
        id=key.id,
        name=key.name,
        scopes=key.scopes,
        state=state_of(key, now),
        made=key.made,
        by=key.by,
        expires=key.expires,
        revoked=key.revoked,
        revoked_by=key.revoked_by,
        rate=key.rate,
        replaces=key.replaces,
    )


class Access:
    """The door of a process: who asks by which key, how much, and what they were shown; for several threads at once.

    All usable keys are held in memory and read again every few seconds, so a request costs no query, whatever key it
    brings. `clock` tells microseconds UTC, `ticks` nanoseconds that never go back.
    """

    def __init__(
        self,
        keys: Keys,
        reads: Reads,
        clock: Callable[[], int],
        *,
        rate: int = RATE,
        ticks: Callable[[], int] = monotonic_ns,
        said: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.keys = keys
        self.reads = reads
        self.clock = clock
        self._ticks = ticks
        self._rates = Rates(rate, ticks)
        self._audit = Audit(reads, said=said)
        self._callers: dict[str, tuple[Caller, int | None]] = {}
        self._read_at: int | None = None
        self._failed: tuple[int, OutsideError] | None = None
        self._lock = Lock()

    def caller(self, key: str, now: int) -> Caller:
        """Who asks by this key. Raises DeniedError, and OutsideError where keys cannot be read; may wait for that."""
        found = self.known(key, now)
        if found is None:
            self.refresh()
            found = self.held(key, now)
        return found

    def known(self, key: str, now: int) -> Caller | None:
        """Who asks by this key, from memory alone; None where keys must be read first, which `caller` does.

        Raises DeniedError.
        """
        age = self._age()
        if age < KNOWN_SECONDS * _SECOND and (found := self._caller(key, now)) is not None:
            return found
        if age < UNKNOWN_SECONDS * _SECOND or not is_key(key):
            raise DeniedError
        return None

    def held(self, key: str, now: int) -> Caller:
        """Who asks by this key, by what was just read. Raises DeniedError, and LateError where that took too long."""
        if self._age() >= KNOWN_SECONDS * _SECOND:
            raise LateError
        if (found := self._caller(key, now)) is None:
            raise DeniedError
        return found

    def last_known(self, key: str, now: int) -> Caller | None:
        """Who asked by this key when keys were last read, within LAST_KNOWN_SECONDS.

        For metrics and checks, which hold no content and are wanted most while keys cannot be read: who watches must be
        told that the ledger is gone by the process that lost it.
        """
        at = self._read_at
        return None if at is None or self._ticks() - at >= LAST_KNOWN_SECONDS * _SECOND else self._caller(key, now)

    @property
    def ageing(self) -> bool:
        """Whether it is time to read the keys again in the background; not just after that failed."""
        if self._age() < LOOK_AGAIN_SECONDS * _SECOND:
            return False
        return self._failed is None or self._ticks() - self._failed[0] >= _SECOND

    def refresh(self) -> None:
        """Read the keys again, unless another thread did while this one waited to.

        Raises OutsideError where they cannot be read, for a second without trying again.
        """
        asked = self._ticks()
        with self._lock:
            if self._read_at is not None and self._read_at > asked:
                return
            begun = self._ticks()
            if self._failed is not None and begun - self._failed[0] < _SECOND:
                raise self._failed[1]
            try:
                usable = self.keys.usable(self.clock())
            except OutsideError as down:
                self._failed = self._ticks(), OutsideError(down.faults)
                raise
            self._callers = {key.hash: (_caller_of(key), key.expires) for key in usable}
            # From before they were read: what was revoked meanwhile may have been missed.
            self._read_at, self._failed = begun, None
        self._rates.keep([key.id for key in usable])

    def check(self, caller: Caller, scope: Scope) -> None:
        """Raise RefusedError, which names the scope, where the caller has it not."""
        if scope not in caller.scopes:
            fix = f"send a key with the scope {scope}: gatehouse keys make NAME --scope {scope}"
            raise RefusedError(f"the key '{caller.name}' has not the scope {scope}", fix=fix)

    def count(self, caller: Caller) -> float | None:
        """Count a request as one event of its caller; gives back None, or in how many seconds it may come again."""
        return self._rates.take(caller.key_id, caller.rate)

    def allow(self, caller: Caller, n: int = 1) -> float | None:
        """Count `n` events more for a request that was counted as one, such as all others of a list.

        Gives back None where they may pass, else in how many seconds the whole request may; it counts nothing then.
        """
        return self._rates.take_more(caller.key_id, caller.rate, n)

    def read(self, caller: Caller, what: str, which: str) -> None:
        """Record that content is shown to a caller, to be called before it is.

        Raises OutsideError, and then nothing may be shown, where reads have not been recorded for long.
        """
        self._audit.add(Read(at=self.clock(), by=caller.name, key_id=caller.key_id, what=what, which=_kept(which)))

    def flush(self) -> None:
        """Write the reads that wait, as before an erasure, which could not find them else; raises OutsideError."""
        self._audit.flush()

    def looked(
        self, *, which: str | None = None, by: str | None = None, since: int = 0, limit: int = 1_000
    ) -> Sequence[Read]:
        """Reads that are on record, newest first."""
        return self.reads.find(
            which=None if which is None else _kept(which),
            by=None if by is None else _kept(by),
            since=since,
            limit=limit,
        )

    def make(
        self, caller: Caller, name: str, scopes: Sequence[Scope], rate: int | None = None, lasts: int | None = None
    ) -> Made:
        """Make a key in a caller's name; it is good at once in this process, within a second in others."""
        made = make_key(self.keys, name, scopes, now=self.clock(), by=caller.name, rate=rate, lasts=lasts)
        self._changed()
        return made

    def rotate(self, caller: Caller, key_id: str, overlap: int = OVERLAP) -> Made:
        """Make a key in another's place, in a caller's name."""
        made = rotate_key(self.keys, key_id, now=self.clock(), by=caller.name, overlap=overlap)
        self._changed()
        return made

    def revoke(self, caller: Caller, key_id: str) -> None:
        """End a key, in a caller's name: at once in this process, within KNOWN_SECONDS in others."""
        revoke_key(self.keys, key_id, now=self.clock(), by=caller.name)
        self._changed()

    def close(self) -> None:
        """Write the reads that wait; raises OutsideError where they cannot be written."""
        self._audit.close()

    def _changed(self) -> None:
        """Have the change of a key count at once; where keys cannot be read now, nobody is let in before they are."""
        try:
            self.refresh()
        except OutsideError:
            with self._lock:
                self._read_at = None

    def _age(self) -> int:
        return KNOWN_SECONDS * _SECOND if (at := self._read_at) is None else self._ticks() - at

    def _caller(self, key: str, now: int) -> Caller | None:
        """The caller among the keys in memory.

        Found by the hash of what was sent: how long that takes says something of the hash alone, which nobody can
        steer towards another's.
        """
        found = self._callers.get(hash_of(key))
        if found is None or (found[1] is not None and found[1] <= now):
            return None
        return found[0]


def _kept(text: str) -> str:
    """A text as every database keeps it: what does not print is escaped, and what is very long is cut."""
    plain = text if text.isprintable() else "".join(map(_escaped, text))
    return plain[:LONGEST_SHOWN]


def _escaped(one: str) -> str:
    return one if one.isprintable() else one.encode("unicode_escape").decode()


def _caller_of(key: Key) -> Caller:
    return Caller(name=key.name, key_id=key.id, scopes=frozenset(key.scopes), rate=key.rate)


def _made(
    name: str,
    scopes: Sequence[Scope],
    *,
    now: int,
    by: str,
    rate: int | None = None,
    expires: int | None = None,
    replaces: str | None = None,
) -> Made:
    faults = [*_faults(name, scopes, rate)]
    if expires is not None and not 0 < expires - now <= LONGEST_LIFE * 1_000_000:
        faults.append(
            Fault("an end that is not ahead, or too far", "expires", "give it a time within 100 years, or none")
        )
    if faults:
        raise UserError(faults)
    id_, secret = new_key()
    key = Key(
        id=id_,
        name=name,
        hash=hash_of(secret),
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        made=now,
        by=by,
        expires=expires,
        rate=rate,
        replaces=replaces,
    )
    return Made(key, secret)


def _faults(name: str, scopes: Sequence[str], rate: int | None) -> list[Fault]:
    found = []
    if re.fullmatch(NAME, name) is None or name.endswith("\n"):
        fix = "give 1 to 100 letters and digits of ASCII, with . _ @ / + - and spaces between"
        found.append(Fault("not a name for a key", "name", fix))
    elif holds_key(name):
        found.append(Fault("the name holds a key", "name", "name who uses the key, and revoke the one that was shown"))
    if not scopes:
        found.append(Fault("a key that may do nothing", "scopes", f"give one or more of {', '.join(SCOPES)}"))
    found += [Fault(f"no scope '{one[:40]}'", "scopes", suggestion(one, SCOPES)) for one in scopes if one not in SCOPES]
    if rate is not None and not 1 <= rate <= 10_000_000:
        found.append(Fault(f"a rate of {rate}", "rate", "give 1 to 10,000,000 events a second, or none"))
    return found
