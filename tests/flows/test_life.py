"""The life of releases beside the live one: every step on record, at most one shadow and one canary, and refusals."""

from typing import Any, Literal

import pytest
from tests.detectors.test_actor import detector

from gatehouse.errors import RefusedError, UserError
from gatehouse.features.define import FeatureSet
from gatehouse.features.profile import ProfileColumn
from gatehouse.flows import life
from gatehouse.flows.judge import Judge
from gatehouse.flows.releases import FILES, Shelf
from gatehouse.policies.decide import bind
from gatehouse.records.dataset import Release, Transition
from gatehouse.records.policy import Step
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged, make_model, make_policy, make_release
from gatehouse.testing.memory import MemoryLedger, MemoryModelFiles, MemoryRegistry

SAID = {"at": NOW + 5, "by": "kim", "why": "to see"}


@pytest.fixture
def shelf() -> Shelf:
    """Three drafts of `spam`, of which the first is live."""
    shelf = Shelf(MemoryRegistry(), MemoryModelFiles())
    files = shelf.files.put({FILES["features"]: b"columns: [url_count]\n"})
    shelf.registry.add_model(make_model("spam.features", "f1", kind="features", labels=(), files=files))
    for policy in ("p1", "p2", "p3"):
        shelf.registry.add_policy(make_policy("spam", policy))
        shelf.registry.add_release(release(policy), at=NOW, by="sam", why="trained")
    life.go_live(shelf, "spam", release("p1").version, **SAID)
    return shelf


def release(policy: str) -> Release:
    return make_release("spam", policy)


def states(shelf: Shelf) -> dict[str, str]:
    return {one.policy_version: last.state for one, last in shelf.registry.releases("spam")}


def test_a_release_goes_its_whole_way_and_every_step_is_on_record(shelf: Shelf) -> None:
    version = release("p2").version
    life.try_out(shelf, "spam", version, "shadow", **SAID)
    life.try_out(shelf, "spam", version, "canary", 0.1, **SAID)
    life.try_out(shelf, "spam", version, "canary", 0.3, **SAID)
    life.go_live(shelf, "spam", version, **SAID)
    steps = [one for one in shelf.registry.life("spam") if one.version == version]
    assert [(one.state, one.share, one.by) for one in steps] == [
        ("draft", None, "sam"),
        ("shadow", None, "kim"),
        ("canary", 0.1, "kim"),
        ("canary", 0.3, "kim"),
        ("live", None, "kim"),
    ]
    assert states(shelf) == {"p1": "retired", "p2": "live", "p3": "draft"}
    assert life.tried(shelf.registry) == []


def test_a_pack_has_one_shadow_and_one_canary_and_the_one_before_becomes_a_draft(shelf: Shelf) -> None:
    for policy in ("p2", "p3"):
        life.try_out(shelf, "spam", release(policy).version, "shadow", **SAID)
    assert states(shelf) == {"p1": "live", "p2": "draft", "p3": "shadow"}
    life.try_out(shelf, "spam", release("p2").version, "canary", **SAID)
    found = life.tried(shelf.registry, ("spam",))
    assert [(one.state, one.release.policy_version, one.share) for one in found] == [
        ("canary", "p2", 0.05),
        ("shadow", "p3", 1.0),
    ]
    assert life.tried(shelf.registry, ("other",)) == []
    assert life.remarks(shelf.registry) == [
        f"spam {release('p2').version} is the canary for 5 % of actors",
        f"spam {release('p3').version} is in shadow",
    ]


def test_what_was_tried_against_the_one_before_is_ended_when_another_goes_live(shelf: Shelf) -> None:
    life.try_out(shelf, "spam", release("p2").version, "shadow", **SAID)
    life.try_out(shelf, "spam", release("p3").version, "canary", **SAID)
    life.go_live(shelf, "spam", release("p3").version, **SAID)
    assert states(shelf) == {"p1": "retired", "p2": "draft", "p3": "live"}
    assert shelf.registry.life("spam")[-1].why == f"{release('p3').version} went live"
    life.try_out(shelf, "spam", release("p2").version, "canary", **SAID)
    life.go_back(shelf, "spam", **SAID)
    assert states(shelf) == {"p1": "live", "p2": "draft", "p3": "retired"}


def test_stop_takes_one_or_both_back_to_draft(shelf: Shelf) -> None:
    life.try_out(shelf, "spam", release("p2").version, "shadow", **SAID)
    life.try_out(shelf, "spam", release("p3").version, "canary", **SAID)
    stopped = life.stop(shelf, "spam", release("p2").version, **SAID)
    assert [(one.version, one.state) for one in stopped] == [(release("p2").version, "draft")]
    assert states(shelf) == {"p1": "live", "p2": "draft", "p3": "canary"}
    life.stop(shelf, "spam", None, **SAID)
    assert states(shelf)["p3"] == "draft"
    with pytest.raises(RefusedError) as caught:
        life.stop(shelf, "spam", None, **SAID)
    assert str(caught.value) == (
        "neither shadow nor canary runs of 'spam'\n"
        "    → gatehouse versions list spam; what is live is taken back by gatehouse rollback spam"
    )


def test_a_halt_is_recorded_once_and_shown_until_it_is_tried_again(shelf: Shelf) -> None:
    version = release("p2").version
    life.try_out(shelf, "spam", version, "canary", **SAID)
    step = life.halt(shelf, "spam", version, at=NOW, why="it failed")
    assert step is not None
    assert (step.state, step.by, step.why) == ("retired", "gatehouse", "canary halted: it failed")
    assert life.halt(shelf, "spam", version, at=NOW, why="it failed") is None
    assert life.remarks(shelf.registry) == [f"spam {version}: canary halted: it failed"]
    life.try_out(shelf, "spam", version, "shadow", **SAID)
    assert life.remarks(shelf.registry) == [f"spam {version} is in shadow"]


def test_a_canary_that_somebody_makes_live_while_it_is_halted_stays_live(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, look = release("p2").version, life.chosen
    life.try_out(shelf, "spam", version, "canary", **SAID)

    def promoted_meanwhile(*said: Any) -> tuple[Release, Transition]:
        seen = look(*said)
        life.go_live(shelf, "spam", version, **SAID)
        return seen

    monkeypatch.setattr(life, "chosen", promoted_meanwhile)
    assert life.halt(shelf, "spam", version, at=NOW, why="it failed") is None
    assert states(shelf) == {"p1": "retired", "p2": "live", "p3": "draft"}


@pytest.mark.parametrize("share", [0.0, 1.0, 1.5, -0.1])
def test_a_canary_decides_for_some_and_not_for_all(shelf: Shelf, share: float) -> None:
    with pytest.raises(UserError, match="for all of them gatehouse promote spam"):
        life.try_out(shelf, "spam", release("p2").version, "canary", share, **SAID)


def test_refusals_name_the_next_step(shelf: Shelf) -> None:
    with pytest.raises(RefusedError, match="is live, so there is nothing to try"):
        life.try_out(shelf, "spam", release("p1").version, "shadow", **SAID)
    with pytest.raises(UserError, match="no release of 'hate' yet\n    → gatehouse train hate"):
        life.try_out(shelf, "hate", None, "shadow", **SAID)
    shelf.registry.add_release(make_release("hate"), at=NOW, by="sam", why="trained")
    shelf.registry.add_policy(make_policy("hate"))
    with pytest.raises(RefusedError, match="nothing is live for 'hate', so a canary has nothing to be held against"):
        life.try_out(shelf, "hate", None, "canary", **SAID)
    assert life.try_out(shelf, "hate", None, "shadow", **SAID).state == "shadow"


def test_the_same_step_again_changes_nothing(shelf: Shelf) -> None:
    for _ in range(2):
        life.try_out(shelf, "spam", release("p2").version, "shadow", **SAID)
    assert [one.state for one in shelf.registry.life("spam") if one.version == release("p2").version] == [
        "draft",
        "shadow",
    ]


@pytest.mark.parametrize("state", ["shadow", "canary"])
def test_of_two_who_try_something_at_once_the_later_stands(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, state: Literal["shadow", "canary"]
) -> None:
    real, others = life._end, [release("p3").version]

    def late(*said: Any, **more: Any) -> list[Transition]:
        if others:
            life.try_out(shelf, "spam", others.pop(), state, **SAID)
        return real(*said, **more)

    monkeypatch.setattr(life, "_end", late)
    life.try_out(shelf, "spam", release("p2").version, state, **SAID)
    assert states(shelf) == {"p1": "live", "p2": "draft", "p3": state}


def test_who_ends_a_trial_that_somebody_else_ended_meanwhile_is_not_refused(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    life.try_out(shelf, "spam", release("p2").version, "canary", **SAID)
    seen = shelf.registry.life("spam")
    life.stop(shelf, "spam", None, **SAID)
    before = len(shelf.registry.life("spam"))
    monkeypatch.setattr(shelf.registry, "life", lambda _: seen)
    assert life._end(shelf, "spam", ("canary",), None, "", at=NOW, by="kim") == []
    monkeypatch.undo()
    assert len(shelf.registry.life("spam")) == before


def test_to_make_live_what_is_live_ends_no_trial_against_it(shelf: Shelf) -> None:
    life.try_out(shelf, "spam", release("p2").version, "canary", **SAID)
    life.go_live(shelf, "spam", release("p1").version, **SAID)
    assert states(shelf) == {"p1": "live", "p2": "canary", "p3": "draft"}


def test_no_way_back_to_what_clashes_with_another_pack(shelf: Shelf) -> None:
    life.go_live(shelf, "spam", release("p2").version, **SAID)
    text = b"windows:\n  - {name: url_count, count: {key: actor, window: 1h}}\n"
    files = shelf.files.put({FILES["features"]: text})
    other = make_release("hate", features="f2")
    shelf.registry.add_model(make_model("hate.features", "f2", kind="features", labels=(), files=files))
    shelf.registry.add_release(other, at=NOW, by="sam", why="trained")
    shelf.registry.move(Transition(pack="hate", version=other.version, state="live", **SAID))
    with pytest.raises(UserError, match="'spam' beside 'hate', which is live"):
        life.go_back(shelf, "spam", **SAID)
    assert states(shelf) == {"p1": "retired", "p2": "live", "p3": "draft"}


def test_how_much_a_canary_may_differ_is_on_record(shelf: Shelf) -> None:
    life.try_out(shelf, "spam", release("p2").version, "canary", 0.1, **SAID)
    life.try_out(shelf, "spam", release("p2").version, "canary", 0.1, 0.08, **SAID)
    assert [one.differs for one in shelf.registry.life("spam") if one.state == "canary"] == [0.01, 0.08]
    assert [one.differs for one in life.tried(shelf.registry)] == [0.08]
    with pytest.raises(UserError, match="--differ-at-most: a canary may differ on a share of its actors"):
        life.try_out(shelf, "spam", release("p2").version, "canary", 0.1, 1.0, **SAID)


def reading(*names: str, missing: str = "review") -> Judge:
    """A judge whose release reads these attributes, of which its detector cannot do without `friends`."""
    profile = tuple(ProfileColumn(name, "BIGINT") for name in names)
    step = Step(name="likely", detector="made.actor", label="bot", clause="S1")
    policy = bind(make_policy(steps=(step,), missing=missing), (), [detector()])
    return Judge(FeatureSet(profile=profile), (detector(),), (policy,), {"spam": "r1"})


def on_record(*attributes: dict[str, int] | None) -> MemoryLedger:
    ledger = MemoryLedger()
    for number, said in enumerate(attributes):
        event = make_event(f"e{number}", attributes=said)
        ledger.commit([make_judged(event, decision=make_decision(event), enforcements=(), cases=())])
    return ledger


def test_attributes_that_nobody_sends_are_told_with_what_it_leads_to_and_the_next_step() -> None:
    assert life.unsent(reading("friends", "share", "made_at"), on_record(None, {"other": 1})) == [
        "no event of the latest 2 on record brings friends, so 'made.actor' abstains: 'spam' opens a case for "
        "every such event; next: send it in the events' attributes, or write abstained: pass in policy.yaml "
        "and train again",
        "no event of the latest 2 on record brings share or made_at, so what 'spam' reads of it is not known; next: "
        "send it in the events' attributes",
    ]
    assert life.unsent(reading("friends", missing="pass"), on_record({})) == [
        "no event of the latest 1 on record brings friends, so 'made.actor' abstains: 'spam' leaves every such event "
        "undecided; next: send it in the events' attributes"
    ]


def test_nothing_is_said_of_what_one_event_sent_nor_where_nothing_is_on_record_or_read() -> None:
    assert life.unsent(reading("friends", "share"), on_record(None, {"friends": 1}, {"share": 2})) == []
    assert life.unsent(reading("friends"), on_record()) == []
    assert life.unsent(reading(), on_record(None)) == []


def test_only_the_latest_events_count(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = on_record({"friends": 1}, None, None)
    monkeypatch.setattr(life, "RECENT", 2)
    assert life.unsent(reading("friends"), ledger)[0].startswith("no event of the latest 2 on record brings friends")
    monkeypatch.setattr(life, "RECENT", 3)
    assert life.unsent(reading("friends"), ledger) == []
