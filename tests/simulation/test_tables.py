"""The folder: equal bytes, events that any platform could have sent, the truth beside them, clear words of damage."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gatehouse.datasets.event_source import ENTITY_LABELS
from gatehouse.errors import UserError
from gatehouse.records.event import EVENT_SCHEMA, from_batch
from gatehouse.simulation import tables
from gatehouse.simulation.acts import NONE, Act, Harm
from gatehouse.simulation.casts import usual_casts
from gatehouse.simulation.corpus import Corpus
from gatehouse.simulation.enforcement import Enforcement
from gatehouse.simulation.members import Members
from gatehouse.simulation.platform import Simulated, simulate
from gatehouse.simulation.world import Role


def simulated(seed: int = 3) -> Simulated:
    casts = [Members(400), *usual_casts(400, 4, harm=0.05)]
    return simulate(seed, 4, casts, Corpus(), enforcer=Enforcement(seed))


@pytest.fixture(scope="module")
def made() -> Simulated:
    return simulated()


@pytest.fixture(scope="module")
def folder(made: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("simulated") / "deep" / "one"
    tables.write(made, place, {"accounts": 400})
    return place


def events(folder: Path) -> pa.Table:
    return pq.read_table(folder / "events.parquet", schema=EVENT_SCHEMA)


def test_equal_seeds_give_equal_bytes_and_others_do_not(folder: Path, tmp_path: Path) -> None:
    tables.write(simulated(), tmp_path / "again", {"accounts": 400})
    tables.write(simulated(4), tmp_path / "other", {"accounts": 400})
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
    assert (folder / "events.parquet").read_bytes() != (tmp_path / "other" / "events.parquet").read_bytes()


def test_events_are_events_in_order_of_time(folder: Path, made: Simulated) -> None:
    table = events(folder)
    assert len(table) == len(made.acts)
    seen = table["seen"].to_numpy()
    assert (np.diff(seen) >= 0).all()
    assert table["occurred"].equals(table["seen"])
    assert pc.all(table["imported"]).as_py()
    assert len(table["id"].unique()) == len(table)
    first = from_batch(table.slice(0, 200).combine_chunks().to_batches()[0])
    assert all(event.actor and event.actor.kind == "account" and event.attributes for event in first)


def test_parents_and_threads_are_events_that_were_there_before(folder: Path) -> None:
    table = events(folder)
    ids = table["id"]
    place = pc.index_in(table["parent"], ids.combine_chunks()).to_numpy(zero_copy_only=False)
    answers = ~np.isnan(place)
    assert answers.sum() == len(table) - table["parent"].null_count
    assert (place[answers] < np.flatnonzero(answers)).all()
    kinds, threads = table["kind"].to_pylist(), table["thread"].to_pylist()
    names, parents = ids.to_pylist(), table["parent"].to_pylist()
    of = dict(zip(names, threads, strict=True))
    for name, kind, thread, parent in zip(names, kinds, threads, parents, strict=True):
        if kind in ("post", "comment", "message"):
            assert thread == (of[parent] if parent else name)
        else:
            assert thread is None


def test_every_row_says_what_its_act_says(folder: Path, made: Simulated) -> None:
    rows = {row["id"]: row for row in events(folder).to_pylist()}
    pool = made.texts.pool()
    for serial in range(0, len(made.acts), 97):
        row, acts = rows[f"e{serial:08d}"], made.acts
        assert row["kind"] == Act(acts.kind[serial]).name.lower()
        assert row["actor"] == f"account:u{acts.actor[serial]:06d}"
        assert row["text"] == (None if acts.text[serial] == NONE else pool[acts.text[serial]].as_py())
        assert (row["language"] is None) == (row["text"] is None)
        target, item = acts.target[serial], acts.item[serial]
        thing = f"item:i{item}" if item != NONE else None
        assert row["target"] == (f"account:u{target:06d}" if target != NONE else thing)
        assert row["address"]
        assert row["device"]
        told = json.loads(row["attributes"])
        assert list(told) == sorted(told)
        assert told["created_at"] == made.world["created"][acts.actor[serial]] <= row["seen"]


def test_counts_of_an_account_are_those_of_its_time(folder: Path, made: Simulated) -> None:
    rows = events(folder).to_pylist()
    followed: set[tuple[str, str]] = set()
    statuses: dict[str, int] = {}
    first: dict[str, dict[str, int]] = {}
    for row in rows:
        who, told = row["actor"], json.loads(row["attributes"])
        gained = {
            "followers_count": sum(1 for _, other in followed if other == who),
            "friends_count": sum(1 for one, _ in followed if one == who),
            "statuses_count": statuses.get(who, 0),
        }
        before = first.setdefault(who, {name: told[name] - gained[name] for name in gained})
        assert {name: told[name] - gained[name] for name in gained} == before
        assert min(before.values()) >= 0
        if row["kind"] in ("post", "comment", "repost"):
            statuses[who] = statuses.get(who, 0) + 1
        if row["kind"] == "follow" and row["target"].startswith("account:"):
            followed.add((who, row["target"]))


def test_the_truth_stands_beside_the_events(folder: Path, made: Simulated) -> None:
    read = tables.read(folder)
    truth = read.table("truth")
    assert truth["event_id"].equals(events(folder)["id"])
    counted = {row["values"]: row["counts"] for row in pc.value_counts(truth["harm"].drop_null()).to_pylist()}
    views = read.table("views")
    assert views["views"].to_numpy().min() >= 1
    harm = dict(zip(truth["event_id"].to_pylist(), truth["harm"].to_pylist(), strict=True))
    seen: dict[str | None, int] = {}
    for event, number in zip(views["event_id"].to_pylist(), views["views"].to_pylist(), strict=True):
        seen[harm[event]] = seen.get(harm[event], 0) + number
    for kind in Harm:
        if kind is not Harm.NONE:
            said = read.about.prevalence[kind.name.lower()]
            assert said.events == counted.get(kind.name.lower(), 0)
            assert said.views == seen.get(kind.name.lower(), 0)
            assert said.of_events == said.events / len(truth)
            assert said.of_views == said.views / sum(seen.values())
    whole = read.about.prevalence["any"]
    assert whole.events == sum(counted.values()) > 0
    assert whole.views == sum(seen.values()) - seen[None]


def test_actors_campaigns_and_labels_are_those_of_the_world(folder: Path, made: Simulated) -> None:
    read = tables.read(folder)
    actors = read.table("actors").to_pylist()
    for number, row in enumerate(actors):
        assert row["actor"] == f"account:u{number:06d}"
        assert row["role"] == Role(made.world["role"][number]).name.lower()
    labels = read.table("labels")
    assert labels.schema.equals(ENTITY_LABELS)
    assert labels["value"].to_pylist() == [int(row["role"] != "member") for row in actors]
    truth = read.table("truth").join(events(folder).select(["id", "actor", "seen"]), "event_id", "id")
    for row in read.table("campaigns").to_pylist():
        assert all(row["campaign"] in actors[int(member[9:])]["campaigns"] for member in row["members"])
        acts = truth.filter(pc.equal(truth["campaign"], row["campaign"]))
        assert set(acts["actor"].to_pylist()) <= set(row["members"])
        assert (row["first"], row["last"]) == (pc.min(acts["seen"]).as_py(), pc.max(acts["seen"]).as_py())


def test_what_the_enforcer_did_names_events_and_accounts(folder: Path) -> None:
    read = tables.read(folder)
    ids = set(events(folder)["id"].to_pylist())
    enforced, reviews = read.table("enforced"), read.table("reviews")
    assert set(enforced["event_id"].drop_null().to_pylist()) <= ids
    assert all(actor.startswith("account:u") for actor in enforced["actor"].to_pylist())
    assert set(reviews["event_id"].to_pylist()) <= ids
    assert "event" not in reviews.column_names


def test_nothing_is_written_over(folder: Path, made: Simulated) -> None:
    with pytest.raises(UserError, match="there is something already"):
        tables.write(made, folder)


def test_reading_names_every_fault(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "truth.parquet").unlink()
    (broken / "views.parquet").write_bytes(b"PAR1 nothing")
    pq.write_table(pa.table({"actor": ["account:a"]}), broken / "actors.parquet")
    pq.write_table(tables.read(folder).table("reviews").slice(1), broken / "reviews.parquet")
    with pytest.raises(UserError) as error:
        tables.read(broken)
    said = {Path(fault.where).name: fault for fault in error.value.faults}
    assert set(said) == {"truth.parquet", "views.parquet", "actors.parquet", "reviews.parquet"}
    assert said["truth.parquet"].what == "the table is missing"
    assert said["views.parquet"].what.startswith("the table is damaged (")
    assert said["actors.parquet"].what.startswith("the table has no column role, person")
    assert "rows, and simulation.json says" in said["reviews.parquet"].what
    assert all("simulate again" in fault.fix for fault in said.values())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"format": 2}', "the simulation has the format version 2"),
        ("[]", "the simulation has the format version None"),
        ('{"format": 1}', "the file is damaged (Object missing required field"),
        ("{", "the file is damaged (Input data was truncated)"),
        (None, "the folder is no simulation: this file is missing"),
    ],
)
def test_another_version_or_a_damaged_file_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "simulation.json").write_text(content)
    with pytest.raises(UserError) as error:
        tables.read(tmp_path)
    assert said in str(error.value)
    assert "gatehouse simulate --out" in str(error.value)
    with pytest.raises(UserError, match="there is no such folder"):
        tables.read(tmp_path / "nowhere")
