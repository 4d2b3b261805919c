"""What is on record put side by side: a hand-made record, a simulated platform, the ledger, and files of views."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flows.small_platform import simulate

from gatehouse.errors import UserError
from gatehouse.evaluation.safety import safety
from gatehouse.evaluation.safety_records import NEVER, NOBODY, Costs
from gatehouse.flows.safety import of_simulation, records
from gatehouse.flows.safety_inputs import Happened, Truth, Views, costs_of, house, read_views, truth_of
from gatehouse.records.event import Entity
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged
from gatehouse.testing.memory import MemoryLedger

EVENTS = pa.table(
    {
        "id": ["e1", "e2", "e3", "e4"],
        "kind": ["post", "post", "like", "post"],
        "at": [0, 10, 20, 30],
        "actor": ["account:a", "account:b", "account:a", None],
        "target": ["account:b", None, "account:b", "account:c"],
    }
)
DEEDS = pa.table(
    {
        "event_id": pa.array(["e1", "e1", None], pa.string()),
        "actor": ["account:a", "account:a", "account:a"],
        "at": [25, 15, 40],
    }
)
TRUTH = Truth(
    pa.table({"event_id": ["e3", "e2", "e1"], "harm": pa.array(["manipulation", None, "spam"], pa.string())}),
    pa.table({"actor": ["account:b", "account:a"], "person": ["p1", "p2"], "turned": pa.array([None, 0], pa.int64())}),
)
VIEWS = Views(np.array([0, 0, 1, 0]), np.array([0, 15, 50, 90]), np.array([7, 2, 5, 100]))


def handmade(**said):
    return Happened(**{"events": EVENTS, "deeds": DEEDS, "until": 60, **said})


def test_a_record_made_by_hand_is_put_side_by_side():
    found = records(handmade(), truth=TRUTH, views=VIEWS)
    items = found.items
    assert items.violating.tolist()[:3] == [1, 0, 1]
    assert np.isnan(items.violating[3])
    assert items.removed.tolist() == [15, NEVER, NEVER, NEVER]
    assert items.acted.tolist() == [15, NEVER, 40, NEVER]
    assert items.views.tolist()[:2] == [9, 5]
    assert items.before.tolist()[:2] == [7, 5]
    assert np.isnan(items.views).tolist() == [False, False, True, False]
    # A like is aimed at whom it helps; what nobody is named for has no victim.
    assert (items.victim != NOBODY).tolist() == [True, False, False, False]
    assert items.author[3] == NOBODY
    assert found.accounts.turned.tolist()[:2] == [NEVER, 0]
    assert found.accounts.suspended.tolist()[:2] == [NEVER, 40]
    assert found.deeds == 3
    assert found.notes == ("the truth of 1 of 4 events is not known: no rate counts them",)


def test_a_part_of_the_time_knows_nothing_of_what_came_later():
    found = records(handmade(), truth=TRUTH, views=VIEWS, since=5, until=30)
    assert found.items.at.tolist() == [10, 20]
    assert found.items.acted.tolist() == [NEVER, NEVER]
    assert found.items.views[0] == 0
    assert found.until == 30
    with pytest.raises(UserError, match="there is no event to measure"):
        records(handmade(), since=1_000)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 80), st.integers(0, 9)), max_size=12), st.integers(0, 40))
def test_a_later_action_never_has_fewer_views_before_it(rows, later):
    event, at, n = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    at = np.maximum(at, EVENTS["at"].to_numpy()[event]) if len(event) else at
    views = Views(event, at, n)
    slower = DEEDS.set_column(2, "at", pa.array(DEEDS["at"].to_numpy() + later))
    soon, late = (records(handmade(deeds=deeds), truth=TRUTH, views=views).items for deeds in (DEEDS, slower))
    assert np.all((late.before >= soon.before) | np.isnan(soon.before))
    assert np.all((late.before <= late.views) | np.isnan(late.views))


def test_looks_and_appeals_cost_minutes():
    looks = pa.table({"event_id": ["e1", "e2", "gone"], "minutes": [2.0, 3.0, 50.0]})
    appeals = pa.table(
        {
            "event_id": pa.array(["e1", None], pa.string()),
            "actor": ["account:a", "account:a"],
            "at": [30, 50],
            "decided_at": pa.array([40, None], pa.int64()),
            "upheld": pa.array([False, None], pa.bool_()),
            "minutes": [4.0, 9.0],
        }
    )
    found = records(handmade(looks=looks, appeals=appeals), truth=TRUTH)
    assert sorted(found.work.minutes.tolist()) == [2, 3, 4]
    assert found.appeals.deeds == (2, 1)
    assert found.appeals.decided.tolist() == [40, NEVER]
    assert found.appeals.of_account.tolist() == [False, True]


def test_minutes_that_nobody_wrote_down_are_taken_from_the_costs_or_not_known():
    looks = pa.table({"event_id": ["e1"], "minutes": pa.nulls(1, pa.float64())})
    assert records(handmade(looks=looks)).work is None
    found = records(handmade(looks=looks), costs=Costs(minutes_of_a_case=5))
    assert found.work.minutes.tolist() == [5]
    assert found.assumed_minutes


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return simulate(tmp_path_factory.mktemp("safety") / "run")


@pytest.fixture(scope="module")
def free(tmp_path_factory) -> Path:
    return simulate(tmp_path_factory.mktemp("safety") / "free", enforced=False)


def values(records):
    return {one.name: one.limits.value for one in safety(records).readings if one.limits}


def test_a_simulation_is_measured_against_its_truth_and_what_it_spared(run, free):
    costs = Costs(reviewer_hour=25, machine_hour=1, machine_seconds_per_event=0.001)
    found = of_simulation(run, against=free, costs=costs)
    told = values(found)
    assert 0 < told["violating views rate (VVR)"] < values(of_simulation(free))["violating views rate (VVR)"]
    assert told["acted on by the end"] > 0.5
    assert told["violating views spared"] > 0
    assert told["price, a violating view spared"] > 0
    assert found.notes == ()
    # VVR by way of the tables themselves.
    truth = dict(
        zip(*(pq.read_table(run / "truth.parquet")[name].to_pylist() for name in ("event_id", "harm")), strict=True)
    )
    views = pq.read_table(run / "views.parquet").to_pylist()
    bad = sum(row["views"] for row in views if truth[row["event_id"]])
    assert told["violating views rate (VVR)"] == pytest.approx(bad / sum(row["views"] for row in views))


def test_a_perfect_enforcer_wrongs_nobody(tmp_path):
    told = values(of_simulation(simulate(tmp_path / "run", perfect=True)))
    for name in (
        "benign accounts acted on",
        "benign accounts suspended",
        "benign items acted on",
        "wrong among actions",
    ):
        assert told[name] == 0


def test_nobody_enforcing_is_said_and_all_go_on_waiting(free):
    found = of_simulation(free)
    assert found.notes == ("nobody enforced anything in this run",)
    assert found.deeds == 0
    why = {one.name: one.why for one in safety(found).readings}
    assert "only 0 % had ended" in why["time to action, median"]


def test_runs_that_cannot_be_compared_are_refused(run, free, tmp_path):
    with pytest.raises(UserError, match="something was enforced in the run to compare with"):
        of_simulation(run, against=run)
    with pytest.raises(UserError, match="these are different runs: seed 3 and 4"):
        of_simulation(run, against=simulate(tmp_path / "other", enforced=False, seed=4))


def test_an_enforcers_table_without_a_column_is_named(run, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in run.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    table = pq.read_table(copy / "enforced.parquet").drop_columns(["at", "kind"])
    pq.write_table(table, copy / "enforced.parquet")
    with pytest.raises(UserError, match=r"there is no column at, kind") as refused:
        of_simulation(copy)
    assert "enforced.parquet" in refused.value.faults[0].where


def written(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["event_id,at,views", *rows]) + "\n")
    return path


def test_all_that_is_wrong_with_views_is_said_at_once(tmp_path):
    path = written(
        tmp_path / "views.csv",
        "e1,1970-01-01T00:00:00.000005Z,4",
        "e9,50,1",
        "e2,5,1",
        "e2,50,-3",
        "e2,50,many",
        "e2,50,99999999999999999999",
        "e2,,1",
        "e2,yesterday,1",
    )
    with pytest.raises(UserError) as refused:
        read_views(path, EVENTS)
    said = {fault.what: fault.fix for fault in refused.value.faults}
    assert set(said) == {
        "an event that is not on record (row 3)",
        "views before their event (row 4)",
        "views are no whole number from 0 on (rows 5, 6, 7)",
        "there is no time (row 8)",
        "the time 'yesterday' is not ISO 8601 (row 9)",
    }
    assert all(said.values())
    found = read_views(path, EVENTS, leave_out=True)
    assert (found.event.tolist(), found.at.tolist(), found.views.tolist()) == ([0], [5], [4])
    assert found.notes[0].startswith("left out: 7 rows of views.csv")


def test_views_may_have_other_columns_and_forms(tmp_path):
    path = tmp_path / "views.parquet"
    pq.write_table(pa.table({"post": ["e2"], "at": pa.array([50], pa.timestamp("us", "UTC")), "seen": [3]}), path)
    found = read_views(path, EVENTS, {"event_id": "post", "views": "seen"})
    assert (found.event.tolist(), found.at.tolist(), found.views.tolist()) == ([1], [50], [3])
    with pytest.raises(UserError, match="'view' is no column of views") as refused:
        read_views(path, EVENTS, {"view": "seen"})
    assert "views" in refused.value.faults[0].fix
    with pytest.raises(UserError, match="there is no column 'event_id'"):
        read_views(path, EVENTS)


def ledger_of(*judged):
    made = MemoryLedger()
    made.commit(judged)
    return made


def decided(number, enforce="remove", **said):
    actor = Entity("account", f"a{number}")
    event = make_event(f"e{number}", actor=actor, occurred=NOW, seen=NOW, **said)
    outcome = "clear" if enforce == "none" else "violating"
    decision = make_decision(event, enforce=enforce, outcome=outcome, decided=NOW + 60_000_000 * number)
    return make_judged(event, decision=decision)


def test_the_ledger_is_read_and_its_decisions_are_the_deeds():
    ledger = ledger_of(
        decided(1), decided(2, "none"), decided(3, "suspend"), decided(4, "warn"), decided(5, imported=True)
    )
    found = house(ledger, NOW * 2)
    assert found.events["id"].to_pylist() == ["e1", "e2", "e3", "e4"]
    assert found.deeds["event_id"].to_pylist() == ["e1", "e3", None]
    assert found.deeds["at"].to_pylist() == [NOW + 60_000_000, NOW + 180_000_000, NOW + 180_000_000]
    assert "left out: 1 imported events" in found.notes[1]
    assert found.looks["event_id"].to_pylist() == ["e1", "e2", "e3", "e4"]
    assert house(ledger, NOW * 2, imported=True).events.num_rows == 5


def test_revisions_are_one_item_acted_on_when_any_of_them_was():
    first, second = decided(1, "none"), decided(1, revision=1)
    found = house(ledger_of(first, second), NOW * 2)
    assert (found.events["id"].to_pylist(), found.events["at"].to_pylist()) == (["e1"], [NOW])
    assert found.deeds["event_id"].to_pylist() == ["e1"]


def test_the_ledger_joined_to_a_simulations_truth_by_event_id(run):
    truth = truth_of(run)
    events = pq.read_table(run / "events.parquet").slice(0, 200).to_pylist()
    judged = []
    for row in events:
        said = {"actor": Entity.parse(row["actor"]), "kind": row["kind"], "occurred": row["seen"], "seen": row["seen"]}
        event = make_event(row["id"], **said)
        decision = make_decision(event, enforce="remove", decided=row["seen"] + 1)
        judged.append(make_judged(event, decision=decision))
    happened = house(ledger_of(*judged), NOW * 2)
    views = read_views(run / "views.parquet", happened.events, leave_out=True)
    found = records(happened, truth=truth, views=views)
    assert found.items.known.all()
    told = values(found)
    assert told["benign items acted on"] == 1
    assert told["wrong among actions"] == pytest.approx(1 - found.items.bad.mean())


def test_costs_are_read_with_every_fault(tmp_path):
    path = tmp_path / "costs.yaml"
    path.write_text("currency: GBP\nreviewer_hour: 25\n")
    assert costs_of(path) == Costs(currency="GBP", reviewer_hour=25)
    path.write_text("reviewer_hours: 25\nmachine_hour: -1\ncurrency: 3\n")
    with pytest.raises(UserError) as refused:
        costs_of(path)
    said = [(fault.what, fault.where.rpartition("costs.yaml")[2]) for fault in refused.value.faults]
    assert said == [
        ("unknown key 'reviewer_hours' in the costs", ":1:1"),
        ("machine_hour must be a number from 0 on", ":2:15"),
        ("currency must be text, not a number", ":3:11"),
    ]
    assert "did you mean 'reviewer_hour'?" in refused.value.faults[0].fix
    path.write_bytes(b"currency: \xff")
    with pytest.raises(UserError, match="byte 11 is not UTF-8"):
        costs_of(path)
    with pytest.raises(UserError, match="there is no such file of costs"):
        costs_of(tmp_path / "none.yaml")
