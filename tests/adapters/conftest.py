"""A ledger file for each test, closed when it ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.adapters.sql.engine import Database

# Contracts live in the package, where pytest would not otherwise say what an assertion compared.
pytest.register_assert_rewrite(
    "gatehouse.testing.ledger_contract", "gatehouse.testing.registry_contract", "gatehouse.testing.models_contract"
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "ledger.db")
    yield database
    database.close()
