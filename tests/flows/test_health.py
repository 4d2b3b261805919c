"""Readiness: what stops decisions, what only lessens them, and an answer in time whatever hangs."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from gatehouse.errors import Fault, OutsideError
from gatehouse.flows import health
from gatehouse.flows.health import Check, Question, Readiness
from gatehouse.flows.releases import Shelf
from gatehouse.ports.dead_letters import DeadLetters
from gatehouse.ports.ledger import Ledger
from gatehouse.ports.outbox import Outbox, Waiting
from gatehouse.records.enforcement import BreakerChange
from gatehouse.testing.makers import NOW, make_event, make_judged
from gatehouse.testing.memory import MemoryLedger


def down(*_: object) -> Any:
    raise OutsideError("no answer", where="db", fix="start it")


def asked(question: Question) -> Check:
    (check,) = Readiness([question], seconds=5.0)().checks
    return check


def ok(name: str) -> Question:
    return Question(name, lambda: Check(name=name, state="ok", what="well"))


class Waits:
    """An outbox and dead letters of which so many wait."""

    def __init__(self, waiting: Waiting, tripped: tuple[BreakerChange, ...] = (), letters: int = 0) -> None:
        self._waiting, self._tripped, self.letters = waiting, tripped, letters

    def waiting(self) -> Any:
        return self._waiting

    def tripped(self) -> Any:
        return self._tripped


def outbox(waiting: Waiting, *tripped: BreakerChange) -> Outbox:
    return cast(Outbox, Waits(waiting, tripped))


def test_the_worst_state_is_the_whole_s_and_only_broken_is_not_ready() -> None:
    degraded = Question("b", down, "degraded")
    broken = Question("c", down, "broken")
    assert (Readiness([])().state, Readiness([ok("a")])().ready) == ("ok", True)
    one, all_ = Readiness([ok("a"), degraded])(), Readiness([ok("a"), degraded, broken])()
    assert (one.state, one.ready) == ("degraded", True)
    assert (all_.state, all_.ready) == ("broken", False)
    assert [check.name for check in all_.checks] == ["a", "b", "c"]


def test_an_error_is_told_with_its_place_and_next_step_others_by_kind_alone() -> None:
    check = asked(Question("x", down, "broken", mend="look"))
    assert (check.state, check.what, check.mend) == ("broken", "db: no answer", "start it")

    def odd() -> Check:
        raise KeyError("what somebody wrote")

    check = asked(Question("x", odd, "degraded", mend="look"))
    assert (check.what, check.mend) == ("asking failed (KeyError)", "look")


def test_what_hangs_costs_a_second_and_itself_alone() -> None:
    held = threading.Event()

    def hang() -> Check:
        held.wait(30.0)
        return Check(name="x", state="ok", what="late")

    ready = Readiness(
        [Question("redis", hang, "broken", "degraded", "see Redis"), Question("db", hang, "ok", "broken"), ok("disk")],
        seconds=0.1,
    )
    begun = time.monotonic()
    found = ready()
    assert time.monotonic() - begun < 1.0
    held.set()
    assert [check.state for check in found.checks] == ["degraded", "broken", "ok"]
    assert found.checks[0].what.startswith("has not answered for 0.")
    assert found.checks[0].mend == "see Redis"


def test_an_answer_that_grows_old_while_another_hangs_is_not_asked_for_again() -> None:
    held, times = threading.Event(), iter(range(9))

    def hang() -> Check:
        held.wait(5.0)
        return Check(name="a", state="ok", what="late")

    def soon() -> Check:
        time.sleep(0.05)
        return Check(name="b", state="ok", what=f"{next(times)}")

    found = Readiness([Question("a", hang), Question("b", soon, keep=0.1)], seconds=0.4)()
    held.set()
    assert [(check.name, check.what) for check in found.checks][1:] == [("b", "0")]
    assert found.checks[0].what.startswith("has not answered for 0.")


def test_answers_are_kept_for_a_moment() -> None:
    times = [0]

    def count() -> Check:
        times[0] += 1
        return Check(name="x", state="ok", what="")

    ready = Readiness([Question("x", count, keep=60.0)])
    for _ in range(5):
        ready()
    assert times == [1]


@pytest.mark.parametrize(
    ("question", "state", "what"),
    [
        (health.of_ledger(lambda: "0009", "0009"), "ok", "the ledger answers, schema 0009"),
        (health.of_ledger(lambda: "0010", "0009"), "broken", "the ledger has schema 0010, this process knows 0009"),
        (health.of_ledger(down, "0009"), "broken", "db: no answer"),
        (health.of_writing(lambda: None), "ok", "the ledger takes writes"),
        (health.of_writing(down), "broken", "db: no answer"),
        (health.of_releases(lambda: {"spam": "r1"}, lambda: True), "ok", "deciding by spam r1"),
        (health.of_releases(dict, lambda: True), "broken", "no release is live"),
        (health.of_releases(lambda: {"spam": "r1"}, lambda: False), "broken", "the judge is still being warmed"),
        (health.of_history(list), "ok", "the shared history answers"),
        (health.of_history(lambda: [Fault("is a replica", "", "name its master")]), "degraded", "is a replica"),
        (health.of_history(down), "degraded", "db: no answer"),
        (health.of_bus(lambda: 3.0, 30.0), "ok", "the bus answers"),
        (health.of_bus(lambda: 31.0, 30.0), "broken", "no poll of the bus came back for 31 s"),
    ],
)
def test_what_is_asked_and_what_it_means(question: Question, state: str, what: str) -> None:
    check = asked(question)
    assert check.state == state
    assert what in check.what
    assert bool(check.mend) == (state != "ok")


def test_a_late_right_to_write_alone_stops_nothing_a_late_ledger_does() -> None:
    assert health.of_writing(down).late == "degraded"
    assert health.of_ledger(down, "").late == "broken"


def test_an_old_outbox_a_tripped_breaker_and_dead_letters_want_somebody_to_look() -> None:
    clock: Callable[[], int] = lambda: NOW + 301_000_000  # noqa: E731
    assert asked(health.of_outbox(outbox(Waiting(0, 2, None)), clock)).what == "0 enforcements are planned, 2 held"
    old = asked(health.of_outbox(outbox(Waiting(3, 0, NOW)), clock))
    assert (old.state, old.mend) == ("degraded", "gatehouse perform")
    assert old.what.endswith("the oldest planned for 301 s")
    tripped = BreakerChange(policy="spam", state="tripped", at=NOW, by="gatehouse", why="much")
    breakers = asked(health.of_breakers(outbox(Waiting(0, 0, None), tripped)))
    assert (breakers.state, breakers.what) == ("degraded", "breakers tripped: spam")
    assert "gatehouse enforcements reset spam" in breakers.mend
    assert asked(health.of_breakers(outbox(Waiting(0, 0, None)))).state == "ok"
    letters = asked(health.of_letters(cast(DeadLetters, Waits(cast(Waiting, 2)))))
    assert (letters.state, letters.what) == ("degraded", "2 dead letters wait for somebody to look")
    assert asked(health.of_letters(cast(DeadLetters, Waits(cast(Waiting, 0))))).state == "ok"


def test_room_on_the_disk_is_degraded_under_what_is_wanted_and_broken_under_a_sixteenth(tmp_path: Path) -> None:
    nowhere = tmp_path / "not" / "there"
    assert asked(health.of_disk(nowhere, 1)).state == "ok"
    import shutil

    free = shutil.disk_usage(tmp_path).free
    assert asked(health.of_disk(nowhere, 2 * free)).state == "degraded"
    assert asked(health.of_disk(nowhere, 100 * free)).state == "broken"


@pytest.mark.parametrize(
    ("imported", "behind", "state"), [(False, 0, "ok"), (False, 90_000_000, "degraded"), (True, 90_000_000, "ok")]
)
def test_a_clock_behind_the_record_is_told_of_but_not_for_imported_times(
    imported: bool, behind: int, state: str
) -> None:
    ledger = MemoryLedger()
    assert asked(health.of_clock(cast(Ledger, ledger), lambda: NOW)).state == "ok"
    ledger.commit([make_judged(make_event(imported=imported))])
    check = asked(health.of_clock(cast(Ledger, ledger), lambda: NOW - behind))
    assert check.state == state
    assert (check.what == "the clock is 90 s behind what is on record") == (state == "degraded")


def test_a_changed_model_file_is_degraded_for_what_runs_goes_on() -> None:
    class Models:
        def release(self, pack: str, version: str) -> Any:
            return type("R", (), {"detectors": {"spam.linear": "d1"}, "features": "f1"})

        def model(self, name: str, version: str) -> Any:
            return type("M", (), {"files": {"model.bin": version}})

    class Files:
        def get(self, name: str, digest: str) -> bytes:
            if digest == self.lost:
                raise OutsideError(f"{name} is missing", fix="bring it back")
            return b""

        lost = ""

    files = Files()
    shelf = Shelf(cast(Any, Models()), cast(Any, files))
    assert asked(health.of_models(shelf, lambda: {"spam": "r1"})).what == "2 model files are whole"
    files.lost = "d1"
    check = asked(health.of_models(shelf, lambda: {"spam": "r1"}))
    assert (check.state, check.what) == ("degraded", "spam.linear/model.bin is missing")
