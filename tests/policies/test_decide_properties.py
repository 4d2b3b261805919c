import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.policies.deciding import BANK, DETECTORS, LABELS, LINEAR, matched, point_of, policy_of, scored, signals_of

from gatehouse.policies.decide import Policies, bind, decide
from gatehouse.policies.explain import LIKELY, held_back
from gatehouse.records.decision import Outcome
from gatehouse.records.enforcement import NEEDS_A_PERSON, Kind
from gatehouse.records.policy import Acceptance
from gatehouse.records.signal import State

kinds = st.sampled_from([Kind.NONE, Kind.LABEL, Kind.LIMIT, Kind.REMOVE, Kind.SUSPEND])


@st.composite
def bound_policies(draw):
    steps, points = [], []
    for i in range(draw(st.integers(1, 5))):
        kind, label = draw(kinds), draw(st.sampled_from(LABELS))
        review = draw(st.booleans()) or kind is Kind.NONE or kind in NEEDS_A_PERSON
        if draw(st.booleans()):
            steps.append(matched(f"s{i}", label, enforce=kind, review=review))
            continue
        aim = draw(st.sampled_from(["precision_at_least", "score_at_least"]))
        accept = Acceptance(by="lead", reason="so") if draw(st.booleans()) else None
        steps.append(scored(f"s{i}", label, aim, enforce=kind, review=review, accept=accept))
        threshold = draw(st.sampled_from([None, 0.25, 0.5, 0.75]))
        points.append(point_of(steps[-1], threshold, status=draw(st.sampled_from(["provisional", "confirmed"]))))
    words = st.sampled_from(["review", "pass"])
    return policy_of(*steps, missing=draw(words), abstained=draw(words | st.just(msgspec.UNSET))), points


scores = st.sampled_from([0.0, 0.25, 0.4, 0.6, 0.75, 1.0])
linear_signals = scores | st.sampled_from([State.ABSTAINED, State.SKIPPED, State.FAILED])
bank_signals = st.sampled_from([State.MATCHED, State.ABSTAINED, State.SKIPPED, State.FAILED])
rows = st.fixed_dictionaries(
    {(BANK, label): bank_signals for label in LABELS} | {(LINEAR, label): linear_signals for label in LABELS}
)


def plainly(policy, points, row):
    """Outcome, enforcement and review of one row, step by step."""
    point_by_step = {point.step: point for point in points}
    doing, asking = [], []
    for step in policy.steps:
        point, signal = point_by_step.get(step.name), row[step.detector, step.label]
        if step.target is None:
            fired, lacking = signal is State.MATCHED, signal is State.FAILED
        else:
            threshold = LIKELY if point.threshold is None else point.threshold
            fired = not isinstance(signal, State) and signal >= threshold
            lacking = signal in (State.FAILED, State.ABSTAINED) if isinstance(signal, State) else False
        if fired and step.enforce is not Kind.NONE and not held_back(step, point):
            doing.append(step)
        elif fired:
            asking.append((step, True))
        elif lacking:
            said = policy.missing if signal is State.FAILED or not policy.abstained else policy.abstained
            asking.append((step, said == "review"))
    if not doing:
        outcome = Outcome.UNDECIDED if asking else Outcome.CLEAR
        return outcome, Kind.NONE, any(review for _, review in asking)
    winner = max(doing, key=lambda step: (step.enforce, -policy.steps.index(step)))
    return (
        Outcome.VIOLATING,
        winner.enforce,
        winner.review or any(review and not answered(winner, doing, step) for step, review in asking),
    )


def answered(winner, doing, step):
    if step.enforce is Kind.NONE:
        return winner.enforce >= Kind.REMOVE or step.label in {other.label for other in doing}
    return winner.enforce >= step.enforce


def conclusions(outcomes):
    return list(zip(outcomes.outcome.tolist(), outcomes.enforce.tolist(), outcomes.review.tolist(), strict=True))


@settings(deadline=None, max_examples=300)
@given(bound_policies(), st.lists(rows, max_size=6))
def test_columns_conclude_what_the_plain_form_does(bound, batch):
    policy, points = bound
    outcomes = decide(bind(policy, points, DETECTORS), signals_of(batch), len(batch))
    assert conclusions(outcomes) == [plainly(policy, points, row) for row in batch]


@settings(deadline=None, max_examples=100)
@given(bound_policies(), st.lists(rows, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_neither_order_nor_size_of_a_batch_matters(bound, batch, random):
    ready = bind(*bound, DETECTORS)
    whole = decide(ready, signals_of(batch), len(batch))
    order = random.sample(range(len(batch)), len(batch))
    shuffled = decide(ready, signals_of([batch[i] for i in order]), len(batch))
    assert [shuffled.of(k) for k in range(len(batch))] == [whole.of(i) for i in order]
    assert [decide(ready, signals_of([row]), 1).of(0) for row in batch] == [whole.of(i) for i in range(len(batch))]


@settings(deadline=None, max_examples=300)
@given(bound_policies(), rows, st.sampled_from([(name, label) for name in (BANK, LINEAR) for label in LABELS]))
def test_a_failure_never_clears_and_never_violates(bound, row, lost):
    ready = bind(*bound, DETECTORS)
    assume(row[lost] is not State.FAILED)
    before = decide(ready, signals_of([row]), 1)
    after = decide(ready, signals_of([{**row, lost: State.FAILED}]), 1)
    if before.outcome[0] != Outcome.CLEAR:
        assert after.outcome[0] != Outcome.CLEAR
    assert after.enforce[0] <= before.enforce[0]
    if before.outcome[0] != Outcome.VIOLATING:
        assert after.outcome[0] != Outcome.VIOLATING


@settings(deadline=None, max_examples=200)
@given(bound_policies(), st.lists(rows, min_size=1, max_size=4))
def test_every_conclusion_has_a_reason_that_fits_it(bound, batch):
    outcomes = decide(bind(*bound, DETECTORS), signals_of(batch), len(batch))
    for i in range(len(batch)):
        said = outcomes.of(i)
        assert (said.reason == "no step fired") == (said.outcome == "clear")
        assert said.review == ("a person looks" in said.reason)
        assert (said.enforce != "none") == (said.outcome == "violating")
        assert said.clause == (None if said.step is None else "A1")
        assert said.step is not None or said.outcome != "violating"


@settings(deadline=None, max_examples=100)
@given(st.lists(bound_policies(), max_size=4), st.lists(rows, max_size=6))
def test_policies_decide_together_as_each_by_itself(policies, batch):
    bound = [bind(policy, points, DETECTORS) for policy, points in policies]
    together = Policies(bound)(signals_of(batch), len(batch))
    assert [said.records() for said in together] == [
        decide(one, signals_of(batch), len(batch)).records() for one in bound
    ]
