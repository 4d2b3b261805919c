import re
from contextlib import closing
from pathlib import Path

import pytest

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.registry import SqlRegistry
from gatehouse.adapters.sql.sqlite_driver import driver
from gatehouse.adapters.sql.tables import metadata
from gatehouse.testing.makers import NOW, make_judged, make_release, make_transition

PAGE = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("query", re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL))
def test_each_query_of_the_page_shows_something(database: Database, query: str) -> None:
    SqlLedger(database).commit([make_judged()])
    registry = SqlRegistry(database)
    registry.add_release(make_release(), at=NOW, by="sam", why="trained")
    registry.move(make_transition(make_release(), "live"))
    with closing(driver.connect(f"file:{database.path}?mode=ro", uri=True)) as connection:
        rows = connection.execute(query).fetchall()
    assert rows
    assert rows[0][0] is not None


def test_the_page_names_every_table() -> None:
    assert set(metadata.tables) <= set(re.findall(r"`(\w+)`", PAGE))
