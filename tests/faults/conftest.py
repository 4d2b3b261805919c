"""A parent from which processes are forked, and what a deployment of them stands on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed: pip install 'gatehouse[kafka]'")

from tests.adapters.conftest import new_postgres, postgres  # noqa: F401, fixtures
from tests.adapters.kafka.mock_broker import broker

from gatehouse.testing.faults_fleet import Place
from gatehouse.testing.faults_forks import Forks
from gatehouse.testing.faults_receiver import Receiver, receiving
from gatehouse.testing.faults_roles import copied

MakePlace = Callable[..., Place]


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    with Forks() as forks:
        yield forks


@pytest.fixture
def brokers() -> Iterator[str]:
    with broker() as address:
        yield address


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def home(forks: Forks, tmp_path: Path) -> Path:
    """A home with a live pack."""
    return copied(forks.template, tmp_path / "home")


@pytest.fixture
def place(home: Path, brokers: str) -> Place:
    """A ledger in a file, and a bus."""
    return Place(home, brokers)
