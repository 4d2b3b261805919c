"""What every ledger promises of erasure, retention and legal holds; a part of the contract of ledgers."""

from typing import Any

import msgspec
import pytest

from gatehouse.errors import RefusedError, UserError
from gatehouse.flows.ledger_check import check
from gatehouse.ports.ledger import ConflictError, Ledger
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.erasure import Erasure, Hold
from gatehouse.records.event import ERASED, Entity, Event
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged

SAM, KIM = Entity("account", "sam"), Entity("account", "kim")


def of(actor: Entity | None, id: str, **said: Any) -> Event:
    """An event of an actor."""
    return make_event(id, actor=actor, **said)


def wish(entity: Entity = SAM, at: int = NOW + 9) -> Erasure:
    """That an entity is forgotten."""
    return Erasure(entity=entity, at=at, by="privacy", why="asked for it")


def bare(event: Event) -> Event:
    """What is left of an event."""
    return Event(id=event.id, kind=ERASED, revision=event.revision, seen=event.seen, imported=event.imported)


def make_hold(entity: Entity = SAM, id: str = "h1", **said: Any) -> Hold:
    """A hold for a while."""
    known = {"owner": "legal", "why": "court order", "made": NOW, "until": NOW + 1_000}
    return Hold(id=id, entity=entity, **{**known, **said})


class ErasureContract:
    """The tests of erasure, on the fixture `ledger`."""

    def test_all_that_an_actor_said_is_given_until_it_is_erased(self, ledger: Ledger) -> None:
        """Earlier revisions too, for they said something else; and then which erasure was the last to take them."""
        first, edit, other = of(SAM, "a"), of(SAM, "a", text="edited", revision=1), of(KIM, "other")
        ledger.commit([make_judged(one) for one in (first, other, edit)])
        assert list(ledger.said_by(SAM)) == [first, edit]
        assert ledger.erased_at("a", 0) is None
        (kept,) = ledger.strip(NOW + 1, at=NOW + 5, by="retention", why="age").erased
        assert list(ledger.said_by(SAM)) == [bare(first), bare(edit)]
        assert [ledger.erased_at(id_, 0) for id_ in ("a", "other", "nobody")] == [kept, kept, None]
        done = ledger.erase(wish())
        assert [ledger.erased_at(*of_) for of_ in (("a", 0), ("a", 1), ("other", 0), ("a", 2))] == [
            done,
            done,
            kept,
            None,
        ]
        assert list(ledger.said_by(SAM)) == []

    def test_an_erased_actor_leaves_only_decisions_without_content(self, ledger: Ledger) -> None:
        """Of its events id, revision, `seen` and `imported` are left; others' events are as they were."""
        full = of(SAM, "full", imported=True, target=KIM, thread="t", address="192.0.2.1", device="d", amount=5)
        edit, other = of(SAM, "full", text="edited", revision=1), of(KIM, "other")
        ledger.commit([make_judged(one) for one in (full, edit, other)])
        assert list(ledger.said_by(SAM)) == [full, edit]
        done = ledger.erase(wish())
        assert (done.number, done.kind, done.events, done.decisions) == (1, "erasure", 2, 2)
        assert (done.at, done.by, done.why) == (NOW + 9, "privacy", "asked for it")
        assert done.pseudonym.startswith("erased:")
        assert "sam" not in msgspec.json.encode(done).decode()
        assert ledger.log() == [(1, bare(full)), (2, bare(edit)), (3, other)]
        found = ledger.find("full")
        assert found is not None
        assert (found.event, found.features, tuple(found.signals)) == (bare(edit), {}, ())
        assert found.decision == make_decision(edit)
        assert [one.id for one in found.enforcements] == ["n-d-full-1"]
        assert ledger.find("other") == make_judged(other)
        assert [one.event_id for one in ledger.decisions()] == ["full", "full", "other"]
        assert {one.evidence: one.events for one in ledger.matches("spam.rules")} == {"premium_number": 1}
        # Whoever read the log before is given what is left now.
        assert list(ledger.judged([edit, other])) == [found, make_judged(other)]
        assert list(ledger.said_by(SAM)) == []
        took = [ledger.erased_at(one.id, one.revision) for one in (full, edit, other)]
        assert took == [done, done, None]

    def test_what_was_erased_is_told_from_what_was_changed(self, ledger: Ledger) -> None:
        """The chain stays whole, and says how much of it was erased."""
        ledger.commit([make_judged(of(actor, id_)) for id_, actor in {"a": SAM, "b": KIM, "c": SAM}.items()])
        ledger.erase(wish())
        report = check(ledger)
        assert (report.whole, report.erasures) == (True, 1)
        assert [(one.checked, one.erased, one.stripped) for one in report.writers] == [(3, 2, 0)]
        assert [(one.erased.number, one.follows, one.covers) for one in ledger.erasures()] == [(1, True, True)]

    def test_an_erased_event_that_comes_again_keeps_its_decision(self, ledger: Ledger) -> None:
        """Its content cannot be compared any more; new events of the same actor are new."""
        event = of(SAM, "e")
        ledger.commit([make_judged(event)])
        ledger.erase(wish())
        again = of(SAM, "e", text="other words")
        assert ledger.standing([again]) == [make_decision(event)]
        assert ledger.commit([make_judged(again)]) == [make_decision(event)]
        assert ledger.log() == [(1, bare(event))]
        later = make_judged(of(SAM, "later"))
        assert ledger.commit([later]) == [later.decision]
        assert ledger.find("later") == later
        assert list(ledger.said_by(SAM)) == [later.event]
        assert check(ledger).whole
        assert ledger.erase(wish()).number == 2
        assert check(ledger).whole

    def test_a_decision_about_an_erased_event_can_be_superseded(self, ledger: Ledger) -> None:
        """Nothing that it was decided on is kept."""
        event = of(SAM, "e")
        ledger.commit([make_judged(event)])
        ledger.erase(wish())
        after = make_decision(event, id="after", outcome="clear", supersedes="d-e-0")
        assert ledger.commit([make_judged(bare(event), decision=after)]) == [after]
        found = ledger.find("e")
        assert found is not None
        assert (found.decision, found.features, tuple(found.signals)) == (after, {}, ())
        assert check(ledger).whole
        assert list(ledger.matches("spam.rules")) == []

    def test_others_events_and_deeds_name_the_pseudonym(self, ledger: Ledger) -> None:
        """They stay whole, and their own words are compared as before."""
        event = of(KIM, "to sam", target=SAM)
        deed: dict[str, Any] = {"event_id": "to sam", "policy": "spam", "kind": "suspend"}
        decision = make_decision(event)
        planned = [
            Enforcement(id="x", decision_id=decision.id, subject=str(SAM), **deed),
            Enforcement(id="y", decision_id=decision.id, subject=str(KIM), **deed),
        ]
        ledger.commit([make_judged(event, decision=decision, enforcements=planned), make_judged(of(SAM, "own"))])
        done = ledger.erase(wish())
        found = ledger.find("to sam")
        assert found is not None
        assert str(found.event.target) == done.pseudonym
        assert msgspec.structs.replace(found.event, target=SAM) == event
        assert [one.subject for one in found.enforcements] == [done.pseudonym, str(KIM)]
        assert done.elsewhere["events"] == 1
        assert done.elsewhere["enforcements"] == 1
        assert (found.features, found.decision) == (make_judged(event).features, decision)
        assert ledger.standing([event, found.event]) == [decision, decision]
        with pytest.raises(ConflictError):
            ledger.standing([of(KIM, "to sam", target=SAM, text="other words")])
        assert check(ledger).whole
        ledger.erase(wish(KIM))
        assert check(ledger).whole
        assert [event.kind for _, event in ledger.log()] == [ERASED, ERASED]

    def test_an_event_without_an_actor_is_erased_by_its_id(self, ledger: Ledger) -> None:
        """Each has a key of its own."""
        ledger.commit([make_judged(of(None, id_)) for id_ in "ab"])
        assert ledger.erase(wish(Entity("event", "a"))).events == 1
        assert [event.kind for _, event in ledger.log()] == [ERASED, "post"]
        assert ledger.erase(wish(Entity("account", "nobody"))).events == 0
        assert check(ledger).whole

    def test_a_retention_takes_content_in_blocks_and_keeps_keys(self, ledger: Ledger) -> None:
        """What comes again is still compared, and an erasure still reaches it."""
        events = [of(SAM if i % 2 else KIM, f"e{i}", seen=NOW + i) for i in range(7)]
        ledger.commit([make_judged(event) for event in events])
        done = ledger.strip(NOW + 5, at=NOW + 50, by="retention", why="after 90 days", most=2)
        assert [(one.number, one.kind, one.events, one.pseudonym) for one in done.erased] == [
            (1, "retention", 2, ""),
            (2, "retention", 2, ""),
            (3, "retention", 1, ""),
        ]
        assert done.held == {}
        assert ledger.log() == [(i + 1, bare(one) if i < 5 else one) for i, one in enumerate(events)]
        assert [one.id for one in ledger.standing(events) if one is not None] == [f"d-e{i}-0" for i in range(7)]
        again = [event for _, event in ledger.log()]
        assert ledger.standing(again) == ledger.standing(events)
        with pytest.raises(ConflictError):
            ledger.standing([of(SAM, "e1", seen=NOW + 1, text="other words")])
        report = check(ledger)
        assert report.whole
        assert [(one.erased, one.stripped) for one in report.writers] == [(0, 5)]
        assert ledger.strip(NOW + 5, at=NOW + 60, by="retention", why="again").erased == ()
        took = [record and record.number for record in (ledger.erased_at(event.id, 0) for event in events)]
        assert took == [1, 1, 2, 2, 3, None, None]
        assert ledger.erase(wish()).events == 3
        report = check(ledger)
        assert report.whole
        assert [(one.erased, one.stripped) for one in report.writers] == [(3, 3)]

    def test_what_is_held_is_not_erased(self, ledger: Ledger) -> None:
        """The hold is named with its owner; when it has ended, nothing keeps it."""
        ledger.commit([make_judged(of(SAM, "e"))])
        ledger.hold(make_hold())
        ledger.hold(make_hold(Entity("event", "e"), "h2", until=NOW + 20))
        with pytest.raises(RefusedError) as caught:
            ledger.erase(wish())
        assert "hold 'h1' of legal keeps it: court order" in str(caught.value)
        assert "hold 'h2'" in str(caught.value)
        assert "ask legal to end it" in str(caught.value)
        assert ledger.find("e") == make_judged(of(SAM, "e"))
        assert list(ledger.erasures()) == []
        ledger.release_hold("h1", NOW + 15)
        with pytest.raises(RefusedError, match="'h2'"):
            ledger.erase(wish(at=NOW + 16))
        assert ledger.erase(wish(at=NOW + 21)).events == 1
        assert [(one.id, one.ended) for one in ledger.holds()] == [("h1", NOW + 15), ("h2", None)]

    def test_what_was_said_to_one_who_is_held_is_not_erased(self, ledger: Ledger) -> None:
        """An erasure is refused by what a retention passes over."""
        ledger.commit([make_judged(of(KIM, "to sam", target=SAM))])
        ledger.hold(make_hold())
        with pytest.raises(RefusedError, match="hold 'h1' of legal keeps it"):
            ledger.erase(wish(KIM))
        assert ledger.find("to sam") == make_judged(of(KIM, "to sam", target=SAM))

    def test_a_retention_leaves_what_is_held(self, ledger: Ledger) -> None:
        """Whether the actor, the target or the event itself is."""
        events = [of(SAM, "a"), of(KIM, "b", target=SAM), of(KIM, "c"), of(KIM, "d")]
        ledger.commit([make_judged(event) for event in events])
        ledger.hold(make_hold())
        ledger.hold(make_hold(Entity("event", "c"), "h2"))
        done = ledger.strip(NOW + 5, at=NOW + 50, by="retention", why="time", most=3)
        assert done.held == {"h1": 2, "h2": 1}
        assert [event for _, event in ledger.log()] == [*events[:3], bare(events[3])]
        assert check(ledger).whole

    def test_a_hold_has_an_owner_and_an_end(self, ledger: Ledger) -> None:
        """And an id that is its own."""
        hold = make_hold()
        ledger.hold(hold)
        for bad, what in (
            (make_hold(id="x", owner=""), "a hold needs an owner"),
            (make_hold(id="x", until=NOW), "a hold needs an end after its beginning"),
            (hold, "a hold 'h1' is on record"),
        ):
            with pytest.raises(UserError, match=what):
                ledger.hold(bad)
        with pytest.raises(UserError, match="no hold 'x' is on record"):
            ledger.release_hold("x", NOW)
        ledger.release_hold("h1", NOW + 5)
        ledger.release_hold("h1", NOW + 9)
        assert list(ledger.holds()) == [msgspec.structs.replace(hold, ended=NOW + 5)]

    def test_an_event_of_the_kind_that_erasure_leaves_is_refused(self, ledger: Ledger) -> None:
        """Nobody can send one."""
        with pytest.raises(UserError, match=r"its kind 'erased' is what erasure leaves of an event"):
            ledger.commit([make_judged(make_event("e", kind=ERASED))])
        assert ledger.last() == 0
