"""What the house asks of the place where runs of `campaigns find` are kept, and what people said of communities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec
import pyarrow as pa

from gatehouse.records.community import Community

Said = Literal["coordinated", "benign"]
"""What a person may say of a community."""

TIE_SCHEMA = pa.schema(
    [
        pa.field("a", pa.string(), nullable=False),
        pa.field("b", pa.string(), nullable=False),
        pa.field("together", pa.int64(), nullable=False),
        pa.field("expected", pa.float64(), nullable=False),
        pa.field("p", pa.float64(), nullable=False),
    ]
)
"""Columns of ties, as in `records.community.Tie`."""

ACTIVITY_SCHEMA = pa.schema(
    [
        pa.field("community", pa.string(), nullable=False),
        pa.field("at", pa.int64(), nullable=False),
        pa.field("step", pa.int64(), nullable=False),
        pa.field("acts", pa.int64(), nullable=False),
        pa.field("others", pa.int64(), nullable=False),
    ]
)
"""Columns of the timelines: how many events the members of a community did in the `step` microseconds from `at` on, and
how many everybody else did."""

TEXT_SCHEMA = pa.schema([pa.field("event_id", pa.string(), nullable=False), pa.field("text", pa.string())])
"""Columns of the texts that members had in common, whole."""


class CampaignRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of `campaigns find`: what was looked at, how, and what came of it.

    `digest` is the SHA-256 of the rows looked at, `settings` how they were; `left_out` counts what was not looked at by
    reason. Times are microseconds UTC, `since` and `until` those that were asked for, `first` and `last` of the events.
    """

    id: str
    at: int
    by: str
    source: str
    digest: str
    engine: str
    settings: dict[str, Any]
    since: int | None
    until: int | None
    events: int
    actors: int
    first: int
    last: int
    left_out: dict[str, int]
    communities: int
    ties: int


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A community as one run saw it.

    `community` has the id that it keeps and the `first_seen` and `last_seen` of all its runs; `first` and `last` are
    those of this run. `joined` and `left` are against the run that saw it before. `merged` are the ids of communities
    that are one with it now, `split_from` the one that most of its members came from when that one's id went elsewhere.
    """

    community: Community
    first: int
    last: int
    new: bool
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    split_from: str | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said of a community, who and when (microseconds UTC); nothing is enforced by it."""

    community: str
    verdict: Said
    why: str
    by: str
    at: int


@dataclass(frozen=True)
class Kept:
    """All that is kept of a run; the tables are in TIE_SCHEMA, ACTIVITY_SCHEMA and TEXT_SCHEMA."""

    run: CampaignRun
    sightings: Sequence[Sighting]
    ties: pa.Table
    activity: pa.Table
    texts: pa.Table


@dataclass(frozen=True)
class Known:
    """A community over all runs that saw it, oldest first, and what people said of it.

    `merged_into` is the community that it became part of, if the latest run that knew of it says so.
    """

    id: str
    seen: tuple[tuple[CampaignRun, Sighting], ...]
    verdicts: tuple[Verdict, ...] = ()
    merged_into: str | None = None

    @property
    def run(self) -> CampaignRun:
        """The latest run that saw it."""
        return self.seen[-1][0]

    @property
    def latest(self) -> Sighting:
        """It as that run saw it."""
        return self.seen[-1][1]

    @property
    def verdict(self) -> Verdict | None:
        """What was said last."""
        return self.verdicts[-1] if self.verdicts else None


class Campaigns(Protocol):
    """Runs, each kept whole and never changed, and the verdicts of people."""

    def keep(self, kept: Kept) -> None:
        """Keep a run, whole or not at all."""
        ...

    def runs(self) -> Sequence[CampaignRun]:
        """All runs, oldest first; raises OutsideError, naming every one that is damaged."""
        ...

    def sightings(self, run: str) -> Sequence[Sighting]:
        """The communities of a run; raises OutsideError where they were cut short or changed."""
        ...

    def read(self, run: str) -> Kept:
        """All of a run; raises OutsideError where it was cut short or changed."""
        ...

    def decide(self, verdict: Verdict) -> None:
        """Add what a person said; what was said before stays."""
        ...

    def verdicts(self) -> Mapping[str, Sequence[Verdict]]:
        """What was said of each community, oldest first."""
        ...
