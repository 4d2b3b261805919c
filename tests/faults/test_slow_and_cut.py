"""What the gate depends on is slow, silent, cut off or gone: it says so in time, loses nothing, and mends by itself."""

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.entry.api.gathering import Terms
from gatehouse.testing.faults_fleet import ROLES, Place, trial, wait_for
from gatehouse.testing.faults_forks import Forks
from gatehouse.testing.faults_proxy import Proxy, renamed_port
from gatehouse.testing.faults_receiver import Receiver, receiving
from gatehouse.testing.faults_roles import REMOVED

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]

QUICK = "tests.faults.quick_roles"
NewDatabase = Callable[[str], str]


@pytest.fixture
def postgres_proxy(postgres: str) -> Iterator[Proxy]:
    folder = parse_qs(urlsplit(postgres).query)["host"][0]
    with Proxy(f"{folder}/.s.PGSQL.5432") as proxy:
        yield proxy


def test_a_ledger_on_a_server_that_is_slow_silent_cut_or_gone(
    forks: Forks, tmp_path: Path, brokers: str, receiver: Receiver, new_postgres: NewDatabase, postgres_proxy: Proxy
) -> None:
    name = urlsplit(new_postgres("far_away")).path
    place = Place(tmp_path / "home", brokers, f"postgresql://postgres:@127.0.0.1:{postgres_proxy.port}{name}")
    forks.run(f"{ROLES}:prepare", home=str(place.home), server=place.server)
    instead = {"api": f"{QUICK}:api", "performer": f"{QUICK}:performer"}
    deployment = {"api": "api", "performer": "performer"}
    with trial(forks, place, receiver, deployment=deployment, instead=instead) as run:
        wait_for(lambda: receiver.effects, 30, "nothing is carried out")
        postgres_proxy.delay = 0.02
        answer, _ = run.ask("slow")
        assert answer.status_code == 200
        postgres_proxy.mend()
        for number, fault in enumerate((postgres_proxy.stall, postgres_proxy.refuse)):
            fault()
            answer, seconds = run.ask(f"down-{number}")
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert seconds < Terms().deadline + 1
            done = receiver.effects.total()
            time.sleep(0.5)
            assert receiver.effects.total() == done, "something was done that nobody could record"
            postgres_proxy.mend()
            wait_for(lambda number=number: run.ask(f"again-{number}")[0].is_success, 20, "it does not mend")
        for answered in (1, 50, 500, 5_000):
            postgres_proxy.cut_after(answered)
            time.sleep(0.1)
        postgres_proxy.mend()
        found = run.end()
    assert run.fleet.died == []
    assert found.agrees, str(found)


@pytest.fixture
def redis_proxy() -> Iterator[Proxy]:
    pytest.importorskip("redis", reason="redis is not installed: pip install 'gatehouse[redis]'")
    from tests.adapters.redis.redis_server import MISSING, RealRedis, find_server

    if find_server() is None:
        pytest.skip(MISSING)
    with tempfile.TemporaryDirectory(prefix="gr") as folder:
        server = RealRedis(Path(folder))
        with Proxy(str(server.socket)) as proxy:
            yield proxy
        server.stop()


def test_a_history_on_a_server_that_is_silent_or_gone_costs_its_evidence_and_little_time(
    forks: Forks, home: Path, brokers: str, receiver: Receiver, redis_proxy: Proxy
) -> None:
    place = Place(home, brokers, redis=f"redis://127.0.0.1:{redis_proxy.port}/0")
    with trial(forks, place, receiver, deployment={"api": "api", "performer": "performer"}) as run:
        assert states(run.place, run.ask("before")) == {"failed": 0}
        for fault in (redis_proxy.stall, redis_proxy.refuse):
            fault()
            waited = []
            for number in range(30):
                answer, seconds = run.ask(f"{fault.__name__}-{number}", REMOVED)
                # What needs no history is decided on as ever.
                assert (answer.status_code, answer.json()["enforce"]) == (200, "remove")
                waited.append(seconds)
            assert states(run.place, (answer, 0.0))["failed"] > 0
            assert max(waited) < 2.5
            # It is asked at once, then after 1, 2, 4, ... seconds, of which a slow machine takes more.
            assert sum(seconds > 0.4 for seconds in waited) <= 2 + math.log2(1 + sum(waited)), waited
            redis_proxy.mend()
        wait_for(lambda: states(run.place, run.ask(f"after-{time.monotonic()}")) == {"failed": 0}, 30, "no history")
        found = run.end()
    assert run.fleet.died == []
    assert found.agrees, str(found)


def states(place: Place, asked: tuple[object, float]) -> dict[str, int]:
    """How many signals of a decision failed."""
    database = place.database()
    found = SqlLedger(database).find(asked[0].json()["event_id"])  # type: ignore[attr-defined]
    database.close()
    assert found is not None
    return {"failed": sum(signal.state == "failed" for signal in found.signals)}


def test_a_process_starts_while_its_history_is_away(
    forks: Forks, home: Path, brokers: str, receiver: Receiver, redis_proxy: Proxy
) -> None:
    redis_proxy.refuse()
    place = Place(home, brokers, redis=f"redis://127.0.0.1:{redis_proxy.port}/0")
    with trial(forks, place, receiver, deployment={"api": "api"}) as run:
        assert run.ask("alone", REMOVED)[0].json()["enforce"] == "remove"


def test_a_bus_that_is_silent_cut_or_gone_is_waited_for(
    forks: Forks, place: Place, brokers: str, receiver: Receiver
) -> None:
    host, _, port = brokers.partition(":")
    deployment = {"worker-1": "worker", "worker-2": "worker", "performer": "performer"}
    with (
        Proxy((host, int(port)), renamed_port(int(port))) as proxy,
        trial(forks, replace(place, read_at=f"{host}:{proxy.port}"), receiver, deployment=deployment) as run,
    ):
        database = place.database()
        ledger = SqlLedger(database)
        for fault in (proxy.cut, proxy.refuse, proxy.stall, lambda: proxy.cut_after(3_000)):
            before = ledger.last()
            wait_for(lambda before=before: ledger.last() > before, 30, "nothing is decided")
            fault()
            if fault in (proxy.refuse, proxy.stall):
                # Senders go on meanwhile: workers have no other way to the bus.
                wait_for(lambda: stands_still(ledger), 20, "messages come past the proxy")
            else:
                time.sleep(0.5)
            proxy.mend()
        before = ledger.last()
        wait_for(lambda before=before: ledger.last() > before, 30, "nothing is decided after it")
        database.close()
        found = run.end()
    assert run.fleet.died == []
    assert found.agrees, str(found)


def stands_still(ledger: SqlLedger) -> bool:
    """Whether nothing is recorded for a while."""
    before = ledger.last()
    time.sleep(0.4)
    return ledger.last() == before


def test_a_receiver_that_is_slow_silent_cut_failing_or_gone_gets_each_effect_once(forks: Forks, place: Place) -> None:
    deployment = {"worker": "worker", "performer-1": "performer", "performer-2": "performer"}
    fails_at_first = lambda key, times: 500 if times == 1 and hash(key) % 3 == 0 else 204  # noqa: E731
    with receiving(answer=fails_at_first) as receiver, Proxy(("127.0.0.1", receiver.server_port)) as proxy:
        url = f"http://127.0.0.1:{proxy.port}/enforcements"
        with trial(forks, place, receiver, deployment=deployment, url=url) as run:
            for fault in (lambda: setattr(proxy, "delay", 0.3), proxy.stall, proxy.refuse, proxy.cut):
                wait_for(receiver.anew(), 30, "nothing is carried out")
                fault()
                time.sleep(1.3)
                proxy.mend()
            for answered in (5, 17, 60):
                wait_for(receiver.anew(), 30, "nothing is carried out")
                proxy.cut_after(answered)
            found = run.end()
    assert run.fleet.died == []
    assert found.agrees, str(found)
    assert receiver.deliveries.total() > receiver.effects.total() > 0
