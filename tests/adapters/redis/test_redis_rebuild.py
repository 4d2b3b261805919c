"""A Redis that lost its memory, or never had one, is filled from the ledger and answers as if it had always known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.redis.redis_server import RealRedis
from tests.flows.remembering import WINDOWS, make_judge, make_post, post_batches

from gatehouse.adapters.redis.history import Names, RedisHistory
from gatehouse.adapters.redis.rebuild import is_filled, rebuild
from gatehouse.adapters.redis.server import Server, UnansweredError
from gatehouse.errors import OutsideError
from gatehouse.features.live import LiveHistory
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import decide
from gatehouse.records.event import Event
from gatehouse.testing.memory import MemoryLedger


@pytest.fixture(scope="module")
def judge() -> Judge:
    return make_judge()


@pytest.fixture
def server(shared_redis: RealRedis) -> Server:
    server = Server(shared_redis.url, timeout=10)
    server.client.flushall()
    return server


def worker(judge: Judge, server: Server) -> RedisHistory:
    return RedisHistory(judge.features.plan, judge.features_version, server)


def windows(ledger: MemoryLedger, id_: str) -> dict[str, object]:
    found = ledger.find(id_)
    assert found is not None
    return {name: found.features[name] for name in WINDOWS}


def test_a_first_start_fills_redis_with_nothing(judge: Judge, server: Server) -> None:
    ledger = MemoryLedger()
    assert not is_filled(judge, server)
    assert rebuild(ledger, judge, server) == "0 events counted from the ledger"
    assert is_filled(judge, server)
    decide(judge, ledger, [make_post("e1"), make_post("e2", 1)], 9, worker(judge, server))
    assert windows(ledger, "e2")["posts_1h"] == 1


def test_what_is_decided_while_redis_is_away_counts_when_it_is_filled_anew_and_not_before(
    judge: Judge, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, history = MemoryLedger(), worker(judge, server)
    rebuild(ledger, judge, server)
    decide(judge, ledger, [make_post("e1")], 9, history)
    with monkeypatch.context() as away:
        away.setattr(server, "apply", cut_off)
        decide(judge, ledger, [make_post("e2", 1)], 9, history)
    decide(judge, ledger, [make_post("e3", 2)], 9, history)
    alone = ledger.find("e2")
    assert alone is not None
    assert "posts_1h" not in alone.features
    assert windows(ledger, "e3")["posts_1h"] == 1
    server.client.flushdb()
    assert rebuild(ledger, judge, server) == "3 events counted from the ledger"
    decide(judge, ledger, [make_post("e4", 3)], 9, history)
    assert windows(ledger, "e4")["posts_1h"] == 3


def cut_off(*_: object) -> None:
    raise UnansweredError("cannot be reached")


def test_events_are_decided_without_windows_until_it_is_filled_and_count_from_then_on(
    judge: Judge, server: Server
) -> None:
    ledger, history = MemoryLedger(), worker(judge, server)
    decide(judge, ledger, [make_post("e1")], 9, history)
    found = ledger.find("e1")
    assert found is not None
    assert [signal.state for signal in found.signals if signal.label == "burst"] == ["failed"]
    assert [signal.state for signal in found.signals if signal.label == "lure"] != ["failed"]
    assert rebuild(ledger, judge, server) == "1 event counted from the ledger"
    decide(judge, ledger, [make_post("e2", 1)], 9, history)
    assert windows(ledger, "e2")["posts_1h"] == 1


def test_a_filled_redis_answers_like_one_that_never_stopped(judge: Judge, server: Server) -> None:
    @settings(deadline=None, max_examples=15)
    @given(post_batches(), st.integers(0, 8), st.booleans())
    def check(batches: list[list[Event]], stops: int, flushed: bool) -> None:
        server.client.flushall()
        ledgers = MemoryLedger(), MemoryLedger()
        rebuild(ledgers[0], judge, server)
        history, live = worker(judge, server), LiveHistory(judge.features.plan)
        for place, batch in enumerate(batches):
            if place == stops:
                if flushed:
                    server.client.flushall()
                rebuild(ledgers[0], judge, server)
            for ledger, its in zip(ledgers, (history, live), strict=True):
                decide(judge, ledger, batch, 9, its)
            for event in batch:
                assert windows(ledgers[0], event.id) == windows(ledgers[1], event.id)

    check()


def test_what_comes_to_the_ledger_meanwhile_is_counted_once(
    judge: Judge, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, history = MemoryLedger(), worker(judge, server)
    decide(judge, ledger, [make_post("e1")], 9, history)
    read, used = ledger.log, []

    def log_while_others_write(after: int = 0, most: int = 10_000) -> object:
        if is_filled(judge, server) and not used:
            used.append(True)
            for id_ in ("e3", "e4"):
                decide(judge, ledger, [make_post(id_, 2)], 9, history)
        block = read(after, most)
        if not block and not used:
            # It is recorded after the log was read, and before the history is used.
            decide(judge, ledger, [make_post("e2", 1)], 9, history)
        return block

    monkeypatch.setattr(ledger, "log", log_while_others_write)
    assert rebuild(ledger, judge, server) == "4 events counted from the ledger"
    decide(judge, ledger, [make_post("e5", 3)], 9, history)
    assert windows(ledger, "e5")["posts_1h"] == 4


def test_only_one_fills_at_a_time_and_a_failed_filling_changes_nothing(
    judge: Judge, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = MemoryLedger()
    rebuild(ledger, judge, server)
    history = worker(judge, server)
    decide(judge, ledger, [make_post("e1")], 9, history)
    names = Names.of(judge.features.plan, judge.features_version)
    server.client.set(names.lock, "another")
    with pytest.raises(OutsideError, match="is being filled by another worker"):
        rebuild(ledger, judge, server)
    assert server.client.get(names.lock) == b"another"
    server.client.delete(names.lock)
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "log", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rebuild(ledger, judge, server)
    decide(judge, ledger, [make_post("e2", 1)], 9, history)
    assert windows(ledger, "e2")["posts_1h"] == 1
    assert rebuild(ledger, judge, server) == "2 events counted from the ledger"
