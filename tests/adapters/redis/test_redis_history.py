"""The history in Redis answers like one in memory, to the last bit, whoever asks."""

import itertools
import threading
import time
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.redis.redis_server import RealRedis, outside_commands
from tests.features.streams import EVERYTHING, in_log, streams
from tests.features.test_live import HOUR, SMALL, START, log

from gatehouse.adapters.redis import carried
from gatehouse.adapters.redis.history import Names, RedisHistory, Times, empty_state
from gatehouse.adapters.redis.server import Server
from gatehouse.features.live import LiveHistory
from gatehouse.features.plan import Plan

PLAN = EVERYTHING.plan
NUMBERS = itertools.count()

Opened = Callable[..., list[RedisHistory]]


@pytest.fixture(scope="session")
def server(shared_redis: RealRedis) -> Server:
    return Server(shared_redis.url, timeout=10)


@pytest.fixture(scope="session")
def opened(server: Server) -> Opened:
    """Workers of one new history, of a version that no other has."""

    def open_new(workers: int = 1, plan: Plan = PLAN, times: Times | None = None) -> list[RedisHistory]:
        version = f"version {next(NUMBERS)}"
        server.client.hset(Names.of(plan, version).state, mapping=empty_state("1", version))
        return [RedisHistory(plan, version, server, times) for _ in range(workers)]

    return open_new


@pytest.fixture(params=[0, 128], ids=["folds at once", "folds seldom"])
def folding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried, "MOST_CELLS", request.param)


def clock_of(history: RedisHistory) -> int:
    return int(history.server.client.hget(history.names.state, "clock") or -1)


def values_of(history: RedisHistory) -> dict[bytes, bytes]:
    client = history.server.client
    keys = [key for key in client.scan_iter(f"{history.names.prefix}1:*", count=1_000) if b":1:i:" not in key]
    return dict(zip(keys, client.mget(keys), strict=True)) if keys else {}


class TestOneWorker:
    @pytest.fixture(autouse=True)
    def _folding(self, folding: None) -> None:
        pass

    def test_windows_are_those_of_a_history_in_memory(self, opened: Opened) -> None:
        @settings(deadline=None, max_examples=30)
        @given(streams(), st.randoms(use_true_random=False))
        def check(batches: list[pa.RecordBatch], random) -> None:
            (history,), live = opened(), LiveHistory(PLAN)
            for batch in batches:
                given_order = batch.take(random.sample(range(len(batch)), len(batch)))
                assert history.advance(given_order).equals(live.advance(given_order))
            assert clock_of(history) == live.clock

        check()

    def test_a_log_is_replayed_in_its_order(self, opened: Opened) -> None:
        @settings(deadline=None, max_examples=10)
        @given(streams(), st.integers(1, 20))
        def check(batches: list[pa.RecordBatch], size: int) -> None:
            (history,), live = opened(), LiveHistory(PLAN)
            whole = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
            for start in range(0, len(whole), size):
                part = whole.slice(start, size)
                assert history.replay(part).equals(live.replay(part))

        check()

    def test_a_batch_rolled_back_might_never_have_come(self, opened: Opened) -> None:
        @settings(deadline=None, max_examples=20)
        @given(streams(), streams(most_events=20), st.lists(st.booleans(), min_size=80, max_size=80))
        def check(batches: list[pa.RecordBatch], others: list[pa.RecordBatch], fails: list[bool]) -> None:
            (history,), live = opened(), LiveHistory(PLAN)
            for batch, other, failed in zip(batches, others * len(batches), fails, strict=False):
                if failed:
                    before = clock_of(history), set(values_of(history))
                    history.advance(renamed(other, "failed"))
                    history.roll_back()
                    history.roll_back()
                    assert (clock_of(history), set(values_of(history))) == before
                assert history.advance(batch).equals(live.advance(batch))
            assert history.kept == 0

        check()


def renamed(batch: pa.RecordBatch, word: str, *, whole: bool = False) -> pa.RecordBatch:
    at = batch.schema.get_field_index("id")
    ids = [word if whole else f"{word} {id_}" for id_ in batch["id"].to_pylist()]
    return batch.set_column(at, batch.schema.field(at), pa.array(ids))


def test_two_workers_are_one_history_in_the_order_that_redis_applied(opened: Opened, folding: None) -> None:
    @settings(deadline=None, max_examples=30)
    @given(streams(), st.lists(st.integers(0, 1), min_size=80, max_size=80))
    def check(batches: list[pa.RecordBatch], whose: list[int]) -> None:
        workers, live = opened(2), LiveHistory(PLAN)
        for batch, worker in zip(batches, whose, strict=False):
            assert workers[worker].advance(batch).equals(live.advance(batch))

    check()


def test_workers_that_ask_at_once_are_one_history(opened: Opened, shared_redis: RealRedis) -> None:
    (first,) = opened()
    done: list[tuple[int, pa.RecordBatch, pa.RecordBatch]] = []

    def work(name: str) -> None:
        history = RedisHistory(PLAN, first.version, Server(shared_redis.url, timeout=10))
        rows = [
            {"id": f"{name}{i}", "seen": START + i * 400_000_000, "k_actor": i % 3, "k_target": i % 2, "k_address": 1}
            for i in range(60)
        ]
        empty = dict.fromkeys(PLAN.coded.names) | {"f_0": 1, "f_1": 1}
        cut = [[{**empty, **row} for row in rows[i : i + 3]] for i in range(0, 60, 3)]
        for batch in in_log(PLAN, cut):
            found = history.advance(batch)
            done.append((history.batch, batch, found))

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    live = LiveHistory(PLAN)
    assert len(done) == 40
    for _, batch, found in sorted(done, key=lambda one: one[0]):
        assert found.equals(live.advance(batch))


def test_a_batch_is_taken_back_from_under_those_that_others_built_on_it(opened: Opened, folding: None) -> None:
    @settings(deadline=None, max_examples=25)
    @given(streams(), streams(most_events=20), st.integers(1, 5))
    def check(batches: list[pa.RecordBatch], failing: list[pa.RecordBatch], start: int) -> None:
        (one, other), live = opened(2), LiveHistory(PLAN)
        for batch in batches[:start]:
            assert other.advance(batch).equals(live.advance(batch))
        # It was seen at the latest time known, so it moves no clock.
        one.advance(seen_at(renamed(failing[0], "failed"), live.clock))
        for batch in batches[start : start + 2]:
            # These have seen what fails; that it was there is on record with them.
            other.advance(batch)
            live.advance(batch)
        one.roll_back()
        assert one.kept == 0
        for batch in batches[start + 2 :]:
            assert other.advance(batch).equals(live.advance(batch))

    check()


def seen_at(batch: pa.RecordBatch, time: int) -> pa.RecordBatch:
    at = batch.schema.get_field_index("seen")
    return batch.set_column(at, batch.schema.field(at), pa.array([time] * len(batch)))


def test_events_that_come_again_are_answered_as_then_and_counted_once(opened: Opened) -> None:
    @settings(deadline=None, max_examples=25)
    @given(streams(), st.integers(0, 9), st.integers(1, 3), st.data())
    def check(batches: list[pa.RecordBatch], lost: int, later: int, data: st.DataObject) -> None:
        (dead, alive), live = opened(2), LiveHistory(PLAN)
        lost = min(lost, len(batches) - 1)
        for batch in batches[:lost]:
            assert alive.advance(batch).equals(live.advance(batch))
        # A worker that was killed before its commit: what it counted comes again to another.
        told = dead.advance(batches[lost])
        assert told.equals(live.advance(batches[lost]))
        for batch in batches[lost + 1 : lost + later]:
            assert alive.advance(batch).equals(live.advance(batch))
        rows = data.draw(st.permutations(range(len(told))))
        assert alive.advance(batches[lost].take(rows)).equals(told.take(rows))
        for batch in batches[lost + later :]:
            assert alive.advance(batch).equals(live.advance(batch))

    check()


def test_new_events_beside_one_that_comes_again_are_counted(opened: Opened) -> None:
    dead, alive = opened(2, SMALL)
    one, two, three = log(SMALL, *([{"seen": START + i, "k_actor": 1}] for i in range(3)))
    dead.advance(one)
    assert alive.advance(pa.concat_batches([two, one])).column("posts").to_pylist() == [1, 0]
    assert alive.advance(three).column("posts").to_pylist() == [2]


def test_an_edit_is_an_event_of_its_own(opened: Opened) -> None:
    one, other = opened(2, SMALL)
    first, edit = log(SMALL, [{"seen": START, "k_actor": 1}], [{"seen": START + 1, "k_actor": 1, "a_amount": 5}])
    one.advance(first)
    assert other.advance(renamed(edit, "e0000", whole=True)).column("posts").to_pylist() == [1]
    # The worker that went on has recorded the first: whatever has its id from now on is another event.
    one.advance(log(SMALL, [{"seen": START + 2, "k_actor": 2}])[0])
    assert other.advance(seen_at(first, START + 3)).column("posts").to_pylist() == [2]


def test_an_event_rolled_back_is_new_when_it_comes_again(opened: Opened) -> None:
    (history,) = opened(plan=SMALL)
    one, two = log(SMALL, [{"seen": START, "k_actor": 1}], [{"seen": START + 1, "k_actor": 1}])
    for _ in range(3):
        history.advance(one)
        history.roll_back()
    assert history.advance(one).column("posts").to_pylist() == [0]
    assert history.advance(two).column("posts").to_pylist() == [1]


def test_after_the_hold_a_batch_stays_and_it_is_told(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried, "MOST_CELLS", 0)
    one, other = opened(2, SMALL, Times(hold=0))
    batches = log(SMALL, *([{"seen": START + i, "k_actor": 1}] for i in range(5)))
    one.advance(batches[0])
    time.sleep(0.01)
    for batch in batches[1:4]:
        other.advance(batch)
    one.roll_back()
    assert one.kept == 1
    assert other.advance(batches[4]).column("posts").to_pylist() == [4]


def test_a_batch_costs_one_round_trip_and_a_roll_back_another(opened: Opened, shared_redis: RealRedis) -> None:
    (history,) = opened()
    batches = log(PLAN, *([{"seen": START + i, "k_actor": i % 2, "k_target": 1, "f_0": 1}] for i in range(40)))
    history.advance(batches[0])

    def work() -> None:
        for batch in batches[1:]:
            history.advance(batch)
        history.roll_back()

    assert outside_commands(shared_redis, work) == ["EVALSHA"] * 40


def test_versions_live_side_by_side(opened: Opened) -> None:
    one, other = *opened(plan=SMALL), *opened(plan=SMALL)
    first, second = log(SMALL, [{"seen": START, "k_actor": 1}], [{"seen": START + 1, "k_actor": 1}])
    one.advance(first)
    assert other.advance(second).column("posts").to_pylist() == [0]
    assert one.advance(second).column("posts").to_pylist() == [1]


def test_everything_expires_when_its_windows_have_ended(opened: Opened) -> None:
    (history,) = opened(plan=SMALL, times=Times(hold=7, grace=100))
    history.advance(log(SMALL, [{"seen": START, "k_actor": 1, "k_target": 2}])[0])
    client = history.server.client
    span = 61 * HOUR // 60 // 1_000
    stays = {key: client.pttl(key) for key in client.scan_iter(f"{history.names.prefix}*", count=1_000)}
    assert len(stays) == 5
    for key, left in stays.items():
        if b":1:i:" in key:
            assert 0 < left <= 7_000
        elif key in values_of(history):
            assert span < left <= span + 100_000
        else:
            assert left > span + 100_000


def test_a_busy_entity_stays_small(opened: Opened) -> None:
    (history,) = opened(plan=SMALL)
    for batch in log(
        SMALL, *([{"seen": START + i * 700_000, "k_actor": 1, "k_target": i % 4}] * 3 for i in range(300))
    ):
        history.advance(batch)
    width = sum(LiveHistory(SMALL).bytes_per_entity().values())
    assert max(map(len, values_of(history).values())) < width + 8 * carried.MOST_CELLS + 2_000


def test_reading_an_entity_makes_no_key(opened: Opened) -> None:
    (history,) = opened(plan=SMALL)
    history.advance(log(SMALL, [{"seen": START, "k_actor": 1}])[0])
    assert len(values_of(history)) == 1


@pytest.mark.parametrize("carry", ["advance", "replay"])
def test_an_id_that_stands_twice_is_refused_and_nothing_is_counted(opened: Opened, carry: str) -> None:
    (history,) = opened(plan=SMALL)
    (two,) = log(SMALL, [{"seen": START + i, "k_actor": 1} for i in (1, 2)])
    twice = pa.RecordBatch.from_pylist([{**row, "id": "same"} for row in two.to_pylist()], schema=SMALL.coded)
    with pytest.raises(ValueError, match="the id 'same' stands more than once in the batch"):
        getattr(history, carry)(twice)
    assert history.advance(two).column("posts").to_pylist() == [0, 1]


def test_what_cannot_be_counted_is_refused(opened: Opened) -> None:
    (history,) = opened(plan=SMALL)
    with pytest.raises(ValueError, match="not coded for this history's plan"):
        history.advance(log(PLAN, [{"seen": 1}])[0])
    with pytest.raises(ValueError, match="a time beyond the year 2255"):
        history.advance(log(SMALL, [{"seen": 2**53}])[0])


def test_an_empty_batch_and_a_plan_without_windows_are_answered(opened: Opened) -> None:
    (history,) = opened(plan=SMALL)
    answer = history.advance(pa.RecordBatch.from_pylist([], schema=SMALL.coded))
    assert (len(answer), answer.schema) == (0, SMALL.schema)
    plan = Plan((), ())
    (history,) = opened(plan=plan)
    assert history.advance(log(plan, [{"seen": START}])[0]).num_columns == 0
    assert clock_of(history) == START


def test_a_failure_on_this_side_takes_the_batch_back(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    (history,) = opened(plan=SMALL)
    one, two = log(SMALL, [{"seen": START, "k_actor": 1}], [{"seen": START + 1, "k_actor": 1}])
    with monkeypatch.context() as patched:
        patched.setattr(carried.Carrier, "carry", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            history.advance(one)
    assert history.advance(two).column("posts").to_pylist() == [0]
