import msgspec

from gatehouse.enforcement.undo import TAKEN_BACK_BY, act_of, undoing, unsupported, with_followers
from gatehouse.records.enforcement import Kind
from gatehouse.records.standing import Ladder, Rung, Strike
from gatehouse.testing.outbox_contract import make_enforcement


def test_every_kind_has_what_takes_it_back() -> None:
    assert set(TAKEN_BACK_BY) == set(Kind) - {Kind.NONE}
    assert len(set(TAKEN_BACK_BY.values())) == len(TAKEN_BACK_BY)
    assert act_of(make_enforcement(kind="suspend")) == "suspend"
    assert act_of(undoing(make_enforcement(kind="suspend"))) == "lift_suspension"


def test_what_undoes_is_the_same_whoever_asks() -> None:
    done = make_enforcement("n", subject="account:a", until=5, follows="s", state="done")
    back = undoing(done)
    assert (back.id, back.undoes, back.on, back.state, back.until) == ("n-undo", "n", "account:a", "planned", None)
    assert undoing(msgspec.structs.replace(done, state="failed")) == back


def test_followers_go_with_what_they_follow_the_latest_first() -> None:
    first, gone, rung, instead, other = (
        make_enforcement("a"),
        make_enforcement("b", state="undone"),
        make_enforcement("c", follows="a"),
        make_enforcement("d", follows="c"),
        make_enforcement("e"),
    )
    known = [first, gone, rung, instead, other, undoing(other)]
    assert with_followers([first, gone], known) == [instead, rung, first]
    assert with_followers(known, known) == [other, instead, rung, first]


def test_rungs_fall_when_their_strikes_do() -> None:
    ladder = Ladder(rungs=(Rung(strikes=1, enforce="warn"), Rung(strikes=2, enforce="limit")))

    def strike(id: str, at: int, removed: int | None = None) -> Strike:
        return Strike(
            id=id, actor="account:a", policy="spam", policy_version="p1", decision_id="d", at=at, removed=removed
        )

    rungs = [make_enforcement(f"{id}-r", kind=kind, follows=id) for id, kind in (("a", "warn"), ("b", "limit"))]
    both = [strike("a", 1), strike("b", 2)]
    assert unsupported(rungs, both, {"p1": ladder}, 9) == []
    assert unsupported(rungs, [strike("a", 1, 5), both[1]], {"p1": ladder}, 9) == rungs[::-1]
    assert unsupported(rungs, [both[0], strike("b", 2, 5)], {"p1": ladder}, 9) == [rungs[1]]
    assert unsupported(rungs, [strike("a", 1, 5), both[1]], {}, 9) == []
    undone = [msgspec.structs.replace(one, state="undone") for one in rungs]
    assert unsupported(undone, [strike("a", 1, 5), both[1]], {"p1": ladder}, 9) == []
