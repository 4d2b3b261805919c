"""The shipped pack of spam, which reads a bank of near-duplicates, with a step that reads one of media too."""

import copy
import shutil
from pathlib import Path

from gatehouse.flows import learn, packs, releases
from gatehouse.flows.releases import Shelf
from gatehouse.testing.memory import MemoryModelFiles, MemoryRegistry

STEP = """\
  - name: known_image
    when: {detector: spam.media, label: spam}
    clause: S1
    enforce: remove
"""
PDQ, MD5 = "c3" * 32, "ab" * 16
TEXT = "write to our agent today and you will earn four thousand a week from your own home"
ALTERED = "write to our agent today and you will earn five thousand a week from your own home!"


def write_pack(folder: Path) -> Path:
    """The pack in a folder of its own, without a file for either bank."""
    made = Path(shutil.copytree(packs.locate("spam"), folder / "spam"))
    with (made / "policy.yaml").open("a") as file:
        file.write(STEP)
    return made


def trained(folder: Path) -> Shelf:
    """A shelf on which the pack is live, learnt from its own examples."""
    pack = packs.load(str(folder))
    shelf = Shelf(MemoryRegistry(), MemoryModelFiles())
    learn.train(pack, learn.from_examples(pack), True, shelf, at=1, by="test")
    releases.promote(shelf, "spam", None, at=2, by="test", why="test")
    return shelf


def own(shelf: Shelf) -> Shelf:
    """A shelf that a test may change."""
    return copy.deepcopy(shelf)
