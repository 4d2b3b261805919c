"""What every place of reports, appeals and cases promises; whoever writes one subclasses CasesContract."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from gatehouse.errors import UserError
from gatehouse.ports.cases import Cases, ContradictionError, Spoken, Taken
from gatehouse.ports.ledger import Ledger
from gatehouse.records.case import Appeal, Closing, Finding, Label, Notice, Report
from gatehouse.records.erasure import Erasure
from gatehouse.records.event import Entity
from gatehouse.records.standing import Reporter
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged


def make_report(id: str = "r1", **said: Any) -> Report:
    """A report of an event as spam, passed on by the platform."""
    known = {"event_id": "e1", "reporter": "account:b1", "policy": "spam", "at": NOW + 5, "by": "platform"}
    return Report(id=id, **{**known, **said})


def make_appeal(id: str = "a1", **said: Any) -> Appeal:
    """The appeal of an event's actor."""
    known = {"event_id": "e1", "decision_id": "d-e1-0", "by": "account:a1", "statement": "it was a joke"}
    return Appeal(id=id, **{**known, "at": NOW + 7, "vouched": "platform", **said})


def make_closing(case_id: str, finding: Finding = "violating", **said: Any) -> Closing:
    """What a reviewer found of spam."""
    known = {"by": "sam", "why": "looked", "at": NOW + 9, "policy": "spam"}
    return Closing(case_id=case_id, finding=finding, **{**known, **said})


def make_label(value: int = 1, **said: Any) -> Label:
    """What a reviewer says to be true."""
    known = {"event_id": "e1", "label": "spam", "source": "review", "rater": "sam", "at": NOW + 9}
    return Label(value=value, **{**known, **said})


class CasesContract:
    """Subclass it and give the fixtures `ledger`, empty, and `cases`, of the same place; safe to share by threads."""

    @pytest.fixture
    def ledger(self) -> Ledger:
        """An empty ledger."""
        raise NotImplementedError("give a fixture `ledger`")

    @pytest.fixture
    def cases(self, ledger: Ledger) -> Cases:
        """The cases beside it."""
        raise NotImplementedError("give a fixture `cases`")

    def decided(self, ledger: Ledger, *ids: str, **said: Any) -> None:
        """A decision on each event, without cases of policies."""
        ledger.commit([make_judged(make_event(id_), **{"cases": (), **said}) for id_ in ids])

    def opened(self, ledger: Ledger, cases: Cases, id: str = "r1", **said: Any) -> str:
        """The case that a report of an event opens."""
        event_id = str(said.get("event_id", "e1"))
        if ledger.find(event_id) is None:
            self.decided(ledger, event_id)
        case_id = cases.report(make_report(id, **said)).case_id
        assert case_id is not None
        return case_id

    def test_a_report_opens_a_case_and_comes_back_as_it_was(self, ledger: Ledger, cases: Cases) -> None:
        """The same again changes nothing."""
        full = make_report(category="scam", comment="they asked for money", occurred=NOW - 3)
        self.decided(ledger, "e1")
        taken = cases.report(full)
        assert taken.case_id is not None
        later = msgspec.structs.replace(full, at=NOW + 99, by="another key")
        assert cases.report(later) == Taken(taken.case_id, True)
        assert cases.reported("r1") == (full, taken.case_id)
        assert cases.reported("r2") is None
        found = cases.find(taken.case_id)
        assert found is not None
        assert (found.opened, found.reported, found.reports, found.closing) == (NOW + 5, 1, (full,), None)
        assert (found.case.event_id, found.case.decision_id, found.case.policy) == ("e1", "d-e1-0", "spam")
        assert (found.case.opened_by, found.case.state) == ("report", "open")
        judged = ledger.find("e1")
        assert judged is not None
        assert [case.id for case in judged.cases] == [taken.case_id]

    def test_the_same_id_with_other_content_is_refused(self, ledger: Ledger, cases: Cases) -> None:
        """Nothing of it is recorded."""
        self.decided(ledger, "e1", "e2")
        cases.report(make_report())
        for other in ({"event_id": "e2"}, {"reporter": "account:b2"}, {"comment": "more"}, {"policy": None}):
            with pytest.raises(ContradictionError, match="report 'r1' is known with other content"):
                cases.report(make_report(**other))
        assert cases.reported("r1") == (make_report(), cases.spoken()[0].case_id)
        cases.appeal(make_appeal())
        with pytest.raises(ContradictionError, match="appeal 'a1' is known with other content"):
            cases.appeal(make_appeal(statement="it was not"))

    @pytest.mark.parametrize("erased", ["account:b1", "account:a1"], ids=["its reporter", "the event's actor"])
    def test_a_report_that_comes_again_after_an_erasure_is_known(
        self, ledger: Ledger, cases: Cases, erased: str
    ) -> None:
        """A platform that tries again must not be told to send what was erased under another id."""
        self.decided(ledger, "e1")
        report = make_report(comment="to all of us")
        case_id = cases.report(report).case_id
        ledger.erase(Erasure(entity=Entity.parse(erased), at=NOW + 6, by="sam", why="asked for"))
        assert cases.report(report) == Taken(case_id, True)
        found = cases.reported("r1")
        assert found is not None
        assert found[0].comment is None
        with pytest.raises(ContradictionError):
            cases.report(msgspec.structs.replace(report, policy="toxicity"))

    def test_many_reports_of_one_event_and_policy_are_one_case(self, ledger: Ledger, cases: Cases) -> None:
        """However many come at once; those that name no policy join any."""
        self.decided(ledger, "e1", "e2")

        def report(i: int) -> str | None:
            return cases.report(make_report(f"r{i}", reporter=f"account:b{i % 30}")).case_id

        with ThreadPoolExecutor(4) as threads:
            (only,) = set(threads.map(report, range(40)))
        assert only is not None
        assert cases.report(make_report("x", policy=None, category="rude")).case_id == only
        assert cases.report(make_report("y", policy="abuse")).case_id != only
        assert cases.report(make_report("z", event_id="e2")).case_id != only
        found = cases.find(only, most=10)
        assert found is not None
        assert (found.reported, len(found.reports)) == (41, 10)
        (spoken,) = [one for one in cases.spoken() if one.case_id == only]
        assert len(spoken.reporters) == 30

    def test_a_report_joins_the_case_of_a_policy_and_puts_it_forward(self, ledger: Ledger, cases: Cases) -> None:
        """A policy's own case is behind those of which somebody spoke."""
        ledger.commit([make_judged(make_event("e1")), make_judged(make_event("e2"))])
        behind = cases.unspoken(None, 10)
        assert [(at, case.id) for at, case in behind] == [(NOW + 1, "c-d-e1-0"), (NOW + 1, "c-d-e2-0")]
        assert cases.unspoken((NOW + 1, "c-d-e1-0"), 10) == behind[1:]
        assert cases.unspoken(None, 1) == behind[:1]
        assert cases.report(make_report()).case_id == "c-d-e1-0"
        assert cases.spoken() == [Spoken("c-d-e1-0", NOW + 5, False, ("account:b1",))]
        assert cases.unspoken(None, 10) == behind[1:]
        assert cases.cases(["c-d-e1-0", "none"]) == {"c-d-e1-0": behind[0][1]}

    def test_a_report_of_an_unknown_event_waits_for_it(self, ledger: Ledger, cases: Cases) -> None:
        """In shadow it is not decided on yet."""
        early = [make_report(f"r{i}", reporter=f"account:b{i}") for i in range(3)]
        assert [cases.report(one) for one in early] == [Taken(None, False)] * 3
        assert cases.report(early[0]) == Taken(None, True)
        shadow = make_decision(make_event("e1"), id="tried", mode="shadow")
        ledger.commit([make_judged(make_event("e1"), decision=shadow, cases=(), enforcements=())])
        assert cases.join() == 0
        assert list(cases.spoken()) == []
        self.decided(ledger, "e1")
        assert (cases.join(most=2), cases.join(), cases.join()) == (2, 1, 0)
        (spoken,) = cases.spoken()
        assert spoken == Spoken(spoken.case_id, NOW + 5, False, ("account:b0", "account:b1", "account:b2"))
        assert [cases.reported(one.id) for one in early] == [(one, spoken.case_id) for one in early]

    def test_an_appeal_opens_a_case_and_one_of_a_decision_is_open(self, ledger: Ledger, cases: Cases) -> None:
        """Another one may come when it is decided."""
        self.decided(ledger, "e1")
        taken = cases.appeal(make_appeal())
        assert taken.case_id is not None
        assert cases.appeal(make_appeal(at=NOW + 50)) == Taken(taken.case_id, True)
        assert cases.appealed("a1") == (make_appeal(), taken.case_id)
        assert cases.appealed("a2") is None
        with pytest.raises(ContradictionError, match="appeal 'a1' of this decision is open"):
            cases.appeal(make_appeal("a2"))
        assert cases.spoken() == [Spoken(taken.case_id, NOW + 7, True, ())]
        found = cases.find(taken.case_id)
        assert found is not None
        assert (found.appeal, found.opened, found.case.opened_by) == (make_appeal(), NOW + 7, "appeal")
        assert cases.report(make_report()).case_id != taken.case_id, "an appeal is no case for reports"
        cases.close(make_closing(taken.case_id, "upheld"), [])
        assert cases.appeal(make_appeal("a2")).known is False

    def test_a_case_is_closed_once_whoever_comes_at_once(self, ledger: Ledger, cases: Cases) -> None:
        """The labels are those of the one who closed it."""
        case_id = self.opened(ledger, cases)
        names = [f"p{i}" for i in range(4)]

        def close(by: str) -> bool:
            return cases.close(make_closing(case_id, by=by), [make_label(rater=by)])

        with ThreadPoolExecutor(4) as threads:
            closed = dict(zip(names, threads.map(close, names), strict=True))
        (winner,) = [name for name, did in closed.items() if did]
        found = cases.find(case_id)
        assert found is not None
        assert (found.case.state, found.closing) == ("closed", make_closing(case_id, by=winner))
        assert cases.labels("e1") == [make_label(rater=winner)]
        assert cases.closers("e1") == [winner]
        assert list(cases.closers("e2")) == []
        assert not cases.spoken()
        assert not cases.unspoken(None, 10)
        assert cases.closed(None, 10) == [(NOW + 9, found.case)]
        assert cases.report(make_report("again")).case_id != case_id, "what comes later opens another"

    def test_closed_cases_are_given_latest_first(self, ledger: Ledger, cases: Cases) -> None:
        """Page by page."""
        ids = [self.opened(ledger, cases, f"r{i}", event_id=f"e{i}") for i in range(3)]
        for i, case_id in enumerate(ids):
            cases.close(make_closing(case_id, at=NOW + i), [])
        first = cases.closed(None, 2)
        assert [(at, case.id) for at, case in first] == [(NOW + 2, ids[2]), (NOW + 1, ids[1])]
        assert [case.id for _, case in cases.closed((NOW + 1, ids[1]), 2)] == [ids[0]]

    def test_what_follows_from_a_closing_is_said_once(self, ledger: Ledger, cases: Cases) -> None:
        """Until then it is unsettled."""
        case_id = self.opened(ledger, cases)
        cases.close(make_closing(case_id), [])
        assert cases.unsettled() == [case_id]
        notice = Notice(case_id=case_id, event_id="e1", decision_id="d-e1-0", to="account:a1", text="so", at=NOW)
        for _ in range(2):
            cases.settle(case_id, NOW + 20, "d-e1-0", notice)
        found = cases.find(case_id)
        assert found is not None
        assert (found.settled, found.decision_id, found.notice) == (NOW + 20, "d-e1-0", notice)
        assert list(cases.unsettled()) == []

    def test_reporters_are_known_by_the_latest_finding(self, ledger: Ledger, cases: Cases) -> None:
        """One a case counts, however often somebody reported; open ones do not."""
        right = self.opened(ledger, cases, "r1", reporter="account:b1", event_id="e1")
        cases.report(make_report("r1 again", reporter="account:b1"))
        wrong = self.opened(ledger, cases, "r2", reporter="account:b1", event_id="e2")
        self.opened(ledger, cases, "r3", reporter="account:b1", event_id="e3")
        self.opened(ledger, cases, "r4", reporter="account:b2", event_id="e2")
        assert cases.reporters(["account:b1", "account:b2"]) == {}
        cases.close(make_closing(right), [make_label()])
        cases.close(make_closing(wrong, "not_violating", policy=None), [make_label(0, event_id="e2")])
        known = {"account:b1": Reporter(1, 1), "account:b2": Reporter(0, 1)}
        assert cases.reporters(["account:b1", "account:b2", "account:b3"]) == known
        appeal = cases.appeal(make_appeal())
        assert appeal.case_id is not None
        cases.close(make_closing(appeal.case_id, "overturned", policy=None), [make_label(0)])
        assert cases.reporters(["account:b1"]) == {"account:b1": Reporter(0, 2)}, "what was overturned was not right"

    def test_a_decision_leads_to_its_place_in_the_log(self, ledger: Ledger, cases: Cases) -> None:
        """To that of the revision that it is about; none in shadow."""
        self.decided(ledger, "e1", "e2")
        edit = make_event("e1", revision=1, text="more")
        ledger.commit([make_judged(edit, cases=())])
        shadow = make_decision(make_event("e4"), id="tried", mode="shadow")
        ledger.commit([make_judged(make_event("e4"), decision=shadow, cases=(), enforcements=())])
        assert [cases.place_in_log(id_) for id_ in ("d-e1-0", "d-e2-0", "d-e1-1", "tried", "x")] == [
            1,
            2,
            3,
            None,
            None,
        ]
        taken = cases.report(make_report())
        assert taken.case_id is not None
        found = cases.find(taken.case_id)
        assert found is not None
        assert found.case.decision_id == "d-e1-1", "a report is about what is there now"

    def test_texts_that_would_not_come_back_are_refused(self, ledger: Ledger, cases: Cases) -> None:
        """Ids that cannot be on record are known to nobody."""
        with pytest.raises(UserError, match="its comment holds a NUL character"):
            cases.report(make_report(comment="a\0b"))
        assert cases.reported("r1") is None
        assert cases.reported("\0") is None
        assert cases.appealed("\ud800") is None
        assert cases.find("\0") is None
        assert cases.place_in_log("\0") is None
        assert cases.cases(["\0"]) == {}
