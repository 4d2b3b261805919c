"""The one place where adapters are chosen and parts are put together."""

from dataclasses import dataclass

from gatehouse.adapters.files.models import FolderModelFiles
from gatehouse.adapters.files.scores import ParquetLake
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.registry import SqlRegistry
from gatehouse.flows.releases import Shelf
from gatehouse.ports.lake import Lake
from gatehouse.ports.ledger import Ledger
from gatehouse.settings import Settings


@dataclass(frozen=True)
class House:
    """Everything that a command needs, opened."""

    settings: Settings
    ledger: Ledger
    lake: Lake
    shelf: Shelf


def open_house(settings: Settings) -> House:
    """Open the home folder, making it and bringing its ledger up to date where needed."""
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.ledger)
    return House(
        settings,
        SqlLedger(database),
        ParquetLake(),
        Shelf(SqlRegistry(database), FolderModelFiles(settings.models)),
    )
