"""Stars on GitHub that may be fake, and the accounts that gave them (StarScout, He et al. 2024)."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import published_tables, tables
from gatehouse.datasets.event_source import EventBlock, EventSource, claims, entities, events_of
from gatehouse.datasets.items import SourceFile
from gatehouse.datasets.published import meaning
from gatehouse.datasets.times import microseconds
from gatehouse.features.profile import ProfileColumn

_ACTORS, _STARS = "actors.csv.gz", "stars.csv.gz"
_COUNTED = (
    *("CommitCommentEvent", "CreateEvent", "DeleteEvent", "ForkEvent", "GollumEvent", "IssueCommentEvent"),
    *("IssuesEvent", "MemberEvent", "PublicEvent", "PullRequestEvent", "PullRequestReviewCommentEvent"),
    *("PullRequestReviewEvent", "PushEvent", "ReleaseEvent", "WatchEvent"),
)
_SUSPECTED = {"1": 1, "0": 0}

GATHERED = 1_738_368_000_000_000
"""1 February 2025, when the accounts' events were counted at the latest: the source's last month is January 2025."""


def _attribute(counted: str) -> str:
    """`PullRequestEvent` as a column: `pull_request_events`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", counted).lower() + "s"


def _read(folder: Path) -> Iterator[EventBlock]:
    yield from _stars(folder / _STARS)
    yield from _profiles(folder / _ACTORS)


def _stars(path: Path) -> Iterator[EventBlock]:
    for batch in tables.read(path, {"repo": "repo", "actor": "actor", "at": "starred_at"}):
        said = {name: batch.columns.column(name) for name in ("repo", "actor", "at")}
        times, unreadable = microseconds(said["at"])
        targets = entities("repository", said["repo"])
        wrong = {"the repository is missing": pc.is_null(targets).to_numpy(zero_copy_only=False)}
        for place, reason in unreadable.items():
            wrong.setdefault(reason, np.zeros(len(times), np.bool_))[place] = True
        columns = {
            "kind": "star",
            "occurred": times,
            "actor": entities("account", said["actor"]),
            "target": targets,
        }
        yield events_of(batch, columns, name="star", wrong=wrong)


def _profiles(path: Path) -> Iterator[EventBlock]:
    names = [_attribute(counted) for counted in _COUNTED]
    mapping = {"actor": "actor", **dict(zip(names, _COUNTED, strict=True))}
    for batch in tables.read(path, mapping, types=dict.fromkeys(names, pa.float64())):
        counts = np.stack([batch.columns.column(name).to_numpy(zero_copy_only=False) for name in names], axis=1)
        wrong = ~((counts >= 0) & (counts < 2**53) & (np.floor(counts) == counts)).all(axis=1)
        whole = np.where(wrong[:, None], 0, counts).astype(np.int64).tolist()
        said = [msgspec.json.encode(dict(zip(names, row, strict=True))).decode() for row in whole]
        columns = {
            "kind": "profile",
            "occurred": pa.repeat(pa.scalar(GATHERED, pa.int64()), len(said)),
            "actor": entities("account", batch.columns.column("actor")),
            "attributes": pa.array(said, pa.string()),
        }
        yield events_of(batch, columns, name="profile", wrong={"a count is missing or no whole number": wrong})


def _labels(folder: Path) -> pa.Table:
    path = folder / _ACTORS
    rows = published_tables.rows(path, ("actor", "suspected"))
    said = {
        f"account:{actor}": {"suspected": meaning(suspected, _SUSPECTED, path, row)} for row, (actor, suspected) in rows
    }
    return claims(SOURCE.name, said)


SOURCE = EventSource(
    name="starscout",
    title="Suspected fake stars on GitHub (StarScout)",
    licence="Apache-2.0",
    population="20,079 accounts drawn from those that starred on GitHub in July 2019 to January 2025, half suspected",
    home="https://github.com/hehao98/StarScout",
    files=(
        SourceFile(
            name=_ACTORS,
            sha256="7e7479353c2ae3f50919ba7665b5d4d7eed3e58c44dfda4ce7fca4856a1d87bc",
            size=321_985,
            address=None,
        ),
        SourceFile(
            name=_STARS,
            sha256="97d8c2d9adde85bed83799eca8ae37f6550fe90f1d215106a494284bc0c9cec0",
            size=528_233,
            address=None,
        ),
    ),
    profile=tuple(
        ProfileColumn(_attribute(counted), "BIGINT", f"{counted}s of the account in the whole period.")
        for counted in _COUNTED
    ),
    limits=(
        "The labels come from a heuristic of the authors, partly from these very counts: few events, or stars given in "
        "step with others. A figure measured against them is partly circular",
        "The counts span the whole period and have no time of their own, so a profile stands at 1 February 2025, after "
        "every star: nothing that is judged earlier can see it",
        "Nearly all stars are of accounts without a profile and a label: the two files were drawn apart",
        "Other events of an account are only counted, so windows over its history see stars alone",
    ),
    read=_read,
    labels=_labels,
)
