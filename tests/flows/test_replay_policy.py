"""Replay under another policy: every flip is found and counted, and nothing on record changes."""

import dataclasses
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.bootstrap import House
from gatehouse.errors import UserError
from gatehouse.flows import live, packs, releases
from gatehouse.flows.replay_policy import NOT_ASKED, Candidate, Compared, Reach, Replay, Said, candidate, over_ledger
from gatehouse.records.enforcement import Kind
from gatehouse.records.event import Entity, Event
from gatehouse.records.policy import Policy
from gatehouse.testing.memory import MemoryLedger

KNOWN = "gatehouse canary text: known spam sample 1"
EVENTS = [
    Event(id="k1", text=KNOWN, actor=Entity("account", "a")),
    Event(id="k2", text=KNOWN, actor=Entity("account", "a")),
    Event(id="k3", text=KNOWN),
    Event(id="l1", text="see you at lunch", actor=Entity("account", "b")),
]


def limited(policy: Policy) -> Policy:
    """The policy with known spam limited instead of removed."""
    steps = [
        msgspec.structs.replace(step, enforce=Kind.LIMIT) if step.name == "known_spam" else step
        for step in policy.steps
    ]
    return msgspec.structs.replace(policy, version="changed", steps=tuple(steps))


def tried(house: House, policy: Policy, keep: bool = True) -> Candidate:
    release = releases.live(house.shelf, ["spam"])[0]
    return candidate(policy, "new.yaml", packs.load("spam"), release, house.shelf, keep)


@pytest.fixture
def ledger(house: House) -> MemoryLedger:
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, ["spam"]))
    made = MemoryLedger()
    for at, event in enumerate(EVENTS, start=10):
        live.decide(judge, made, [event], now=at)
    return made


def test_the_live_policy_flips_nothing(house: House, ledger: MemoryLedger) -> None:
    done = over_ledger(tried(house, packs.load("spam").policy), ledger, 0)
    assert (done.n, done.stored, done.anew, done.flips.events) == (4, 4, 0, 0)


def test_flips_are_counted_with_their_actors_steps_and_first_ids(house: House, ledger: MemoryLedger) -> None:
    flips: list[Compared] = []
    before = ledger.decisions()
    done = over_ledger(tried(house, limited(packs.load("spam").policy)), ledger, 0, each=flips.extend)
    assert [one.event_id for one in flips] == ["k1", "k2", "k3"]
    group = done.changes["violating, remove", "violating, limit"]
    assert (group.events, group.actors, group.stricter, group.milder, group.first) == (3, 1, 0, 3, ["k1", "k2", "k3"])
    assert (done.actors, done.without_actor) == (2, 1)
    assert set(done.steps) == {"known_spam"}
    assert set(done.clauses) == {"S1"}
    assert ledger.decisions() == before, "replay acts on nothing"


def test_only_what_was_decided_in_the_time_is_decided_again(house: House, ledger: MemoryLedger) -> None:
    policy = limited(packs.load("spam").policy)
    seen: list[Compared] = []
    done = over_ledger(tried(house, policy), ledger, 11, 12, each=seen.extend)
    assert (done.n, [one.event_id for one in seen]) == (1, ["k2"])


def test_an_earlier_revision_is_counted_and_left_out(house: House, ledger: MemoryLedger) -> None:
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, ["spam"]))
    live.decide(judge, ledger, [msgspec.structs.replace(EVENTS[0], text="edited", revision=1)], now=20)
    done = over_ledger(tried(house, packs.load("spam").policy), ledger, 0)
    assert done.n == 4
    assert {why: (left.n, left.first) for why, left in done.left_out.items()} == {
        "replaced by a later revision": (1, ["k1"])
    }


def test_signals_of_other_versions_are_computed_anew(house: House, ledger: MemoryLedger) -> None:
    made = tried(house, limited(packs.load("spam").policy))
    one = ledger.find("k1")
    assert one
    other = [msgspec.structs.replace(signal, detector_version="old", state="skipped") for signal in one.signals]
    stale = MemoryLedger()
    stale.commit([dataclasses.replace(one, signals=other)])
    done = over_ledger(made, stale, 0)
    assert (done.stored, done.anew) == (0, 1)
    assert list(done.changes) == [("violating, remove", "violating, limit")]


def test_an_event_that_the_policy_was_not_asked_about_flips_only_when_it_is_not_clear(house: House) -> None:
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, ["sexism"]))
    ledger = MemoryLedger()
    live.decide(judge, ledger, EVENTS, now=10)
    done = over_ledger(tried(house, packs.load("spam").policy), ledger, 0)
    assert done.anew == 4
    assert done.changes["not asked", "violating, remove"].events == 3
    assert ("not asked", "clear") not in done.changes
    assert not Compared("e", None, NOT_ASKED, Said("clear", "none"), "").flips


def test_points_are_kept_only_where_a_step_wants_the_same(house: House) -> None:
    policy = packs.load("spam").policy
    steps = [
        msgspec.structs.replace(step, target=msgspec.structs.replace(step.target, value=0.8))
        if step.name == "certain_spam" and step.target
        else step
        for step in policy.steps
    ]
    changed = msgspec.structs.replace(policy, version="changed", steps=tuple(steps))
    made = tried(house, changed)
    assert made.kept == {"probable_spam", "likely_spam"}
    assert {point.step: point.value for point in made.points}["certain_spam"] == 0.8
    assert tried(house, changed, keep=False).kept == frozenset()


def test_a_policy_that_the_live_detectors_cannot_serve_is_refused_with_every_step(house: House) -> None:
    policy = packs.load("spam").policy
    steps = (
        msgspec.structs.replace(policy.steps[0], detector="spam.bnak"),
        msgspec.structs.replace(policy.steps[1], label="scam"),
    )
    with pytest.raises(UserError) as refused:
        tried(house, msgspec.structs.replace(policy, steps=steps))
    assert "step 'known_spam' reads 'spam.bnak', which the live release does not have" in str(refused.value)
    assert "did you mean 'spam.bank'?" in str(refused.value)
    assert "reads the label 'scam', of which 'spam.linear' does not speak" in str(refused.value)


_SAID = st.builds(
    Said,
    st.sampled_from(["clear", "undecided", "violating"]),
    st.sampled_from(["none", "limit", "remove"]),
    st.sampled_from(["a", "b", None]),
    st.sampled_from(["S1", "S2", None]),
)
_ACTOR = st.sampled_from(["x", "y", "z", None])
_COMPARED = st.builds(Compared, st.text(max_size=3), _ACTOR, st.just(NOT_ASKED) | _SAID, _SAID, st.just(""))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(_COMPARED, max_size=6), max_size=4))
def test_counts_of_blocks_are_those_of_everything_at_once(blocks: list[list[Compared]]) -> None:
    done = Replay()
    reach = Reach(done)
    for block in blocks:
        reach.add(block)
    reach.close()
    every = [one for block in blocks for one in block]
    flips = [one for one in every if one.flips]
    assert (done.n, done.flips.events) == (len(every), len(flips))
    assert done.actors == len({one.actor for one in every if one.actor})
    assert done.flips.actors == len({one.actor for one in flips if one.actor})
    assert {key: group.events for key, group in done.changes.items()} == Counter(
        (one.before.word, one.now.word) for one in flips
    )
    for groups in (done.steps, done.clauses):
        assert sum(group.events for group in groups.values()) == len(flips)
    by_step = {
        name: {o.actor for o in flips if (o.now.step or o.before.step or "–") == name and o.actor}
        for name in done.steps
    }
    assert {name: group.actors for name, group in done.steps.items()} == {
        name: len(who) for name, who in by_step.items()
    }
