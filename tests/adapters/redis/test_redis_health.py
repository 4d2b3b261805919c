"""Readiness beside a real Redis that is well, away and frozen: decisions go on, and nothing hangs."""

import os
import signal
import time
from pathlib import Path

from tests.adapters.redis.redis_server import RealRedis

from gatehouse.entry.observing import redis_faults
from gatehouse.flows import health
from gatehouse.flows.health import Readiness
from gatehouse.settings import Settings


def test_a_history_that_freezes_or_dies_is_degraded_in_time(own_redis: RealRedis, tmp_path: Path) -> None:
    faults = redis_faults(Settings(home=tmp_path, redis=own_redis.url))
    question = health.of_history(faults)
    assert Readiness([question], seconds=5.0)().state == "ok"
    os.kill(own_redis.process.pid, signal.SIGSTOP)
    begun = time.monotonic()
    found = Readiness([question], seconds=0.2)()
    assert time.monotonic() - begun < 2.0
    assert (found.state, found.ready) == ("degraded", True)
    assert found.checks[0].what.startswith("has not answered for 0.")
    own_redis.stop()
    time.sleep(1.6)  # it is left alone for a moment after it did not answer
    found = Readiness([question], seconds=5.0)()
    assert (found.state, found.ready) == ("degraded", True)
    assert "cannot be reached" in found.checks[0].what


def test_a_redis_that_would_drop_values_is_degraded_with_what_mends_it(own_redis: RealRedis, tmp_path: Path) -> None:
    client = own_redis.client()
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.close()
    (check,) = Readiness([health.of_history(redis_faults(Settings(home=tmp_path, redis=own_redis.url)))])().checks
    assert (check.state, check.mend) == ("degraded", "CONFIG SET maxmemory-policy noeviction")
