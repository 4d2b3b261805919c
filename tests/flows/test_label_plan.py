"""A plan of what to label: reproducible, spread, and a draw with true chances."""

import csv
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gatehouse.bootstrap import House
from gatehouse.errors import UserError
from gatehouse.flows import label_plan, packs
from gatehouse.flows.label_plan import EXPLORED, Interest, Plan, interested, like_words, near_points, plan, write
from gatehouse.flows.labels_file import Texts
from gatehouse.flows.releases import Shelf
from gatehouse.stats.prevalence import Drawn, share
from gatehouse.testing.memory import MemoryRegistry

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "jetty", "kite", "pine")


def a_text(i: int) -> str:
    """One of many texts of words that have little in common."""
    rng = np.random.default_rng(i)
    return " ".join(rng.choice(WORDS, 6)) + f" {rng.integers(10**6)}"


COPIES = 5
TEXTS = {f"m{i}": a_text(i) for i in range(150)} | {
    f"copy{i}": "win the big prize of the week, call this number now, it is free for you" + " !" * (i % 2)
    for i in range(COPIES)
}
FEW = Texts(Path("texts.csv"), TEXTS, {})


def wants_pine(texts: pa.Array) -> Interest:
    """What names a pine is wanted ten times as much; of what names a kite nothing is known."""
    size = [np.nan if "kite" in text else 1.0 if "pine" in text else 0.1 for text in texts.to_pylist()]
    why = {1.0: "pine", 0.1: "other"}
    return Interest("pines", np.array(size), [why.get(one, "unknown") for one in size])


def made(seed: int = 7, n: int = 40, **said: float) -> Plan:
    return plan(FEW, wants_pine, n, seed=seed, **said)  # type: ignore[arg-type]


def test_the_same_seed_plans_the_same_and_another_one_else() -> None:
    assert made() == made()
    assert made() != made(seed=8)


def test_near_duplicates_are_one_unit_of_which_any_one_copy_is_asked_about() -> None:
    asked = set[str]()
    for seed in range(12):
        rows = [row for row in made(seed, n=100).rows if row.id.startswith("copy")]
        asked |= {row.id for row in rows}
        assert len(rows) <= 1
        for row in rows:
            assert row.copies == COPIES
            assert row.chance <= 1 / COPIES
    assert len(asked) > 2
    assert made().units == len(TEXTS) - COPIES + 1


def test_chances_are_true_so_totals_can_be_estimated() -> None:
    truth = sum("pine" in text for text in TEXTS.values())
    plans = [made(seed) for seed in range(60)]
    for wanted, counted in ((len(TEXTS), lambda _: True), (truth, lambda text: "pine" in text)):
        totals = [sum(counted(row.text) / row.chance for row in one.rows) for one in plans]
        error = np.std(totals) / np.sqrt(len(totals))
        assert abs(np.mean(totals) - wanted) < 4 * error
    assert abs(np.mean([len(one.rows) for one in plans]) - 40) < 4 * np.sqrt(40 / 60)
    assert all(0 < row.chance <= 1 for one in plans for row in one.rows)


def test_prevalence_is_estimated_from_a_plan() -> None:
    truth = sum("pine" in text for text in TEXTS.values()) / len(TEXTS)
    covered = 0
    for seed in range(60):
        rows = made(seed, n=60).rows
        violating = np.array([float("pine" in row.text) for row in rows])
        found = share(Drawn(violating, np.array([row.chance for row in rows]), np.ones(len(rows)))).called
        covered += found.low <= truth <= found.high
    assert covered >= 52, "a 95 % interval"


def test_the_unsure_ones_come_more_often_and_exploration_takes_its_share() -> None:
    plans = [made(seed, explore=0.25) for seed in range(60)]
    rows = [row for one in plans for row in one.rows]
    targeted = [row for row in rows if row.why != EXPLORED]
    explored = len(rows) - len(targeted)
    assert explored == sum(one.explored for one in plans)
    assert explored / len(rows) == pytest.approx(0.25, abs=0.05)
    why = Counter(wants_pine(pa.array(TEXTS.values())).why)
    often = {said: n / why[said] for said, n in Counter(row.why for row in targeted).items()}
    assert often["pine"] > often["unknown"] > 1.5 * often["other"]
    assert made(explore=1).explored == len(made(explore=1).rows)


def test_of_very_many_texts_a_part_is_drawn_first_and_the_chance_counts_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_plan, "MOST", 80)
    totals = [sum(1 / row.chance for row in made(seed, n=30).rows) for seed in range(60)]
    assert abs(np.mean(totals) - len(TEXTS)) < 4 * np.std(totals) / np.sqrt(len(totals))
    assert made(n=30).n == len(TEXTS)


def test_what_is_labelled_already_is_left_out() -> None:
    known = {f"m{i}" for i in range(100)}
    found = plan(FEW, wants_pine, 20, known=known)
    assert found.n == len(TEXTS) - 100
    assert not known & {row.id for row in found.rows}


def test_more_than_there_is_cannot_be_chosen() -> None:
    with pytest.raises(UserError, match="200 cannot be chosen of 151 texts that differ"):
        made(n=200)
    with pytest.raises(UserError, match="3 cannot be chosen of 0 texts"):
        plan(FEW, wants_pine, 3, known=set(TEXTS))


def test_without_a_release_it_goes_by_the_words_of_the_policy_and_says_so(house: House) -> None:
    pack = packs.load("spam")
    bare = interested(pack, Shelf(MemoryRegistry(), house.shelf.files))
    texts = pa.array(["see you at lunch", "Your number was drawn in our prize round, call now to claim your voucher"])
    found = bare(texts)
    assert found.by == "words of the policy and its examples, for there is no release yet"
    assert found.size[1] > 3 * found.size[0]
    assert found.why[1].endswith("alike to example spam-01")
    assert found.size == pytest.approx(like_words(texts, pack.policy, pack.examples).size)


def test_with_a_release_what_scores_near_a_point_is_wanted_most(house: House) -> None:
    by_release = interested(packs.load("spam"), house.shelf)
    assert isinstance(by_release, partial)
    assert by_release.func is near_points
    release = house.shelf.registry.live("spam")
    assert release
    texts = pa.array([a_text(i) for i in range(30)] + ["call 0900 now to claim your prize"])
    found = by_release(texts)
    assert found.by == f"scores of the live release {release.version} near its points"
    judge = by_release.keywords["judge"]
    blank = near_points(pa.array(["", None], pa.string()), release, judge, "live")
    assert "spam" in found.why[0]
    assert np.isnan(blank.size[1])
    assert blank.why[1] == "not scored: nothing is known of it"
    assert ((found.size > 0) & (found.size <= 1)).all()


def test_the_file_holds_what_was_drawn_and_is_never_written_over(tmp_path: Path) -> None:
    found, out = made(), tmp_path / "plan.csv"
    write(found, out)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], float(row["chance"]), row["why"]) for row in rows] == [
        (row.id, row.chance, row.why) for row in found.rows
    ]
    with pytest.raises(UserError, match="this file is there already, perhaps with labels in it"):
        write(found, out)
