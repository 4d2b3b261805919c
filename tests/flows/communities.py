"""Communities, runs and a search that finds what it is told to."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa

from gatehouse.detectors.coordination.finding import Found, LeftOut
from gatehouse.ports.campaigns import ACTIVITY_SCHEMA, TEXT_SCHEMA, TIE_SCHEMA, CampaignRun, Kept, Sighting
from gatehouse.records.community import Community, Evidence
from gatehouse.records.event import EVENT_SCHEMA
from gatehouse.testing.makers import NOW

MINUTE = 60_000_000


def make_community(id: str, members: Iterable[str], **said: Any) -> Community:
    """Accounts that wrote one text within a minute."""
    names = tuple(members)
    text = Evidence(
        means="text",
        what="e1",
        at=NOW,
        members=names,
        event_ids=("e1", "e2"),
        said=f"{len(names)} accounts wrote nearly the same text within a minute",
    )
    known = {"first_seen": NOW, "last_seen": NOW + 10 * MINUTE, "acts": {"text": 12}, "p": 2.5e-9, "evidence": (text,)}
    return Community(id=id, members=names, **{"ties": len(names), **known, **said})


def make_sighting(community: Community, **said: Any) -> Sighting:
    """A community that was found for the first time."""
    known = {"first": community.first_seen, "last": community.last_seen, "new": True}
    return Sighting(community=community, **{**known, **said})


def make_ties(*communities: Community) -> pa.Table:
    """A ring of ties through the members of each."""
    rows = [
        {"a": a, "b": b, "together": 3, "expected": 0.01, "p": 1e-9}
        for community in communities
        for a, b in zip(community.members, community.members[1:], strict=False)
    ]
    return pa.Table.from_pylist(rows, schema=TIE_SCHEMA)


def make_run(id: str = "20231114T221320-aaaaaa", **said: Any) -> CampaignRun:
    """A run over some events."""
    known = {
        "at": NOW,
        "by": "sam",
        "source": "events.csv",
        "digest": "ab" * 32,
        "engine": "local",
        "settings": {"fewest": 3, "lengths": [MINUTE]},
        "since": None,
        "until": None,
        "events": 100,
        "actors": 30,
        "first": NOW - 60 * MINUTE,
        "last": NOW + 60 * MINUTE,
        "left_out": {},
        "communities": 1,
        "ties": 4,
    }
    return CampaignRun(id=id, **{**known, **said})


def make_kept(*sightings: Sighting, texts: dict[str, str | None] | None = None, **said: Any) -> Kept:
    """A run with these communities, a ring of ties in each and something done in every minute."""
    acts = [
        {"community": each.community.id, "at": each.first + i * MINUTE, "step": MINUTE, "acts": i, "others": 50 - i}
        for each in sightings
        for i in range(10)
    ]
    shown = {"e1": "a text of theirs", "e2": "A text of theirs!"} if texts is None else texts
    return Kept(
        make_run(communities=len(sightings), **said),
        sightings,
        make_ties(*(each.community for each in sightings)),
        pa.Table.from_pylist(acts, schema=ACTIVITY_SCHEMA),
        pa.Table.from_pydict({"event_id": list(shown), "text": list(shown.values())}, schema=TEXT_SCHEMA),
    )


def finds(*communities: Community) -> Callable[..., Found]:
    """A search that reads all events twice and finds these communities."""

    def search(
        events: Callable[[], Iterable[pa.RecordBatch]], engine: object, settings: object, said: Callable[[str], None]
    ) -> Found:
        read = [sum(len(batch) for batch in events()) for _ in range(2)]
        assert read[0] == read[1]
        assert all(batch.schema.equals(EVENT_SCHEMA) for batch in events())
        said("looking")
        return Found(communities, make_ties(*communities), LeftOut(nothing=2))

    return search


def names(first: int, last: int) -> Sequence[str]:
    """`account:3` to `account:7` and so on; the last one is not among them."""
    return [f"account:{n}" for n in range(first, last)]
