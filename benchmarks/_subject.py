"""A shipped pack, trained on the public data the way `gatehouse train` goes, in a folder that is gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gatehouse.bootstrap import open_house
from gatehouse.flows import learn, packs
from gatehouse.flows.releases import open_judge
from gatehouse.flows.subject import Subject
from gatehouse.settings import Settings


@contextmanager
def trained(pack: str, root: Path) -> Iterator[Subject]:
    """The pack's release with its judge and its data set."""
    with TemporaryDirectory() as home:
        settings = Settings(home=Path(home), data_roots=(root,))
        house = open_house(settings)
        read = packs.load(pack)
        dataset, examples = learn.dataset_for(read, house.shelf, settings.datasets, settings.data_roots)
        learned = learn.train(read, dataset, examples, house.shelf, at=1, by="benchmark")
        yield Subject(read, dataset, examples, learned.release, open_judge(house.shelf, [learned.release]))
