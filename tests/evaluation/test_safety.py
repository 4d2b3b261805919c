"""Each measure of safety against a case computed by hand, and what must always hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gatehouse.evaluation.safety import DAY, NO_TRUTH, NO_VIEWS, SECOND, safety
from gatehouse.evaluation.safety_records import (
    NEVER,
    NOBODY,
    Accounts,
    Appeals,
    Costs,
    Items,
    Records,
    Spared,
    Work,
    acted_on,
)

COSTS = Costs(currency="EUR", reviewer_hour=30.0, machine_hour=3.6, machine_seconds_per_event=0.5)


def items(n=100, **said):
    known = {
        "at": np.zeros(n, np.int64),
        "author": np.arange(n),
        "victim": np.full(n, NOBODY),
        "violating": np.ones(n),
        "removed": np.full(n, NEVER),
        "views": np.full(n, 10.0),
        "before": np.full(n, 10.0),
    } | {name: np.asarray(value) for name, value in said.items()}
    return Items(**{"acted": known["removed"], **known})


def readings(records):
    return {one.name: one for one in safety(records).readings}


def figure(records, name):
    reading = readings(records)[name]
    assert reading.limits is not None, reading.why
    assert reading.limits.low <= reading.limits.value
    return reading.limits.value


def test_views_by_hand():
    n = 100
    violating = np.arange(n) < 40
    removed = np.where(np.arange(n) < 30, 5, NEVER)
    before = np.where(np.arange(n) < 30, np.arange(n) % 10, 10)
    records = Records(
        items(n, violating=violating.astype(float), removed=removed, before=before.astype(float)), 100, 30
    )
    found = readings(records)
    assert found["violating views rate (VVR)"].limits.value == pytest.approx(0.4)
    assert found["violating views rate (VVR)"].n == 100
    assert found["views before action, mean"].limits.value == pytest.approx(4.5)
    assert found["views before action, median"].limits.value == 4
    assert found["views before action, 90th percentile"].limits.value == 8
    assert found["views before action, median"].n == 30
    assert found["no view before action"].limits.value == pytest.approx(0.1)
    assert found["views after action"].limits.value == pytest.approx(165 / 300)


def test_what_no_author_shows_may_still_be_there():
    found = readings(Records(items(violating=np.zeros(100)), 100, 0))["violating views rate (VVR)"].limits
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 100))


def test_views_of_what_is_never_counted_are_in_no_rate():
    views = np.where(np.arange(100) < 50, np.nan, 4.0)
    records = Records(items(views=views, before=views, removed=np.full(100, 5)), 100, 100)
    assert readings(records)["views before action, mean"].n == 50
    assert figure(records, "views before action, mean") == 4


def test_items_not_acted_on_wait_until_the_end_of_the_records():
    removed = np.where(np.arange(100) < 60, (np.arange(100) + 1) * SECOND, NEVER)
    found = readings(Records(items(removed=removed), 1_000 * SECOND, 60))
    assert found["time to action, median"].limits.value == 50
    assert found["time to action, median"].n == 100
    assert "only 60 % had ended" in found["time to action, 90th percentile"].why
    assert found["acted on by the end"].limits.value == pytest.approx(0.6)


def test_repeat_victims_by_hand():
    # Victim 200 is harmed again after 3 days, 201 after 10, 202 never, 203 too late to be watched for 30 days.
    days = np.array([0, 3, 0, 10, 0, 60, 61])
    victim = np.array([200, 200, 201, 201, 202, 203, 203])
    found = readings(Records(items(7, at=days * DAY, victim=victim), 70 * DAY, 0))
    assert found["repeat victims within 7 days"].limits.value == pytest.approx(2 / 4)
    assert found["repeat victims within 7 days"].n == 4
    assert found["repeat victims within 30 days"].limits.value == pytest.approx(2 / 3)
    assert found["repeat victims within 30 days"].n == 3
    low, high = stats.binomtest(2, 4).proportion_ci(method="exact")
    limits = found["repeat victims within 7 days"].limits
    assert (limits.low, limits.high) == (pytest.approx(low), pytest.approx(high))


def test_who_harms_himself_and_what_does_not_violate_makes_no_victim():
    violating = np.array([1.0, 1.0, 0.0, 0.0])
    said = {"violating": violating, "victim": [0, 1, 9, 9], "author": [0, 1, 2, 3]}
    found = readings(Records(items(4, **said), 70 * DAY, 0))
    assert "nobody was harmed 7 days or longer before the end" in found["repeat victims within 7 days"].why


def test_wrongly_treated_by_hand():
    n = 10
    turned = np.array([NEVER] * 8 + [0, 50])
    suspended = np.array([NEVER, 5, *[NEVER] * 7, 5])
    removed = np.array([5, NEVER, *[NEVER] * 6, 5, 5])
    violating = np.array([0.0] * 8 + [1.0, 1.0])
    found = readings(Records(items(n, violating=violating, removed=removed), 100, 5, Accounts(turned, suspended)))
    acted, only = found["benign accounts acted on"], found["benign accounts suspended"]
    assert (acted.n, acted.limits.value) == (8, pytest.approx(2 / 8))
    assert (only.n, only.limits.value) == (8, pytest.approx(1 / 8))
    assert found["benign items acted on"].limits.value == pytest.approx(1 / 8)
    assert found["wrong among actions"].limits.value == pytest.approx(1 / 3)


def test_without_one_wrong_action_nobody_is_wrongly_treated():
    violating = (np.arange(100) < 30).astype(float)
    removed = np.where(violating == 1, 7, NEVER)
    turned = np.where(violating == 1, 0, NEVER)
    records = Records(items(violating=violating, removed=removed), 100, 30, Accounts(turned, np.full(100, NEVER)))
    for name in ("benign accounts acted on", "benign items acted on", "wrong among actions"):
        assert figure(records, name) == 0


def test_appeals_by_hand():
    appeals = Appeals(
        filed=np.array([0, 0, 0, 0, 10]) * SECOND,
        decided=np.array([5 * SECOND, 6 * SECOND, 7 * SECOND, NEVER, NEVER]),
        upheld=np.array([True, False, True, False, False]),
        of_account=np.array([False, False, False, False, True]),
        deeds=(40, 8),
    )
    found = readings(Records(items(), 100 * SECOND, 48, appeals=appeals))
    assert found["appealed, actions on items"].limits.value == pytest.approx(4 / 40)
    assert found["overturned on appeal, actions on items"].limits.value == pytest.approx(1 / 3)
    assert found["appealed, actions on accounts"].limits.value == pytest.approx(1 / 8)
    assert found["overturned on appeal, actions on accounts"].why == "there are no appeals decided"
    assert found["time to decide an appeal, median"].limits.value == 7
    assert "no error rate" in found["overturned on appeal, actions on items"].remark


def test_costs_by_hand():
    n = 100
    violating = (np.arange(n) < 25).astype(float)
    removed = np.where(np.arange(n) < 50, 5, NEVER)
    work = Work(np.arange(20) * 2, np.full(20, 3.0))
    spared = Spared(np.full(40, 1.0), np.full(40, 6.0))
    records = Records(items(n, violating=violating, removed=removed), 100, 50, work=work, costs=COSTS, spared=spared)
    found = {name: one.limits.value for name, one in readings(records).items() if one.group == "Cost" and one.limits}
    price = 20 * 3.0 / 60 * 30 + n * 0.5 / 3600 * 3.6
    assert found == {
        "people's time, a look": pytest.approx(3),
        "people's time, a decision": pytest.approx(0.6),
        "machine time, a decision": 0.5,
        "price, a decision": pytest.approx(price / 100),
        "price, an item acted on": pytest.approx(price / 50),
        "price, a violating item acted on": pytest.approx(price / 25),
        "violating views spared": pytest.approx(200),
        "price, a violating view spared": pytest.approx(price / 200),
    }
    assert readings(records)["price, a decision"].unit == "EUR"


def test_a_price_needs_to_be_said_and_views_need_to_be_spared():
    found = readings(Records(items(), 100, 0, work=Work(np.arange(30), np.ones(30))))
    assert found["price, a decision"].why == (
        "no price: the costs file (--costs) does not say reviewer_hour, machine_hour, machine_seconds_per_event"
    )
    nothing = Spared(np.arange(40.0), np.arange(40.0)[::-1].copy())
    costly = Records(items(), 100, 0, work=Work(np.arange(30), np.ones(30)), costs=COSTS, spared=nothing)
    assert "do not show that any view was spared" in readings(costly)["price, a violating view spared"].why


def test_without_truth_only_what_can_be_known_is_given_and_the_rest_says_why():
    n = 100
    removed = np.where(np.arange(n) < 40, 9 * SECOND, NEVER)
    said = {"violating": np.full(n, np.nan), "removed": removed, "views": np.full(n, np.nan)}
    found = readings(Records(items(n, **said, before=np.full(n, np.nan)), 100 * SECOND, 40))
    assert {name for name, one in found.items() if one.limits} == {
        "time to action, median",
        "time to action, 90th percentile",
    }
    assert found["time to action, median"].n == 40
    assert "the true time is longer" in found["time to action, median"].remark
    assert all(one.why for one in found.values() if not one.limits)
    assert found["violating views rate (VVR)"].why == NO_TRUTH
    assert found["views before action, mean"].why == NO_VIEWS
    assert found["wrong among actions"].why == NO_TRUTH
    assert "give --truth" in found["benign accounts acted on"].why
    assert "no appeal is on record" in found["overturned on appeal, actions on items"].why
    assert "minutes_of_a_case" in found["people's time, a look"].why
    assert "give --against" in found["violating views spared"].why


def test_few_authors_have_no_interval_and_so_no_figure():
    records = Records(items(author=np.arange(100) % 3, removed=np.full(100, 5)), 100, 100)
    why = readings(records)["views before action, median"].why
    assert why == "an interval needs at least 20 accounts, and there are 3"


def test_every_reading_has_its_definition_and_nothing_at_all_is_no_failure():
    empty = {name: np.zeros(0) for name in ("violating", "views", "before")}
    whole = {name: np.zeros(0, np.int64) for name in ("at", "author", "victim", "removed")}
    report = safety(Records(items(0, **empty, **whole), 100, 0))
    assert all(one.definition and one.why and one.limits is None for one in report.readings)
    names = [one.name for one in report.readings]
    assert len(set(names)) == len(names)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 9)), max_size=15),
    st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 9)), max_size=8),
    st.integers(0, 99),
)
def test_an_item_is_acted_on_by_itself_or_by_the_next_suspension_of_its_author(some, deeds, seed):
    author, at = (np.array([one[i] for one in some], np.int64) for i in (0, 1))
    whom, when = (np.array([one[i] for one in deeds], np.int64) for i in (0, 1))
    removed = np.random.default_rng(seed).choice([NEVER, 3, 12], len(some))
    found = acted_on(at, author, removed, when, whom)
    for i in range(len(some)):
        later = [int(t) for w, t in zip(whom, when, strict=True) if w == author[i] != NOBODY and t >= at[i]]
        assert found[i] == min([int(removed[i]), *later])


def test_intervals_cover_what_was_stated_about_as_often_as_they_say():
    rng = np.random.default_rng(11)
    runs, rate, wrong = 60, 0, 0
    for _ in range(runs):
        author = np.repeat(np.arange(150), 6)
        bad = (rng.random(150) < 0.2)[author]
        views = rng.poisson(8, 900).astype(float)
        removed = np.where(rng.random(900) < np.where(bad, 0.8, 0.03), 5, NEVER)
        records = Records(
            items(900, author=author, violating=bad.astype(float), views=views, before=views, removed=removed), 100, 0
        )
        found = readings(records)
        limits = found["violating views rate (VVR)"].limits
        rate += limits.low <= 0.2 <= limits.high
        limits = found["benign items acted on"].limits
        wrong += limits.low <= 0.03 <= limits.high
    assert rate >= stats.binom.ppf(0.001, runs, 0.92)
    assert wrong >= stats.binom.ppf(0.001, runs, 0.94)
