"""The main job on the shipped packs: learn, assess, go live, and the texts to decide that no detector has seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from gatehouse.evaluation.pack_report import PackReport
from gatehouse.flows import learn
from gatehouse.flows.assess import assess
from gatehouse.flows.packs import Pack
from gatehouse.flows.releases import Shelf, open_judge, promote
from gatehouse.flows.subject import Subject
from gatehouse.ports.sql_engine import SqlEngine
from gatehouse.records.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Shown:
    """What the demo learnt of one pack."""

    dataset: Dataset
    report: PackReport


def learn_and_assess(
    pack: Pack,
    shelf: Shelf,
    datasets: Path,
    data_roots: Sequence[Path],
    engine: SqlEngine,
    *,
    at: int,
    by: str,
    draws: int,
    seed: int,
    said: Callable[[str], None],
) -> Shown:
    """Train a pack on its data, make the release live, and assess it on the test part."""
    said(f"{pack.name}: reading data set '{pack.recipe.dataset}'")
    dataset, examples = learn.dataset_for(pack, shelf, datasets, data_roots, engine)
    learned = learn.train(pack, dataset, examples, shelf, at=at, by=by, said=lambda what: said(f"{pack.name}: {what}"))
    promote(shelf, pack.name, learned.release.version, at=at, by=by, why="demo")
    said(f"{pack.name}: figures on the test part, {draws} bootstrap draws")
    subject = Subject(pack, dataset, examples, learned.release, open_judge(shelf, [learned.release]))
    return Shown(dataset, assess(subject, draws, seed))


def test_texts(shown: Sequence[Shown]) -> pa.Table:
    """The texts of all test parts as a table with `id`, `text` and `language`, each text once."""
    tables = []
    for one in shown:
        rows = one.dataset.rows.filter(pa.compute.equal(one.dataset.rows["part"], "test"))
        ids = [f"{one.dataset.info.name}/{id_}" for id_ in rows["id"].to_pylist()]
        tables.append(pa.table({"id": ids, "text": rows["text"], "language": rows["language"]}))
    return pa.concat_tables(tables)
