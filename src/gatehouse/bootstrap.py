"""The one place where adapters are chosen and parts are put together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.adapters.files.models import FolderModelFiles
from gatehouse.adapters.files.scores import ParquetLake
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.registry import SqlRegistry
from gatehouse.flows.releases import Shelf
from gatehouse.flows.scored import Scored
from gatehouse.flows.spec import pack_files
from gatehouse.ports.lake import Lake
from gatehouse.ports.ledger import Ledger
from gatehouse.ports.sql_engine import SqlEngine
from gatehouse.records.dataset import Release
from gatehouse.settings import Settings


@dataclass(frozen=True)
class House:
    """Everything that a command needs, opened."""

    settings: Settings
    ledger: Ledger
    lake: Lake
    shelf: Shelf
    engine: SqlEngine


def open_house(settings: Settings) -> House:
    """Open the home folder, making it and bringing its ledger up to date where needed."""
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.ledger)
    return House(
        settings,
        SqlLedger(database),
        ParquetLake(),
        Shelf(SqlRegistry(database), FolderModelFiles(settings.models)),
        DuckDbEngine(),
    )


def score_on_spark(
    house: House,
    source: Path,
    out: Path,
    releases: Sequence[Release],
    *,
    given: Mapping[str, str],
    at: int,
    master: str | None,
    progress: Callable[[str], None],
) -> Scored:
    """Score by these releases on the Spark session that is there, else on a new one on `master`."""
    from gatehouse.adapters.spark import score, session

    spec, bundle = pack_files(house.shelf, releases)
    spark = session.session(master)
    return score.score_on_spark(source, out, spec, bundle, session=spark, given=given, at=at, progress=progress)
