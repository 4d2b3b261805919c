"""Finding communities: those that act together are found, those whom chance or a crowd brought together are not."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from tests.detectors.coordination.streams import AT, Row, event, members, ring, stream

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.detectors.coordination import DAY, HOUR, MINUTE, Found, Settings, find
from gatehouse.errors import UserError
from gatehouse.records.event import EVENT_SCHEMA

ENGINE = DuckDbEngine(threads=1)
RING = {f"account:r{i}" for i in range(12)}


def found(rows: list[Row], **settings: object) -> Found:
    return find(stream(rows), ENGINE, Settings(**settings))  # type: ignore[arg-type]


def test_a_planted_ring_is_found_whole_and_nobody_else() -> None:
    heard: list[str] = []
    done = find(stream(members(1) + ring(1)), ENGINE, said=heard.append)
    (community,) = done.communities
    assert set(community.members) == RING
    assert community.p < 1e-6
    assert community.ties == 66
    assert community.acts == {"target": 96}
    assert AT <= community.first_seen < community.last_seen < AT + 14 * DAY
    assert heard[0] == "reading the events"
    assert {*done.ties["a"].to_pylist(), *done.ties["b"].to_pylist()} == RING
    assert max(done.ties["p"].to_pylist()) < 1e-6


def test_who_acts_by_chance_is_tied_to_nobody() -> None:
    for seed in range(5):
        done = found(members(seed, n=200, acts=60))
        assert done.communities == ()
        assert len(done.ties) == 0


def test_the_same_acts_at_times_of_their_own_tie_nobody() -> None:
    rng = np.random.default_rng(3)
    rows = members(2) + ring(2, times=12)
    times = rng.permutation([row["seen"] for row in rows])
    assert found([{**row, "seen": int(at)} for row, at in zip(rows, times, strict=True)]).communities == ()


def test_evidence_is_a_sentence_that_can_be_checked() -> None:
    rows = members(1) + [
        event(f"account:r{who}", day * DAY + who * 3_000_000, kind="reply", target=f"account:t{day}")
        for day in range(8)
        for who in range(12)
    ]
    (community,) = found(rows).communities
    first = next(evidence for evidence in community.evidence if evidence.what == "account:t0")
    assert first.said == "12 of the 12 accounts replied to account:t0 within 33 s on 3 May 2025"
    assert first.means == "target"
    assert first.at == AT
    assert set(first.members) == RING
    begins = len(rows) - 96
    assert first.event_ids == tuple(f"e{begins + i}" for i in range(12))
    assert len(community.evidence) == 8


def test_copied_texts_with_small_changes_tie_and_are_shown_without_their_words() -> None:
    rng = np.random.default_rng(5)
    rows = [{**row, "text": f"{rng.integers(10**12)} was {rng.integers(10**12)} of mine"} for row in members(5)]
    letters = (
        "everyone in our street should read the letter about the new bridge",
        "why does nobody talk of how the old market hall was sold last spring",
        "three good reasons to vote for longer opening hours of the library",
        "the buses have never been as late as under this timetable",
        "ask your council what became of the playground by the river",
        "we all know who wanted the trees in the avenue cut down",
    )
    for day, said in enumerate(letters):
        rows += [
            event(f"account:r{who}", day * DAY + int(rng.integers(0, DAY)), kind="post", text=f"{said} {mark}")
            for who, mark in enumerate(("!", "!!", "please", "...", ":)", "ok", "now", "so", "#1", "?", "yes", "go"))
        ]
    (community,) = found(rows).communities
    assert set(community.members) == RING
    assert set(community.acts) == {"text"}
    at, said = community.evidence[0].at, community.evidence[0].said
    assert not any(letter[:12] in said for letter in letters)
    day = datetime.fromtimestamp(at / 1e6, UTC).day
    assert said.startswith("12 of the 12 accounts wrote nearly the same text (first seen in e")
    assert said.endswith(f" on {day} May 2025")


def test_one_address_after_another_ties() -> None:
    rng = np.random.default_rng(6)
    rows = [{**row, "address": f"home{row['actor']}"} for row in members(6)]
    for day in range(8):
        begins = int(rng.integers(0, DAY))
        rows += [
            event(f"account:r{who}", day * DAY + begins + who * MINUTE, address=f"10.0.0.{day}") for who in range(12)
        ]
    (community,) = found(rows).communities
    assert set(community.members) == RING
    assert community.evidence[0].said.startswith("12 of the 12 accounts acted from address 10.0.0.")


def test_a_slow_ring_is_known_by_the_rare_things_that_pass() -> None:
    rng = np.random.default_rng(7)
    rows = members(7)
    for thing in range(14):
        begins = int(rng.integers(0, 11 * DAY))
        rows += [
            event(f"account:r{who}", begins + int(rng.integers(0, 3 * DAY)), target=f"item:{thing}")
            for who in range(12)
            if rng.random() < 0.5
        ]
    assert [set(community.members) for community in found(rows).communities] == [RING]
    assert found(rows, passing=0).communities == ()


def test_who_comes_by_a_slow_ring_does_not_belong_to_it() -> None:
    rng = np.random.default_rng(15)
    rows, size = members(15), 30
    for thing in range(16):
        begins = int(rng.integers(0, 11 * DAY))
        there = [f"account:r{who}" for who in range(size) if rng.random() < 0.5]
        there += [f"account:m{thing // 2}", f"account:m{100 + thing}"]
        rows += [event(who, begins + int(rng.integers(0, 3 * DAY)), target=f"item:{thing}") for who in there]
    (community,) = found(rows).communities
    of_it = {f"account:r{who}" for who in range(size)}
    assert set(community.members) <= of_it
    assert len(community.members) >= 0.9 * size


def test_fans_who_share_an_idol_and_its_hours_for_weeks_are_no_campaign() -> None:
    rng = np.random.default_rng(8)
    rows = members(8)
    for day in range(14):
        posted = day * DAY + 20 * HOUR
        rows += [
            event(
                f"account:m{who}",
                posted + int(rng.exponential(4 * MINUTE)),
                kind="comment",
                target="account:idol",
                text=f"we sing along to song number {day} of the evening, everybody now",
            )
            for who in range(80)
            if rng.random() < 0.6
        ]
    assert found(rows).communities == ()


def test_keen_people_who_meet_in_giveaways_are_no_campaign() -> None:
    rng = np.random.default_rng(9)
    rows = members(9)
    for day in range(0, 14, 2):
        crowd = {*rng.choice(60, 30, replace=False).tolist(), *rng.choice(300, 60, replace=False).tolist()}
        begins = day * DAY + int(rng.integers(0, DAY))
        rows += [
            event(
                f"account:m{who}",
                begins + int(rng.exponential(3 * HOUR)),
                kind="comment",
                target=f"account:t{day}",
                text=f"I take part in the draw of the day {day} and bring my friend number {who} along",
            )
            for who in sorted(crowd)
        ]
    assert found(rows).communities == ()


def test_one_event_ties_nobody_however_many_it_moves() -> None:
    rows = members(10) + [
        event(f"account:m{who}", HOUR + who * 10_000, kind="post", target="item:petition", text="I sign for the bridge")
        for who in range(150)
    ]
    assert found(rows).communities == ()


def test_a_hub_is_left_out_and_counted() -> None:
    rows = members(11) + ring(11)
    hub = [event(f"account:h{who}", who * 1_000, target="account:hub") for who in range(5_000)]
    done = found(rows + hub)
    assert [set(community.members) for community in done.communities] == [RING]
    limit, cells, acts = done.left_out.crowds[MINUTE]
    assert (limit, cells, acts) == (200, 1, 5_000)


def test_more_pairs_than_may_be_counted_make_crowds_smaller() -> None:
    done = found(members(12, acts=60) + ring(12), most_pairs=2_000)
    limits = {length: limit for length, (limit, _, _) in done.left_out.crowds.items()}
    assert limits[MINUTE] == 200
    assert limits[DAY] < 200


def test_nothing_to_find_is_no_fault() -> None:
    for rows in (
        [],
        [event("account:a", 0)],
        [event("account:a", i, target="account:b") for i in range(50)],
        [event(None, 0, target="account:b")],
        [event("account:a", 0, target="account:a", text="", address=None)],
        [event(f"account:{i}", 0, target="account:b", text=None) for i in range(300)],
        [event(f"account:{i}", at, target="account:b") for i in range(3) for at in (-(2**61), 0, 2**61)],
    ):
        done = found(rows)
        assert done.communities == ()
        assert done.ties.num_rows == 0
    assert find(lambda: [pa.RecordBatch.from_pylist([], schema=EVENT_SCHEMA)], ENGINE).communities == ()


def test_events_that_tie_nobody_are_counted() -> None:
    done = found([event(None, 0, target="account:b"), event("account:a", 0), event("account:a", 0, target="account:b")])
    assert (done.left_out.nobody, done.left_out.nothing) == (1, 1)


def test_communities_do_not_depend_on_the_order_of_events() -> None:
    rows = [{"id": f"x{i}", **row} for i, row in enumerate(members(13) + ring(13))]
    turned = found(rows[::-1])
    assert found(rows).communities == turned.communities


def test_kinds_that_do_not_count_tie_nobody() -> None:
    rows = members(14) + ring(14)
    assert found(rows, kinds=("like",)).communities == ()
    assert len(found(rows, kinds=("like", "reply")).communities) == 1


def test_settings_tell_all_that_is_wrong_at_once() -> None:
    with pytest.raises(UserError) as caught:
        Settings(lengths=(0,), means=("adress",), crowd=1, false_ties=0.0)  # type: ignore[arg-type]
    told = str(caught.value)
    for part in (
        "a bucket has no length",
        "unknown means 'adress'",
        "did you mean 'address'?",
        "crowd is 1",
        "false_ties",
    ):
        assert part in told
