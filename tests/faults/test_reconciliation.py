"""The reconciliation finds what it is there to find: broken records one by one, then broken processes."""

import random
import signal
from collections.abc import Callable
from dataclasses import replace
from time import sleep

import msgspec
import pytest
from tests.faults.counted import wrong_counts
from tests.faults.freezing import freeze

from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.records.api import DecisionAnswer
from gatehouse.testing.faults_fleet import Fleet, Place, trial, wait_for
from gatehouse.testing.faults_forks import Forks
from gatehouse.testing.faults_receiver import Receiver, receiving
from gatehouse.testing.faults_reconcile import Kept, Reconciliation, Sent, reconcile
from gatehouse.testing.makers import make_decision, make_event, make_judged

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]

SABOTAGE = "tests.faults.sabotage"
Sight = tuple[Sent, Kept, dict[str, int]]


def sound() -> Sight:
    """Three events by HTTP, of which one was refused, and two messages, of which one was set aside."""
    judged = [make_judged(make_event(id_), decision=make_decision(make_event(id_))) for id_ in ("e1", "e2", "e3")]
    decisions = [one.decision for one in judged]
    answers = [
        DecisionAnswer(
            event_id=one.event_id,
            revision=one.revision,
            decision_id=one.id,
            outcome=one.outcome,
            enforce=one.enforce,
            policies=one.policies,
            releases=one.releases,
            planned=(),
            decided=one.decided,
            known=False,
        )
        for one in decisions[:2]
    ]
    said = [{"id": one.event.id, "text": one.event.text} for one in judged]
    sent = Sent(
        answered=list(zip(said, answers, strict=False)),
        refused=[({"id": "e1", "text": "other"}, 409), ({"id": "bad", "text": 1}, 400)],
        messages=[msgspec.json.encode(said[2]), b'{"id":"bad","text":2}'],
    )
    deeds = [msgspec.structs.replace(deed, state="done") for one in judged for deed in one.enforcements]
    kept = Kept([(one.event.id, one.event.text) for one in judged], decisions, deeds, [sent.messages[1]], [])
    return sent, kept, {deed.id: 1 for deed in deeds}


def test_what_is_sound_agrees() -> None:
    found = reconcile(*sound())
    assert found.agrees, str(found)
    assert found.compared["answers"] == 4
    assert str(found).endswith("all agrees")


def without(sight: Sight) -> Sight:
    sent, kept, _ = sight
    return (
        sent,
        replace(kept, texts=kept.texts[:2], decisions=kept.decisions[:2], enforcements=kept.enforcements[:2]),
        {deed.id: 1 for deed in kept.enforcements[:2]},
    )


def taken_back(sent: Sent, kept: Kept, effects: dict[str, int], order: list[str]) -> Sight:
    """The first removal is undone, with effects in this order."""
    removal = kept.enforcements[0]
    undo = msgspec.structs.replace(removal, id=f"{removal.id}-undo", undoes=removal.id)
    deeds = [msgspec.structs.replace(removal, state="undone"), undo, *kept.enforcements[1:]]
    others = {id_: n for id_, n in effects.items() if id_ != removal.id}
    return sent, replace(kept, enforcements=deeds), dict.fromkeys(order, 1) | others


BROKEN: dict[str, Callable[[Sent, Kept, dict[str, int]], Sight]] = {
    "lost": lambda sent, kept, effects: without((sent, kept, effects)),
    "decided_twice": lambda sent, kept, effects: (
        sent,
        replace(kept, decisions=[*kept.decisions, kept.decisions[2]]),
        effects,
    ),
    "not_sent": lambda sent, kept, effects: (sent, replace(kept, texts=[*kept.texts, ("e9", "x")]), effects),
    "answered_otherwise": lambda sent, kept, effects: (
        replace(
            sent,
            answered=[(said, msgspec.structs.replace(one, enforce="none")) for said, one in sent.answered],
        ),
        kept,
        effects,
    ),
    "wrongly_refused": lambda sent, kept, effects: (sent, replace(kept, letters=[]), effects),
    "not_planned": lambda sent, kept, effects: (
        sent,
        replace(kept, enforcements=kept.enforcements[1:]),
        {one.id: 1 for one in kept.enforcements[1:]},
    ),
    "not_done": lambda sent, kept, effects: (
        sent,
        replace(kept, enforcements=[msgspec.structs.replace(one, state="planned") for one in kept.enforcements]),
        effects,
    ),
    "not_received": lambda sent, kept, effects: (sent, kept, {}),
    "repeated": lambda sent, kept, effects: (sent, kept, dict.fromkeys(effects, 2)),
    "not_wanted": lambda sent, kept, effects: (sent, kept, {**effects, "other": 1}),
    "out_of_order": lambda sent, kept, effects: taken_back(sent, kept, effects, ["n-d-e1-0-undo", "n-d-e1-0"]),
    "breaks": lambda sent, kept, effects: (sent, replace(kept, breaks=["changed: local 1"]), effects),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_each_kind_of_fault_is_found_and_no_other(kind: str) -> None:
    found = reconcile(*BROKEN[kind](*sound()))
    assert list(found.found()) == [kind], str(found)
    assert kind.replace("_", " ") in str(found)


def test_what_was_taken_back_has_an_effect_only_where_it_had_one_before() -> None:
    assert reconcile(*taken_back(*sound(), ["n-d-e1-0", "n-d-e1-0-undo"])).agrees
    assert reconcile(*taken_back(*sound(), [])).agrees
    assert list(reconcile(*taken_back(*sound(), ["n-d-e1-0"])).found()) == ["not_received"]
    assert list(reconcile(*taken_back(*sound(), ["n-d-e1-0-undo"])).found()) == ["not_wanted"]


def test_an_event_refused_though_it_was_sound_is_found() -> None:
    sent, kept, effects = sound()
    sent.refused.append(({"id": "e1", "text": kept.texts[0][1]}, 409))
    assert list(reconcile(sent, kept, effects).found()) == ["wrongly_refused"]


def after(
    forks: Forks, place: Place, receiver: Receiver, fault: Callable[[Fleet], object], **said: object
) -> Reconciliation:
    with trial(forks, place, receiver, **said) as run:  # type: ignore[arg-type]
        fault(run.fleet)
        return run.end(patience=10)


def test_offsets_committed_before_the_ledger_are_noticed(forks: Forks, place: Place, receiver: Receiver) -> None:
    def kill_at_work(fleet: Fleet) -> None:
        chance, database = random.Random(1), place.database()
        ledger = SqlLedger(database)
        for _ in range(6):
            before = ledger.last()
            wait_for(lambda before=before: ledger.last() > before, 20, "nothing is decided")
            sleep(chance.uniform(0.05, 0.2))
            fleet.kill("worker")
            fleet.start("worker")
        database.close()

    found = after(
        forks,
        place,
        receiver,
        kill_at_work,
        deployment={"worker": "worker", "performer": "performer"},
        instead={"worker": f"{SABOTAGE}:worker_that_commits_first"},
    )
    # Where all that was dropped was bad, what lacks is its letters.
    assert found.lost or found.wrongly_refused, str(found)


def test_windows_that_lack_what_others_recorded_are_noticed(forks: Forks, place: Place, receiver: Receiver) -> None:
    with trial(
        forks,
        place,
        receiver,
        deployment={"worker-1": "worker", "worker-2": "worker", "performer": "performer"},
        instead={"worker": f"{SABOTAGE}:worker_that_counts_nobody_else"},
    ) as run:
        # Both read all that comes, so the faster one may decide on nearly all of it: each is given a time of its own.
        first, second = (run.fleet.children[name] for name in ("worker-1", "worker-2"))
        freeze(first, place)
        database = place.database()
        ledger, before = SqlLedger(database), SqlLedger(database).last()
        wait_for(lambda: ledger.last() > before + 100, 60, "nothing is decided")
        database.close()
        first.signal(signal.SIGCONT)
        freeze(second, place)
        wrong, telling = wrong_counts(run, ways=["bus"])
        second.signal(signal.SIGCONT)
        found = run.end()
    assert telling
    assert wrong
    assert found.agrees, str(found)


def test_a_commit_that_was_answered_and_not_made_is_noticed(forks: Forks, place: Place, receiver: Receiver) -> None:
    found = after(
        forks,
        place,
        receiver,
        lambda fleet: sleep(1.5),
        deployment={"api": "api", "performer": "performer"},
        instead={"api": f"{SABOTAGE}:api_that_skips_commits"},
    )
    assert found.answered_otherwise, str(found)


def test_deeds_only_said_to_be_done_and_a_receiver_that_ignores_keys_are_noticed(forks: Forks, place: Place) -> None:
    hangs_up_at_first = lambda key, times: None if times == 1 and hash(key) % 4 == 0 else 204  # noqa: E731
    with receiving(honours=False, answer=hangs_up_at_first) as receiver:
        found = after(
            forks,
            place,
            receiver,
            lambda fleet: wait_for(lambda: receiver.effects.total() > 60, 20, "no effects"),
            deployment={"worker": "worker", "performer": "performer"},
            instead={"performer": f"{SABOTAGE}:performer_that_only_says_so"},
        )
    assert list(found.found()) == ["not_received", "repeated"], str(found)
