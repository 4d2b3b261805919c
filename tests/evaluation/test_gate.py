"""The gate refuses a loss, passes where one would have shown, and else cannot tell; never the wrong way round."""

import numpy as np
import pytest

from gatehouse.evaluation.gate import Comparison, gate, limited
from gatehouse.evaluation.slices import Slice
from gatehouse.records.policy import GateRules


def compared(positives: int, loss: float, added: float = 0.0, seed: int = 1, step: str = "likely") -> Comparison:
    """Flags of a champion that finds .8, and of a candidate that loses `loss` of recall and adds false positives."""
    rng = np.random.default_rng(seed)
    n = 5 * positives
    truth = np.arange(n) < positives
    champion = rng.random(n) < np.where(truth, 0.8, 0.02)
    drawn = rng.random(n)
    candidate = np.where(champion & truth, drawn >= loss / 0.8, champion) | (~truth & (drawn < added))
    return Comparison(step, truth, champion, candidate)


def markets(n: int, k: int = 4) -> list[Slice]:
    return [Slice("market", str(i), np.arange(n) % k == i) for i in range(k)]


def test_a_loss_of_recall_is_refused_with_its_size_and_rows() -> None:
    report = gate(compared(1_000, 0.08), (), [], GateRules())
    assert report.verdict == "refused"
    assert not report.accepted
    assert report.reasons[0].startswith("recall at likely: the candidate loses 7.9 [")
    assert "on 1,000 positives" in report.reasons[0]


def test_added_false_positives_are_refused() -> None:
    report = gate(compared(1_000, 0.0, added=0.03), (), [], GateRules())
    assert report.verdict == "refused"
    assert report.reasons[0].startswith("false positives at likely")


def test_an_equal_candidate_passes_and_the_smallest_visible_loss_is_named() -> None:
    one = compared(1_000, 0.0)
    report = gate(one, (), markets(5_000), GateRules())
    assert report.verdict == "passes"
    assert report.accepted
    assert "would have been" in report.reasons[0]
    assert report.reasons[-1].endswith("by slice and at other steps, show no loss")


def test_too_few_positives_cannot_tell_and_say_how_many_it_takes() -> None:
    one = compared(60, 0.0)
    swapped = one.champion.copy()
    found, missed = np.flatnonzero(one.truth & one.champion)[:3], np.flatnonzero(one.truth & ~one.champion)[:3]
    swapped[found], swapped[missed] = False, True
    unsure = Comparison("likely", one.truth, one.champion, swapped)
    report = gate(unsure, (), [], GateRules())
    assert report.verdict == "cannot tell"
    assert not report.accepted
    assert "positives would show 5" in report.reasons[0]
    assert gate(unsure, (), [], GateRules(accept_cannot_tell=True)).accepted


def test_a_loss_in_one_slice_alone_is_refused() -> None:
    one = compared(2_000, 0.0)
    own = np.arange(10_000) % 4 == 0
    hurt = one.candidate & ~(own & one.truth & (np.random.default_rng(3).random(10_000) < 0.3))
    report = gate(Comparison("likely", one.truth, one.champion, hurt), (), markets(10_000), GateRules())
    assert report.verdict == "refused"
    assert any("where market is 0" in reason for reason in report.reasons)


def test_a_slice_too_small_to_show_the_loss_that_matters_is_not_tested() -> None:
    one = compared(1_000, 0.05)
    small = Slice("market", "tiny", np.arange(5_000) < 40)
    report = gate(one, (), [small, *markets(5_000)], GateRules())
    assert not any("tiny" in test.what for test in report.tests)


def test_a_loss_at_another_step_is_refused() -> None:
    report = gate(compared(1_000, 0.0), [compared(1_000, 0.1, step="certain")], [], GateRules())
    assert report.verdict == "refused"
    assert report.reasons[0].startswith("recall at certain")


def test_slower_and_larger_than_allowed_are_refused() -> None:
    slow = limited("one text", 10.0, 30.0, "µs", 1.5)
    report = gate(compared(1_000, 0.0), (), [], GateRules(), [slow])
    assert report.verdict == "refused"
    assert report.reasons[0] == "one text: 30 µs against 10, 3.00 times as much; at most 1.5 times is allowed"
    assert limited("one text", 10.0, 12.0, "µs", 1.5).verdict == "passes"


@pytest.mark.parametrize("seed", range(5))
def test_an_equal_candidate_is_seldom_refused_however_many_tests_there_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    refused = 0
    for _ in range(20):
        n = 2_000
        truth = np.arange(n) < 500
        champion, noise = rng.random(n) < 0.5, rng.random(n) < 0.05
        slices = [Slice("x", str(k), rng.random(n) < 0.5) for k in range(10)]
        report = gate(Comparison("likely", truth, champion, champion ^ noise), (), slices, GateRules())
        refused += report.verdict == "refused"
    assert refused <= 5
