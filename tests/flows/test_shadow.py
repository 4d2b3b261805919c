"""Releases in shadow: stored, acting on nothing, off the way of live decisions, and never in their way."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.flows.remembering import FEATURES, RULES, START, make_post
from tests.flows.trying import (
    canary,
    daily,
    equal,
    failing,
    gate_with,
    release_of,
    shadow,
    stricter,
    unusable,
)

from gatehouse.errors import OutsideError
from gatehouse.features.define import FeatureSet
from gatehouse.features.windows import Count, duration
from gatehouse.flows import shadow as shadows
from gatehouse.flows.arms import Arms
from gatehouse.flows.local_history import FORGOTTEN
from gatehouse.flows.observe import Tally
from gatehouse.flows.shadow import ShadowThread
from gatehouse.ports.ledger import Judged
from gatehouse.records.decision import Decision
from gatehouse.records.event import Event
from gatehouse.testing.memory import MemoryLedger


class Watched(MemoryLedger):
    """A ledger that remembers what was committed in shadow, which may be held up or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[Judged] = []
        self.fails = 0
        self.free = threading.Event()
        self.free.set()

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        if judged and judged[0].decision.mode == "shadow":
            self.free.wait(10)
            if self.fails:
                self.fails -= 1
                raise OutsideError("the disk is slow")
            self.tried += judged
        return super().commit(judged)


@pytest.fixture
def ledger() -> Watched:
    return Watched()


@pytest.fixture
def tally() -> Tally:
    return Tally()


def posts(start: int, stop: int, **said: object) -> list[Event]:
    return [make_post(f"e{n:03}", **said) for n in range(start, stop)]


def test_a_shadow_is_on_record_plans_nothing_opens_no_case_and_answers_nothing(
    ledger: Watched, tmp_path: Path, tally: Tally
) -> None:
    gate = gate_with(ledger, tmp_path, shadows=[shadow(stricter())], observer=tally)
    answers = gate.decide(posts(0, 3, text="a prize"))
    assert [one.mode for one in answers if isinstance(one, Decision)] == ["live"] * 3
    gate.close()
    assert [one.decision.enforce for one in ledger.tried] == ["limit", "remove", "remove"]
    assert [one.decision.mode for one in ledger.tried] == ["shadow"] * 3
    assert [one.decision.releases for one in ledger.tried] == [{"demo": "r2"}] * 3
    assert not [one for one in ledger.tried if one.enforcements or one.cases]
    assert [one.features["posts_1h"] for one in ledger.tried] == [0, 1, 2]
    assert [one.mode for one in ledger.decisions()] == ["live"] * 3
    assert gate.decide(posts(0, 3, text="a prize")) == answers
    assert (tally.counts["shadowed"], tally.counts["not shadowed"]) == (3, 0)


def test_a_shadow_that_is_equal_says_the_same_once_for_each_event(ledger: Watched, tmp_path: Path) -> None:
    gate = gate_with(ledger, tmp_path, shadows=[shadow(equal())])
    answers = gate.decide(posts(0, 5))
    gate.decide(posts(0, 5))
    gate.close()
    said = [one.decision.policies for one in ledger.tried]
    assert said == [one.policies for one in answers if isinstance(one, Decision)]


def test_a_shadow_with_windows_of_its_own_follows_the_log_whoever_wrote_it(ledger: Watched, tmp_path: Path) -> None:
    path = tmp_path / "own.snapshot"
    gate = gate_with(ledger, tmp_path, shadows=[shadow(daily(), path)])
    gate.decide(posts(0, 1))
    gate._shadow.drain(5)
    gate_with(ledger, tmp_path / "other").decide(posts(1, 4))
    gate.decide(posts(4, 6))
    gate.close()
    assert {one.event.id: one.features["posts_1d"] for one in ledger.tried} == {"e004": 4, "e005": 5}
    again = gate_with(ledger, tmp_path, shadows=[shadow(daily(), path)])
    again.decide(posts(6, 7))
    again.close()
    assert {one.event.id: one.features["posts_1d"] for one in ledger.tried}.get("e006", 6) == 6


def test_a_shadow_reads_the_live_windows_and_none_of_a_canary_that_names_another_so(
    ledger: Watched, tmp_path: Path
) -> None:
    other = FeatureSet(
        columns=FEATURES.columns, windows=(Count(name="posts_1h", key=("target",), window=duration("1h")),)
    )
    tried = canary(release_of(RULES, "r3", other), 1.0, ledger, tmp_path / "canary.snapshot")
    gate = gate_with(ledger, tmp_path, [tried], [shadow(equal())])
    answers = gate.decide(posts(0, 4))
    gate.close()
    assert {one.releases["demo"] for one in answers if isinstance(one, Decision)} == {"r3"}
    assert [one.features["posts_1h"] for one in ledger.tried] == [0, 1, 2, 3]


def test_large_texts_wait_by_their_characters(
    ledger: Watched, tmp_path: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "WAITING_CHARACTERS", 2_500)
    monkeypatch.setattr(shadows, "AT_ONCE", 1)
    gate = gate_with(ledger, tmp_path, shadows=[shadow(equal())], observer=tally)
    ledger.free.clear()
    for n in range(20):
        gate.decide(posts(n, n + 1, text="x" * (3_000 if n == 0 else 1_000)))
    ledger.free.set()
    gate.close()
    assert 3 <= tally.counts["shadowed"] <= 4, "the one that is asked, and two or three that wait"
    assert tally.counts["shadowed"] + tally.counts["not shadowed"] == 20


def test_after_an_erasure_the_windows_of_a_shadow_are_not_saved(ledger: Watched, tmp_path: Path) -> None:
    path = tmp_path / "own.snapshot"
    gate = gate_with(ledger, tmp_path, shadows=[shadow(daily(), path)])
    gate.decide(posts(0, 2))
    assert gate._shadow.drain(5)
    (tmp_path / FORGOTTEN).write_bytes(b"another")
    gate.close()
    assert not path.exists()


def test_a_history_that_an_event_breaks_is_not_restored_again_and_again(
    ledger: Watched, tmp_path: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def breaks(*_: object) -> None:
        tries.append(1)
        raise RuntimeError("broken")

    gate = gate_with(ledger, tmp_path, shadows=[shadow(daily(), tmp_path / "own.snapshot")], observer=tally)
    monkeypatch.setattr(shadows, "_Follows", breaks)
    for n in range(3):
        gate.decide(posts(n, n + 1))
        assert gate._shadow.drain(5)
    gate.close()
    assert (len(tries), tally.counts["not shadowed"]) == (1, 3)


def test_a_shadow_that_does_not_come_to_an_end_saves_nothing_halfway(
    ledger: Watched, tmp_path: Path, tally: Tally
) -> None:
    path = tmp_path / "own.snapshot"
    gate = gate_with(ledger, tmp_path, shadows=[shadow(daily(), path)], observer=tally)
    ledger.free.clear()
    gate.decide(posts(0, 2))
    gate._shadow.drain(0.05)
    gate.decide(posts(2, 4))
    gate._shadow.close(0.05)
    assert not path.exists()
    assert tally.counts["snapshots not kept"] == 1
    ledger.free.set()
    gate.close()


@pytest.mark.parametrize("judge", [unusable(), failing()], ids=["raises", "fails"])
def test_a_broken_shadow_changes_nothing_live(judge: object, ledger: Watched, tmp_path: Path, tally: Tally) -> None:
    gate = gate_with(ledger, tmp_path, shadows=[shadow(judge)], observer=tally)  # type: ignore[arg-type]
    answers = gate.decide(posts(0, 4))
    gate.close()
    assert [one.enforce for one in answers if isinstance(one, Decision)] == ["none", "none", "remove", "remove"]
    assert tally.counts["shadowed"] + tally.counts["not shadowed"] == 4


def test_when_too_many_wait_the_rest_is_counted_and_nobody_waits(
    ledger: Watched, tmp_path: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "AT_ONCE", 2)
    gate = gate_with(ledger, tmp_path, shadows=[shadow(equal())], observer=tally)
    gate._shadow._most = 5
    ledger.free.clear()
    for start in range(0, 40, 4):
        assert all(isinstance(one, Decision) for one in gate.decide(posts(start, start + 4)))
    ledger.free.set()
    gate.close()
    assert len(ledger.log()) == 40
    assert 5 <= tally.counts["shadowed"] <= 7
    assert tally.counts["shadowed"] + tally.counts["not shadowed"] == 40


def test_a_ledger_that_fails_in_shadow_is_tried_again_a_few_times(
    ledger: Watched, tmp_path: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "PAUSE_SECONDS", 0.001)
    gate = gate_with(ledger, tmp_path, shadows=[shadow(equal())], observer=tally)
    ledger.fails = 2
    gate.decide(posts(0, 2))
    assert gate._shadow.drain(5)
    assert len(ledger.tried) == 2
    ledger.fails = 3
    gate.decide(posts(2, 4))
    gate.close()
    assert (len(ledger.tried), tally.counts["not shadowed"]) == (2, 2)


def test_a_shadow_that_was_stopped_says_nothing_more(ledger: Watched, tmp_path: Path) -> None:
    gate = gate_with(ledger, tmp_path, shadows=[shadow(equal())])
    gate.decide(posts(0, 2))
    gate._shadow.drain(5)
    gate.try_out(Arms())
    gate.decide(posts(2, 4))
    gate.close()
    assert {one.event.id for one in ledger.tried} == {"e000", "e001"}


def test_a_thread_that_never_began_is_closed_at_once(ledger: Watched, tally: Tally) -> None:
    thread = ShadowThread(ledger, tally)
    thread.offer([], START)
    thread.close()
    assert not tally.counts
