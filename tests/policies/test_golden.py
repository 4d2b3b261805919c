"""Golden items: a change of policy marks just those that it touches, and says why."""

import msgspec
import pytest

from gatehouse.policies.golden import stale
from gatehouse.records.policy import Clause, Example, Policy
from gatehouse.testing.makers import make_policy

CLAUSES = (
    Clause(id="S1", title="Offers", text="Nobody asked."),
    Clause(id="S2", title="Prizes", text="They do not exist."),
)
BEFORE = make_policy(clauses=CLAUSES)
OFFER = Example(id="offer", text="buy now", labels=("spam",), clause="S1", why="an offer")
PRIZE = Example(id="prize", text="you won", labels=("spam",), clause="S2", why="a prize")
LUNCH = Example(id="lunch", text="see you", labels=(), clause=None, why="harmless")
EXAMPLES = (OFFER, PRIZE, LUNCH)


def changed(**clause: str) -> Policy:
    return make_policy(version="p2", clauses=(CLAUSES[0], msgspec.structs.replace(CLAUSES[1], **clause)))


def reasons(after: Policy) -> dict[str, str]:
    return {example.id: reason for example, reason in stale(BEFORE, after, EXAMPLES)}


def test_without_a_change_of_clauses_nothing_is_stale() -> None:
    after = make_policy(version="p2", clauses=tuple(reversed(CLAUSES)), text="Another preface.", owner="somebody else")
    assert stale(BEFORE, after, EXAMPLES) == []


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ({"text": "They cost."}, "clause S2 has another text"),
        ({"title": "Gifts"}, "clause S2 has another title"),
        ({"title": "Gifts", "text": "They cost."}, "clause S2 has another title and another text"),
    ],
)
def test_a_changed_clause_touches_its_own_items_and_those_without_a_clause(clause: dict[str, str], said: str) -> None:
    assert reasons(changed(**clause)) == {
        "prize": said,
        "lunch": "to be looked at: it names no clause, and clause S2 changed",
    }


def test_a_removed_clause_is_named() -> None:
    after = make_policy(version="p2", clauses=CLAUSES[:1])
    assert reasons(after)["prize"] == "clause S2 was removed"


def test_a_new_clause_touches_only_items_without_one() -> None:
    after = make_policy(version="p2", clauses=(*CLAUSES, Clause(id="S3", title="Loans", text="None.")))
    assert reasons(after) == {"lunch": "to be looked at: it names no clause, and clause S3 changed"}


def test_a_label_that_no_step_reads_any_more_is_named() -> None:
    steps = tuple(msgspec.structs.replace(step, label="scam") for step in BEFORE.steps)
    after = make_policy(version="p2", clauses=CLAUSES, steps=steps)
    assert reasons(after) == {
        "offer": "no step is left for its label spam",
        "prize": "no step is left for its label spam",
    }
