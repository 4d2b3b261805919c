import pytest

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.outbox import SqlOutbox
from gatehouse.testing.outbox_contract import OutboxContract


class TestSqlOutbox(OutboxContract):
    @pytest.fixture
    def ledger(self, either: Database) -> SqlLedger:
        return SqlLedger(either)

    @pytest.fixture
    def outbox(self, either: Database) -> SqlOutbox:
        return SqlOutbox(either)
