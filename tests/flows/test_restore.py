"""A history restored at any moment gives the windows of one that never stopped, and says what it started from."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flows.remembering import WINDOWS, make_judge, make_post, post_batches

from gatehouse.errors import OutsideError
from gatehouse.features.live import LiveHistory
from gatehouse.features.snapshot import save
from gatehouse.flows import restore as restoring
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import decide
from gatehouse.flows.restore import keep, restore
from gatehouse.records.event import Event
from gatehouse.testing.memory import MemoryLedger


@pytest.fixture(scope="module")
def judge() -> Judge:
    return make_judge()


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return tmp_path / "history.snapshot"


def filled(judge: Judge, n: int = 4) -> tuple[MemoryLedger, LiveHistory]:
    ledger, history = MemoryLedger(), LiveHistory(judge.features.plan)
    decide(judge, ledger, [make_post(f"e{i}", i) for i in range(n)], 9, history)
    return ledger, history


def posts_before(judge: Judge, ledger: MemoryLedger, history: LiveHistory) -> object:
    decide(judge, ledger, [make_post("next", 10)], 9, history)
    found = ledger.find("next")
    assert found is not None
    return found.features["posts_1h"]


def test_only_what_came_after_the_snapshot_is_replayed(judge: Judge, snapshot: Path) -> None:
    ledger, history = filled(judge)
    keep(ledger, judge, history, snapshot)
    decide(judge, ledger, [make_post("late", 5)], 9, history)
    restored, said = restore(ledger, judge, snapshot)
    assert said == ("1 event replayed from the ledger",)
    assert posts_before(judge, ledger, restored) == 5


def test_a_first_start_replays_nothing(judge: Judge, snapshot: Path) -> None:
    history, said = restore(MemoryLedger(), judge, snapshot)
    assert said == (
        f"{snapshot}: no snapshot can be read: No such file or directory; the whole log is replayed instead",
        "0 events replayed from the ledger",
    )
    assert history.clock == 0


@pytest.mark.parametrize("harm", ["cut", "changed", "emptied"])
def test_a_damaged_snapshot_is_said_and_all_is_replayed(judge: Judge, snapshot: Path, harm: str) -> None:
    ledger, history = filled(judge)
    keep(ledger, judge, history, snapshot)
    content = bytearray(snapshot.read_bytes())
    content[len(content) // 2] ^= 1
    snapshot.write_bytes({"cut": content[: len(content) // 2], "changed": content, "emptied": b""}[harm])
    restored, said = restore(ledger, judge, snapshot)
    assert said == (
        f"{snapshot}: the snapshot is damaged: it is cut or was changed; the whole log is replayed instead",
        "4 events replayed from the ledger",
    )
    assert posts_before(judge, ledger, restored) == 4


def test_a_snapshot_of_other_values_or_another_ledger_is_said_and_not_used(judge: Judge, snapshot: Path) -> None:
    ledger, history = filled(judge)
    save(snapshot, history, 4, "another")
    restored, said = restore(ledger, judge, snapshot)
    assert said[0].startswith(f"{snapshot}: the snapshot is of version another of the features, not ")
    assert said[1] == "4 events replayed from the ledger"
    assert posts_before(judge, ledger, restored) == 4
    keep(ledger, judge, restored, snapshot)
    older, _ = filled(judge, 3)
    restored, said = restore(older, judge, snapshot)
    assert said == (
        f"{snapshot}: the snapshot knows 5 events, and the ledger holds 3; the whole log is replayed instead",
        "3 events replayed from the ledger",
    )
    assert posts_before(judge, older, restored) == 3


def test_a_snapshot_that_cannot_be_written_is_said(judge: Judge, snapshot: Path) -> None:
    ledger, history = filled(judge)
    with pytest.raises(OutsideError, match="the snapshot cannot be written"):
        keep(ledger, judge, history, snapshot / "deeper")


_STOPS = st.sampled_from(["go on", "go on", "keep", "kill", "keep and kill", "damage and kill"])


@settings(deadline=None, max_examples=60)
@given(batches=post_batches(), stops=st.lists(_STOPS, min_size=8, max_size=8), block=st.sampled_from([1, 3, 10_000]))
def test_a_history_killed_at_any_moment_goes_on_as_if_it_had_not(
    judge: Judge,
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[Event]],
    stops: list[str],
    block: int,
) -> None:
    snapshot = tmp_path_factory.mktemp("restore") / "history.snapshot"
    whole, killed = MemoryLedger(), MemoryLedger()
    steady, history = LiveHistory(judge.features.plan), LiveHistory(judge.features.plan)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(restoring, "BLOCK", block)
        for batch, stop in zip(batches, stops, strict=False):
            decide(judge, whole, batch, 5, steady)
            decide(judge, killed, batch, 5, history)
            if "keep" in stop:
                keep(killed, judge, history, snapshot)
            if "damage" in stop and snapshot.exists():
                snapshot.write_bytes(snapshot.read_bytes()[:-3])
            if "kill" in stop:
                history, _ = restore(killed, judge, snapshot)
            assert history.clock == steady.clock
    assert killed.log() == whole.log()
    for _, event in whole.log():
        first, second = whole.find(event.id), killed.find(event.id)
        assert first is not None
        assert second is not None
        assert [second.features[name] for name in WINDOWS] == [first.features[name] for name in WINDOWS]
        assert second == first
