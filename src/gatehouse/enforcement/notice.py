"""Notices: what an event's actor is told of a decision, as Article 17 of the EU's Digital Services Act asks. Pure.

What was done, for how long and where; the facts, and whether reports led to it; whether automated means were used; the
clause of the policy, and why it applies; what can be done about it. There is no content in it, and no reviewer's name.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from gatehouse.records.case import BY_A_PERSON
from gatehouse.records.decision import Decision, Outcome, PolicyOutcome
from gatehouse.records.enforcement import Enforcement, Kind
from gatehouse.records.event import Event
from gatehouse.records.policy import Policy

_DONE: dict[Kind, str] = {
    Kind.OFFER_HELP: "help was offered",
    Kind.LABEL: "a label was put on it",
    Kind.WARN: "you were warned",
    Kind.BLUR: "it is blurred until somebody chooses to see it",
    Kind.AGE_GATE: "it is shown to adults only",
    Kind.LIMIT: "fewer people are shown it",
    Kind.REMOVE: "it was removed",
    Kind.STRIKE: "a strike was put on your record",
    Kind.SUSPEND: "your account was suspended",
    Kind.TERMINATE: "your account was closed",
    # Whoever is suspected must not be warned that it was passed on.
    Kind.ESCALATE: "we looked at it more closely",
}

TOLD = frozenset(Kind) - {Kind.NONE, Kind.OFFER_HELP, Kind.ESCALATE}
"""Kinds of which the actor is told when they are done: help speaks for itself, and what is escalated is not told."""

_AGAIN = (
    "What you can do: you can contest this decision free of charge within six months, and a person who had no part in "
    "it decides. You can also turn to a certified body for out-of-court dispute settlement, or to a court."
)
_AFTER_APPEAL = (
    "What you can do: this was decided on your appeal. You can turn to a certified body for out-of-court dispute "
    "settlement, or to a court."
)

_FOUND = {
    "report": "Others reported it to us.",
    "appeal": "You contested our decision.",
    "audit": "We found it when we looked at what was drawn by chance.",
}
_OF_OUR_OWN = "We found it of our own accord."


def reasons(
    event: Event,
    decision: Decision,
    deeds: Sequence[Enforcement],
    policies: Mapping[str, Policy | None],
    *,
    opened_by: str,
    redress: str = _AGAIN,
) -> str:
    """The statement of reasons for what a decision does to its event and actor.

    `deeds` are its enforcements that stand, `policies` the texts by name, `opened_by` what opened the case in which a
    person decided, or `policy`.
    """
    violated = [said for said in decision.policies if said.outcome == Outcome.VIOLATING.word]
    lines = [
        f"{_yours(event)}: {_and([_deed(deed) for deed in deeds] or ['nothing was done'])}.",
        "This holds everywhere on this service.",
        f"Facts: {_FOUND.get(opened_by, _OF_OUR_OWN)} {_means(violated, opened_by)}",
        *(_ground(said, policies.get(said.policy)) for said in violated),
        "The ground is our own policy; we do not say that it is against the law.",
        redress,
    ]
    return "\n\n".join(lines)


def kept(event: Event, decision: Decision, deeds: Sequence[Enforcement], policies: Mapping[str, Policy | None]) -> str:
    """What is told where an appeal did not change the decision."""
    said = reasons(event, decision, deeds, policies, opened_by="appeal", redress=_AFTER_APPEAL)
    return f"A person who had no part in it looked at the decision that you contested. It stands.\n\n{said}"


def taken_back(event: Event, deeds: Sequence[Enforcement], *, appealed: bool) -> str:
    """What is told where a person found that a decision was wrong; `deeds` are what was done and is taken back."""
    if appealed:
        who = "a person who had no part in it looked at the decision that you contested"
        lines = [f"{_yours(event)}: {who} and found that it was wrong."]
    else:
        lines = [f"{_yours(event)}: a person looked again and found that our decision was wrong."]
    if undone := [deed.kind.replace("_", " ") for deed in deeds if deed.kind != Kind.ESCALATE.word]:
        lines.append(f"What was done is taken back: {_and(undone)}. Strikes that it led to no longer count.")
    return "\n\n".join(lines)


def _yours(event: Event) -> str:
    return f"Your {event.kind} {event.id}"


def _deed(deed: Enforcement) -> str:
    said = _DONE[Kind[deed.kind.upper()]]
    if deed.until is None:
        return said
    return f"{said} until {datetime.fromtimestamp(deed.until // 1_000_000, UTC):%Y-%m-%d %H:%M} UTC"


def _means(violated: Sequence[PolicyOutcome], opened_by: str) -> str:
    """Whether automated means found it, and whether they decided; of several policies all must have had a person."""
    by_people = [said.reason.startswith(BY_A_PERSON) for said in violated]
    decided = "A person decided" if by_people and all(by_people) else "Automated means decided"
    if opened_by == "report" and decided == "A person decided":
        return f"{decided}; automated means did not find it."
    return f"{decided}; automated means found it."


def _ground(said: PolicyOutcome, policy: Policy | None) -> str:
    """The clause that a policy's conclusion rests on, and what it says."""
    clauses = {} if policy is None else {clause.id: clause for clause in policy.clauses}
    title = said.policy if policy is None else policy.title
    clause = clauses.get(said.clause or "")
    if clause is None:
        return f"Why: it violates our policy '{title}'."
    return f"Why: it violates clause {clause.id}, '{clause.title}', of our policy '{title}', which says: {clause.text}"


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
