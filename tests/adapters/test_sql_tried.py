"""Decisions by the releases that made them, as a ledger holds them."""

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.tried import SqlTried
from gatehouse.ports.ledger import Judged
from gatehouse.ports.tried import Beside, Made
from gatehouse.records.decision import Decision
from gatehouse.records.event import Entity
from gatehouse.testing.makers import make_decision, make_event, make_judged, make_outcome


def judged(id_: str, version: str, mode: str = "live", at: int = 10, **said: object) -> Judged:
    event = make_event(id_, actor=Entity("account", f"of {id_}"))
    known = {"id": f"{id_}-{version}-{mode}", "mode": mode, "decided": at, "releases": {"spam": version}, **said}
    policies = (make_outcome(policy_version=f"p of {version}"),)
    decision = make_decision(event, **{"policies": policies, **known})
    return make_judged(event, decision=decision, enforcements=(), cases=())


def test_decisions_are_counted_by_release_and_mode(either: Database) -> None:
    ledger = SqlLedger(either)
    ledger.commit(
        [
            judged("e1", "r1", at=10),
            judged("e2", "r1", at=30, releases={"spam": "r1", "hate": "h1"}),
            judged("e3", "r2", at=20),
            judged("e1", "r2", "shadow", at=40),
        ]
    )
    tried = SqlTried(either)
    assert tried.made("spam") == [
        Made("r1", "live", 2, 10, 30),
        Made("r2", "live", 1, 20, 20),
        Made("r2", "shadow", 1, 40, 40),
    ]
    assert tried.made("hate") == [Made("h1", "live", 1, 30, 30)]
    assert tried.made("other") == []


def test_a_shadow_decision_is_given_with_the_live_one_that_stands(either: Database) -> None:
    ledger = SqlLedger(either)
    live = [judged(f"e{n}", "r1") for n in range(4)]
    shadows = [judged(f"e{n}", "r2", "shadow", at=20 + n) for n in range(4)]
    alone = judged("e9", "r2", "shadow", at=90)
    later = judged("e1", "r1", at=15, id="by a person", supersedes="e1-r1-live", outcome="clear")
    for part in (live, [*shadows, alone], [later]):
        ledger.commit(part)
    standing: dict[str, Decision] = {one.event.id: one.decision for one in (*live, later)}
    tried = SqlTried(either)
    assert tried.beside("spam", "r2") == [
        Beside(f"account:of {one.event.id}", one.decision, standing[one.event.id]) for one in shadows
    ]
    assert [one.shadow.event_id for one in tried.beside("spam", "r2", since=22)] == ["e2", "e3"]
    assert [one.shadow.event_id for one in tried.beside("spam", "r2", most=3)] == ["e2", "e3"]
    assert tried.beside("spam", "r1") == []
