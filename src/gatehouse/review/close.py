"""Closing cases: what a person may find, and the decision and the labels that follow from it. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from gatehouse.errors import Faults, suggestion
from gatehouse.records.case import BY_A_PERSON, Case, Closing, Label
from gatehouse.records.decision import Decision, Outcome, PolicyOutcome
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Policy, Step
from gatehouse.review.open import case_id

ON_APPEALS = ("upheld", "overturned")
ON_EVENTS = ("violating", "not_violating")


def meant(case: Case, closing: Closing) -> Closing:
    """A closing with the policy that it means: that of the case where it names none."""
    return msgspec.structs.replace(closing, policy=closing.policy or case.policy or None)


def check(case: Case, closing: Closing, decision: Decision, policies: Mapping[str, Policy | None]) -> None:
    """Raise UserError, with every fault, where this cannot be found in this case.

    `policies` are those that judged the event, by name; None for one whose text is not known.
    """
    faults = Faults()
    fitting = ON_APPEALS if case.opened_by == "appeal" else ON_EVENTS
    if closing.finding not in fitting:
        what = "an appeal" if case.opened_by == "appeal" else "no appeal"
        faults.add(f"the case is {what}", "value", f"find {' or '.join(fitting)}")
    if not closing.why.strip():
        faults.add("is blank", "why", "say why, for the record and for whoever looks at it again")
    if closing.policy is not None and closing.policy not in policies:
        what = f"policy '{closing.policy}' did not judge this event"
        faults.add(what, "policy", suggestion(closing.policy, policies))
    elif closing.finding == "violating":
        _check_violating(closing, decision, policies, faults)
    elif closing.step is not None:
        faults.add("a step belongs to what is violating", "step", "leave it out")
    faults.raise_found()


def _check_violating(
    closing: Closing, decision: Decision, policies: Mapping[str, Policy | None], faults: Faults
) -> None:
    if closing.policy is None:
        faults.add("is missing", "policy", f"say which is violated: {', '.join(sorted(policies))}")
        return
    policy = policies[closing.policy]
    steps = {} if policy is None else {step.name: step for step in policy.steps}
    if closing.step is not None and closing.step not in steps:
        faults.add(f"policy '{closing.policy}' has no step '{closing.step}'", "step", suggestion(closing.step, steps))
    elif closing.step is None and _said(decision, closing.policy).outcome != Outcome.VIOLATING.word:
        enforcing = [step for step in steps.values() if step.enforce is not Kind.NONE]
        if enforcing and _proposed(_said(decision, closing.policy), enforcing) is None:
            named = ", ".join(f"{step.name} ({step.enforce.word})" for step in enforcing)
            faults.add("several steps enforce, each something else", "step", f"say which applies: {named}")


def _said(decision: Decision, policy: str) -> PolicyOutcome:
    return next(said for said in decision.policies if said.policy == policy)


def _proposed(said: PolicyOutcome, enforcing: list[Step]) -> Step | None:
    """The step that was for a person to confirm, else the only one that there is; None where nobody knows."""
    for step in enforcing:
        if step.name == said.step:
            return step
    return enforcing[0] if len({step.enforce for step in enforcing}) == 1 else None


def concluded(closing: Closing, decision: Decision, policies: Mapping[str, Policy | None], now: int) -> Decision | None:
    """The decision that supersedes the one that stands; None where a person finds what it says.

    The releases are those that judged: a replay gives what was superseded.
    """
    outcomes = tuple(_after(closing, said, policies.get(said.policy)) for said in decision.policies)
    if outcomes == decision.policies:
        return None
    return Decision(
        id=case_id("decision", closing.case_id, decision.id),
        event_id=decision.event_id,
        revision=decision.revision,
        mode=decision.mode,
        outcome=max(Outcome[said.outcome.upper()] for said in outcomes).word,
        enforce=max(Kind[said.enforce.upper()] for said in outcomes).word,
        policies=outcomes,
        releases=decision.releases,
        decided=now,
        supersedes=decision.id,
    )


def made_in(case_id_: str, decision: Decision) -> bool:
    """Whether a decision came of closing a case."""
    return decision.supersedes is not None and decision.id == case_id("decision", case_id_, decision.supersedes)


def _after(closing: Closing, said: PolicyOutcome, policy: Policy | None) -> PolicyOutcome:
    """A policy's outcome after a finding; the very same where the finding agrees or speaks of others."""
    if closing.finding == "upheld" or closing.policy not in (None, said.policy):
        return said
    if closing.finding == "violating":
        return _violating(closing, said, policy)
    if said.outcome == Outcome.CLEAR.word and said.enforce == Kind.NONE.word:
        return said
    return _by_a_person(closing, said, Outcome.CLEAR, None)


def _violating(closing: Closing, said: PolicyOutcome, policy: Policy | None) -> PolicyOutcome:
    steps = () if policy is None else policy.steps
    if closing.step is not None:
        step = next((step for step in steps if step.name == closing.step), None)
    elif said.outcome == Outcome.VIOLATING.word:
        return said
    else:
        step = _proposed(said, [step for step in steps if step.enforce is not Kind.NONE])
    enforce = Kind.NONE if step is None else step.enforce
    if (said.outcome, said.enforce) == (Outcome.VIOLATING.word, enforce.word):
        return said
    return _by_a_person(closing, said, Outcome.VIOLATING, step)


def _by_a_person(closing: Closing, said: PolicyOutcome, outcome: Outcome, step: Step | None) -> PolicyOutcome:
    return PolicyOutcome(
        policy=said.policy,
        policy_version=said.policy_version,
        outcome=outcome.word,
        enforce=(Kind.NONE if step is None else step.enforce).word,
        review=False,
        step=None if step is None else step.name,
        clause=None if step is None else step.clause,
        reason=f"{BY_A_PERSON} in case {closing.case_id}",
    )


def labels(case: Case, closing: Closing, decision: Decision) -> list[Label]:
    """What a finding claims to be true of the event, by policy: a label bears the policy's name.

    Of an appeal it speaks of what was decided to violate; else of the policy that it names, or of all.
    """
    said: Iterable[PolicyOutcome] = decision.policies
    if closing.policy is not None:
        said = [one for one in said if one.policy == closing.policy]
    elif case.opened_by == "appeal":
        said = [one for one in said if one.outcome == Outcome.VIOLATING.word]
    return [
        Label(
            event_id=case.event_id,
            label=one.policy,
            value=int(closing.finding in ("violating", "upheld")),
            source="appeal" if case.opened_by == "appeal" else "review",
            rater=closing.by,
            at=closing.at,
            policy_version=one.policy_version,
            chance=case.chance,
        )
        for one in said
    ]
