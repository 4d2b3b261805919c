"""Notices say what the law asks, in words, and name nobody who decided."""

from gatehouse.enforcement.notice import kept, reasons, taken_back
from gatehouse.records.decision import Decision
from gatehouse.records.enforcement import Enforcement, Kind
from gatehouse.testing.makers import make_decision, make_event, make_outcome, make_policy
from gatehouse.testing.outbox_contract import make_enforcement

EVENT = make_event(kind="message")
BY_PERSON = make_outcome(reason="a person decided in case c1")
POLICIES = {"spam": make_policy(), "abuse": None}


def told(decision: Decision, opened_by: str, *deeds: Enforcement) -> str:
    return reasons(EVENT, decision, deeds, POLICIES, opened_by=opened_by)


def test_a_statement_of_reasons_says_how_long_and_by_whom_and_why() -> None:
    deeds = (
        make_enforcement(),
        make_enforcement("n2", kind="suspend", subject="account:a1", until=1_700_000_000_000_000),
    )
    decision = make_decision(policies=(make_outcome(), make_outcome("abuse", clause="A9")))
    said = reasons(EVENT, decision, deeds, POLICIES, opened_by="policy").split("\n\n")
    assert said[0] == "Your message e1: it was removed and your account was suspended until 2023-11-14 22:13 UTC."
    assert said[2] == "Facts: We found it of our own accord. Automated means decided; automated means found it."
    assert said[4] == "Why: it violates our policy 'abuse'.", "a policy whose text is not known is named"
    assert said[-1].startswith("What you can do: you can contest this decision free of charge within six months")


def test_means_are_told_apart() -> None:
    mixed = make_decision(policies=(BY_PERSON, make_outcome("abuse")))
    person = make_decision(policies=(BY_PERSON,))
    assert "Automated means decided; automated means found it." in reasons(
        EVENT, mixed, (), POLICIES, opened_by="report"
    )
    assert "A person decided; automated means did not find it." in reasons(
        EVENT, person, (), POLICIES, opened_by="report"
    )
    assert "A person decided; automated means found it." in told(person, "policy")
    assert "Others reported it to us." in told(person, "report")


def test_every_kind_has_words() -> None:
    for kind in Kind:
        if kind is not Kind.NONE:
            assert "nothing was done" not in told(make_decision(), "policy", make_enforcement(kind=kind.word))


def test_what_was_wrong_is_said_to_be_taken_back() -> None:
    assert taken_back(EVENT, (make_enforcement(),), appealed=False) == (
        "Your message e1: a person looked again and found that our decision was wrong.\n\n"
        "What was done is taken back: remove. Strikes that it led to no longer count."
    )
    assert taken_back(EVENT, (), appealed=True) == (
        "Your message e1: a person who had no part in it looked at the decision that you contested and found that it "
        "was wrong."
    )
    assert kept(EVENT, make_decision(), (), POLICIES).startswith(
        "A person who had no part in it looked at the decision"
    )
