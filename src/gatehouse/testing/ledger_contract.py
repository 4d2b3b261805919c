"""What every ledger promises; whoever writes one subclasses LedgerContract and gets the tests."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from gatehouse.errors import UserError
from gatehouse.ports.ledger import ConflictError, Grounds, Judged, Ledger
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import Entity
from gatehouse.testing.erasure_contract import ErasureContract
from gatehouse.testing.evidence_contract import EvidenceContract
from gatehouse.testing.hash_chain_contract import HashChainContract
from gatehouse.testing.makers import make_decision, make_event, make_judged, make_outcome, make_run, make_signal

NUL = "a\0b"
HALF = "half \ud83d a pair"
ENDLESS = Enforcement(id="x", decision_id="d-bad-0", event_id="bad", policy="spam", kind="suspend", until=2**63)


class LedgerContract(HashChainContract, EvidenceContract, ErasureContract):
    """Subclass it and give the fixture `ledger`: an empty ledger for each test, safe to share between threads."""

    @pytest.fixture
    def ledger(self) -> Ledger:
        """An empty ledger."""
        raise NotImplementedError("give a fixture `ledger`")

    def test_an_event_comes_back_with_everything_as_it_was_committed(self, ledger: Ledger) -> None:
        """Nothing is lost or changed on the way in and out."""
        bare = make_event("bare", None, occurred=None, actor=None, language=None)
        full = make_event(
            "full",
            "é, 漢字, 👋, \\u0000 in letters, 'quotes' and \"more\"\n",
            kind="message",
            imported=True,
            target=Entity("group", "g:1"),
            parent="p",
            thread="t",
            revision=3,
            address="2001:db8::1",
            device="phone-7",
            amount=0,
            attributes={"z": 2.0, "a": "é", "b": True, "big": 2**63 - 1, "small": -(2**63), "sci": 1e300},
            media=("md5:" + "0a" * 16, "pdq:" + "c3" * 32, "sha256:" + "ff" * 32),
        )
        features = {"a": None, "b": True, "c": -(2**63), "d": 0.1, "e": "text", "f": 2.0, "g": ""}
        judged = [
            Judged(event=bare, features={}, signals=(), decision=make_decision(bare, policies=(), releases={})),
            make_judged(full, features=features),
        ]
        assert ledger.commit(judged) == [one.decision for one in judged]
        assert [ledger.find(one.event.id) for one in judged] == judged
        assert list(ledger.judged([one.event for one in judged])) == judged
        assert list(ledger.judged([])) == []
        found = ledger.find("full")
        assert found is not None
        assert [type(value) for value in found.features.values()] == [type(value) for value in features.values()]
        assert found.event.attributes is not None
        assert {name: type(value) for name, value in found.event.attributes.items()} == {
            "z": float,
            "a": str,
            "b": bool,
            "big": int,
            "small": int,
            "sci": float,
        }

    def test_media_that_would_not_read_back_are_refused(self, ledger: Ledger) -> None:
        """A hash of another length or form is told of, and nothing of the batch is recorded."""
        bad = make_event("bad", media=("md5:0A", "hash:00"))
        double = make_event("double", media=("md5:" + "0a" * 16,) * 2)
        with pytest.raises(UserError) as caught:
            ledger.commit([make_judged(), make_judged(bad), make_judged(double)])
        assert str(caught.value) == (
            "event 'bad': the media hash is of an unknown kind 'hash'\n    → md5, pdq, sha256\n"
            "event 'bad': the md5 hash '0a' has 2 characters, not 32\n    → take the hash as the tool prints it\n"
            "event 'double': its media are not in small letters, in order and each once\n"
            "    → write them by records.event.media_of"
        )
        assert ledger.log() == []

    def test_an_unknown_event_is_not_found(self, ledger: Ledger) -> None:
        """Not knowing is no error."""
        assert ledger.find("nobody") is None
        assert ledger.revisions(["nobody"]) == {}
        assert ledger.revisions([]) == {}
        assert ledger.commit([]) == []
        assert ledger.standing([make_event()]) == [None]
        assert ledger.log() == []
        assert ledger.last() == 0
        assert list(ledger.decisions()) == []

    @pytest.mark.parametrize("id_", [NUL, HALF])
    def test_an_id_that_no_ledger_keeps_is_not_found(self, ledger: Ledger, id_: str) -> None:
        """Asking for it is no error either."""
        assert ledger.find(id_) is None
        assert ledger.revisions([id_, "e1"]) == {}

    def test_an_event_with_an_id_that_no_ledger_keeps_has_no_decision_standing(self, ledger: Ledger) -> None:
        """The others in the batch are answered for."""
        known = make_judged()
        ledger.commit([known])
        assert ledger.standing([make_event(NUL), known.event]) == [None, known.decision]

    def test_the_order_within_a_decision_is_kept(self, ledger: Ledger) -> None:
        """Signals, outcomes and enforcements come back in the order given, not sorted by some key."""
        event = make_event()
        names = ("z", "a", "m", *(f"n{i}" for i in range(12)))
        decision = make_decision(event, policies=tuple(make_outcome(name) for name in names))
        planned = tuple(
            Enforcement(id=f"x-{name}", decision_id=decision.id, event_id=event.id, policy=name, kind="limit")
            for name in names
        )
        signals = tuple(make_signal(event.id, detector=f"{name}.linear") for name in names)
        judged = make_judged(event, decision=decision, signals=signals, enforcements=planned)
        ledger.commit([judged])
        assert ledger.find(event.id) == judged

    def test_the_same_event_twice_keeps_its_first_decision(self, ledger: Ledger) -> None:
        """One event, one decision, one set of enforcements; `seen` and `imported` are the gate's and do not count."""
        event = make_event()
        first = make_judged(event)
        again = make_judged(
            make_event(seen=event.seen + 5, imported=True), decision=make_decision(event, id="later", outcome="clear")
        )
        ledger.commit([first])
        assert ledger.commit([again, make_judged(make_event("e2"))]) == [
            first.decision,
            make_decision(make_event("e2")),
        ]
        assert ledger.find(event.id) == first
        assert [one.id for one in ledger.decisions()] == ["d-e1-0", "d-e2-0"]

    def test_an_event_repeated_within_a_batch_is_one_event(self, ledger: Ledger) -> None:
        """The first decision stands for both."""
        event = make_event()
        first, second = make_judged(event), make_judged(event, decision=make_decision(event, id="second"))
        assert ledger.commit([first, second]) == [first.decision, first.decision]
        assert ledger.find(event.id) == first

    def test_other_content_under_a_known_id_is_a_conflict_and_writes_nothing(self, ledger: Ledger) -> None:
        """Every conflicting id is named, whether it was known before or stands twice in the batch."""
        ledger.commit([make_judged(make_event("known")), make_judged(make_event("known too"))])
        batch = [
            make_judged(make_event("new")),
            make_judged(make_event("known", "other words")),
            make_judged(make_event("twice")),
            make_judged(make_event("known too", kind="message")),
            make_judged(make_event("twice", "other words")),
        ]
        with pytest.raises(ConflictError) as caught:
            ledger.commit(batch)
        assert caught.value.event_ids == ("known", "known too", "twice")
        assert "known with other content: 'known', 'known too', 'twice'" in str(caught.value)
        assert "send it with the next revision or a new id" in str(caught.value)
        assert ledger.find("new") is None
        assert ledger.find("twice") is None
        assert {one.event_id for one in ledger.decisions()} == {"known", "known too"}

    def test_an_edit_is_another_event_under_the_next_revision(self, ledger: Ledger) -> None:
        """Each revision has a decision of its own; the latest is found."""
        first, edit = make_judged(make_event()), make_judged(make_event(text="edited", revision=1))
        ledger.commit([first, edit])
        assert ledger.find("e1") == edit
        assert ledger.revisions(["e1", "e1", "e2"]) == {"e1": 1}
        assert ledger.commit([first]) == [first.decision]
        assert len(ledger.decisions()) == 2

    def test_many_events_are_looked_up_at_once(self, ledger: Ledger) -> None:
        """More ids than one lookup holds are no trouble."""
        events = [make_event(f"e{i}", f"text {i}") for i in range(1_203)]
        ledger.commit([make_judged(event) for event in events])
        asked = ["nobody", *(event.id for event in events)]
        assert ledger.revisions(asked) == dict.fromkeys(asked[1:], 0)
        assert [one.event_id for one in ledger.standing(events) if one is not None] == asked[1:]
        with pytest.raises(ConflictError, match="'e1202'"):
            ledger.standing([*events[:-1], make_event("e1202", "other words")])

    def test_the_log_numbers_events_in_the_order_of_commit(self, ledger: Ledger) -> None:
        """Within a batch in the order given, whatever their times and ids; from any number on, so many at a time."""
        events = [make_event(id_, seen=1_000 - i) for i, id_ in enumerate("zamb")]
        ledger.commit([make_judged(event) for event in events[:1]])
        ledger.commit([make_judged(event) for event in events[1:]])
        assert ledger.log() == [(1, events[0]), (2, events[1]), (3, events[2]), (4, events[3])]
        assert ledger.log(after=2) == [(3, events[2]), (4, events[3])]
        assert ledger.log(after=1, most=2) == [(2, events[1]), (3, events[2])]
        assert ledger.log(after=4) == []
        assert ledger.last() == 4

    def test_the_log_takes_each_event_once_and_each_revision(self, ledger: Ledger) -> None:
        """A repeat, a decision that supersedes and a batch that was refused leave no place and no gap."""
        first, edit = make_event("e1"), make_event("e1", "edited", revision=1)
        ledger.commit([make_judged(first), make_judged(first, decision=make_decision(first, id="again"))])
        ledger.commit([make_judged(make_event("e1", seen=5), decision=make_decision(first, id="later"))])
        ledger.commit([make_judged(first, decision=make_decision(first, id="next", supersedes="d-e1-0"))])
        for refused in (make_judged(make_event("e1", "other words")), make_judged(make_event("e3", NUL))):
            with pytest.raises(UserError):
                ledger.commit([make_judged(make_event("e2")), refused])
        ledger.commit([make_judged(edit), make_judged(make_event("e2"))])
        assert ledger.log() == [(1, first), (2, edit), (3, make_event("e2"))]

    def test_what_stands_for_known_events_is_given_without_a_commit(self, ledger: Ledger) -> None:
        """Each revision has its own; one that is new, or was only tried in shadow, has none."""
        first, edit = make_judged(make_event("e1")), make_judged(make_event("e1", "edited", revision=1))
        tried = make_judged(make_event("e3"), decision=make_decision(make_event("e3"), mode="shadow"))
        ledger.commit([first, edit, tried])
        asked = [make_event("e2"), edit.event, make_event("e1", seen=5), tried.event, first.event]
        assert ledger.standing(asked) == [None, edit.decision, first.decision, None, first.decision]
        end = make_decision(first.event, id="end", supersedes=first.decision.id)
        ledger.commit([make_judged(first.event, decision=end)])
        assert ledger.standing([first.event]) == [end]

    def test_asking_what_stands_for_other_content_is_a_conflict(self, ledger: Ledger) -> None:
        """Every id is named, whether it was known before or is asked for twice."""
        ledger.commit([make_judged(make_event("known"))])
        asked = [make_event("twice"), make_event("known", "other words"), make_event("new"), make_event("twice", "x")]
        with pytest.raises(ConflictError) as caught:
            ledger.standing(asked)
        assert caught.value.event_ids == ("known", "twice")

    def test_the_end_of_the_chain_stands(self, ledger: Ledger) -> None:
        """A superseding decision answers for the event; what was planned before it is still shown."""
        event = make_event()
        first = make_judged(event)
        second = make_judged(
            event, decision=make_decision(event, id="by-a-person", outcome="clear", supersedes="d-e1-0")
        )
        assert ledger.commit([first]) == [first.decision]
        assert ledger.commit([second]) == [second.decision]
        assert ledger.commit([first]) == [second.decision]
        found = ledger.find(event.id)
        assert found is not None
        assert found.decision == second.decision
        assert found.enforcements == (*first.enforcements, *second.enforcements)
        assert found.cases == (*first.cases, *second.cases)
        assert ledger.decisions() == [second.decision]

    def test_two_that_supersede_the_same_decision_leave_one(self, ledger: Ledger) -> None:
        """The one that came first stands and is given to the other."""
        event = make_event()
        ledger.commit([make_judged(event)])
        first, second = (make_decision(event, id=id_, supersedes="d-e1-0") for id_ in ("first", "second"))
        assert ledger.commit([make_judged(event, decision=first)]) == [first]
        assert ledger.commit([make_judged(event, decision=second)]) == [first]
        assert ledger.commit([make_judged(event, decision=first)]) == [first]

    def test_superseding_what_the_event_does_not_have_is_refused(self, ledger: Ledger) -> None:
        """Both an unknown decision and one of another event."""
        ledger.commit([make_judged(make_event("e1")), make_judged(make_event("e2"))])
        event = make_event("e1")
        for id_ in ("nothing", "d-e2-0"):
            with pytest.raises(UserError, match="no decision of this event"):
                ledger.commit([make_judged(event, decision=make_decision(event, id="new", supersedes=id_))])

    def test_a_shadow_decision_stands_beside_the_live_one_and_never_answers(self, ledger: Ledger) -> None:
        """One for each policy version tried; an event that was only tried is found with that."""
        event = make_event()
        tried = [
            make_decision(event, id=f"s{version}", mode="shadow", policies=(make_outcome(policy_version=version),))
            for version in ("p2", "p3", "p2")
        ]
        live = make_judged(event)
        stand = ledger.commit([make_judged(event, decision=one) for one in tried])
        assert [one.id for one in stand] == ["sp2", "sp3", "sp2"]
        found = ledger.find(event.id)
        assert found is not None
        assert found.decision.mode == "shadow"
        assert list(ledger.decisions()) == []
        assert ledger.commit([live]) == [live.decision]
        assert ledger.find(event.id) == live
        assert ledger.decisions() == [live.decision]

    def test_the_grounds_of_a_decision_are_what_stands_now_for_its_event(self, ledger: Ledger) -> None:
        """Of that revision, with the cases behind a decision that superseded another."""
        event, edited = make_event("e1", revision=0), make_event("e1", "edited", revision=1)
        first = make_judged(event)
        ledger.commit([first, make_judged(edited), make_judged(make_event("e2"))])
        assert ledger.grounds("d-e1-0") == Grounds(event, first.decision)
        second = make_decision(event, id="second", supersedes="d-e1-0", outcome="clear", enforce="none")
        ledger.commit([make_judged(event, decision=second, enforcements=(), cases=())])
        assert ledger.grounds("d-e1-0") == ledger.grounds("second") == Grounds(event, second, first.cases)
        tried = make_decision(event, id="tried", mode="shadow")
        ledger.commit([make_judged(event, decision=tried)])
        assert [ledger.grounds(id_) for id_ in ("tried", "unknown")] == [None, None]

    def test_decisions_are_listed_oldest_first_from_a_moment(self, ledger: Ledger) -> None:
        """`since` is included and the limit counts from the oldest."""
        for id_, decided in {"c": 30, "a": 10, "d": 40, "b": 20}.items():
            event = make_event(id_)
            ledger.commit([make_judged(event, decision=make_decision(event, decided=decided))])
        assert [one.event_id for one in ledger.decisions()] == ["a", "b", "c", "d"]
        assert [one.event_id for one in ledger.decisions(since=20)] == ["b", "c", "d"]
        assert [one.event_id for one in ledger.decisions(since=11, limit=2)] == ["b", "c"]

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            (make_judged(make_event("bad", NUL)), "event 'bad': its text holds a NUL character"),
            (make_judged(make_event("bad", HALF)), "its text holds half a character, U+D83D"),
            (make_judged(make_event("bad", actor=Entity("account", NUL))), "its actor.id holds a NUL"),
            (make_judged(make_event("bad", actor=Entity("a:b", "c"))), "its actor 'a:b:c' does not read back"),
            (make_judged(make_event("bad"), features={"words": HALF}), "its features.words holds half a character"),
            (make_judged(make_event("bad"), features={NUL: 1}), "its features (a name in it) holds a NUL"),
            (make_judged(make_event("bad"), features={"ratio": float("nan")}), "feature ratio is nan"),
            (make_judged(make_event("bad"), features={"count": 2**63}), "feature count does not fit 64 bits"),
            (make_judged(make_event("bad"), features={"raw": b"x"}), "feature raw is a bytes"),
            (make_judged(make_event("bad", amount=-1)), "its amount -1 is negative"),
            (make_judged(make_event("bad", amount=2**70)), "does not fit 64 bits"),
            (make_judged(make_event("bad"), enforcements=[ENDLESS]), "the end 9223372036854775808 of its suspend does"),
            (make_judged(make_event("bad", attributes={"age": 2**70})), "its attribute age does not fit 64 bits"),
            (make_judged(make_event("bad", attributes={"share": float("inf")})), "its attribute share is inf"),
            (make_judged(make_event("bad", attributes={"more": ["x"]})), "its attribute more is a list"),
            (make_judged(make_event("bad", attributes={"name": NUL})), "its attributes.name holds a NUL character"),
            (make_judged(make_event("bad", device=NUL)), "its device holds a NUL character"),
            (make_judged(make_event("bad", occurred=2**63)), "its occurred 9223372036854775808 does not fit 64 bits"),
            (
                make_judged(make_event("bad"), signals=(make_signal("bad", score=float("nan")),)),
                "the score of spam.linear for spam is nan",
            ),
            (
                make_judged(make_event("bad"), signals=(make_signal("bad", evidence=NUL),)),
                "its signals.1.evidence holds a NUL character",
            ),
            (
                make_judged(make_event("bad"), signals=(make_signal("e2"),)),
                "its signal of spam.linear is about event 'e2'",
            ),
            (make_judged(make_event("bad"), decision=make_decision()), "its decision 'd-e1-0' is for event 'e1'"),
        ],
    )
    def test_what_would_not_come_back_as_it_was_is_refused(self, ledger: Ledger, bad: Judged, message: str) -> None:
        """The event is named, and nothing of the batch is written."""
        with pytest.raises(UserError) as caught:
            ledger.commit([make_judged(make_event("good")), bad])
        assert message in str(caught.value)
        assert all(fault.where == "event 'bad'" and fault.fix for fault in caught.value.faults)
        assert ledger.find("good") is None

    def test_every_event_that_is_refused_is_named(self, ledger: Ledger) -> None:
        """One answer for the whole batch."""
        with pytest.raises(UserError) as caught:
            ledger.commit([make_judged(make_event(id_, NUL)) for id_ in ("one", "two")])
        assert {fault.where for fault in caught.value.faults} == {"event 'one'", "event 'two'"}

    def test_an_id_given_to_two_decisions_is_refused(self, ledger: Ledger) -> None:
        """An id belongs to one record for ever."""
        ledger.commit([make_judged(make_event("e1"))])
        event = make_event("e2")
        with pytest.raises(UserError, match="id is taken"):
            ledger.commit([make_judged(event, decision=make_decision(event, id="d-e1-0"))])
        assert ledger.find("e2") is None

    def test_writers_at_once_leave_one_decision_for_each_event(self, ledger: Ledger) -> None:
        """Every writer is given the same decision, whoever came first."""
        events = [make_event(f"e{i}") for i in range(40)]

        def write(writer: int) -> list[str]:
            order = events if writer % 2 else events[::-1]
            batches = [order[start : start + 10] for start in range(0, len(order), 10)]
            given: dict[str, str] = {}
            for batch in batches:
                mine = [
                    make_judged(event, decision=make_decision(event, id=f"{event.id} by {writer}")) for event in batch
                ]
                given |= {one.event_id: one.id for one in ledger.commit(mine)}
            return [given[event.id] for event in events]

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(write, range(4)))
        assert answers[1:] == answers[:-1]
        found = [ledger.find(event.id) for event in events]
        assert [one.decision.id for one in found if one is not None] == answers[0]
        assert [len(one.enforcements) for one in found if one is not None] == [1] * len(events)
        assert [number for number, _ in ledger.log()] == list(range(1, len(events) + 1))
        assert {event.id for _, event in ledger.log()} == {event.id for event in events}

    def test_runs_are_listed_newest_first_and_once(self, ledger: Ledger) -> None:
        """A run that is remembered again changes nothing."""
        old, new, same_moment = make_run("z", at=1), make_run("a", at=2), make_run("m", at=2)
        for run in (old, new, same_moment, replace(new, rows=7)):
            ledger.add_run(run)
        assert ledger.runs() == [same_moment, new, old]

    def test_a_run_with_half_a_character_in_its_path_is_refused(self, ledger: Ledger) -> None:
        """A path that is no UTF-8 reaches Python so."""
        with pytest.raises(UserError, match="its source holds half a character, U\\+DCFF"):
            ledger.add_run(replace(make_run(), source="caf\udcff.csv"))
