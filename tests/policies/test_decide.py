import msgspec
import numpy as np
import pytest
from tests.policies.deciding import (
    BANK,
    CONFIRMED,
    DETECTORS,
    LINEAR,
    Detector,
    matched,
    one,
    point_of,
    policy_of,
    scored,
    signals_of,
)

from gatehouse.errors import RefusedError, UserError
from gatehouse.policies.decide import bind, decide, severest
from gatehouse.records.decision import Outcome
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Acceptance
from gatehouse.records.signal import State


def test_a_match_enforces_as_written():
    said = one(policy_of(matched()), [], {(BANK, "advert"): State.MATCHED})
    assert (said.outcome, said.enforce, said.review) == ("violating", "remove", False)
    assert (said.step, said.clause) == ("known", "A1")
    assert said.reason == "'adverts.bank' matched for 'advert' (known): removed"


def test_nothing_fires_is_clear():
    said = one(policy_of(matched()), [], {})
    assert (said.outcome, said.enforce, said.review, said.step) == ("clear", "none", False, None)
    assert said.reason == "no step fired"


def test_a_score_at_the_threshold_fires_and_just_below_it_does_not():
    step = scored(enforce=Kind.REMOVE)
    policy, points = policy_of(step), [point_of(step, 0.913, **CONFIRMED)]
    said = one(policy, points, {(LINEAR, "advert"): 0.913})
    assert said.enforce == "remove"
    assert said.reason == "score at least 0.913 for 'advert' (certain: precision at least 95 %, confirmed): removed"
    assert one(policy, points, {(LINEAR, "advert"): np.nextafter(0.913, 0)}).outcome == "clear"


def test_a_provisional_point_asks_a_person_instead_of_enforcing():
    step = scored(enforce=Kind.REMOVE)
    said = one(policy_of(step), [point_of(step, 0.913)], {(LINEAR, "advert"): 0.95})
    assert (said.outcome, said.enforce, said.review, said.step) == ("undecided", "none", True, "certain")
    assert (
        said.reason == "score at least 0.913 for 'advert' (certain: precision at least 95 %, provisional): "
        "a person looks; removed once the point is confirmed"
    )


def test_an_accepted_provisional_point_enforces_and_says_by_whom():
    step = scored(enforce=Kind.REMOVE, accept=Acceptance(by="policy lead", reason="a flood"))
    said = one(policy_of(step), [point_of(step, 0.913)], {(LINEAR, "advert"): 0.95})
    assert (said.outcome, said.enforce, said.review) == ("violating", "remove", False)
    assert said.reason.endswith("removed, because policy lead accepted the provisional point (a flood)")


def test_a_fixed_score_promises_nothing_and_only_asks_even_when_confirmed():
    step = scored(enforce=Kind.LIMIT, aim="score_at_least")
    said = one(policy_of(step), [point_of(step, 0.8, **CONFIRMED)], {(LINEAR, "advert"): 0.95})
    assert (said.outcome, said.enforce, said.review) == ("undecided", "none", True)
    assert (
        said.reason == "score at least 0.800 for 'advert' (certain: a fixed threshold, no promise): a person looks; "
        "reach limited only if the policy's owner accepts a threshold without a promise"
    )


def test_a_step_without_a_threshold_asks_about_what_is_more_likely_than_not_and_never_acts():
    accept = Acceptance(by="policy lead", reason="a flood")
    for step in (scored(enforce=Kind.REMOVE), scored(enforce=Kind.REMOVE, accept=accept)):
        policy, points = policy_of(step, matched()), [point_of(step, None)]
        said = one(policy, points, {(LINEAR, "advert"): 0.5})
        assert (said.outcome, said.enforce, said.review) == ("undecided", "none", True)
        assert said.reason == (
            "'advert' is more likely than not (certain: no threshold could be found for precision at least 95 %): "
            "a person looks"
        )
        assert one(policy, points, {(LINEAR, "advert"): 0.49}).outcome == "clear"
        assert one(policy, points, {(LINEAR, "advert"): State.FAILED}).outcome == "undecided"
        assert one(policy, points, {(LINEAR, "advert"): State.ABSTAINED}).outcome == "undecided"
        assert one(policy, points, {(BANK, "advert"): State.MATCHED}).outcome == "violating"


def test_the_severest_step_wins_wherever_it_stands():
    mild, severe = matched("mild", enforce=Kind.WARN), matched("severe", enforce=Kind.REMOVE)
    for steps in ((mild, severe), (severe, mild)):
        said = one(policy_of(*steps), [], {(BANK, "advert"): State.MATCHED})
        assert (said.step, said.enforce) == ("severe", "remove")


def test_a_provisional_removal_still_asks_beside_a_milder_deed():
    label, remove = matched("known", enforce=Kind.LABEL), scored(enforce=Kind.REMOVE)
    row = {(BANK, "advert"): State.MATCHED, (LINEAR, "advert"): 0.99}
    said = one(policy_of(label, remove), [point_of(remove)], row)
    assert (said.outcome, said.enforce, said.review, said.step) == ("violating", "label", True, "known")
    assert (
        said.reason == "'adverts.bank' matched for 'advert' (known): labelled; also: score at least 0.900 for 'advert' "
        "(certain: precision at least 95 %, provisional): a person looks; removed once the point is confirmed"
    )


def test_what_is_done_answers_a_request_for_review_of_the_same_label_only():
    blur, ask = matched("known", enforce=Kind.BLUR), scored("likely", label="lure", review=True)
    row = {(BANK, "advert"): State.MATCHED, (LINEAR, "lure"): 0.99, (LINEAR, "advert"): 0.99}
    assert one(policy_of(blur, ask), [point_of(ask)], row).review
    same = scored("likely", review=True)
    assert not one(policy_of(blur, same), [point_of(same)], row).review
    gone = matched("known", enforce=Kind.REMOVE)
    assert not one(policy_of(gone, ask), [point_of(ask)], row).review


def test_suspension_is_left_to_a_person():
    step = matched(enforce=Kind.SUSPEND, review=True)
    said = one(policy_of(step), [], {(BANK, "advert"): State.MATCHED})
    assert (said.outcome, said.enforce, said.review) == ("undecided", "none", True)
    assert said.reason.endswith("a person looks; author suspended only if that person says so")


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (State.FAILED, "'adverts.linear' failed, so nothing is known of 'advert'"),
        (
            State.ABSTAINED,
            "'adverts.linear' could not judge 'advert' (no text, a language that it does not know, "
            "or a value that it needs was not sent)",
        ),
    ],
)
@pytest.mark.parametrize(
    ("missing", "review", "then"), [("review", True, "a person looks"), ("pass", False, "it stays undecided")]
)
def test_missing_evidence_is_never_clear(state, why, missing, review, then):
    step = scored(enforce=Kind.REMOVE)
    said = one(policy_of(step, matched(), missing=missing), [point_of(step)], {(LINEAR, "advert"): state})
    assert (said.outcome, said.enforce, said.review, said.step) == ("undecided", "none", review, None)
    assert said.reason == f"{why}: {then}"


def test_a_policy_can_want_a_person_for_what_failed_and_none_for_a_language_that_nobody_taught():
    step = scored(enforce=Kind.REMOVE)
    policy = policy_of(step, matched(), missing="review", abstained="pass")
    foreign = one(policy, [point_of(step)], {(LINEAR, "advert"): State.ABSTAINED})
    assert (foreign.outcome, foreign.enforce, foreign.review) == ("undecided", "none", False)
    assert foreign.reason.endswith("was not sent): it stays undecided")
    broken = one(policy, [point_of(step)], {(LINEAR, "advert"): State.FAILED})
    assert (broken.outcome, broken.review) == ("undecided", True)
    assert broken.reason.endswith("nothing is known of 'advert': a person looks")


def test_a_detector_that_only_matches_says_nothing_by_abstaining_but_its_failure_counts():
    policy = policy_of(matched())
    assert one(policy, [], {(BANK, "advert"): State.ABSTAINED}).outcome == "clear"
    assert one(policy, [], {(BANK, "advert"): State.FAILED}).outcome == "undecided"


def test_skipped_evidence_was_not_needed():
    step = scored(enforce=Kind.REMOVE)
    assert one(policy_of(step), [point_of(step)], {(LINEAR, "advert"): State.SKIPPED}).outcome == "clear"


def test_healthy_evidence_counts_beside_a_failure():
    step = scored(enforce=Kind.REMOVE)
    row = {(BANK, "advert"): State.MATCHED, (LINEAR, "advert"): State.FAILED}
    said = one(policy_of(step, matched()), [point_of(step)], row)
    assert (said.outcome, said.enforce, said.review, said.step) == ("violating", "remove", False, "known")


def refusal(policy, points, detectors=DETECTORS):
    with pytest.raises(UserError) as error:
        bind(policy, points, detectors)
    return str(error.value)


def test_a_threshold_does_not_outlive_its_policy_or_detector():
    step = scored(enforce=Kind.REMOVE)
    policy = policy_of(step)
    assert refusal(policy, [point_of(step, policy_version="policy0")]) == (
        "adverts: the point of step 'certain' is of version policy0 of 'adverts', the policy is policy1\n"
        "    → gatehouse train adverts"
    )
    assert refusal(policy, [point_of(step, detector_version="linear0")]) == (
        "adverts: the point of step 'certain' is of version linear0 of 'adverts.linear', the detector is linear1\n"
        "    → gatehouse promote adverts with a release of these versions, or gatehouse train adverts"
    )


def test_everything_that_does_not_fit_is_said_at_once():
    step, other = scored(enforce=Kind.REMOVE), scored("likely", label="lurre", review=True)
    said = refusal(
        policy_of(step, other, matched()), [msgspec.structs.replace(point_of(step), step="gone")], DETECTORS[1:]
    )
    train = "    → gatehouse train adverts"
    assert said.split("\n") == [
        "adverts: step 'certain' has no operating point",
        train,
        "adverts: step 'likely' needs the label 'lurre', of which 'adverts.linear' does not speak",
        "    → did you mean 'lure'?",
        "adverts: step 'likely' has no operating point",
        train,
        "adverts: step 'known' needs the detector 'adverts.bank', which is not there",
        train,
        "adverts: no step asks for the point of 'gone' on 'advert' of 'adverts.linear'",
        train,
    ]


def test_two_points_for_one_step_are_refused():
    step = scored(enforce=Kind.REMOVE)
    assert "a step has two operating points" in refusal(policy_of(step), [point_of(step), point_of(step, 0.5)])


def test_signals_of_another_version_are_refused():
    bound = bind(policy_of(matched()), [], [Detector(BANK, "bank2")])
    with pytest.raises(RefusedError, match=r"signals of version bank1 of 'adverts.bank', but the points are of bank2"):
        decide(bound, signals_of([{}]), 1)
    with pytest.raises(RefusedError, match="gave no signals"):
        decide(bound, [], 0)


def test_severest_over_policies():
    first = decide(bind(policy_of(matched()), [], DETECTORS), signals_of([{}, {(BANK, "advert"): State.MATCHED}]), 2)
    other = policy_of(matched(label="lure", enforce=Kind.NONE, review=True))
    second = decide(bind(other, [], DETECTORS), signals_of([{(BANK, "lure"): State.MATCHED}, {}]), 2)
    outcome, enforce = severest([first, second])
    assert (outcome.dtype, outcome.tolist()) == (np.uint8, [Outcome.UNDECIDED, Outcome.VIOLATING])
    assert (enforce.dtype, enforce.tolist()) == (np.uint8, [Kind.NONE, Kind.REMOVE])
    with pytest.raises(ValueError, match="no policy decided"):
        severest([])
