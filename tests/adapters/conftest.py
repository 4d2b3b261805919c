"""A ledger file for each test, closed when it ends."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.adapters.sql.engine import Database

# Contracts live in the package, where pytest would not otherwise say what an assertion compared.
pytest.register_assert_rewrite(
    "gatehouse.testing.ledger_contract", "gatehouse.testing.registry_contract", "gatehouse.testing.models_contract"
)


@pytest.fixture(scope="session")
def new_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables and no rows, made once."""
    path = tmp_path_factory.mktemp("ledger") / "new.db"
    Database(path).close()
    return path


@pytest.fixture
def database(tmp_path: Path, new_ledger: Path) -> Iterator[Database]:
    database = Database(shutil.copy(new_ledger, tmp_path / "ledger.db"))
    yield database
    database.close()
