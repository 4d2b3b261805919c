"""Golden figures: what a release makes of a pack's own items, counted with an exact interval."""

import msgspec
import pytest

from gatehouse.bootstrap import House
from gatehouse.errors import UserError
from gatehouse.flows import packs, releases
from gatehouse.flows.golden import golden, in_words
from gatehouse.records.policy import Example


def test_items_are_counted_by_whether_they_come_out_as_they_say(house: House) -> None:
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, ["spam"]))
    policy = judge.policies[0].policy
    items = [
        Example(
            id="known", text="gatehouse canary text: known spam sample 1", labels=("spam",), clause="S1", why="bank"
        ),
        Example(id="wrong", text="gatehouse canary text: known spam sample 1", labels=(), clause="S1", why="none"),
    ]
    found = golden(judge, policy, items)
    assert (found.n, found.as_expected, found.others, found.stale) == (2, 1, (("wrong", "violating"),), ())
    assert found.interval.estimate == 0.5
    assert in_words(found) == [
        "1 of 2 golden items come out as they say (95 % interval 1.26 % to 98.7 %); wrong comes out violating"
    ]
    assert found.interval.low == pytest.approx(0.0126, abs=1e-4), "Clopper and Pearson for 1 of 2"


def test_items_whose_clause_reads_otherwise_in_the_pack_than_in_the_release_are_stale(house: House) -> None:
    pack = packs.load("spam")
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, ["spam"]))
    first, *rest = pack.policy.clauses
    written = msgspec.structs.replace(
        pack.policy, clauses=(msgspec.structs.replace(first, text="Something else."), *rest)
    )
    found = golden(judge, written, pack.examples)
    named = {example.id for example in pack.examples if example.clause == first.id}
    assert {id_ for id_, reason in found.stale if reason == f"clause {first.id} has another text"} == named


def test_a_pack_without_items_says_so(house: House) -> None:
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, ["spam"]))
    with pytest.raises(UserError, match="'spam' has no golden items"):
        golden(judge, judge.policies[0].policy, ())
