"""What a live process tells of itself, on a real house."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.reach import may_write, schema_found
from gatehouse.adapters.sql.tables import SCHEMA
from gatehouse.bootstrap import House, open_house
from gatehouse.entry.cli.show import now
from gatehouse.entry.live import open_gate
from gatehouse.entry.observing import ENDPOINT, SAMPLE, Observing, traces
from gatehouse.errors import OutsideError, UserError
from gatehouse.flows.judge import Judge
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.observe import Tally
from gatehouse.ports.dead_letters import DeadLetter
from gatehouse.records.event import Event
from gatehouse.settings import Settings


@pytest.fixture(scope="module")
def house(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> House:
    import shutil

    home = tmp_path_factory.mktemp("observed") / ".gatehouse"
    shutil.copytree(trained_home, home)
    return open_house(Settings(home=home))


@pytest.fixture
def observing() -> Iterator[Observing]:
    made = Observing("test", environment={})
    yield made
    made.close()


def opened(house: House, observing: Observing) -> LiveGate:
    return open_gate(house, (), observing.observer)[0]


def judge_of(house: House, observing: Observing) -> Callable[[], Judge]:
    gate = opened(house, observing)
    return lambda: gate.judge


def test_a_gate_s_decisions_releases_and_checks_are_told(house: House, observing: Observing) -> None:
    gate = opened(house, observing)
    ready = observing.watch(house, lambda: gate.judge, lambda: True, behind=lambda: 7, quiet=lambda: 0.0)
    gate.decide([Event(id="e1", text="zebra: win a free prize now"), Event(id="e2", text="hello")])
    found = ready()
    assert found.ready, found
    names = ["ledger", "ledger writes", "outbox", "breakers", "dead letters", "clock", "releases", "models", "disk"]
    assert [check.name for check in found.checks] == [*names, "bus"]
    told = observing.metrics.exposition().decode()
    assert "zebra" not in told
    assert 'gatehouse_answers_total{kind="decided"} 2.0' in told
    assert 'gatehouse_stage_events_total{stage="judge"} 2.0' in told
    assert f'gatehouse_release_info{{pack="spam",version="{gate.judge.releases["spam"]}"}} 1.0' in told
    assert "gatehouse_bus_behind_messages 7.0" in told
    assert "gatehouse_ready 1.0" in told
    assert 'gatehouse_check_state{check="ledger"} 0.0' in told
    assert "gatehouse_gauge_unread{" not in told


def test_what_wants_somebody_to_look_is_degraded_and_ready(house: House, observing: Observing) -> None:
    house.letters.add([DeadLetter(id="l1", value=b"zebra", source="t/0/1", reason="no JSON", at=now())])
    found = observing.watch(house, judge_of(house, observing), lambda: True)()
    assert (found.state, found.ready) == ("degraded", True)
    assert [check.name for check in found.checks if check.state != "ok"] == ["dead letters"]
    house.letters.settle("l1", "dropped", now(), "test")


def test_a_ledger_that_another_version_migrated_is_broken(house: House, observing: Observing) -> None:
    from sqlalchemy import text

    ready = observing.watch(house, judge_of(house, observing), lambda: True)
    database = Database(house.settings.ledger)
    with database.writing() as connection:
        connection.execute(text("UPDATE ledger_version SET version_num = '9999'"))
    found = ready()
    with database.writing() as connection:
        connection.execute(text(f"UPDATE ledger_version SET version_num = '{SCHEMA}'"))
    database.close()
    broken = [check for check in found.checks if check.state == "broken"]
    assert [check.what for check in broken] == [f"the ledger has schema 9999, this process knows {SCHEMA}"]


def test_redis_that_is_away_is_degraded(house: House, observing: Observing) -> None:
    pytest.importorskip("redis", reason="redis is not installed: pip install 'gatehouse[redis]'")
    import dataclasses

    elsewhere = dataclasses.replace(house.settings, redis="redis://127.0.0.1:1/0")
    gate = opened(house, observing)
    found = observing.watch(dataclasses.replace(house, settings=elsewhere), lambda: gate.judge, lambda: True)()
    (history,) = [check for check in found.checks if check.name == "history"]
    assert (found.ready, history.state) == (True, "degraded")
    assert history.what == "Redis at 127.0.0.1:1: cannot be reached"


def test_the_right_to_write_is_asked_for_without_writing(tmp_path: Path) -> None:
    database = Database(tmp_path / "ledger.db")
    may_write(database)
    assert schema_found(database) == SCHEMA
    database.close()
    (tmp_path / "ledger.db").write_bytes(b"no database at all" * 100)
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(OutsideError):
        may_write(database)


def test_traces_are_made_only_where_a_collector_is_named() -> None:
    assert traces("test", Tally(), {}) is None
    pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: pip install 'gatehouse[otel]'")
    made = traces("test", Tally(), {ENDPOINT: "http://collector:4318", SAMPLE: "0.5"})
    assert made is not None
    made.close()


@pytest.mark.parametrize(
    ("variables", "what"),
    [
        ({ENDPOINT: "collector:4318"}, "GATEHOUSE_OTEL_ENDPOINT: not the address of a collector"),
        ({ENDPOINT: "http://c:4318", SAMPLE: "2"}, "GATEHOUSE_OTEL_SAMPLE: '2' is no share of batches"),
        ({ENDPOINT: "http://c:4318", SAMPLE: "all"}, "GATEHOUSE_OTEL_SAMPLE: 'all' is no share of batches"),
    ],
)
def test_traces_that_cannot_be_meant_are_refused(variables: dict[str, str], what: str) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: pip install 'gatehouse[otel]'")
    with pytest.raises(UserError) as told:
        traces("test", Tally(), variables)
    assert what in str(told.value)
