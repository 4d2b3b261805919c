"""What was recorded of banks' entries and of who looked at whom, which an erasure takes out."""

from collections.abc import Iterator, Mapping

from sqlalchemy import func, select, update

from gatehouse.adapters.sql.access_tables import reads
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.tables import bank_changes
from gatehouse.ports.erasing import NOBODY, Reached, Whom
from gatehouse.records.bank import BankKind
from gatehouse.records.event import Entity


class SqlBankContents:
    """Changes of entries in a ledger's database; keeps the promise of `ports.erasing.BankContents`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def packs(self) -> list[str]:
        """Packs of which changes of entries are on record."""
        with self._database.reading() as connection:
            return list(connection.scalars(select(bank_changes.c.pack).distinct().order_by(bank_changes.c.pack)))

    def erase(self, pack: str, contents: Mapping[tuple[BankKind, str], str]) -> int:
        """Put these contents in the place of all that was recorded of these entries; when and by whom stays."""
        of, changed = bank_changes.c, 0
        with self._database.writing() as connection:
            for (bank, entry), content in contents.items():
                these = update(bank_changes).where(of.pack == pack, of.bank == bank, of.entry == entry)
                changed += connection.execute(these.values(content=content, source=NOBODY)).rowcount
        return changed


class SqlReadsOf:
    """The record of who looked at whom, in a ledger's database: that somebody looked stays, at whom goes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ids(self, entity: Entity) -> frozenset[str]:
        """None: who looks at an event need not know whose it is."""
        return frozenset()

    def forget(self, whom: Whom, *, at: int, dry: bool) -> Iterator[Reached]:
        """Take its name out of what was looked at."""
        these = (reads.c.what == "actor", reads.c.which.in_(sorted(whom.names)))
        if dry:
            with self._database.reading() as connection:
                found = connection.scalar(select(func.count()).where(*these)) or 0
        else:
            with self._database.writing() as connection:
                found = connection.execute(update(reads).where(*these).values(which=NOBODY)).rowcount
        yield Reached("reads", "ledger", found)
