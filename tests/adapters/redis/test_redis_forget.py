"""Redis forgets an actor: what was counted for it is gone, what was counted for others stays."""

from collections.abc import Iterator

import pyarrow as pa
import pytest
from tests.adapters.redis.redis_server import RealRedis
from tests.flows.remembering import make_judge, make_post

from gatehouse.adapters.redis.forget import RedisCounts
from gatehouse.adapters.redis.history import Names, RedisHistory, empty_state
from gatehouse.adapters.redis.server import Server
from gatehouse.ports.erasing import Whom
from gatehouse.records.event import Entity, Event, to_batch

A1, A2 = Entity("account", "a1"), Entity("account", "a2")
JUDGE = make_judge()


@pytest.fixture
def server(shared_redis: RealRedis) -> Iterator[Server]:
    made = Server(shared_redis.url, timeout=10)
    yield made
    made.client.flushdb()


def windows(history: RedisHistory, *events: Event) -> list[dict[str, object]]:
    coded: pa.RecordBatch = JUDGE.prepare(to_batch(events)).coded
    rows: list[dict[str, object]] = history.advance(coded).to_pylist()
    return rows


def test_what_was_counted_for_an_actor_is_gone(server: Server) -> None:
    version = JUDGE.features_version
    server.client.hset(Names.of(JUDGE.features.plan, version).state, mapping=empty_state("1", version))
    history = RedisHistory(JUDGE.features.plan, version, server)
    posts = [make_post(f"e{i}", i, actor, target=A2, amount=5) for i, actor in enumerate(("a1", "a1", "a2", "a2"))]
    windows(history, *posts)
    whom = Whom(A1, frozenset({"e0", "e1"}), tuple(posts[:2]))
    counts = RedisCounts(JUDGE, server)
    (would,) = counts.forget(whom, at=0, dry=True)
    (gone,) = counts.forget(whom, at=0, dry=False)
    (again,) = counts.forget(whom, at=0, dry=False)
    assert (would.rows > 0, gone.rows, again.rows) == (True, would.rows, 0)
    left, stays = windows(history, make_post("e8", 120, "a1"), make_post("e9", 121, "a2"))
    assert (left["posts_1h"], left["paid_1d"]) == (0, 0)
    assert (stays["posts_1h"], stays["paid_1d"]) == (2, 10)


def test_a_redis_that_holds_no_history_of_the_live_releases_says_so(server: Server) -> None:
    (found,) = RedisCounts(JUDGE, server).forget(Whom(A1, frozenset()), at=0, dry=False)
    assert (found.rows, found.said) == (0, "holds no history of the live releases")
