"""Data sets that are frozen already: those on record, and a pack's own worked examples."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from gatehouse.datasets import build
from gatehouse.errors import UserError
from gatehouse.flows.packs import Pack
from gatehouse.flows.releases import Shelf
from gatehouse.records.dataset import Dataset, Part, Release


def of_version(version: str | None, shelf: Shelf) -> Dataset | None:
    """The data set of this version; None where it is not on record."""
    path = next((path for info, path in shelf.registry.datasets() if info.version == version), None)
    return None if path is None else build.load(Path(path))


def learnt_from(pack: Pack, release: Release, shelf: Shelf) -> tuple[Dataset, bool]:
    """The very data set that a release was learnt from, and whether it is only the pack's own examples.

    A newer set of the same name may be split otherwise, so its test part may hold what the detector has seen. Raises
    UserError where the set is no longer known.
    """
    learnt = pack.recipe.detector
    version = shelf.registry.model(learnt, release.detectors[learnt]).dataset
    if (known := of_version(version, shelf)) is not None:
        return known, False
    examples = from_examples(pack)
    if examples.info.version == version:
        return examples, True
    raise UserError(
        f"the data set {version}, from which release {release.version} was learnt, is no longer known",
        fix=f"gatehouse train {pack.name} learns a release that can be evaluated",
    )


def from_examples(pack: Pack) -> Dataset:
    """The pack's own worked examples as a data set, with every part drawn from them by the split rule's order."""
    examples = sorted(pack.examples, key=lambda example: hashlib.sha256(example.text.encode()).digest())
    ids = [example.id for example in examples]
    texts = [example.text for example in examples]
    names = pack.recipe.labels
    holds = {name: [int(name in example.labels) for example in examples] for name in names}
    parts = _deal([bool(example.labels) for example in examples])
    return build.freeze(
        name=f"{pack.name}-examples",
        title=f"Worked examples of the pack '{pack.name}'",
        licence="Apache-2.0",
        population=f"{len(ids)} sentences written for the pack, no sample of any platform",
        ids=ids,
        texts=texts,
        parts=parts,
        labels=holds,
        source="pack",
        language=pack.recipe.languages[0] if pack.recipe.languages else None,
    )


def _deal(positive: Sequence[bool]) -> list[Part]:
    """Parts dealt in turn within each class, half to `train`, so that every part sees both."""
    turns: tuple[Part, ...] = ("train", "calibration", "train", "points", "train", "test")
    seen = {True: 0, False: 0}
    parts: list[Part] = []
    for value in positive:
        parts.append(turns[seen[value] % len(turns)])
        seen[value] += 1
    return parts
