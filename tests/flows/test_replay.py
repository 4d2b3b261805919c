"""A stored decision is decided the same again, and a difference is named."""

from dataclasses import replace

import msgspec
import pytest
from tests.flows.conftest import PACKS

from gatehouse.bootstrap import House
from gatehouse.flows import live, releases
from gatehouse.flows.judge import Judge
from gatehouse.flows.replay import replay, with_stored
from gatehouse.ports.ledger import ConflictError, Judged
from gatehouse.records.event import Entity, Event, to_batch

TEXTS = {
    "p1": "FREE entry, txt WIN to 80000 to claim your prize",
    "p2": "see you at lunch",
    "p3": None,
    "p4": "gatehouse canary text: known spam sample 1",
}


@pytest.fixture(scope="module")
def judge(house: House) -> Judge:
    return releases.open_judge(house.shelf, releases.live(house.shelf, PACKS))


@pytest.fixture(scope="module")
def stored(house: House, judge: Judge) -> dict[str, Judged]:
    live.decide(judge, house.ledger, [Event(id=id_, text=text) for id_, text in TEXTS.items()], now=5)
    found = {id_: house.ledger.find(id_) for id_ in TEXTS}
    assert all(found.values())
    return {id_: one for id_, one in found.items() if one}


@pytest.mark.parametrize("event_id", TEXTS)
def test_a_stored_decision_replays_to_itself(stored: dict[str, Judged], judge: Judge, event_id: str) -> None:
    assert replay(stored[event_id], judge).same


def test_a_changed_signal_is_named(stored: dict[str, Judged], judge: Judge) -> None:
    one = stored["p2"]
    changed = [
        msgspec.structs.replace(signal, score=0.999) if signal.detector == "spam.linear" else signal
        for signal in one.signals
    ]
    again = replay(replace(one, signals=changed), judge)
    assert any("policy 'spam' concludes undecided" in said for said in again.decision)
    assert any(said.startswith("spam.linear on 'spam' said scored 0.999; anew scored") for said in again.signals)


def test_a_changed_decision_is_named(stored: dict[str, Judged], judge: Judge) -> None:
    one = stored["p4"]
    decision = msgspec.structs.replace(one.decision, outcome="clear", enforce="none")
    again = replay(replace(one, decision=decision), judge)
    assert again.decision == ("decided clear, none; again violating, remove",)


def test_a_known_event_keeps_its_decision_and_other_content_is_a_conflict(house: House, judge: Judge) -> None:
    first = live.decide(judge, house.ledger, [Event(id="k1", text="one")], now=7)
    again = live.decide(judge, house.ledger, [Event(id="k1", text="one", seen=99)], now=8)
    assert first == again
    with pytest.raises(ConflictError, match="k1"):
        live.decide(judge, house.ledger, [Event(id="k1", text="two"), Event(id="k2", text="new")], now=9)
    assert house.ledger.find("k2") is None


def test_what_violates_is_planned_and_what_asks_for_a_person_is_a_case(stored: dict[str, Judged]) -> None:
    known = stored["p4"]
    assert [(deed.kind, deed.policy, deed.state) for deed in known.enforcements] == [("remove", "spam", "planned")]
    asking = {id_: {said.policy for said in one.decision.policies if said.review} for id_, one in stored.items()}
    assert asking["p1"]
    assert {id_: {case.policy for case in one.cases} for id_, one in stored.items()} == asking


def test_what_no_detector_could_read_stays_undecided_and_asks_nobody(stored: dict[str, Judged]) -> None:
    blank = stored["p3"]
    assert {said.outcome for said in blank.decision.policies} == {"undecided"}
    assert all("no text" in said.reason for said in blank.decision.policies)
    assert not blank.cases


def test_windows_are_replayed_as_they_were_used(judge: Judge) -> None:
    batch = to_batch([Event(id="w1", text="see you at lunch", actor=Entity("account", "a"))])
    features = judge.features.compute(batch)
    used = with_stored(features, {"messages_1h": 7, "same_text_share_1d": 0.5}, ("messages_1h", "recipients_1h"))
    assert used.column("messages_1h").to_pylist() == [7]
    assert used.column("same_text_share_1d").to_pylist() == [0.5]
    assert "recipients_1h" not in used.schema.names, "a window that could not be read stays unavailable"


def test_a_decision_without_its_history_replays_to_itself(house: House, judge: Judge) -> None:
    batch = to_batch([Event(id="h1", text="see you at lunch", actor=Entity("account", "a"))])
    prepared = judge.prepare(batch)
    features = judge.whole(prepared, None)
    live.record(house.ledger, batch, features, judge.conclude(prepared, features), judge.releases, 5)
    one = house.ledger.find("h1")
    assert one is not None
    assert "messages_1h" not in one.features
    assert [signal.state for signal in one.signals if signal.detector == "spam.rules"] == ["failed"]
    assert replay(one, judge).same
