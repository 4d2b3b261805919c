"""A search for campaigns: communities found among events, known again, and kept with what shows them."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.detectors import coordination
from gatehouse.detectors.coordination import Found, Settings
from gatehouse.detectors.coordination.finding import LeftOut
from gatehouse.evaluation.campaign_words import span
from gatehouse.flows.campaign_activity import Activity
from gatehouse.flows.campaign_events import Events
from gatehouse.flows.campaign_identity import Earlier, carry
from gatehouse.flows.known_communities import known, text_events
from gatehouse.ports.campaigns import (
    TEXT_SCHEMA,
    CampaignRun,
    Campaigns,
    Kept,
    Known,
    Sighting,
)
from gatehouse.ports.sql_engine import SqlEngine

Search = Callable[[Callable[[], Iterable[pa.RecordBatch]], SqlEngine, Settings, Callable[[str], None]], Found]
"""How communities are found: `detectors.coordination.find`."""


def find(
    events: Events,
    kept: Campaigns,
    engine: SqlEngine,
    settings: Settings,
    *,
    search: Search = coordination.find,
    engine_name: str,
    since: int | None,
    until: int | None,
    at: int,
    by: str,
    said: Callable[[str], None] = lambda _: None,
) -> Kept:
    """Look for communities among events, know again those of earlier runs, and keep the run."""
    found = search(events.batches, engine, settings, said)
    said("comparing with the communities of earlier runs")
    how = asdict(settings)
    run = CampaignRun(
        id=_run_id(at, events.digest, how),
        at=at,
        by=by,
        source=events.source,
        digest=events.digest,
        engine=engine_name,
        settings=how,
        since=since,
        until=until,
        events=events.events,
        actors=events.actors,
        first=events.first,
        last=events.last,
        left_out={**events.left_out, **_not_counted(found.left_out)},
        communities=len(found.communities),
        ties=len(found.ties),
    )
    earlier = [_as_earlier(each) for each in known(kept).values()]
    sightings = tuple(carry(earlier, found.communities, run.id))
    activity, texts = _second_look(events, sightings)
    done = Kept(run, sightings, found.ties, activity, texts)
    kept.keep(done)
    return done


def _second_look(events: Events, sightings: Sequence[Sighting]) -> tuple[pa.Table, pa.Table]:
    """The timelines of communities, and the texts that members had in common."""
    activity = Activity(sightings, events.first, events.last)
    wanted = pa.array([id_ for each in sightings for id_ in text_events(each.community)], pa.string()).unique()
    texts = [TEXT_SCHEMA.empty_table()]
    if sightings:
        for batch in events.batches():
            activity.add(batch)
            if len(wanted):
                shown = batch.select(["id", "text"]).filter(pc.is_in(batch.column("id"), value_set=wanted))
                texts.append(pa.Table.from_batches([shown]).rename_columns(TEXT_SCHEMA.names).cast(TEXT_SCHEMA))
    return activity.table(), pa.concat_tables(texts).combine_chunks()


def _not_counted(left_out: LeftOut) -> dict[str, int]:
    """What the search read and did not count, by reason."""
    said = {"there is no target, text or address to share": left_out.nothing}
    for length, (crowd, _, acts) in left_out.crowds.items():
        said[f"more than {crowd:,} accounts did the same within {span(length)}"] = acts
    return {reason: n for reason, n in said.items() if n}


def _as_earlier(each: Known) -> Earlier:
    community = each.latest.community
    return Earlier(each.id, frozenset(community.members), community.first_seen, community.last_seen, each.merged_into)


def _run_id(at: int, digest: str, how: Mapping[str, Any]) -> str:
    """When it was made and a piece of a hash of what was looked at and how: `20261122T130512-1a2b3c`."""
    said = json.dumps([at, digest, how], sort_keys=True, default=str)
    made = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at / 1e6))
    return f"{made}-{hashlib.sha256(said.encode()).hexdigest()[:6]}"
