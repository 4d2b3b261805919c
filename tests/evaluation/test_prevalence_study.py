import numpy as np
import pytest
from tests.evaluation.prevalence_by_hand import ITEMS, VIOLATING, label, rows_of, violates, write_rows, write_scores

from gatehouse.errors import UserError
from gatehouse.evaluation.prevalence import draw, estimate, plan, rate
from gatehouse.evaluation.prevalence_files import note_path, read_frame
from gatehouse.stats.reviewers import PERFECT, Reviewers, known, measured


@pytest.fixture
def scores(tmp_path):
    return write_scores(tmp_path / "scores.csv")


@pytest.fixture
def drawn(tmp_path, scores):
    out = tmp_path / "to-label.csv"
    draw(read_frame(scores, {}), out, 500, seed=7)
    return out


def write_judge(path, said, views=True, ids=range(ITEMS)):
    rows = "".join(f"m{i},{said(f'm{i}')},{1 + i % 7}\n" if views else f"m{i},{said(f'm{i}')}\n" for i in ids)
    path.write_text(("id,judge,views\n" if views else "id,judge\n") + rows)
    return path


def test_the_same_seed_draws_the_same_rows_and_another_others(tmp_path, scores):
    frame = read_frame(scores, {})
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        draw(frame, tmp_path / f"{name}.csv", 100, seed=seed)
    first, second, other = ((tmp_path / f"{name}.csv").read_text() for name in "abc")
    assert first == second != other


def test_rows_to_label_stand_in_an_order_that_says_nothing_of_scores(drawn):
    scores = np.array([float(row["score"]) for row in rows_of(drawn)])
    assert abs(np.corrcoef(np.arange(len(scores)), scores)[0, 1]) < 0.15


def test_a_draw_and_its_labels_give_the_truth_inside_the_interval(drawn):
    label(drawn)
    found = estimate(drawn, PERFECT)
    assert found.looks == 3
    assert found.items.corrected.low <= VIOLATING / ITEMS <= found.items.corrected.high
    true = sum(1 + i % 7 for i in range(VIOLATING)) / sum(1 + i % 7 for i in range(ITEMS))
    assert found.views.corrected.low <= true <= found.views.corrected.high
    assert found.items.total == ITEMS
    assert found.items.horvitz_thompson == pytest.approx(VIOLATING / ITEMS, rel=0.5)
    assert found.unsure is None
    assert found.recalled == 0


def test_estimates_over_many_seeds_are_right_on_average(tmp_path, scores):
    frame = read_frame(scores, {})
    found = []
    for seed in range(40):
        out = tmp_path / f"{seed}.csv"
        draw(frame, out, 500, seed=seed)
        label(out)
        found.append(estimate(out, PERFECT).items.called.estimate)
    assert np.mean(found) == pytest.approx(VIOLATING / ITEMS, rel=0.06)


def test_without_its_note_the_estimate_is_the_same_and_says_less(drawn):
    label(drawn)
    whole = estimate(drawn, PERFECT)
    note_path(drawn).unlink()
    found = estimate(drawn, PERFECT)
    assert found.items.corrected == whole.items.corrected
    assert found.items.horvitz_thompson is None
    assert not found.has_note


def test_two_others_can_take_a_yes_back(drawn):
    rows = label(drawn)
    before = estimate(drawn, PERFECT).items.positives
    taken = next(row for row in rows if row["label"] == "yes")
    taken["looks"] = "no no"
    write_rows(drawn, rows)
    found = estimate(drawn, PERFECT)
    assert (found.items.positives, found.recalled) == (before - 1, 1)
    taken["looks"] = "no yes"
    write_rows(drawn, rows)
    assert estimate(drawn, PERFECT).items.positives == before


def test_a_yes_that_nobody_else_saw_is_named(drawn):
    rows = label(drawn)
    place = next(i for i, row in enumerate(rows) if row["label"] == "yes")
    rows[place]["looks"] = "yes"
    write_rows(drawn, rows)
    with pytest.raises(UserError, match=rf"a yes needs 2 more looks \(row {place + 2}\)"):
        estimate(drawn, PERFECT)


def test_a_draw_for_one_look_wants_no_others(tmp_path, scores):
    out = tmp_path / "once.csv"
    draw(read_frame(scores, {}), out, 500, seed=7, looks=1)
    label(out, others="")
    assert estimate(out, PERFECT).looks == 1
    label(out, others="yes yes")
    with pytest.raises(UserError, match="a yes needs 0 more looks"):
        estimate(out, PERFECT)


def test_the_unsure_are_left_out_counted_and_bounded(drawn):
    rows = label(drawn)
    negatives = [row for row in rows if row["label"] == "no"][:5]
    for row in negatives:
        row["label"] = "unsure"
    negatives[0]["looks"] = "no no"
    write_rows(drawn, rows)
    found = estimate(drawn, PERFECT)
    assert found.unsure.n == 4, "two noes decide the fifth"
    assert found.items.n == len(rows) - 4
    assert found.unsure.if_none < found.items.corrected.estimate < found.unsure.if_all
    assert found.items.horvitz_thompson is None


def test_when_nobody_is_sure_nothing_is_estimated(drawn):
    rows = label(drawn)
    write_rows(drawn, [row | {"label": "unsure", "looks": ""} for row in rows])
    with pytest.raises(UserError, match="every row is unsure"):
        estimate(drawn, PERFECT)


def test_reviewers_who_err_are_corrected_for_and_contradictions_are_said(drawn):
    label(drawn)
    plain = estimate(drawn, PERFECT).items.corrected
    found = estimate(drawn, Reviewers(measured(180, 200), known(0.995))).items.corrected
    assert found.estimate == pytest.approx((plain.estimate - 4.99e-5) / (0.891 - 4.99e-5), rel=1e-3)
    assert found.high - found.low > plain.high - plain.low
    with pytest.raises(UserError, match="not those of the people who labelled this"):
        estimate(drawn, Reviewers(known(0.9), known(0.5)))


def test_a_judge_of_everything_narrows_the_interval(tmp_path, drawn):
    label(drawn)
    judge = write_judge(tmp_path / "judge.csv", lambda name: 0.9 if violates(name) else 0.01)
    found = estimate(drawn, PERFECT, judge)
    assert found.powered_items.power > 0.5
    assert found.powered_items.judged == pytest.approx((0.9 * VIOLATING + 0.01 * (ITEMS - VIOLATING)) / ITEMS)
    alone, with_judge = found.items.corrected, found.powered_items.share.corrected
    assert with_judge.high - with_judge.low < 0.8 * (alone.high - alone.low)
    assert found.powered_views is not None


def test_a_judge_of_another_population_is_refused(tmp_path, drawn):
    rows = label(drawn)
    lost = int(rows[0]["id"][1:])
    few = write_judge(tmp_path / "few.csv", lambda name: 0.1, ids=[i for i in range(ITEMS) if i != lost])
    with pytest.raises(UserError, match=r"the judge did not label this id \(row 2\)"):
        estimate(drawn, PERFECT, few)
    drawn_ids = {int(row["id"][1:]) for row in rows}
    other = next(i for i in range(ITEMS) if i not in drawn_ids)
    most = write_judge(tmp_path / "most.csv", lambda name: 0.1, ids=[i for i in range(ITEMS) if i != other])
    with pytest.raises(UserError, match="the judge labelled 1,999 items, but the draw was from 2,000"):
        estimate(drawn, PERFECT, most)


def test_a_draw_by_views_leaves_out_what_nobody_saw(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("id,score,views\n" + "".join(f"m{i},0.1,{i % 3}\n" for i in range(300)))
    done = draw(read_frame(path, {}), tmp_path / "out.csv", 50, seed=7, by="views")
    assert (done.items, done.left_out) == (200, 100)
    assert all(row["views"] != "0" for row in rows_of(tmp_path / "out.csv"))


def test_views_must_be_there_to_draw_by_them(tmp_path):
    frame = read_frame(write_scores(tmp_path / "s.csv", views=False), {})
    with pytest.raises(UserError, match="no column views"):
        draw(frame, tmp_path / "out.csv", 50, seed=7, by="views")


def test_more_than_there_is_cannot_be_drawn(tmp_path, scores):
    with pytest.raises(UserError, match="2,001 cannot be drawn from 2,000"):
        draw(read_frame(scores, {}), tmp_path / "out.csv", 2_001, seed=7)


def test_a_plan_compares_draws_and_names_every_wrong_number(scores):
    found = plan(0.02, 0.01, PERFECT, read_frame(scores, {}), "items", 0.5)
    assert found.by_score.looks < found.simple.looks
    with pytest.raises(UserError) as error:
        plan(2.0, 0.0, PERFECT, None, "items", 0.5)
    assert "--expected: 2 is not between 0 and 1" in str(error.value)
    assert "--width: 0 is not between 0 and 1" in str(error.value)


def test_rates_are_read_as_known_or_as_measured():
    assert rate(".9", "--sensitivity").n is None
    found = rate("180/200", "--sensitivity")
    assert (found.value, found.n) == (0.9, 200)
    assert found.low < 0.9 < found.high
    for wrong in ("90%", "0", "1.5", "3/2", "a/b", "1/0"):
        with pytest.raises(UserError, match="is not a rate"):
            rate(wrong, "--sensitivity")
