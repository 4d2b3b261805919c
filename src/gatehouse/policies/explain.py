"""Points, steps and the reasons of decisions in words for people."""

from gatehouse.records.enforcement import NEEDS_A_PERSON, Kind
from gatehouse.records.policy import Aim, Point, Policy, Step
from gatehouse.records.signal import State

DONE = {
    Kind.NONE: "nothing is done",
    Kind.OFFER_HELP: "help offered",
    Kind.LABEL: "labelled",
    Kind.WARN: "author warned",
    Kind.BLUR: "blurred",
    Kind.AGE_GATE: "age-gated",
    Kind.LIMIT: "reach limited",
    Kind.REMOVE: "removed",
    Kind.STRIKE: "strike given",
    Kind.SUSPEND: "author suspended",
    Kind.TERMINATE: "account terminated",
    Kind.ESCALATE: "escalated",
}
"""What was done, by kind of enforcement."""

LIKELY = 0.5
"""The calibrated chance from which a person is asked where a step found no threshold: more likely than not."""


def percent(share: float) -> str:
    """A share in per cent with three digits that count."""
    return f"{100 * share:.3g} %"


def score_in_words(score: float) -> str:
    """A score with three decimals, or as many as it takes not to look like 0 or 1."""
    decimals = 3
    while 0 < score < 1 and decimals < 15 and round(score, decimals) in (0, 1):
        decimals += 1
    return f"{score:.{decimals}f}"


def promise_in_words(aim: Aim, value: float) -> str:
    """What an operating point promises, or that it promises nothing."""
    match aim:
        case "precision_at_least":
            return f"precision at least {percent(value)}"
        case "recall_at_least":
            return f"recall at least {percent(value)}"
        case "false_positive_rate_at_most":
            return f"false positive rate at most {percent(value)}"
        case "review_at_most":
            return f"at most {value:,.0f} events a day"
        case "score_at_least":
            return f"score at least {score_in_words(value)}, no promise"


def point_in_words(point: Point) -> str:
    """An operating point as one sentence: promise, threshold, what was counted, bound, and for whom it speaks."""
    promise = promise_in_words(point.aim, point.value)
    seen = f"{_count(point.n, 'labelled row')} (base rate {percent(point.base_rate)})"
    if point.threshold is None:
        return f"{promise}: cannot be promised on {seen}: {_lack(point)}"
    parts = [
        *([f"threshold {score_in_words(point.threshold)}"] if point.aim != "score_at_least" else []),
        f"{point.flagged:,} flagged",
        f"{_count(point.errors, 'error')} on {seen}",
        *_measured(point),
    ]
    return f"{promise}: {', '.join(parts)}; {_standing(point)}"


def _measured(point: Point) -> list[str]:
    found = [] if point.bound is None else [_bound(point)]
    if point.precision is not None and point.aim not in ("precision_at_least", "score_at_least"):
        found.append(f"precision {percent(point.precision)}")
    if point.recall is not None and point.aim != "recall_at_least":
        found.append(f"recall {percent(point.recall)}")
    return found


def _bound(point: Point) -> str:
    bound = percent(point.bound or 0.0)
    match point.aim:
        case "review_at_most":
            return f"at most {bound} of events"
        case "score_at_least":
            return f"precision {percent(point.estimate or 0.0)} (at least {bound})"
        case _:
            return f"bound {bound}"


def _standing(point: Point) -> str:
    if point.aim == "score_at_least":
        return f"speaks for {point.population}"
    if point.status == "confirmed":
        return f"confirmed on audit draws of {point.population}"
    return f"provisional: speaks for {point.population} until confirmed on audit draws"


def _lack(point: Point) -> str:
    if point.missing_labels is not None:
        more = _count(_about(point.missing_labels), "more labelled event")
        return f"needs about {more} of the same population ({point.population})"
    if point.aim == "review_at_most":
        return "the policy does not say how many events come a day (traffic: 100000/day), or too many share one score"
    if point.positives == 0 and point.aim != "false_positive_rate_at_most":
        return "none of them is positive"
    return "at the rates seen here no number of labels would do; the detector must become better first"


def _about(number: int) -> int:
    """Rounded up to two digits that count, because the number rests on rates seen in few rows."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // unit) * unit


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def held_back(step: Step, point: Point | None) -> bool:
    """Whether a step that enforces must leave it to a person for now.

    So it is where a person must decide on that kind at all, where no threshold was found, and where no confirmed
    promise stands behind the threshold and the policy's owner has not accepted it as it is.
    """
    if step.enforce in NEEDS_A_PERSON or (point is not None and point.threshold is None):
        return True
    return step.accept is None and not _promised(point)


def _promised(point: Point | None) -> bool:
    return point is None or (point.status == "confirmed" and point.aim != "score_at_least")


def consequence(step: Step, point: Point | None) -> str:
    """What follows when a step fires: done, left to a person, or done on somebody's word."""
    done = DONE[step.enforce]
    if step.enforce is Kind.NONE:
        return "a person looks"
    if step.enforce in NEEDS_A_PERSON:
        return f"a person looks; {done} only if that person says so"
    no_promise = point is not None and point.aim == "score_at_least"
    if held_back(step, point):
        when = "only if the policy's owner accepts a threshold without a promise" if no_promise else ""
        return f"a person looks; {done} {when or 'once the point is confirmed'}"
    also = " and a person looks" if step.review else ""
    if step.accept is None or _promised(point):
        return f"{done}{also}"
    accepted = "a threshold without a promise" if no_promise else "the provisional point"
    return f"{done}{also}, because {step.accept.by} accepted {accepted} ({step.accept.reason})"


def reason_for(step: Step, point: Point | None) -> str:
    """Why an event on which this step fired was judged as it was."""
    if point is None:
        return f"'{step.detector}' matched for '{step.label}' ({step.name}): {consequence(step, point)}"
    if point.threshold is None:
        lack = f"no threshold could be found for {promise_in_words(point.aim, point.value)}"
        return f"'{step.label}' is more likely than not ({step.name}: {lack}): a person looks"
    score = f"score at least {score_in_words(point.threshold)} for '{step.label}'"
    if point.aim == "score_at_least":
        promise = "a fixed threshold, no promise"
    else:
        promise = f"{promise_in_words(point.aim, point.value)}, {point.status}"
    return f"{score} ({step.name}: {promise}): {consequence(step, point)}"


def reason_for_missing(policy: Policy, detector: str, label: str, state: State) -> str:
    """Why an event whose evidence is missing is not clear."""
    then = "a person looks" if policy.where_missing(state) == "review" else "it stays undecided"
    if state is State.FAILED:
        return f"'{detector}' failed, so nothing is known of '{label}': {then}"
    why = "no text, a language that it does not know, or a value that it needs was not sent"
    return f"'{detector}' could not judge '{label}' ({why}): {then}"
