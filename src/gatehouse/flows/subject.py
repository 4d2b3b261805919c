"""The subject of an assessment."""

from dataclasses import dataclass
from typing import Literal

from gatehouse.flows.judge import Judge
from gatehouse.flows.packs import Pack
from gatehouse.records.dataset import Dataset, Release
from gatehouse.records.decision import Judgement
from gatehouse.records.signal import Signals


@dataclass(frozen=True, eq=False)
class Subject:
    """What is assessed: a release with its judge, the data set it was learnt from, and the pack that tells of it."""

    pack: Pack
    dataset: Dataset
    from_examples: bool
    release: Release
    judge: Judge

    @property
    def rows_are(self) -> Literal["texts", "accounts"]:
        """What the rows of its data set stand for, in the plural."""
        return "texts" if self.pack.recipe.learner == "linear" else "accounts"


def learnt_signals(subject: Subject, judgement: Judgement) -> Signals:
    """What the detector said that the pack learns."""
    return next(block for block in judgement.signals if block.detector == subject.pack.recipe.detector)
