"""What every place of keys and of reads must do, as tests to subclass; and both in memory."""

from builtins import list as list_of
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from msgspec.structs import replace

from gatehouse.errors import UserError
from gatehouse.ports.access import Keys, Reads
from gatehouse.records.access import Key, Read
from gatehouse.testing.makers import NOW


class MemoryKeys:
    """API keys that end with the process."""

    def __init__(self) -> None:
        self._kept: dict[str, Key] = {}
        self._one_at_a_time = Lock()

    def add(self, key: Key) -> None:
        """Keep a key. Raises UserError where its id or hash is taken."""
        if key.id in self._kept or any(key.hash == other.hash for other in self._kept.values()):
            raise UserError(f"key '{key.id}' is taken")
        self._kept[key.id] = key

    def add_first(self, key: Key) -> bool:
        """Keep a key unless there is one already, be it revoked; gives back whether it is kept."""
        with self._one_at_a_time:
            first = not self._kept
            if first:
                self.add(key)
        return first

    def replace(self, key: Key, expires: int) -> None:
        """Keep a key in the place of the one that it names as `replaces`, which then expires, in one step."""
        old = self._kept.get(key.replaces or "")
        taken = any(other.replaces == key.replaces for other in self._kept.values())
        if old is None or old.revoked is not None or taken:
            raise UserError(f"key '{key.replaces}' cannot be replaced")
        self.add(key)
        self._kept[old.id] = replace(old, expires=expires if old.expires is None else min(expires, old.expires))

    def revoke(self, key_id: str, at: int, by: str) -> bool:
        """Revoke a key; gives back whether there is one. One that is revoked stays as it is."""
        known = self._kept.get(key_id)
        if known is not None and known.revoked is None:
            self._kept[key_id] = replace(known, revoked=at, revoked_by=by)
        return known is not None

    def usable(self, now: int) -> list_of[Key]:
        """Every key that is neither revoked nor expired, oldest first."""
        return [one for one in self.all() if one.revoked is None and (one.expires is None or one.expires > now)]

    def all(self) -> list_of[Key]:
        """Every key, oldest first."""
        return sorted(self._kept.values(), key=lambda one: (one.made, one.id))


class MemoryReads:
    """Reads that end with the process."""

    def __init__(self) -> None:
        self._kept: list_of[Read] = []

    def add(self, reads: Sequence[Read]) -> None:
        """Record them."""
        self._kept += reads

    def find(
        self, *, which: str | None = None, by: str | None = None, since: int = 0, limit: int = 1000
    ) -> list_of[Read]:
        """Reads with these properties, newest first."""
        found = [one for one in self._kept if which in (None, one.which) and by in (None, one.by) and one.at >= since]
        # Of equal times the order is that of recording, and turned round like the rest.
        return sorted(found, key=lambda one: one.at)[::-1][:limit]


def make_kept(id: str = "k1", **said: object) -> Key:
    """A key that may send events; its hash follows from its id."""
    known = {"name": "site", "hash": f"hash of {id}", "scopes": ("ingest",), "made": NOW, "by": "sam"}
    return Key(id=id, **{**known, **said})  # type: ignore[arg-type]


def make_read(which: str = "e1", **said: object) -> Read:
    """A look at an event."""
    return Read(**{"at": NOW, "by": "site", "key_id": "k1", "what": "event", "which": which, **said})  # type: ignore[arg-type]


class KeysContract:
    """Subclass it and give the fixture `keys`: an empty place for each test."""

    @pytest.fixture
    def keys(self) -> Keys:
        """An empty place."""
        raise NotImplementedError("give a fixture `keys`")

    def test_keys_come_back_as_they_were_oldest_first(self, keys: Keys) -> None:
        """With every field that they can have."""
        late = make_kept("a", made=NOW + 1, scopes=("ingest", "admin"), expires=NOW + 9, rate=5, name="é")
        keys.add(late)
        keys.add(make_kept("b"))
        assert list(keys.all()) == [make_kept("b"), late]

    def test_an_id_or_hash_that_is_taken_is_refused(self, keys: Keys) -> None:
        """Nothing of it is kept."""
        keys.add(make_kept())
        for other in (make_kept(hash="another"), make_kept("k2", hash="hash of k1")):
            with pytest.raises(UserError):
                keys.add(other)
        assert list(keys.all()) == [make_kept()]

    def test_only_the_first_key_is_a_first_key(self, keys: Keys) -> None:
        """Whoever else starts at the same time makes none."""
        with ThreadPoolExecutor(4) as many:
            kept = list(many.map(lambda id_: keys.add_first(make_kept(f"k{id_}")), range(4)))
        assert sorted(kept) == [False, False, False, True]
        (first,) = keys.all()
        keys.revoke(first.id, NOW, "sam")
        assert not keys.add_first(make_kept("late"))

    def test_usable_are_those_neither_revoked_nor_expired(self, keys: Keys) -> None:
        """A key expires at its time, not after."""
        for key in (make_kept("good"), make_kept("ends", expires=NOW + 5), make_kept("ended", expires=NOW)):
            keys.add(key)
        keys.add(make_kept("revoked"))
        assert keys.revoke("revoked", NOW, "sam")
        assert [key.id for key in keys.usable(NOW)] == ["ends", "good"]
        assert [key.id for key in keys.usable(NOW + 5)] == ["good"]

    def test_revoking_keeps_who_did_it_first_and_when(self, keys: Keys) -> None:
        """And tells of a key that is not there."""
        keys.add(make_kept())
        assert keys.revoke("k1", NOW + 1, "sam")
        assert keys.revoke("k1", NOW + 2, "kim")
        assert list(keys.all()) == [make_kept(revoked=NOW + 1, revoked_by="sam")]
        assert not keys.revoke("k2", NOW, "sam")

    def test_a_key_is_replaced_once_and_ends_later_but_never_later_than_before(self, keys: Keys) -> None:
        """Both in one step: what is refused changes nothing."""
        keys.add(make_kept("a"))
        keys.add(make_kept("b", expires=NOW + 5))
        keys.replace(make_kept("a2", replaces="a", made=NOW + 1), NOW + 10)
        keys.replace(make_kept("b2", replaces="b", made=NOW + 2), NOW + 10)
        ends = {key.id: key.expires for key in keys.all()}
        assert ends == {"a": NOW + 10, "b": NOW + 5, "a2": None, "b2": None}
        keys.revoke("a2", NOW, "sam")
        for id_ in ("a", "a2", "none"):
            with pytest.raises(UserError, match=f"key '{id_}' cannot be replaced"):
                keys.replace(make_kept("c", replaces=id_), NOW + 1)
        assert {key.id: key.expires for key in keys.all()} == ends


class ReadsContract:
    """Subclass it and give the fixture `reads`: an empty place for each test."""

    @pytest.fixture
    def reads(self) -> Reads:
        """An empty place."""
        raise NotImplementedError("give a fixture `reads`")

    def test_reads_are_found_by_what_was_read_who_and_when_newest_first(self, reads: Reads) -> None:
        """Of equal times the last recorded is first."""
        first, second = make_read("e1"), make_read("e2", by="kim")
        third, fourth = make_read("e1", by="kim", at=NOW + 1), make_read("e1", what="actor", at=NOW - 1)
        reads.add([])
        reads.add([first, second])
        reads.add([third, fourth])
        assert list(reads.find()) == [third, second, first, fourth]
        assert list(reads.find(which="e1")) == [third, first, fourth]
        assert list(reads.find(by="kim")) == [third, second]
        assert list(reads.find(which="e1", by="kim")) == [third]
        assert list(reads.find(since=NOW)) == [third, second, first]
        assert list(reads.find(limit=1)) == [third]
