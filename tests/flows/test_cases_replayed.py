"""What a person superseded is still replayed from what is stored."""

from dataclasses import replace

from gatehouse.adapters.sql.cases import SqlCases
from gatehouse.adapters.sql.engine import Database
from gatehouse.bootstrap import House, open_enforcing
from gatehouse.flows import live, releases
from gatehouse.flows.appeals import Asked, contest
from gatehouse.flows.cases import Desk, close
from gatehouse.flows.replay import replay
from gatehouse.records.case import Closing
from gatehouse.records.event import Entity, Event


def test_an_overturned_decision_is_replayed_to_itself(house: House) -> None:
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, ("spam",)))
    text = "gatehouse canary text: known spam sample 1"
    live.decide(judge, house.ledger, [Event(id="contested", text=text, actor=Entity("account", "a1"))], now=5)
    before = house.ledger.find("contested")
    assert before is not None
    assert before.decision.outcome == "violating"
    parts = open_enforcing(house.settings)
    cases = SqlCases(Database(house.settings.ledger))
    desk = Desk(cases, parts.ledger, parts.outbox, parts.policy)
    _, taken = contest(desk, Asked("x", "account:a1", "a joke", event_id="contested"), vouched="platform", now=6)
    assert taken.case_id is not None
    close(desk, Closing(case_id=taken.case_id, finding="overturned", by="sam", why="it was", at=7))
    after = house.ledger.find("contested")
    assert after is not None
    assert (after.decision.outcome, after.decision.supersedes) == ("clear", before.decision.id)
    assert replay(replace(after, decision=before.decision), judge).same
