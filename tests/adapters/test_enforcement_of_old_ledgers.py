"""A ledger from before there was a performer: everything reads back, and nothing of it is done by surprise."""

from alembic import command

from gatehouse.adapters.sql.engine import Database, migrations
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.outbox import SqlOutbox
from gatehouse.flows.held import approve
from gatehouse.ports.outbox import Waiting
from gatehouse.records.enforcement import Enforcement
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged


def test_what_was_planned_before_is_held_for_a_person(database: Database) -> None:
    ledger = SqlLedger(database)
    shadow, live = make_event("shadow"), make_event("live")
    ledger.commit([make_judged(live), make_judged(shadow, decision=make_decision(shadow, mode="shadow"))])
    with database.writing() as connection:
        command.downgrade(migrations(connection), "0003")
    database.close()
    reopened = Database(database.path)
    ledger, outbox = SqlLedger(reopened), SqlOutbox(reopened)
    old = Enforcement(
        id="n-d-live-0",
        decision_id="d-live-0",
        event_id="live",
        policy="spam",
        kind="remove",
        state="held",
        policy_version="p1",
        step="certain_spam",
    )
    assert outbox.find() == [old]
    assert outbox.waiting() == Waiting(0, 1, None)
    assert outbox.lease("p1", 9, NOW * 2, NOW * 2 + 1) == []
    assert outbox.over(NOW * 2, 9) == []
    (change,) = outbox.changes(old.id)
    assert (change.state, change.at, change.why) == ("held", NOW + 1, "planned while nothing carried it out")
    found, tried = ledger.find("live"), ledger.find("shadow")
    assert found is not None
    assert tried is not None
    assert found.decision == make_decision(live)
    assert list(found.enforcements) == [old]
    assert [one.state for one in tried.enforcements] == ["planned"]
    approve(outbox, old.id, by="sam", why="still wanted", now=NOW + 9)
    assert [one.enforcement.id for one in outbox.lease("p1", 9, NOW + 9, NOW + 99)] == [old.id]
    ledger.commit([make_judged(make_event("new"))])
    assert [one.enforcement.event_id for one in outbox.lease("p1", 9, NOW + 9, NOW + 99)] == ["new"]
    reopened.close()
