"""What every outbox promises; whoever writes one subclasses OutboxContract and gets the tests."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gatehouse.enforcement.undo import undoing
from gatehouse.errors import UserError
from gatehouse.ports.ledger import Ledger
from gatehouse.ports.outbox import End, Leased, Outbox, Share, Waiting
from gatehouse.records.enforcement import BreakerChange, Enforcement, State, StateChange
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged

LEASE = 60_000_000


def make_enforcement(id: str = "n1", **said: Any) -> Enforcement:
    """The planned removal of an event."""
    known = {"decision_id": "d-e1-0", "event_id": "e1", "policy": "spam", "kind": "remove", "policy_version": "p1"}
    return Enforcement(id=id, **{**known, **said})


def change(id: str, state: State = "done", at: int = NOW, by: str = "p1", **said: Any) -> StateChange:
    """A step of an enforcement to another state."""
    return StateChange(enforcement_id=id, state=state, at=at, by=by, **said)


def ended(leased: Leased, state: State = "done", at: int = NOW, **said: Any) -> End:
    """The end of a lease."""
    return End(leased, change(leased.enforcement.id, state, at, **said))


class OutboxContract:
    """Subclass it and give the fixtures `ledger`, empty, and `outbox`, of the same place; safe to share by threads."""

    @pytest.fixture
    def ledger(self) -> Ledger:
        """An empty ledger."""
        raise NotImplementedError("give a fixture `ledger`")

    @pytest.fixture
    def outbox(self, ledger: Ledger) -> Outbox:
        """The outbox into which that ledger plans."""
        raise NotImplementedError("give a fixture `outbox`")

    def decided(self, ledger: Ledger, *ids: str, **said: Any) -> list[Enforcement]:
        """The planned enforcements of a decision each; what is said holds for all of them."""
        judged = []
        for id_ in ids:
            event = make_event(id_)
            decision = make_decision(event)
            deed = make_enforcement(f"n-{id_}", event_id=id_, decision_id=decision.id, **said)
            judged.append(make_judged(event, decision=decision, enforcements=(deed,)))
        ledger.commit(judged)
        return [one.enforcements[0] for one in judged]

    def lease(self, outbox: Outbox, by: str = "p1", most: int = 10, now: int = NOW + 10) -> Sequence[Leased]:
        """Lease for a minute."""
        return outbox.lease(by, most, now, now + LEASE)

    def test_what_a_decision_plans_can_be_leased_as_it_was_planned(self, ledger: Ledger, outbox: Outbox) -> None:
        """Everything comes back, oldest first."""
        full = make_enforcement(
            subject="account:a1", kind="suspend", step="known", until=NOW + 5, undoes="x", follows="y"
        )
        event = make_event()
        ledger.commit([make_judged(event, enforcements=(full,))])
        (second,) = self.decided(ledger, "e2")
        assert outbox.waiting() == Waiting(2, 0, NOW + 1)
        assert [one.enforcement for one in self.lease(outbox)] == [full, second]
        assert outbox.changes(full.id) == []

    def test_what_is_leased_nobody_else_gets(self, ledger: Ledger, outbox: Outbox) -> None:
        """Until the lease is over or ended."""
        self.decided(ledger, *"abc")
        mine = self.lease(outbox, most=2)
        theirs = self.lease(outbox, "p2")
        assert [one.enforcement.event_id for one in (*mine, *theirs)] == ["a", "b", "c"]
        assert list(self.lease(outbox, "p3")) == []

    def test_performers_at_once_never_hold_the_same(self, ledger: Ledger, outbox: Outbox) -> None:
        """Each enforcement goes to one of them."""
        ids = [f"e{i}" for i in range(40)]
        self.decided(ledger, *ids)

        def work(name: str) -> list[str]:
            got: list[str] = []
            while leased := self.lease(outbox, name, 3):
                got += [one.enforcement.event_id for one in leased]
            return got

        with ThreadPoolExecutor(4) as threads:
            got = [id_ for part in threads.map(work, ("p1", "p2", "p3", "p4")) for id_ in part]
        assert sorted(got) == sorted(ids)

    def test_a_lease_that_ran_out_is_taken_again_and_the_late_end_is_refused(
        self, ledger: Ledger, outbox: Outbox
    ) -> None:
        """Even where both performers bear the same name."""
        self.decided(ledger, "a")
        (late,) = self.lease(outbox)
        (again,) = self.lease(outbox, now=NOW + 10 + LEASE)
        assert (late.attempt, again.attempt) == (1, 2)
        assert outbox.end([ended(late, "failed")]) == [False]
        assert outbox.changes("n-a") == []
        assert outbox.end([ended(again, receipt="r")]) == [True]
        assert outbox.changes("n-a") == [change("n-a", receipt="r")]
        assert outbox.end([ended(again)]) == [False]

    def test_a_lease_ends_once_among_many_ends(self, ledger: Ledger, outbox: Outbox) -> None:
        """Whatever other ends of the same enforcement lie beside the right one."""
        self.decided(ledger, "a", "b")
        late, other = self.lease(outbox)
        again, _ = self.lease(outbox, now=NOW + 10 + LEASE)
        ends = [ended(late, "failed"), ended(again), ended(again, "failed"), ended(other)]
        assert outbox.end(ends) == [False, True, False, False]
        assert outbox.changes("n-a") == [change("n-a")]
        assert [one.state for one in outbox.find()] == ["done", "planned"]

    def test_an_end_after_the_lease_counts_where_nobody_took_it(self, ledger: Ledger, outbox: Outbox) -> None:
        """What was done was done."""
        self.decided(ledger, "a")
        (late,) = self.lease(outbox)
        assert outbox.end([ended(late, at=NOW + 2 * LEASE)]) == [True]
        assert list(self.lease(outbox, now=NOW + 3 * LEASE)) == []

    def test_those_of_one_subject_are_done_in_order(self, ledger: Ledger, outbox: Outbox) -> None:
        """The next waits while the one before it is planned, and no longer when that is held, done or failed."""
        self.decided(ledger, *"abcd", subject="account:a1")
        states: tuple[State, ...] = ("done", "held", "failed")
        for state in states:
            leased = self.lease(outbox)
            assert len(leased) == 1
            assert list(self.lease(outbox, "p2")) == []
            outbox.end([ended(leased[0], state)])
        (last,) = self.lease(outbox)
        outbox.end([End(last, change("n-d", "planned"), again=NOW + 50)])
        assert [one.enforcement.id for one in self.lease(outbox, now=NOW + 50)] == ["n-d"]

    def test_urgent_ones_come_first_and_wait_for_nothing(self, ledger: Ledger, outbox: Outbox) -> None:
        """Neither for a backlog, nor for what is tried again and again on the same event, and they are leased once."""
        deeds = self.decided(ledger, *"abc")
        (removal,) = self.lease(outbox, most=1)
        outbox.end([End(removal, change("n-a", "planned", NOW + 10), again=NOW + 1000)])
        urgent = make_enforcement("u-a", decision_id=deeds[0].decision_id, event_id="a", kind="escalate")
        outbox.plan([urgent], NOW + 11)
        (first,) = self.lease(outbox, most=1, now=NOW + 11)
        assert first.enforcement == urgent
        assert [one.enforcement.id for one in self.lease(outbox, "p2", now=NOW + 11)] == ["n-b", "n-c"]
        outbox.end([End(first, change("u-a", "planned", NOW + 12), again=NOW + 20)])
        assert list(self.lease(outbox, now=NOW + 19)) == []
        (again,) = self.lease(outbox, now=NOW + 20)
        assert (again.enforcement.id, again.attempt) == ("u-a", 2)
        outbox.end([ended(again, at=NOW + 21)])
        outbox.plan([undoing(urgent)], NOW + 22)
        assert list(self.lease(outbox, now=NOW + 22)) == [], "what takes it back keeps the order"

    def test_what_is_given_back_untried_keeps_its_tries(self, ledger: Ledger, outbox: Outbox) -> None:
        """It can still be dropped, for nobody was told of it."""
        self.decided(ledger, "a")
        for _ in range(3):
            (leased,) = self.lease(outbox)
            assert leased.attempt == 1
            assert outbox.end([End(leased, change("n-a", "planned"), again=NOW + 10, tried=False)]) == [True]
        assert outbox.move(change("n-a", "undone", NOW + 20), ["planned"])

    def test_a_try_that_failed_comes_again_when_it_is_due(self, ledger: Ledger, outbox: Outbox) -> None:
        """Not before, and every try is on record."""
        self.decided(ledger, "a")
        (first,) = self.lease(outbox)
        outbox.end([End(first, change("n-a", "planned", why="gone"), again=NOW + 1000)])
        assert list(self.lease(outbox, now=NOW + 999)) == []
        (second,) = self.lease(outbox, now=NOW + 1000)
        assert second.attempt == 2
        assert outbox.changes("n-a") == [change("n-a", "planned", why="gone")]

    def test_planning_again_does_nothing(self, ledger: Ledger, outbox: Outbox) -> None:
        """The id is the key."""
        (deed,) = self.decided(ledger, "a")
        more = make_enforcement("more", decision_id=deed.decision_id, event_id="a", kind="limit", follows=deed.id)
        assert outbox.plan([more, deed], NOW + 9, by="sam", why="a reason") == ["more"]
        assert outbox.plan([more, deed], NOW + 9, by="kim", why="another") == []
        assert outbox.changes("more") == [change("more", "planned", NOW + 9, "sam", why="a reason")]
        assert outbox.waiting() == Waiting(2, 0, NOW + 1)
        assert outbox.find(decision_id=deed.decision_id) == [deed, more]
        found = ledger.find("a")
        assert found is not None
        assert list(found.enforcements) == [deed, more]

    def test_the_ledger_shows_present_states(self, ledger: Ledger, outbox: Outbox) -> None:
        """What was planned stays, its state moves on."""
        self.decided(ledger, "a")
        outbox.end([ended(self.lease(outbox)[0])])
        found = ledger.find("a")
        assert found is not None
        assert [one.state for one in found.enforcements] == ["done"]

    def test_what_undoes_another_undoes_it_when_it_is_done(self, ledger: Ledger, outbox: Outbox) -> None:
        """In one transaction, both on record."""
        (deed,) = self.decided(ledger, "a")
        outbox.end([ended(self.lease(outbox)[0])])
        outbox.plan([undoing(deed)], NOW + 20)
        (leased,) = self.lease(outbox, now=NOW + 20)
        assert leased.enforcement == undoing(deed)
        outbox.end([ended(leased, at=NOW + 30)])
        assert [one.state for one in outbox.find(decision_id=deed.decision_id)] == ["undone", "done"]
        assert outbox.changes("n-a") == [change("n-a"), change("n-a", "undone", NOW + 30)]

    def test_what_is_planned_beside_an_end_is_planned_only_with_it(self, ledger: Ledger, outbox: Outbox) -> None:
        """A refused end plans nothing."""
        (deed,) = self.decided(ledger, "a")
        (late,) = self.lease(outbox)
        (again,) = self.lease(outbox, now=NOW + 10 + LEASE)
        more = make_enforcement("more", decision_id=deed.decision_id, event_id="a", kind="limit")
        assert outbox.end([End(late, change("n-a", "held"), also=(more,))]) == [False]
        assert outbox.find(ids=["more"]) == []
        assert outbox.end([End(again, change("n-a", "held"), also=(more,))]) == [True]
        assert outbox.find(ids=["more"]) == [more]

    def test_nothing_stands_in_for_what_is_taken_back_already(self, ledger: Ledger, outbox: Outbox) -> None:
        """Whoever took it back while it was leased did not see the limit that comes after that."""
        (deed,) = self.decided(ledger, "a")
        (leased,) = self.lease(outbox)
        outbox.plan([undoing(deed)], NOW + 11)
        limit = make_enforcement("limit", decision_id=deed.decision_id, event_id="a", kind="limit", follows=deed.id)
        assert outbox.end([End(leased, change("n-a", "held"), also=(limit,))]) == [True]
        assert outbox.find(ids=["limit"]) == []

    def test_only_what_is_free_and_stands_so_is_moved(self, ledger: Ledger, outbox: Outbox) -> None:
        """One that a performer holds may be carried out at this moment."""
        self.decided(ledger, "a")
        undone = change("n-a", "undone", NOW + 20, "sam", why="a mistake")
        (leased,) = self.lease(outbox)
        assert not outbox.move(undone, ["planned", "held"])
        outbox.end([ended(leased, "held")])
        assert not outbox.move(undone, ["planned"])
        assert outbox.move(undone, ["planned", "held"])
        assert not outbox.move(undone, ["planned", "held"])
        assert outbox.changes("n-a") == [change("n-a", "held"), undone]
        assert outbox.find(states=["undone"]) == outbox.find()

    def test_what_may_have_been_carried_out_is_not_dropped(self, ledger: Ledger, outbox: Outbox) -> None:
        """A try that failed or never ended may have had its effect, also where it was held after that."""
        self.decided(ledger, *"abc")
        first, second, _ = self.lease(outbox)
        outbox.end([End(first, change("n-a", "planned"), again=NOW + 15), End(second, change("n-b", "planned"))])
        later = NOW + 10 + LEASE
        for id_ in ("n-a", "n-c"):
            assert not outbox.move(change(id_, "undone", later), ["planned"])
        (again, *_) = self.lease(outbox, now=later)
        outbox.end([ended(again, "held")])
        assert not outbox.move(change("n-a", "undone", later), ["held"])
        assert outbox.move(change("n-a", "planned", later), ["held"])
        assert not outbox.move(change("n-a", "undone", later), ["planned"])

    def test_approvals_come_with_the_lease(self, ledger: Ledger, outbox: Outbox) -> None:
        """Each person once, in order; holding is no try."""
        self.decided(ledger, "a")
        outbox.end([ended(self.lease(outbox)[0], "held", until=NOW + 500)])
        for by in ("sam", "kim", "sam"):
            assert outbox.move(change("n-a", "held", by=by, approves=True), ["held"])
        assert [one.id for one in outbox.over(NOW + 500, 9)] == ["n-a"]
        assert outbox.move(change("n-a", "planned", by="kim"), ["held"])
        (leased,) = self.lease(outbox)
        assert (leased.approvals, leased.attempt) == (("sam", "kim"), 1)

    def test_what_is_over_is_found(self, ledger: Ledger, outbox: Outbox) -> None:
        """Holds and deeds with an end, until something takes them back."""
        held, done = self.decided(ledger, "a", "b", until=NOW + 100)
        first, second = self.lease(outbox)
        outbox.end([ended(first, "held", until=NOW + 90), ended(second)])
        assert outbox.over(NOW + 89, 9) == []
        assert [one.id for one in outbox.over(NOW + 99, 9)] == [held.id]
        assert [(one.id, one.state) for one in outbox.over(NOW + 100, 9)] == [(held.id, "held"), (done.id, "done")]
        assert len(outbox.over(NOW + 100, 1)) == 1
        outbox.plan([undoing(done)], NOW + 100)
        assert [one.id for one in outbox.over(NOW + 100, 9)] == [held.id]

    def test_something_is_due_where_there_is_something_to_lease_or_over(self, ledger: Ledger, outbox: Outbox) -> None:
        """Nothing is while it is leased, held or done until later, or undone."""
        assert not outbox.due(NOW + 10)
        self.decided(ledger, "a", "b", until=NOW + 100)
        assert not outbox.due(NOW)
        assert outbox.due(NOW + 10)
        first, second = self.lease(outbox)
        assert not outbox.due(NOW + 9 + LEASE)
        assert outbox.due(NOW + 10 + LEASE)
        outbox.end([ended(first, "held", until=NOW + 90), ended(second)])
        assert [outbox.due(NOW + at) for at in (89, 90)] == [False, True]
        assert outbox.move(change("n-a", "undone", NOW + 90), ["held"])
        assert [outbox.due(NOW + at) for at in (99, 100)] == [False, True]
        outbox.plan([make_enforcement("u", kind="escalate", decision_id="d-a-0", event_id="a")], NOW + 50)
        assert outbox.due(NOW + 51), "what is urgent"

    def test_enforcements_are_found_by_what_they_say(self, ledger: Ledger, outbox: Outbox) -> None:
        """Every property narrows."""
        (a,) = self.decided(ledger, "a", policy="abuse", policy_version="p2", subject="account:x")
        (b,) = self.decided(ledger, "b")
        assert outbox.find() == [a, b]
        assert (
            outbox.find(policy="abuse") == outbox.find(policy_version="p2") == outbox.find(subject="account:x") == [a]
        )
        assert outbox.find(subject="event:b", policy="spam", ids=["n-a", "n-b"]) == [b]
        assert outbox.find(ids=[]) == outbox.find(states=["done"]) == outbox.find(since=NOW + 2) == []
        assert outbox.find(since=NOW + 1, until=NOW + 2) == [a, b]
        assert outbox.find(until=NOW + 1) == []

    def test_shadow_decisions_plan_nothing(self, ledger: Ledger, outbox: Outbox) -> None:
        """They are stored and act on nothing."""
        event = make_event()
        ledger.commit([make_judged(event, decision=make_decision(event, mode="shadow"))])
        assert outbox.waiting() == Waiting(0, 0, None)
        assert outbox.find(states=["planned"]) == []
        found = ledger.find("e1")
        assert found is not None
        assert [one.state for one in found.enforcements] == ["planned"]

    def test_quotas_count_what_was_done_and_what_others_are_at(self, ledger: Ledger, outbox: Outbox) -> None:
        """Not one's own, nor what takes back or stands in."""
        deeds = self.decided(ledger, *"abc")
        first, second, _ = self.lease(outbox)
        assert outbox.used("spam", NOW, NOW + 20, "p2") == 3
        assert outbox.used("spam", NOW, NOW + 20, "p1") == 0
        outbox.end([ended(first, at=NOW + 20), ended(second, at=NOW + 30)])
        assert outbox.used("spam", NOW + 21, NOW + 40, "p1") == 1
        assert outbox.used("spam", NOW, NOW + 40, "p1") == 2
        assert outbox.used("abuse", NOW, NOW + 40, "p1") == 0
        instead = make_enforcement(
            "i", decision_id=deeds[0].decision_id, kind="limit", follows="n-a", subject="event:a"
        )
        outbox.plan([undoing(deeds[0]), instead], NOW + 40)
        leased = self.lease(outbox, "p2", now=NOW + 40)
        assert len(leased) == 1, "the stand-in waits for what undoes"
        assert outbox.used("spam", NOW, NOW + 41, "p1") == 2
        outbox.end([ended(one, at=NOW + 42) for one in leased])
        outbox.end([ended(one, at=NOW + 43) for one in self.lease(outbox, "p2", now=NOW + 43)])
        assert outbox.used("spam", NOW, NOW + 44, "p1") == 2

    def test_the_share_counts_decisions_that_want_more_than_a_limit(self, ledger: Ledger, outbox: Outbox) -> None:
        """Of the last ones, of this policy, and not of exempt steps."""
        for i, said in enumerate(({}, {"kind": "limit"}, {"step": "bank"}, {"policy": "abuse"}, {"kind": "strike"})):
            event = make_event(f"e{i}")
            decision = make_decision(event, decided=NOW + i)
            deed = make_enforcement(f"n{i}", decision_id=decision.id, event_id=event.id, **said)
            ledger.commit([make_judged(event, decision=decision, enforcements=(deed,))])
        assert outbox.share("spam", (), 0) == Share(3, 5)
        assert outbox.share("spam", ("bank",), 0) == Share(2, 5)
        assert outbox.share("spam", (), NOW + 2) == Share(1, 2)
        assert outbox.share("spam", (), NOW + 9) == Share(0, 0)

    def test_a_breaker_stands_as_it_was_last_switched(self, outbox: Outbox) -> None:
        """Switching it to where it stands changes nothing."""
        closed = BreakerChange(policy="spam", state="closed", at=NOW, by="sam", why="looked")
        tripped = BreakerChange(policy="spam", state="tripped", at=NOW, by="gatehouse", why="too much")
        outbox.switch(closed)
        assert outbox.breaker("spam") is None
        for by in ("gatehouse", "another"):
            outbox.switch(BreakerChange(policy="spam", state="tripped", at=NOW, by=by, why="too much"))
        assert outbox.breaker("spam") == tripped
        assert outbox.tripped() == [tripped]
        outbox.switch(closed)
        assert outbox.breaker("spam") == closed
        assert outbox.breaker("abuse") is None
        assert outbox.tripped() == []

    def test_texts_that_would_not_come_back_are_refused(self, ledger: Ledger, outbox: Outbox) -> None:
        """A receipt comes from outside."""
        self.decided(ledger, "a")
        (leased,) = self.lease(outbox)
        with pytest.raises(UserError, match="its receipt holds a NUL character"):
            outbox.end([ended(leased, receipt="a\0b")])
        assert outbox.changes("n-a") == []
