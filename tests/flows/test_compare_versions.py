"""A shadow against what was decided live: what differs, by whom, and with which uncertainty."""

from gatehouse.flows.compare_versions import compare
from gatehouse.ports.tried import Beside
from gatehouse.testing.makers import make_decision, make_event, make_outcome


def beside(n: int, was: str | None, now: str, actor: str | None = None) -> Beside:
    event = make_event(f"e{n}")
    outcomes = [
        () if said is None else (make_outcome(enforce=said, outcome="clear" if said == "none" else "violating"),)
        for said in (was, now)
    ]
    other = make_outcome("hate", enforce="none", outcome="clear")
    live = make_decision(event, policies=(other, *outcomes[0]))
    return Beside(actor or f"account:a{n}", make_decision(event, mode="shadow", policies=outcomes[1]), live)


def test_nothing_on_both_sides_is_no_comparison() -> None:
    assert compare("spam", []) is None


def test_agreement_and_what_would_be_done_anew_come_with_their_intervals() -> None:
    rows = [beside(n, "none", "none") for n in range(90)]
    rows += [beside(n, "none", "remove") for n in range(90, 96)]
    rows += [beside(n, "remove", "limit") for n in range(96, 99)]
    rows += [beside(99, "limit", "label")]
    found = compare("spam", rows)
    assert found is not None
    assert (found.n, found.actors) == (100, 100)
    assert (found.agree.events, found.newly_taken.events, found.no_longer_taken.events) == (90, 6, 3)
    assert found.newly_taken.first == ("e90", "e91", "e92", "e93", "e94")
    assert found.newly_taken.share.low < 0.06 < found.newly_taken.share.high
    changes = {key: (group.events, group.stricter) for key, group in found.changes.changes.items()}
    assert changes == {
        ("clear", "violating, remove"): (6, 6),
        ("violating, remove", "violating, limit"): (3, 0),
        ("violating, limit", "violating, label"): (1, 0),
    }


def test_many_events_of_few_actors_say_less() -> None:
    alone = compare("spam", [beside(n, "none", "remove" if n % 4 == 0 else "none") for n in range(400)])
    flood = compare(
        "spam", [beside(n, "none", "remove" if n % 4 == 0 else "none", f"account:a{n % 8}") for n in range(400)]
    )
    assert alone is not None
    assert flood is not None
    widths = [one.newly_taken.share.high - one.newly_taken.share.low for one in (alone, flood)]
    assert alone.newly_taken.share.estimate == flood.newly_taken.share.estimate
    assert widths[1] > 3 * widths[0]


def test_a_pack_that_was_not_live_has_nothing_taken_before() -> None:
    found = compare("spam", [beside(n, None, "remove") for n in range(3)])
    assert found is not None
    assert found.newly_taken.events == 3
    assert list(found.changes.changes) == [("not asked", "violating, remove")]
