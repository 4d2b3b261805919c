import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.registry import SqlRegistry
from gatehouse.errors import OutsideError
from gatehouse.testing.makers import NOW, make_dataset_info, make_model, make_policy, make_release, make_transition
from gatehouse.testing.registry_contract import RegistryContract


class TestSqlRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, database: Database) -> SqlRegistry:
        return SqlRegistry(database)


@pytest.fixture
def filled(database: Database) -> SqlRegistry:
    registry = SqlRegistry(database)
    registry.add_policy(make_policy())
    registry.add_model(make_model())
    registry.add_dataset(make_dataset_info(), "/sets/sms-spam")
    registry.add_release(make_release(), at=NOW, by="sam", why="trained")
    return registry


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("policies", "certain_spam", "certain_ham"),
        ("models", "linear.bin", "other.bin"),
        ("datasets", "English", "Welsh"),
        ("releases", "0.83", "0.03"),
        ("releases", "{", "["),
    ],
)
def test_a_version_changed_in_the_file_is_not_given(
    database: Database, filled: SqlRegistry, table: str, old: str, new: str
) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE {table} SET content = replace(content, ?, ?)", (old, new))
    reads = {
        "policies": lambda: filled.policy("spam", "p1"),
        "models": lambda: filled.model("spam.linear", "d1"),
        "datasets": filled.datasets,
        "releases": lambda: filled.release("spam", make_release().version),
    }
    with pytest.raises(OutsideError) as caught:
        reads[table]()
    assert "was changed after it was written" in str(caught.value)
    assert caught.value.faults[0].where == str(database.path)
    assert "gatehouse train PACK" in caught.value.faults[0].fix


@pytest.mark.parametrize("old", ["0.83", '"pack":"spam"'])
def test_a_release_changed_together_with_its_digest_is_not_given(
    database: Database, filled: SqlRegistry, old: str
) -> None:
    with database.writing() as connection:
        content: str = connection.exec_driver_sql("SELECT content FROM releases").scalar_one()
        forged = content.replace(old, old.replace("83", "03").replace("spam", "scam"))
        assert forged != content
        digest = hashlib.sha256(forged.encode()).hexdigest()
        connection.exec_driver_sql("UPDATE releases SET content = ?, digest = ?", (forged, digest))
    with pytest.raises(OutsideError, match=f"release spam {make_release().version} was changed"):
        filled.release("spam", make_release().version)


def test_releases_that_go_live_at_once_leave_one_live(database: Database) -> None:
    registry = SqlRegistry(database)
    versions = [f"p{i}" for i in range(6)]
    for version in versions:
        registry.add_release(make_release(policy_version=version), at=NOW, by="sam", why="trained")

    def go_live(version: str) -> None:
        own = Database(database.path)
        SqlRegistry(own).move(make_transition(make_release(policy_version=version), "live", by=version))
        own.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(go_live, versions))
    states = [latest.state for _, latest in registry.releases("spam")]
    assert sorted(states) == ["live", *["retired"] * 5]
    assert len(registry.life("spam")) == 6 + 6 + 5
