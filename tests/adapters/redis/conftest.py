"""A real Redis server; tests that need it say so when there is none."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("redis", reason="redis is not installed: pip install 'gatehouse[redis]'")

from tests.adapters.redis.redis_server import MISSING, RealRedis, find_server


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RealRedis]:
    if find_server() is None:
        pytest.skip(MISSING)
    # The path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="gr") as folder:
        server = RealRedis(Path(folder))
        yield server
        server.stop()


@pytest.fixture
def own_redis() -> Iterator[RealRedis]:
    """One that a test may stop and freeze."""
    if find_server() is None:
        pytest.skip(MISSING)
    with tempfile.TemporaryDirectory(prefix="gr") as folder:
        server = RealRedis(Path(folder))
        yield server
        server.stop()
