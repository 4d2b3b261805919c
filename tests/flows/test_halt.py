"""When a canary is halted: what counts, whose events count, and how soon and how falsely."""

import numpy as np
import pytest

from gatehouse.flows.halt import HOUR, MOST_ACTORS, HaltRules, Watch
from gatehouse.ports.ledger import Judged
from gatehouse.records.event import Entity
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged, make_outcome, make_signal


def said(n: int, *, enforce: str = "none", failed: bool = False, actor: str | None = None) -> Judged:
    event = make_event(f"e{n}", actor=Entity("account", actor or f"a{n}"))
    signal = make_signal(event.id, **({"state": "failed", "score": None} if failed else {}))
    decision = make_decision(event, policies=(make_outcome(enforce=enforce),))
    return make_judged(event, decision=decision, signals=(signal,), enforcements=(), cases=())


def watch() -> Watch:
    return Watch("spam", "r2")


def test_an_equal_canary_is_never_halted() -> None:
    one = watch()
    rows = [said(n, enforce="remove" if n % 3 else "none", failed=n % 10 == 0) for n in range(500)]
    for row in rows:
        one.add([row], [row], NOW)
        one.timed(0.001, 0.001)
        assert one.verdict() is None
    assert one.decided == 500
    assert one.tally("failing").n == 500


def test_a_flood_of_one_actor_is_one_actor_an_hour() -> None:
    one = watch()
    for hour in range(3):
        for n in range(200):
            rows = [said(n, actor="loud")], [said(n, actor="loud", enforce="remove")]
            one.add(*rows, NOW - NOW % HOUR + hour * HOUR)
    assert one.tally("stricter").n == 3
    assert one.verdict() is None


def test_what_is_only_done_to_an_actors_later_events_is_seen() -> None:
    one = watch()
    for actor in range(60):
        for n in range(5):
            enforce = "remove" if n >= 2 else "none"
            one.add([said(n, actor=f"a{actor}")], [said(n, actor=f"a{actor}", enforce=enforce)], NOW)
        if found := one.verdict():
            break
    assert found is not None
    assert "it enforces more severely" in found.why
    assert actor <= 30


def test_events_that_do_not_differ_count_ever_more_seldom() -> None:
    one = watch()
    for n in range(1_000):
        one.add([said(n, actor="loud")], [said(n, actor="loud")], NOW)
    assert one.tally("stricter").n == 10, "the first, second, fourth ... and 512th"


def test_actors_beyond_those_told_apart_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatehouse.flows.halt.MOST_ACTORS", 10)
    one = watch()
    one.add([said(n) for n in range(30)], [said(n) for n in range(30)], NOW)
    assert (one.tally("failing").n, one.decided) == (10, 30)
    assert MOST_ACTORS == 100_000


@pytest.mark.parametrize(
    ("live", "canary", "says"),
    [
        ({}, {"failed": True}, "it has failed signals"),
        ({"enforce": "limit"}, {"enforce": "remove"}, "it enforces more severely"),
        ({"enforce": "limit"}, {"enforce": "none"}, "it enforces more mildly"),
        ({}, None, "it has failed signals"),
        ({"failed": True}, None, "it has failed signals"),
    ],
)
def test_what_is_worse_on_every_event_is_halted_within_a_dozen_actors(
    live: dict[str, object], canary: dict[str, object] | None, says: str
) -> None:
    one = watch()
    for n in range(20):
        one.add([said(n, **live)], [None if canary is None else said(n, **canary)], NOW)  # type: ignore[arg-type]
        if verdict := one.verdict():
            break
    assert verdict is not None
    assert one.decided <= 13
    assert verdict.why.startswith(says)


def test_the_reason_holds_the_figures_with_their_interval() -> None:
    one = watch()
    for n in range(20):
        one.add([said(n)], [said(n, failed=True)], NOW)
    found = one.verdict()
    assert found is not None
    assert found.why == (
        "it has failed signals: alone in 20 and the live release alone in 0 of 20 events looked at, 100.00% more "
        "[33.89%, 100.00%], over the margin of 0.25%"
    )


def test_a_canary_that_takes_longer_than_the_whole_batch_is_halted() -> None:
    one = watch()
    for _ in range(40):
        one.timed(0.0016, 0.001)
    verdict = one.verdict()
    assert verdict is not None
    assert "takes over 1.5 times as long: alone in 40" in verdict.why
    noisy = watch()
    rng = np.random.default_rng(5)
    for _ in range(3_000):
        noisy.timed(*rng.lognormal(-7, 0.5, 2).tolist())
        assert noisy.verdict() is None


def test_all_questions_share_the_chance_of_a_false_halt() -> None:
    assert set(HaltRules().questions) == {"failing", "stricter", "milder", "slower"}
    assert HaltRules().alpha == 0.01
