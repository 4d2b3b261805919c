import pytest

from gatehouse.adapters.sql.cases import SqlCases
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.testing.cases_contract import CasesContract


class TestSqlCases(CasesContract):
    @pytest.fixture
    def ledger(self, either: Database) -> SqlLedger:
        return SqlLedger(either)

    @pytest.fixture
    def cases(self, either: Database) -> SqlCases:
        return SqlCases(either)
