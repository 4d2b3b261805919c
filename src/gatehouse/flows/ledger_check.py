"""Checking the ledger: was anything that it recorded changed, taken away or moved since?"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from gatehouse.errors import RefusedError, UserError, suggestion
from gatehouse.ports.ledger import Ledger, Walked
from gatehouse.records.hash_chain import GENESIS, Link, linked

BLOCK = 1_000
"""Links that are read at a time."""

SHORTEST_KEY = 16
"""Bytes that a key for signing has at least."""

_FORMAT = "gatehouse heads 2"

_BEFORE_ALL = -(1 << 63) - 1

_MAKE = "gatehouse ledger head --export FILE writes one"


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """One place where the ledger is not as it was written.

    missing: the links from `seq` to `last` are gone with their decisions; changed: what stands there is not what was
    recorded; reordered: a link does not follow the one before it, so that one of the two was moved or made anew;
    unrecorded: content is gone, and no record says who took it; rewritten: the chain is not the one whose head was
    exported. With `erasure` it is the record of an erasure that is so.
    """

    what: Literal["missing", "changed", "reordered", "unrecorded", "rewritten"]
    writer: str = ""
    seq: int | None = None
    last: int | None = None
    decision_id: str | None = None
    erasure: int | None = None

    def __str__(self) -> str:
        if self.erasure is not None:
            return f"{self.what}: the record of erasure {self.erasure}"
        to = f" to {self.last}" if self.last not in (None, self.seq) else ""
        decision = f", decision {self.decision_id}" if self.decision_id else ""
        return f"{self.what}: {self.writer} {self.seq}{to}{decision}"


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a writer's hash chain, in which all links before it are."""

    writer: str
    seq: int
    decision_id: str
    hash: str


class Heads(msgspec.Struct, frozen=True, kw_only=True):
    """The ends of all hash chains at one moment (microseconds UTC), and how many erasures were on record.

    `signature` is the HMAC-SHA256 of all the rest in hexadecimal digits, empty where it is not signed.
    """

    format: str = _FORMAT
    at: int
    erasures: int
    heads: tuple[Head, ...]
    signature: str = ""

    def signed(self, key: bytes) -> "Heads":
        """The same with a signature; raises UserError for a key that can be guessed."""
        return msgspec.structs.replace(self, signature=self._signature(key))

    def signed_with(self, key: bytes) -> bool:
        """Whether the signature was made with this key, and nothing changed since."""
        return hmac.compare_digest(self._signature(key), self.signature)

    def _signature(self, key: bytes) -> str:
        if len(key) < SHORTEST_KEY:
            raise UserError(
                f"the key for signing has {len(key)} bytes, and at least {SHORTEST_KEY} are needed",
                fix="make one: openssl rand -hex 32 > FILE",
            )
        said = msgspec.json.encode(msgspec.structs.replace(self, signature=""))
        return hmac.new(key, said, hashlib.sha256).hexdigest()


class WriterReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many links of a writer were checked, of how many the content was erased or stripped, and where it ends."""

    checked: int
    erased: int = 0
    stripped: int = 0
    head: Head


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found; `erasures` counts records of what was taken away, which are checked too."""

    writers: tuple[WriterReport, ...]
    erasures: int
    breaks: tuple[Break, ...]

    @property
    def whole(self) -> bool:
        """Whether everything is as it was written, or as a recorded erasure left it."""
        return not self.breaks

    @property
    def empty(self) -> bool:
        """Whether no decision was there to check, nor a sign that there had been one."""
        return self.whole and not any(one.checked for one in self.writers)


def heads(ledger: Ledger, at: int) -> Heads:
    """The ends of all hash chains now, to be kept where nobody who can write the ledger can write."""
    return Heads(at=at, erasures=len(ledger.erasures()), heads=tuple(map(_head, ledger.heads())))


def read_heads(content: bytes, *, where: str) -> Heads:
    """Heads as they were written; raises UserError where it is something else."""
    try:
        found = msgspec.json.decode(content, type=Heads)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"no heads of a ledger ({error})", where=where, fix=_MAKE) from error
    if found.format != _FORMAT:
        raise UserError(f"heads of another kind: {found.format!r}", where=where, fix="use the gatehouse that wrote it")
    return found


def trust(known: Heads, key: bytes | None, *, where: str) -> None:
    """Raise RefusedError where heads are not signed with the key; without a key nothing is asked."""
    if key is None:
        return
    if not known.signature:
        raise RefusedError("the heads are not signed", where=where, fix="export them with the key, or leave it away")
    if not known.signed_with(key):
        raise RefusedError(
            "the signature does not fit: the file was changed, or signed with another key",
            where=where,
            fix="bring the file back from where it was kept, or name the key that it was signed with",
        )


def check(
    ledger: Ledger,
    *,
    writer: str | None = None,
    since: int | None = None,
    known: Heads | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Walk the hash chains and compare each link with what stands now; `progress` gets links done and all of them.

    With `since` (microseconds UTC) each chain is walked from its first decision made then or later. With heads `known`
    from earlier, each must still be in its chain. Raises UserError for a writer that neither the ledger nor they know.
    """
    ends = {link.writer: link for link in ledger.heads()}
    names = {*ends, *(head.writer for head in (known.heads if known else ()))}
    if writer is not None and writer not in names:
        fix = suggestion(writer, names) if names else "nobody has yet: name no writer"
        raise UserError(f"no writer {writer!r} has recorded anything", fix=fix)
    chosen = [link for name, link in ends.items() if writer in (None, name)]
    total = sum(link.seq for link in chosen)
    breaks: list[Break] = []
    writers = []
    done = 0
    for end in chosen:
        walk = _Walk(ledger, end, since)
        for checked in walk.blocks():
            progress(done + checked, total)
        done += walk.checked
        breaks += walk.breaks
        content = walk.content
        report = WriterReport(
            checked=walk.checked, erased=content["erased"], stripped=content["stripped"], head=_head(end)
        )
        writers.append(report)
    erasures = ledger.erasures()
    breaks += [Break(what="reordered", erasure=one.erased.number) for one in erasures if not one.follows]
    breaks += [Break(what="changed", erasure=one.erased.number) for one in erasures if not one.covers]
    if known is not None:
        breaks += _rewritten(ledger, known, writer, len(erasures))
    return Report(writers=tuple(writers), erasures=len(erasures), breaks=tuple(breaks))


class _Walk:
    """One writer's chain, walked to its end of now."""

    def __init__(self, ledger: Ledger, end: Link, since: int | None) -> None:
        self._ledger = ledger
        self._end = end
        self._first = 1 if since is None else ledger.first_since(end.writer, since) or end.seq + 1
        self._next = self._first
        # What the next link may follow: the hash that stands there and the one that should; empty after a gap.
        self._before: tuple[bytes, ...] = (GENESIS,)
        self.breaks: list[Break] = []
        self.checked = 0
        self.content: Counter[str] = Counter()

    def blocks(self) -> Iterator[int]:
        """Check block by block; gives how many links were checked so far."""
        self._before_the_first()
        if self._first > 1:
            before = self._ledger.walk(self._end.writer, self._first - 2, 1)
            self._before = tuple(one.link.hash for one in before if one.link.seq == self._first - 1)
        while self._next <= self._end.seq:
            at = self._next
            for one in self._ledger.walk(self._end.writer, at - 1, min(BLOCK, self._end.seq - at + 1)):
                if one.link.seq <= self._end.seq:
                    self._check(one)
            if self._next == at:
                self._missing(self._end.seq)
            yield self.checked
        if self._before and self.checked and self._end.hash not in self._before:
            self._break("reordered", self._end)

    def _before_the_first(self) -> None:
        """Decisions where no writer puts any: a chain begins with 1, and what is before that would follow nothing."""
        after = _BEFORE_ALL
        while (found := self._ledger.walk(self._end.writer, after, 1)) and found[0].link.seq < 1:
            self._break("reordered", found[0].link)
            after = found[0].link.seq

    def _check(self, one: Walked) -> None:
        link = one.link
        if link.seq < self._next:
            self._break("reordered", link)
            return
        if link.seq > self._next:
            self._missing(link.seq - 1)
        if one.content in ("changed", "unrecorded"):
            self._break("changed" if one.content == "changed" else "unrecorded", link)
        due: list[bytes] = []
        if one.opened is not None:
            due = [linked(before, link.sealed, one.opened) for before in self._before]
        # Where the open part was changed, no hash can follow from it, and the break is named already.
        if due and link.hash not in due and one.content != "changed":
            self._break("reordered", link)
        self._before = tuple(dict.fromkeys((link.hash, *due[:1])))
        self._next = link.seq + 1
        self.checked += 1
        self.content[one.content] += 1

    def _missing(self, last: int) -> None:
        self.breaks.append(Break(what="missing", writer=self._end.writer, seq=self._next, last=last))
        self._before = ()
        self._next = last + 1

    def _break(self, what: Literal["changed", "reordered", "unrecorded"], link: Link) -> None:
        self.breaks.append(Break(what=what, writer=link.writer, seq=link.seq, decision_id=link.decision_id))


def _rewritten(ledger: Ledger, known: Heads, writer: str | None, erasures: int) -> list[Break]:
    """Heads that are no longer where they were, and records of erasures that were there."""
    found = []
    for head in known.heads:
        if writer not in (None, head.writer):
            continue
        there = ledger.walk(head.writer, head.seq - 1, 1)
        if not there or _head(there[0].link) != head:
            found.append(Break(what="rewritten", writer=head.writer, seq=head.seq, decision_id=head.decision_id))
    gone = range(erasures + 1, known.erasures + 1)
    return found + [Break(what="missing", erasure=number) for number in gone]


def _head(link: Link) -> Head:
    return Head(writer=link.writer, seq=link.seq, decision_id=link.decision_id, hash=link.hash.hex())
