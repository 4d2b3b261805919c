"""What stays of an event's way when its actor was erased: what was decided, and that it cannot be judged again."""

from gatehouse.bootstrap import House
from gatehouse.flows import live, releases
from gatehouse.flows.packs import load
from gatehouse.flows.replay_policy import candidate, over_ledger
from gatehouse.flows.trace import ERASED_SINCE, trace
from gatehouse.records.erasure import Erasure
from gatehouse.records.event import ERASED, Entity
from gatehouse.testing.makers import NOW, make_event


def test_an_erased_event_shows_its_decision_and_says_that_it_was_erased(house: House) -> None:
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, ["spam"]))
    forgotten = Entity("account", "to be forgotten")
    (decision,) = live.decide(judge, house.ledger, [make_event("gone", actor=forgotten)], NOW + 1)
    house.ledger.erase(Erasure(entity=forgotten, at=NOW + 2, by="privacy", why="asked for it"))
    found = trace("gone", house.ledger, house.lake, house.shelf, house.engine)
    assert found.judged.decision == decision
    assert (found.judged.event.kind, found.judged.features, found.replayed) == (ERASED, {}, None)
    assert found.remarks == (f"erased on 2023-11-14 (erasure 1): {ERASED_SINCE}",)
    pack = load("spam")
    (release,) = releases.live(house.shelf, ["spam"])
    tried = candidate(pack.policy, "policy.yaml", pack, release, house.shelf, keep_points=True)
    left = over_ledger(tried, house.ledger, 0).left_out["erased"]
    assert left.n >= 1
    assert "gone" in left.first
