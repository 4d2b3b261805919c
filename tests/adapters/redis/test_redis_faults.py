"""Whatever Redis does, a batch is counted whole or not at all, the caller hears of it, and it mends by itself."""

import os
import signal
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest
from tests.adapters.redis.redis_server import RealRedis, wait_for
from tests.features.test_live import SMALL, START, log

from gatehouse.adapters.redis.history import Names, RedisHistory, empty_state
from gatehouse.adapters.redis.server import Server, UnansweredError
from gatehouse.errors import OutsideError, UserError

TIMEOUT = 0.15


@pytest.fixture
def history(own_redis: RealRedis) -> RedisHistory:
    return opened(own_redis)


@pytest.fixture
def batches() -> Iterator[pa.RecordBatch]:
    """One event of the same actor and target each."""
    rows = [{"seen": START + i, "k_actor": 1, "k_target": 2} for i in range(50)]
    return iter(log(SMALL, *([row] for row in rows)))


def opened(redis: RealRedis, rest: float = 0) -> RedisHistory:
    begin(redis)
    return RedisHistory(SMALL, "v", Server(redis.url, timeout=TIMEOUT, rest=rest))


def begin(redis: RealRedis) -> None:
    redis.client().hset(Names.of(SMALL, "v").state, mapping=empty_state("1", "v"))


def posts(history: RedisHistory, batches: Iterator[pa.RecordBatch]) -> list[int]:
    found: list[int] = history.advance(next(batches)).column("posts").to_pylist()
    return found


def freeze(redis: RealRedis) -> None:
    os.kill(redis.process.pid, signal.SIGSTOP)


def thaw(redis: RealRedis) -> None:
    os.kill(redis.process.pid, signal.SIGCONT)


def test_what_a_frozen_server_counts_too_late_is_taken_back(
    own_redis: RealRedis, history: RedisHistory, batches: Iterator[pa.RecordBatch]
) -> None:
    assert posts(history, batches) == [0]
    freeze(own_redis)
    start = time.monotonic()
    with pytest.raises(UnansweredError, match="does not answer in time"):
        posts(history, batches)
    # Connecting and asking have a limit each.
    assert time.monotonic() - start < 2 * TIMEOUT + 0.5
    thaw(own_redis)
    # It has run by now, behind the back of who asked.
    wait_for(lambda: own_redis.client().hget(history.names.state, "batch") == b"2")
    assert posts(history, batches) == [1]
    assert posts(history, batches) == [2]


def test_a_roll_back_that_is_not_answered_is_made_up_for(
    own_redis: RealRedis, history: RedisHistory, batches: Iterator[pa.RecordBatch]
) -> None:
    assert [posts(history, batches), posts(history, batches)] == [[0], [1]]
    freeze(own_redis)
    history.roll_back()
    history.roll_back()
    thaw(own_redis)
    assert posts(history, batches) == [1]


def test_a_frozen_server_is_left_alone_for_a_moment(own_redis: RealRedis, batches: Iterator[pa.RecordBatch]) -> None:
    now = [0.0]
    begin(own_redis)
    history = RedisHistory(SMALL, "v", Server(own_redis.url, timeout=TIMEOUT, rest=5, clock=lambda: now[0]))
    freeze(own_redis)
    with pytest.raises(UnansweredError):
        posts(history, batches)
    thaw(own_redis)
    with pytest.raises(OutsideError, match="did not answer a moment ago"):
        posts(history, batches)
    now[0] = 6
    assert posts(history, batches) == [0]


def test_a_server_that_lost_its_memory_is_not_taken_for_one_where_nobody_was_seen(
    own_redis: RealRedis, history: RedisHistory, batches: Iterator[pa.RecordBatch]
) -> None:
    assert posts(history, batches) == [0]
    own_redis.stop()
    with pytest.raises(UnansweredError) as gone:
        posts(history, batches)
    assert str(gone.value) == (
        f"Redis at {own_redis.socket}: cannot be reached\n"
        "    → see that it runs and can be reached; until then windows are not available"
    )
    own_redis.start()
    with pytest.raises(OutsideError) as empty:
        posts(history, batches)
    assert str(empty.value) == (
        f"Redis at {own_redis.socket}: knows no history of these features: it is new, or has lost its memory\n"
        "    → fill it from the ledger (docs/shared-history.md); until then windows are not available"
    )
    begin(own_redis)
    assert posts(history, batches) == [0]
    assert posts(history, batches) == [1]


def test_a_server_that_comes_back_older_than_it_was_is_one_that_lost_its_memory(
    own_redis: RealRedis, history: RedisHistory, batches: Iterator[pa.RecordBatch]
) -> None:
    other = RedisHistory(SMALL, "v", Server(own_redis.url, timeout=TIMEOUT, rest=0))
    assert [posts(history, batches), posts(other, batches)] == [[0], [1]]
    own_redis.client().save()
    assert [posts(history, batches), posts(other, batches)] == [[2], [3]]
    own_redis.stop()
    own_redis.start()
    for asking in (history, other, history):
        with pytest.raises(OutsideError, match=r"cannot be reached|has lost its memory"):
            posts(asking, batches)
    with pytest.raises(OutsideError, match="has lost its memory"):
        posts(other, batches)
    own_redis.client().hset(history.names.state, mapping=empty_state("2", "v"))
    assert [posts(history, batches), posts(other, batches)] == [[0], [1]]


def test_a_history_filled_anew_is_gone_on_with(
    own_redis: RealRedis, history: RedisHistory, batches: Iterator[pa.RecordBatch]
) -> None:
    posts(history, batches)
    own_redis.client().flushall()
    own_redis.client().hset(history.names.state, mapping=empty_state("another life", "v"))
    assert posts(history, batches) == [0]
    assert posts(history, batches) == [1]


def test_scripts_that_were_flushed_are_brought_again(
    own_redis: RealRedis, history: RedisHistory, batches: Iterator[pa.RecordBatch]
) -> None:
    assert posts(history, batches) == [0]
    own_redis.client().script_flush()
    assert posts(history, batches) == [1]


def test_connections_that_were_cut_are_made_again_and_nothing_is_counted_twice(
    own_redis: RealRedis, history: RedisHistory, batches: Iterator[pa.RecordBatch]
) -> None:
    assert posts(history, batches) == [0]
    for before in (1, 2, 3):
        own_redis.client().client_kill_filter(_type="normal", skipme=True)
        assert posts(history, batches) == [before]


def test_a_replica_takes_nothing(
    own_redis: RealRedis, history: RedisHistory, batches: Iterator[pa.RecordBatch]
) -> None:
    assert posts(history, batches) == [0]
    client = own_redis.client()
    client.replicaof("127.0.0.1", 1)
    with pytest.raises(OutsideError, match="is a replica and takes no writes") as refused:
        posts(history, batches)
    assert not isinstance(refused.value, UnansweredError)
    assert [fault.what for fault in history.server.faults()] == ["is a replica and takes no writes"]
    client.replicaof("NO", "ONE")
    assert posts(history, batches) == [1]


def test_a_full_server_counts_nothing_by_halves(
    own_redis: RealRedis, history: RedisHistory, batches: Iterator[pa.RecordBatch]
) -> None:
    assert posts(history, batches) == [0]
    client, before = own_redis.client(), snapshot(own_redis)
    client.config_set("maxmemory", 1)
    with pytest.raises(OutsideError, match="has no memory left"):
        posts(history, batches)
    client.config_set("maxmemory", 0)
    assert snapshot(own_redis) == before
    assert posts(history, batches) == [1]


@pytest.mark.parametrize("place", ["1", "2"])
def test_a_foreign_value_in_the_way_leaves_nothing_half_counted(
    own_redis: RealRedis, history: RedisHistory, batches: Iterator[pa.RecordBatch], place: str
) -> None:
    client = own_redis.client()
    code = (1 if place == "1" else 2).to_bytes(8, "little")
    key = f"{history.names.prefix}1:{place}:".encode() + code
    client.rpush(key, "foreign")
    before = snapshot(own_redis)
    with pytest.raises(OutsideError, match="holds something else under the history's keys"):
        posts(history, batches)
    assert snapshot(own_redis) == before
    client.delete(key)
    assert posts(history, batches) == [0]


def snapshot(redis: RealRedis) -> dict[bytes, bytes]:
    client = redis.client()
    return {key: client.dump(key) for key in client.scan_iter()}


def test_a_late_question_of_a_worker_is_not_counted(
    own_redis: RealRedis, history: RedisHistory, batches: Iterator[pa.RecordBatch]
) -> None:
    posts(history, batches)
    history._call -= 1
    with pytest.raises(OutsideError, match="was asked a later question by this worker"):
        posts(history, batches)
    assert posts(history, batches) == [1]


def test_a_server_that_drops_values_is_named_before_it_does(own_redis: RealRedis, history: RedisHistory) -> None:
    assert history.server.faults() == []
    own_redis.client().config_set("maxmemory-policy", "allkeys-lru")
    assert [str(fault) for fault in history.server.faults()] == [
        f"Redis at {own_redis.socket}: drops values when its memory is full (maxmemory-policy is allkeys-lru), and "
        "counts would be too low\n    → CONFIG SET maxmemory-policy noeviction"
    ]


def test_an_address_that_is_none_is_the_users_to_mend_and_a_password_is_not_repeated() -> None:
    with pytest.raises(UserError, match="the address of Redis cannot be read") as wrong:
        Server("localhost:6379/secret")
    assert "secret" not in str(wrong.value)
    server = Server("redis://:secret@127.0.0.1:1/0", timeout=TIMEOUT)
    with pytest.raises(UnansweredError, match=r"Redis at 127\.0\.0\.1:1: cannot be reached") as unreachable:
        server.faults()
    assert "secret" not in str(unreachable.value)


def test_a_server_that_stays_silent_is_asked_less_and_less_often(own_redis: RealRedis) -> None:
    now = [0.0]
    server = Server(own_redis.url, timeout=0.05, rest=1, clock=lambda: now[0])
    freeze(own_redis)
    assert unanswered_seconds(server, now, 60) == [0, 1, 3, 7, 15, 31, 47]
    thaw(own_redis)
    wait_for(lambda: own_redis.client().ping())
    now[0] = 100
    assert server.ask(server.client.ping)
    freeze(own_redis)
    assert unanswered_seconds(server, now, 4) == [0, 1, 3]
    thaw(own_redis)


def unanswered_seconds(server: Server, now: list[float], seconds: int) -> list[int]:
    """In which seconds from now on it is asked and does not answer."""
    found, start = [], now[0]
    for second in range(seconds):
        now[0] = start + second
        try:
            server.ask(server.client.ping)
        except UnansweredError:
            found.append(second)
        except OutsideError:
            pass
    return found
