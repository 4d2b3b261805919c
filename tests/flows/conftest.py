"""A house with the shipped packs learnt from their own examples: quick, and the same everywhere."""

from pathlib import Path

import pytest

from gatehouse.bootstrap import House, open_house
from gatehouse.flows import learn, packs, releases
from gatehouse.settings import Settings

PACKS = ("spam", "sexism", "toxicity")


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house whose shipped packs are live, learnt from the packs' own examples."""
    settings = Settings(home=Path(tmp_path_factory.mktemp("house")) / "home")
    opened = open_house(settings)
    for name in PACKS:
        pack = packs.load(name)
        dataset, examples = learn.dataset_for(pack, opened.shelf, settings.datasets, ())
        assert examples
        learned = learn.train(pack, dataset, examples, opened.shelf, at=1_000_000, by="test")
        releases.promote(opened.shelf, name, learned.release.version, at=1_000_001, by="test", why="test")
    return opened
