"""What an erasure looks into in this house: every store beside the ledger, opened."""

from contextlib import closing
from pathlib import Path

import yaml

from gatehouse.adapters.files.erased_campaigns import CampaignFolders
from gatehouse.adapters.files.erased_house import DatasetFolders, EnforcementLogs, Snapshots
from gatehouse.adapters.files.erased_scores import ScoreFiles
from gatehouse.adapters.files.models import FolderModelFiles
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.erased_banks import SqlBankContents, SqlReadsOf
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.bootstrap import ACTUATORS, LOG, House
from gatehouse.errors import OutsideError, UserError
from gatehouse.flows import erase
from gatehouse.flows.erase import Letters, Report, Stores
from gatehouse.flows.erase_banks import BankEntries
from gatehouse.flows.releases import open_judge
from gatehouse.ports.erasing import Forgets
from gatehouse.records.event import Entity


class UnreadyError(UserError):
    """A store cannot be opened as it is named: who keeps the house must mend it, and need not be who asks."""


def stores(house: House, database: Database) -> Stores:
    """Every store of a house and of its ledger's database.

    Raises UnreadyError where the file of actuators cannot be understood or Redis cannot be asked as it is named, and
    OutsideError where that file cannot be read.
    """
    settings, registry = house.settings, house.shelf.registry
    # Read before anything is touched: an erasure that stops here has taken nothing.
    written = logs(settings.home)
    first: list[Forgets] = [
        ScoreFiles(house.ledger.runs),
        BankEntries(house.shelf, SqlBankContents(database), FolderModelFiles(settings.models)),
        CampaignFolders(settings.home / "campaigns"),
        EnforcementLogs(lambda: written),
        Letters(house.letters),
        SqlReadsOf(database),
        *_redis(house),
        # These know of events that the ledger never saw, so they go after those that need their ids.
        DatasetFolders(settings.datasets, lambda: [Path(path) for _, path in registry.datasets()]),
    ]
    return Stores(first, [Snapshots(settings.home)])


def rejects(house: House) -> ScoreFiles:
    """What `score` set aside."""
    return ScoreFiles(house.ledger.runs)


def erase_everywhere(house: House, entity: Entity, *, by: str, why: str, at: int, dry: bool = False) -> Report:
    """Take an actor out of everything in the house; raises as `stores` and `flows.erase.erase` do."""
    settings = house.settings
    with closing(Database(settings.server or settings.ledger)) as database:
        ledger = SqlLedger(database, writer=settings.writer)
        return erase.erase(ledger, stores(house, database), entity, by=by, why=why, at=at, dry=dry)


def logs(home: Path) -> list[Path]:
    """The files of lines to which enforcements are written, by the file of actuators or without one.

    Raises UnreadyError where that file cannot be understood, OutsideError where it cannot be read.
    """
    path = home / ACTUATORS
    named = []
    if path.exists():
        try:
            said = yaml.safe_load(path.read_text()) or {}
            made = (said.get("actuators") or {}).values()
            named = [home / str(one["log"]) for one in made if isinstance(one, dict) and "log" in one]
        except OSError as error:
            fix = "see that it may be read, then erase again"
            raise OutsideError(f"the actuators cannot be read: {error.strerror}", where=str(path), fix=fix) from error
        except (UnicodeDecodeError, yaml.YAMLError, AttributeError) as error:
            fix = "mend it: gatehouse doctor says what is wrong"
            raise UnreadyError("the actuators cannot be read", where=str(path), fix=fix) from error
    return list(dict.fromkeys([home / LOG, *named]))


def _redis(house: House) -> list[Forgets]:
    url = house.settings.redis
    live = [release for release, last in house.shelf.registry.releases() if last.state == "live"]
    if url is None or not live:
        return []
    try:
        from gatehouse.adapters.redis.forget import RedisCounts
        from gatehouse.adapters.redis.server import Server
    except ImportError as error:
        raise UnreadyError("Redis' client is not installed", fix="pip install 'gatehouse[redis]'") from error
    try:
        return [RedisCounts(open_judge(house.shelf, live), Server(url))]
    except UserError as error:
        raise UnreadyError(error.faults) from error
