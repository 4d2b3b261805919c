"""Several processes that try one canary: each looks at its own part, and what that costs."""

from itertools import count

from gatehouse.flows.halt import Watch
from gatehouse.ports.ledger import Judged
from gatehouse.records.event import Entity
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged, make_outcome


def said(n: int, enforce: str) -> Judged:
    event = make_event(f"e{n}", actor=Entity("account", f"a{n}"))
    decision = make_decision(event, policies=(make_outcome(enforce=enforce),))
    return make_judged(event, decision=decision, signals=(), enforcements=(), cases=())


def actors_until_one_halts(processes: int) -> int:
    watches = [Watch("spam", "r2") for _ in range(processes)]
    for n in count():
        one = watches[n % processes]
        one.add([said(n, "none")], [said(n, "remove")], NOW)
        if one.verdict() is not None:
            return n + 1
    raise AssertionError


def test_of_several_processes_each_needs_all_of_its_own_proof() -> None:
    alone = actors_until_one_halts(1)
    assert alone > 1
    for processes in (2, 5):
        assert actors_until_one_halts(processes) == processes * (alone - 1) + 1
