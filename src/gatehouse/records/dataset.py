"""Frozen data sets, model versions and releases: what a decision's numbers came from."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import msgspec
import pyarrow as pa

from gatehouse.records.policy import Point

Part = Literal["train", "calibration", "points", "test"]
"""Parts of a data set: fit on `train`, calibrate on `calibration`, find thresholds on `points`, report on `test`."""

PARTS: tuple[Part, ...] = ("train", "calibration", "points", "test")

ROW_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string()),
        pa.field("language", pa.string()),
        pa.field("author", pa.string()),
        pa.field("occurred", pa.int64()),
        pa.field("part", pa.string(), nullable=False),
    ]
)
"""Columns of a data set's rows; its labels stand beside them in LABEL_SCHEMA. Only an event may be without text."""


class DatasetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a frozen data set is; `version` is the hash of its rows, labels and feature rows.

    `features` is the version of the declared columns whose values stand beside the rows, None where there are none.
    """

    name: str
    version: str
    title: str
    licence: str
    population: str
    labels: tuple[str, ...]
    rows: int
    parts: dict[str, int]
    positives: dict[str, dict[str, int]]
    notes: str = ""
    features: str | None = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """A frozen data set: `rows` in ROW_SCHEMA and `labels` in LABEL_SCHEMA.

    `features` are the rows' feature values as of their time, in the order of `rows`; None where none were joined.
    """

    info: DatasetInfo
    rows: pa.Table
    labels: pa.Table
    features: pa.Table | None = None


ModelKind = Literal["linear", "actor", "rules", "bank", "near", "media", "features"]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One detector version: its files by content hash and what it was made from.

    `version` is the hash of the files, so equal files are one version. `languages` is empty where it does not matter.
    """

    name: str
    version: str
    kind: ModelKind
    labels: tuple[str, ...]
    files: dict[str, str]
    languages: tuple[str, ...] = ()
    dataset: str | None = None


LifeState = Literal["draft", "shadow", "canary", "live", "retired"]


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What goes live together: one policy version, its detector versions, and the points found for just these.

    A threshold cannot outlive its detector or policy, because a change of either is another release.
    `detectors` maps a detector's name to its version; `features` is the version of the declared columns.
    """

    pack: str
    version: str
    policy_version: str
    detectors: dict[str, str]
    features: str
    points: tuple[Point, ...]

    @staticmethod
    def version_of(
        pack: str, policy_version: str, detectors: dict[str, str], features: str, points: tuple[Point, ...]
    ) -> str:
        """Twelve hex digits of the hash of what the release holds."""
        said = (pack, policy_version, sorted(detectors.items()), features, points)
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One change in the life of a release: who, when (microseconds UTC), to which state, and why.

    `share` is the share of actors that a canary decides for, `differs` that of these on whom it may do more or less
    than the live release before it is halted; both are None in every other state.
    """

    pack: str
    version: str
    state: LifeState
    at: int
    by: str
    why: str
    share: float | None = None
    differs: float | None = None
