"""Canaries: the same side for an actor, one transaction for both sides, and nothing lost where a canary breaks."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.flows.remembering import make_judge, make_post, post_batches
from tests.flows.trying import canary, daily, equal, failing, gate_with, stricter, unusable

from gatehouse.errors import OutsideError, UserError
from gatehouse.flows.arms import Arms, side
from gatehouse.flows.beside import covers, in_place
from gatehouse.flows.live import Answer
from gatehouse.flows.observe import Tally
from gatehouse.flows.replay import replay
from gatehouse.ports.ledger import Judged
from gatehouse.records.decision import Decision
from gatehouse.records.event import Event
from gatehouse.testing.makers import make_decision, make_judged, make_outcome, make_signal
from gatehouse.testing.memory import MemoryLedger


class Counting(MemoryLedger):
    """A ledger that counts commits, and may be down."""

    def __init__(self) -> None:
        super().__init__()
        self.commits = 0
        self.down = False

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        if self.down:
            raise OutsideError("the disk is full")
        self.commits += 1
        return super().commit(judged)


@pytest.fixture
def ledger() -> Counting:
    return Counting()


def posts(actors: int, each: int = 1, start: int = 0) -> list[Event]:
    """Posts of some accounts, in turn."""
    return [make_post(f"e{start + n:04}", actor=f"a{n % actors}") for n in range(actors * each)]


def decisions(answers: Sequence[Answer]) -> list[Decision]:
    assert all(isinstance(one, Decision) for one in answers), answers
    return [one for one in answers if isinstance(one, Decision)]


names = st.text(min_size=1, max_size=12)


@given(names, names, names, st.floats(0.001, 1), st.floats(0.001, 1))
@settings(deadline=None, max_examples=60)
def test_an_actor_is_always_on_one_side_and_a_larger_share_holds_the_smaller(
    pack: str, actor: str, id_: str, one: float, other: float
) -> None:
    first, second = make_post("x", actor=actor, text="hello"), make_post(id_ or "y", 90, actor=actor, text="else")
    place = side(pack, first)
    assert place == side(pack, second)
    assert 0 <= place < 1
    small, large = sorted((one, other))
    assert not place < small or place < large


def test_sides_are_shares_and_those_of_two_packs_have_nothing_to_do_with_each_other() -> None:
    events = [make_post(f"e{n}", actor=f"a{n}") for n in range(4_000)]
    spam, hate = ([side(pack, event) < 0.25 for event in events] for pack in ("spam", "hate"))
    assert 900 < sum(spam) < 1_100
    assert 200 < sum(a and b for a, b in zip(spam, hate, strict=True)) < 300


def test_an_event_without_an_actor_goes_by_its_id() -> None:
    assert len({side("spam", Event(id=f"e{n}", text="hello")) for n in range(50)}) == 50


def test_a_batch_is_split_by_side_in_one_transaction_and_answered_in_order(ledger: Counting, tmp_path: Path) -> None:
    tried = canary(stricter(), 0.5)
    gate = gate_with(ledger, tmp_path, [tried])
    events = posts(40, each=2)
    answers = decisions(gate.decide(events))
    assert ledger.commits == 1
    assert [one.event_id for one in answers] == [event.id for event in events]
    sides = {one.releases["demo"] for one in answers}
    assert sides == {"r1", "r2"}
    for event, one in zip(events, answers, strict=True):
        on_canary = side("demo", event) < 0.5
        assert one.releases == {"demo": "r2" if on_canary else "r1"}
        second = event.id >= "e0040"
        assert one.enforce == ("remove" if on_canary and second else "none")
        assert one.policies[0].policy_version == ("of r2" if on_canary else "p1")
        found = ledger.find(event.id)
        assert found is not None
        assert found.decision == one
        assert found.features["posts_1h"] == (1 if second else 0)
        assert [deed.decision_id for deed in found.enforcements] == ([one.id] if on_canary and second else [])
        assert replay(found, stricter() if on_canary else make_judge()).same
    assert gate.decide(events) == answers


@given(post_batches())
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_equal_releases_decide_equally_on_both_sides(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Event]]
) -> None:
    folder = tmp_path_factory.mktemp("sides")
    plain, split = MemoryLedger(), MemoryLedger()
    gates = [gate_with(plain, folder / "plain"), gate_with(split, folder / "split", [canary(equal(), 0.5)])]
    for batch in batches:
        said = [[(one.outcome, one.enforce, one.policies) for one in decisions(gate.decide(batch))] for gate in gates]
        assert said[0] == said[1]
    rows = [[one.features for one in held.judged([event for _, event in held.log()])] for held in (plain, split)]
    assert rows[0] == rows[1]


def test_a_case_of_a_canary_is_opened_under_the_decision_that_stands(ledger: Counting, tmp_path: Path) -> None:
    gate = gate_with(ledger, tmp_path, [canary(stricter(), 1.0)])
    (answer,) = decisions(gate.decide([make_post("e1", text="a prize")]))
    found = ledger.find("e1")
    assert found is not None
    assert [(case.id, case.decision_id) for case in found.cases] == [(f"{answer.id}-demo", answer.id)]


def test_a_canary_with_windows_of_its_own_counts_the_events_of_both_sides_once(
    ledger: Counting, tmp_path: Path
) -> None:
    assert not covers(make_judge(), daily())
    gate = gate_with(ledger, tmp_path, [canary(daily(), 0.5, ledger, tmp_path / "own.snapshot")])
    ledger.down = True
    gate.decide(posts(20))
    ledger.down = False
    gate.decide(posts(20))
    for start in (20, 40):
        gate.decide(posts(20, start=start))
    for event in posts(20, start=40):
        found = ledger.find(event.id)
        assert found is not None
        assert found.features["posts_1h"] == 2
        assert found.features.get("posts_1d") == (2 if side("demo", event) < 0.5 else None)
    gate.close()
    again = gate_with(ledger, tmp_path, [canary(daily(), 1.0, ledger, tmp_path / "own.snapshot")])
    again.decide(posts(20, start=60))
    found = ledger.find("e0061")
    assert found is not None
    assert found.features["posts_1d"] == 3


def test_a_canary_that_breaks_costs_no_event_and_is_counted(ledger: Counting, tmp_path: Path) -> None:
    tried = canary(unusable(), 1.0)
    gate = gate_with(ledger, tmp_path, [tried])
    answers = decisions(gate.decide(posts(5)))
    assert [one.releases for one in answers] == [{"demo": "r1"}] * 5
    assert (tried.watch.decided, tried.watch.broken) == (5, 5)


def test_a_canary_whose_signals_fail_is_halted_within_a_dozen_actors_and_on_record(
    ledger: Counting, tmp_path: Path
) -> None:
    recorded = []
    tally = Tally()
    gate = gate_with(ledger, tmp_path, [canary(failing(), 0.5)], halted=recorded.append, observer=tally)
    seen = 0
    for event in posts(60):
        on_canary = side("demo", event) < 0.5
        (answer,) = decisions(gate.decide([event]))
        if recorded:
            break
        seen += on_canary
        assert answer.releases == {"demo": "r2" if on_canary else "r1"}
    assert seen <= 13
    assert [(one.pack, one.version) for one in recorded] == [("demo", "r2")]
    assert "it has failed signals: alone in" in recorded[0].why
    assert tally.counts["canary halted"] == 1
    later = decisions(gate.decide(posts(60, start=100)))
    assert {one.releases["demo"] for one in later} == {"r1"}


def test_a_halted_canary_that_is_still_being_opened_decides_nothing_any_more(ledger: Counting, tmp_path: Path) -> None:
    tried = canary(failing(), 1.0)
    gate = gate_with(ledger, tmp_path, [tried])
    gate.decide(posts(60))
    assert not gate.arms.canaries
    # Whoever looked for releases before the halt was on record hands over what they found after it.
    gate.try_out(Arms((replace(tried, share=0.9),)))
    assert {one.releases["demo"] for one in decisions(gate.decide(posts(60, start=100)))} == {"r1"}
    assert not gate.arms.canaries


def test_a_halt_that_cannot_be_recorded_is_tried_again_and_decides_nothing_meanwhile(
    ledger: Counting, tmp_path: Path
) -> None:
    tries = []

    def halted(one: object) -> None:
        tries.append(one)
        if len(tries) < 3:
            raise UserError("not now")

    gate = gate_with(ledger, tmp_path, [canary(failing(), 1.0)], halted=halted)
    gate.decide(posts(60))
    assert gate.halted == {("demo", "r2")}
    gate.try_out(Arms((canary(failing(), 1.0),)))
    assert not gate.arms.canaries
    for start in (100, 101, 102):
        (answer,) = decisions(gate.decide(posts(1, start=start)))
        assert answer.releases == {"demo": "r1"}
    assert len(tries) == 3
    assert not gate.halted


def test_arms_come_and_go_under_load_and_every_event_is_decided_once(ledger: Counting, tmp_path: Path) -> None:
    gate = gate_with(ledger, tmp_path)
    batches = [posts(10, start=start) for start in range(0, 400, 10)]
    threads = [threading.Thread(target=lambda part=part: [gate.decide(one) for one in part]) for part in (batches,) * 3]
    for thread in threads:
        thread.start()
    for round_ in range(30):
        judge = stricter() if round_ % 2 else daily()
        gate.try_out(Arms((canary(judge, 0.5, ledger, tmp_path / "own.snapshot"),) if round_ % 3 else ()))
    for thread in threads:
        thread.join()
    assert len(ledger.log()) == 400
    assert len(ledger.decisions()) == 400
    for event in posts(10, start=390):
        found = ledger.find(event.id)
        assert found is not None
        assert found.features["posts_1h"] == 39


def test_canaries_of_two_packs_decide_for_one_event_together() -> None:
    event = make_post("e1")
    said = {"decided": 5, "policies": (make_outcome("spam", enforce="none"), make_outcome("hate", enforce="limit"))}
    live = make_judged(event, decision=make_decision(event, releases={"spam": "r1", "hate": "h1"}, **said))
    tried = [
        make_judged(
            event,
            decision=make_decision(event, releases={pack: "new"}, policies=(make_outcome(pack, enforce=enforce),)),
            signals=(make_signal(event.id, detector=f"{pack}.linear", detector_version="d9"),),
        )
        for pack, enforce in (("spam", "remove"), ("hate", "none"))
    ]
    found = in_place(live, "spam", frozenset({"spam.linear", "spam.rules"}), tried[0])
    found = in_place(found, "hate", frozenset(), tried[1])
    assert found.decision.releases == {"spam": "new", "hate": "new"}
    assert {one.policy: one.enforce for one in found.decision.policies} == {"spam": "remove", "hate": "none"}
    assert found.decision.enforce == "remove"
    versions = [(one.detector, one.detector_version) for one in found.signals]
    assert versions == [("spam.linear", "d9"), ("hate.linear", "d9")]
    assert [deed.kind for deed in found.enforcements] == ["remove"]
    assert {case.decision_id for case in found.cases} == {found.decision.id}
