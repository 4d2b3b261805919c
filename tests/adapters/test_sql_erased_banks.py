"""What was recorded of banks' entries and of looks at somebody can be taken out, in a file and on a server."""

import pytest

from gatehouse.adapters.sql.access import SqlReads
from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.erased_banks import SqlBankContents, SqlReadsOf
from gatehouse.adapters.sql.registry import SqlRegistry
from gatehouse.ports.erasing import Whom
from gatehouse.records.access import Read
from gatehouse.records.event import Entity
from gatehouse.testing.makers import NOW, make_entry_change

SAM = Whom(Entity("account", "sam"), frozenset())


class Promises:
    """The tests, on the fixture `kept`."""

    @pytest.fixture
    def kept(self) -> Database:
        """An empty database."""
        raise NotImplementedError

    def test_contents_of_entries_are_put_aside_and_their_life_stays(self, kept: Database) -> None:
        """Of all changes of an entry; others stay as they are."""
        registry, contents = SqlRegistry(kept), SqlBankContents(kept)
        other = make_entry_change("known-2", pack="other")
        registry.change_entries([make_entry_change(), make_entry_change(state="retired"), other])
        assert contents.packs() == ["other", "spam"]
        assert contents.erase("spam", {("near", "known-1"): "{}", ("bank", "known-1"): "{}"}) == 2
        assert [(one.state, one.content, one.source) for one in registry.entry_life("spam")] == [
            ("active", "{}", "erased"),
            ("retired", "{}", "erased"),
        ]
        assert list(registry.entry_life("other")) == [other]

    def test_looks_at_somebody_lose_the_name(self, kept: Database) -> None:
        """That somebody looked stays, and what was looked at of others."""
        looks = SqlReads(kept)
        looks.add(
            [Read(at=NOW, by="kim", key_id="k", what="actor", which=f"account:{name}") for name in ("sam", "ann")]
        )
        looks.add([Read(at=NOW, by="kim", key_id="k", what="event", which="sam")])
        store = SqlReadsOf(kept)
        for dry, wanted in ((True, 1), (False, 1), (False, 0)):
            (reached,) = store.forget(SAM, at=NOW, dry=dry)
            assert reached.rows == wanted
        assert {one.which for one in looks.find()} == {"erased", "account:ann", "sam"}

    def test_an_event_alone_is_nobodys_name(self, kept: Database) -> None:
        """Nothing is looked for then."""
        (reached,) = SqlReadsOf(kept).forget(Whom(Entity("event", "e"), frozenset({"e"})), at=NOW, dry=False)
        assert reached.rows == 0

    def test_many_letters_go_at_once(self, kept: Database) -> None:
        """However many ids a statement may name."""
        assert SqlDeadLetters(kept).erase([f"{i:016x}" for i in range(1_200)]) == 0


class TestInAFile(Promises):
    @pytest.fixture
    def kept(self, database: Database) -> Database:
        return database


class TestOnPostgres(Promises):
    @pytest.fixture
    def kept(self, postgres_database: Database) -> Database:
        return postgres_database
