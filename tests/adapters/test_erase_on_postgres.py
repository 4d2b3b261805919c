"""An erasure leaves nothing of an actor in any table on a server."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.adapters.files.campaigns import FolderCampaigns
from gatehouse.adapters.files.models import FolderModelFiles
from gatehouse.adapters.files.scores import ParquetLake
from gatehouse.adapters.sql.access import SqlReads
from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.registry import SqlRegistry
from gatehouse.adapters.sql.tables import metadata
from gatehouse.bootstrap import House
from gatehouse.bootstrap.erasing import erase_everywhere
from gatehouse.entry.cli.show import now
from gatehouse.flows.ledger_check import check
from gatehouse.flows.releases import Shelf
from gatehouse.ports.dead_letters import DeadLetter, letter_id
from gatehouse.records.access import Read
from gatehouse.records.event import Entity
from gatehouse.settings import Settings
from gatehouse.testing.makers import NOW, make_entry_change, make_event, make_judged

ZEBRA, HERON = Entity("account", "zebra-7731"), Entity("account", "heron-4410")
WORDS = "striped grass tastes of thunder on a quiet morning by the river"


def said_in(database: Database, needle: bytes) -> set[str]:
    """The tables in which something is said."""
    found = set()
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                values = [bytes(one) if isinstance(one, bytes | memoryview) else str(one).encode() for one in row]
                if any(needle in value for value in values):
                    found.add(table.name)
    return found


def test_nothing_is_left_in_any_table(new_postgres: Callable[[str], str], tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, server=new_postgres("erased"))
    database = Database(settings.server or "")
    shelf = Shelf(SqlRegistry(database), FolderModelFiles(settings.models))
    campaigns = FolderCampaigns(tmp_path / "campaigns")
    letters = SqlDeadLetters(database)
    house = House(settings, SqlLedger(database), ParquetLake(), shelf, DuckDbEngine(), campaigns, letters)
    about = make_event("h1", actor=HERON, target=ZEBRA, text="look there")
    house.ledger.commit([make_judged(make_event("z1", actor=ZEBRA, text=WORDS)), make_judged(about)])
    letter = f'{{"actor": "{ZEBRA}", "text": "{WORDS}"}}'.encode()
    house.letters.add([DeadLetter(id=letter_id(letter, "x"), value=letter, source="x", reason="?", at=NOW)])
    SqlReads(database).add([Read(at=NOW, by="sam", key_id="k", what="actor", which=str(ZEBRA))])
    content = f'{{"id": "near-1", "label": "spam", "text": "{WORDS}"}}'
    house.shelf.registry.change_entries([make_entry_change("near-1", "proposed", content=content, source="event z1")])
    assert said_in(database, ZEBRA.id.encode()) >= {"events", "dead_letters", "reads"}
    assert said_in(database, b"striped grass") >= {"events", "decisions", "dead_letters", "bank_changes"}
    erase_everywhere(house, ZEBRA, by="privacy", why="asked for it", at=now())
    assert said_in(database, ZEBRA.id.encode()) == set()
    assert said_in(database, b"striped grass") == set()
    assert check(house.ledger).whole
    database.close()
