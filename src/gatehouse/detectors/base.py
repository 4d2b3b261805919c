"""The promise that every detector keeps."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from gatehouse.records.signal import Contribution, FeatureWeight, Signals
from gatehouse.text.rows import Rows

Asked = Callable[[Rows, Rows], Sequence[Signals]]
"""Signals of several detectors on events and their feature rows."""


class Detector(Protocol):
    """Turns a batch of events and their feature rows into signals; knows nothing of policies.

    `languages` are the ISO 639-1 codes it covers, empty for any; the runner abstains for it outside them.
    """

    @property
    def name(self) -> str:
        """Stable name, `pack.kind`, for example `spam.linear`."""
        ...

    @property
    def version(self) -> str:
        """Hash of everything that its answers depend on."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it speaks of, in the order of its columns."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """Language codes it covers; empty for any."""
        ...

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        """One signal per event and label; `features` has one row per event, in the same order.

        May raise: the runner then asks row by row, and only the raising rows become `failed`.
        """
        ...


@runtime_checkable
class Together(Protocol):
    """A detector of a kind that answers for several of its own in less time than one by one, and the same."""

    @classmethod
    def together(cls, detectors: Sequence[Any]) -> Asked:
        """Asks all of these detectors, which are of this kind; it may raise where one of them would."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A detector that can say which pieces of a text carried a score."""

    def explain(self, text: str, label: str) -> list[Contribution]:
        """Pieces of the original text with their weights in log-odds, heaviest first."""
        ...


@runtime_checkable
class ExplainsFeatures(Protocol):
    """A detector that can say which feature values carried a score."""

    def explain_features(self, features: pa.RecordBatch, label: str) -> list[FeatureWeight]:
        """Features of the one row given with their weights in log-odds, heaviest first."""
        ...
