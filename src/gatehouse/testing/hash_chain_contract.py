"""What every ledger promises of its hash chain; a part of the contract of ledgers."""

import pytest

from gatehouse.errors import UserError
from gatehouse.ports.ledger import Ledger
from gatehouse.records.hash_chain import GENESIS, linked
from gatehouse.testing.makers import make_decision, make_event, make_judged


class HashChainContract:
    """The tests of links, on the fixture `ledger`."""

    def test_each_decision_is_linked_to_the_one_before(self, ledger: Ledger) -> None:
        """One link for each decision on record, in the order of commit; what was not recorded has none."""
        assert list(ledger.heads()) == []
        events = [make_event(f"e{i}") for i in range(5)]
        ledger.commit([make_judged(event) for event in events[:3]])
        ledger.commit([make_judged(events[0], decision=make_decision(events[0], id="late")), make_judged(events[3])])
        with pytest.raises(UserError):
            ledger.commit([make_judged(events[4]), make_judged(make_event("e1", "other words"))])
        following = make_decision(events[1], id="following", supersedes="d-e1-0")
        ledger.commit([make_judged(events[1], decision=following)])
        (head,) = ledger.heads()
        walked = ledger.walk(head.writer)
        assert [one.link.decision_id for one in walked] == ["d-e0-0", "d-e1-0", "d-e2-0", "d-e3-0", "following"]
        assert [one.link.seq for one in walked] == [1, 2, 3, 4, 5]
        assert [one.link.writer for one in walked] == [head.writer] * 5
        assert walked[-1].link == head
        before = GENESIS
        for one in walked:
            assert one.content == "whole"
            assert one.opened is not None
            assert one.link.hash == linked(before, one.link.sealed, one.opened)
            before = one.link.hash
        assert len({one.link.sealed for one in walked}) == 5
        assert list(ledger.walk(head.writer, after=2, most=2)) == list(walked[2:4])
        assert list(ledger.walk(head.writer, after=-(1 << 63) - 1, most=2)) == list(walked[:2])
        assert list(ledger.walk("nobody")) == []

    def test_a_chain_is_entered_at_a_moment(self, ledger: Ledger) -> None:
        """At the first decision made then or later."""
        for id_, decided in {"a": 10, "b": 20, "c": 30}.items():
            event = make_event(id_)
            ledger.commit([make_judged(event, decision=make_decision(event, decided=decided))])
        (head,) = ledger.heads()
        assert [ledger.first_since(head.writer, since) for since in (0, 20, 21, 31)] == [1, 2, 3, None]
