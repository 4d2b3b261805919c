"""A search is kept with what shows its communities, which are known again in the next one."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from tests.flows.communities import MINUTE, finds, make_community, make_kept, make_sighting, names

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.adapters.files.campaigns import FolderCampaigns
from gatehouse.detectors.coordination import HOUR, Settings
from gatehouse.errors import UserError
from gatehouse.flows import campaigns, known_communities
from gatehouse.flows.campaign_activity import MOST_STEPS, Activity, edges
from gatehouse.flows.campaign_events import Events, read
from gatehouse.flows.campaigns import Search
from gatehouse.flows.intake import Intake
from gatehouse.ports.campaigns import Kept
from gatehouse.records.event import Entity, Event, to_batch
from gatehouse.testing.makers import NOW, make_event


def events_in(tmp_path: Path, *events: Event) -> Events:
    return read("events.csv", [Intake(to_batch(events))], tmp_path / "events.parquet")


def search(tmp_path: Path, kept: FolderCampaigns, find: Search, at: int = NOW) -> Kept:
    event = make_event("e1", text="Buy this now, friends", seen=NOW, actor=Entity("account", "0"))
    other = make_event("e2", text="buy THIS now, friends!", seen=NOW + 5 * MINUTE, actor=Entity("account", "1"))
    bystander = make_event("e3", seen=NOW + MINUTE, actor=Entity("account", "99"))
    about: dict[str, Any] = {"engine_name": "local", "since": None, "until": None, "at": at, "by": "sam"}
    return campaigns.find(
        events_in(tmp_path, event, other, bystander), kept, DuckDbEngine(), Settings(), search=find, **about
    )


def test_a_run_says_what_was_looked_at_and_reads_back_as_it_was_kept(tmp_path: Path) -> None:
    kept = FolderCampaigns(tmp_path / "campaigns")
    made = search(tmp_path, kept, finds(make_community("ring", names(0, 6))))
    assert (made.run.events, made.run.actors, made.run.communities) == (3, 3, 1)
    assert made.run.settings["fewest"] == Settings().fewest
    assert made.run.left_out == {"there is no target, text or address to share": 2}
    assert made.texts.to_pylist() == [
        {"event_id": "e1", "text": "Buy this now, friends"},
        {"event_id": "e2", "text": "buy THIS now, friends!"},
    ]
    again = kept.read(made.run.id)
    assert again.sightings == list(made.sightings)
    assert (again.ties, again.activity, again.texts) == (made.ties, made.activity, made.texts)
    assert again.run.digest == made.run.digest


def test_a_community_of_the_next_run_keeps_its_id_and_its_history_is_listed(tmp_path: Path) -> None:
    kept = FolderCampaigns(tmp_path / "campaigns")
    first = search(tmp_path, kept, finds(make_community("ring", names(0, 6))))
    later = make_community("fresh", names(1, 8), first_seen=NOW + MINUTE, last_seen=NOW + 30 * MINUTE)
    second = search(tmp_path, kept, finds(later), at=NOW + 1_000_000)
    found = known_communities.one(kept, "ri")
    assert [run.id for run, _ in found.seen] == [first.run.id, second.run.id]
    assert found.latest.community.first_seen == NOW
    assert known_communities.in_words(found.latest) == ["2 joined", "1 left"]
    assert known_communities.in_words(found.seen[0][1]) == ["found for the first time"]
    history = known_communities.as_data(found)["history"]
    assert [line["members"] for line in history] == [6, 7]


def test_merges_and_splits_are_told_over_the_runs(tmp_path: Path) -> None:
    kept = FolderCampaigns(tmp_path / "campaigns")
    small, large = make_community("small", names(0, 4)), make_community("large", names(4, 12))
    search(tmp_path, kept, finds(small, large))
    search(tmp_path, kept, finds(make_community("whole", names(0, 12))), at=NOW + 1)
    known = known_communities.known(kept)
    assert list(known) == ["small", "large"]
    assert known["small"].merged_into == "large"
    assert known_communities.in_words(known["large"].latest) == ["4 joined", "small is part of it now"]
    search(
        tmp_path, kept, finds(make_community("piece", names(0, 4)), make_community("rest", names(4, 12))), at=NOW + 2
    )
    known = known_communities.known(kept)
    assert (known["small"].merged_into, known["large"].merged_into) == (None, None)


def test_without_a_community_the_run_is_kept_all_the_same(tmp_path: Path) -> None:
    kept = FolderCampaigns(tmp_path / "campaigns")
    made = search(tmp_path, kept, finds())
    assert (made.run.communities, list(made.sightings)) == (0, [])
    assert kept.read(made.run.id).activity.num_rows == 0
    assert known_communities.known(kept) == {}
    with pytest.raises(UserError, match="there is no community 'x'"):
        known_communities.one(kept, "x")


def test_a_planted_ring_is_found_among_people_who_know_nothing_of_each_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    events = []
    for n in range(1_500):
        target = Entity("page", str(rng.integers(60)))
        seen = NOW + int(rng.integers(7 * 24 * 60)) * MINUTE
        events.append(make_event(f"m{n}", text=None, seen=seen, actor=Entity("account", str(n % 300)), target=target))
    ring = [Entity("account", f"ring-{n}") for n in range(8)]
    for n in range(10):
        at = NOW + n * 13 * 60 * MINUTE
        for place, actor in enumerate(ring):
            item = make_event(f"r{n}-{place}", text=None, seen=at + place * 1_000_000, actor=actor)
            events.append(Event(**{**_fields(item), "target": Entity("page", f"victim-{n}")}))
    kept = FolderCampaigns(tmp_path / "campaigns")
    about: dict[str, Any] = {"engine_name": "local", "since": None, "until": None, "at": NOW, "by": "sam"}
    how = Settings(lengths=(HOUR,), means=("target",))
    made = campaigns.find(events_in(tmp_path, *events), kept, DuckDbEngine(), how, **about)
    (community,) = [sighting.community for sighting in made.sightings]
    assert set(community.members) == {str(actor) for actor in ring}
    assert community.p < 1e-6
    assert made.activity["acts"].to_numpy().sum() == 80
    assert (made.activity["acts"].to_numpy() + made.activity["others"].to_numpy()).sum() <= len(events)


def _fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_a_verdict_is_recorded_with_who_and_when_and_needs_a_reason(tmp_path: Path) -> None:
    kept = FolderCampaigns(tmp_path / "campaigns")
    search(tmp_path, kept, finds(make_community("ring", names(0, 6))))
    with pytest.raises(UserError, match="a verdict has a reason"):
        known_communities.decide(kept, "ring", "benign", "  ", by="sam", at=NOW)
    with pytest.raises(UserError, match="did you mean 'ring'"):
        known_communities.decide(kept, "rong", "benign", "fans", by="sam", at=NOW)
    known_communities.decide(kept, "ri", "benign", "fans of one team", by="sam", at=NOW)
    known_communities.decide(kept, "ring", "coordinated", "one owner", by="kim", at=NOW + 1)
    found = known_communities.one(kept, "ring")
    assert [(said.verdict, said.by) for said in found.verdicts] == [("benign", "sam"), ("coordinated", "kim")]
    assert found.verdict == found.verdicts[-1]


def test_runs_and_communities_are_named_by_how_they_begin(tmp_path: Path) -> None:
    kept = FolderCampaigns(tmp_path / "campaigns")
    with pytest.raises(UserError, match="no run is kept yet"):
        known_communities.run_named(kept, None)
    ring, rite = (make_sighting(make_community(name, names(i, i + 5))) for name, i in (("ring", 0), ("rite", 9)))
    kept.keep(make_kept(ring, id="20231114T1-aaaaaa"))
    kept.keep(make_kept(rite, id="20231115T1-bbbbbb", at=NOW + 1))
    assert known_communities.run_named(kept, None).id == "20231115T1-bbbbbb"
    assert known_communities.run_named(kept, "20231114").id == "20231114T1-aaaaaa"
    with pytest.raises(UserError, match="begins the ids of 2 runs\n    → say 20231114T1-aaaaaa or 20231115T1-bbbbbb"):
        known_communities.run_named(kept, "2023")
    with pytest.raises(UserError, match="there is no run '1999'"):
        known_communities.run_named(kept, "1999")
    with pytest.raises(UserError, match="'ri' begins the ids of 2 communities\n    → say ring or rite"):
        known_communities.one(kept, "ri")


def test_copied_texts_are_whole_and_each_once(tmp_path: Path) -> None:
    kept = FolderCampaigns(tmp_path / "campaigns")
    texts = {"e1": "x" * 500, "e2": "x" * 500, "e3": "not of the evidence"}
    kept.keep(make_kept(make_sighting(make_community("ring", names(0, 5))), texts=texts))
    assert known_communities.copied_texts(kept, known_communities.one(kept, "ring")) == ["x" * 500]


@pytest.mark.parametrize("length", [0, 1, 59, 3_600, 86_400 * 5, 86_400 * 365 * 9, 86_400 * 365 * 60])
def test_timelines_hold_the_time_of_a_community_in_few_steps(length: int) -> None:
    first, last = NOW, NOW + length * 1_000_000
    own = edges(first, last, NOW - 86_400_000_000 * 9_000, last + 86_400_000_000 * 9_000)
    assert own[0] <= first
    assert own[-1] > last
    assert 2 <= len(own) <= MOST_STEPS + 1
    assert len(set(np.diff(own).tolist())) == 1


def test_timelines_count_members_and_everybody_else_apart() -> None:
    one = make_sighting(make_community("one", names(0, 2), last_seen=NOW + 2 * MINUTE))
    other = make_sighting(make_community("other", names(1, 3), last_seen=NOW + 2 * MINUTE))
    activity = Activity([one, other], NOW - 60 * MINUTE, NOW + 60 * MINUTE)
    done = [(0, 0), (1, 0), (1, 2), (2, 1), (9, 1), (9, -50)]
    who = [make_event(f"e{i}", actor=Entity("account", str(n)), seen=NOW + m * MINUTE) for i, (n, m) in enumerate(done)]
    for event in who:
        activity.add(to_batch([event]))
    table = activity.table()
    for name in ("one", "other"):
        own = table.filter(pc.equal(table["community"], name))
        assert (pc.sum(own["acts"]).as_py(), pc.sum(own["others"]).as_py()) == (3, 2)
    assert Activity([], 0, 0).table().num_rows == 0
