"""A judge that travels, and streams of events in files of every kind."""

import json
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.adapters.files.scores import ParquetLake
from gatehouse.bootstrap import open_house
from gatehouse.flows import learn, packs, releases
from gatehouse.flows.judge import Judge
from gatehouse.flows.score import score
from gatehouse.flows.scored import Scored
from gatehouse.flows.spec import JudgeSpec, pack_files
from gatehouse.settings import Settings

AT = 1_700_000_000_000_000
TEXTS = (
    "see you at lunch",
    "You won a prize, call 0900 000 000 now to claim it",
    "FREE entry, txt WIN to 80000",
    "gatehouse canary text: known spam sample 1",
    "wir sehen uns morgen im Garten, es gibt Kuchen",
    None,
    "",
    "ok",
)

Row = dict[str, Any]


class Travelling(NamedTuple):
    """A judge here, and what builds the same one elsewhere."""

    judge: Judge
    spec: JudgeSpec
    bundle: bytes


@pytest.fixture(scope="session")
def travelling(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Travelling]:
    """The judge of some of the shipped packs, learnt from their own examples."""
    settings = Settings(home=Path(tmp_path_factory.mktemp("house")) / "home")
    house = open_house(settings)
    known = {}
    for name in ("spam", "sexism"):
        pack = packs.load(name)
        dataset, _ = learn.dataset_for(pack, house.shelf, settings.datasets, ())
        known[name] = learn.train(pack, dataset, True, house.shelf, at=1_000_000, by="test").release

    def of(*names: str) -> Travelling:
        chosen = [known[name] for name in names]
        return Travelling(releases.open_judge(house.shelf, chosen), *pack_files(house.shelf, chosen))

    return of


def stream(n: int, seed: int) -> list[Row]:
    """Events of a few actors with ties, gaps of days, times and actors that are missing, and ids that come again."""
    draw = random.Random(seed)
    now, rows = 0, []
    for i in range(n):
        now += draw.choice((0, 0, 1_000_000, 90_000_000, 4_000_000_000, 90_000_000_000))
        row: Row = {"id": f"e{i:04}", "kind": draw.choice(("post", "message", "report")), "text": draw.choice(TEXTS)}
        row |= {"actor": draw.choice(("a", "b", "account:c", None)), "target": draw.choice(("a", "b", "d", None))}
        row["occurred"] = draw.choice((now, now - 5_000_000, None))
        rows.append(row)
        if draw.random() < 0.05:
            rows.append(dict(draw.choice(rows)))
        if draw.random() < 0.05:
            rows.append({**draw.choice(rows), "text": "other words"})
        if draw.random() < 0.05:
            rows.append({**row, "id": None})
    # The last of them is seen just now.
    for row in rows:
        if row["occurred"] is not None:
            row["occurred"] += AT - now
    return rows


def without_actors(rows: Sequence[Row]) -> list[Row]:
    """The same events with nobody named, of whom windows have nothing to say."""
    return [{name: value for name, value in row.items() if name not in ("actor", "target")} for row in rows]


def write_jsonl(path: Path, rows: Sequence[Row | str]) -> Path:
    """Rows, or lines that are none, as JSON Lines."""
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def scores_of(folder: Path) -> list[Row]:
    """All rows of a folder of scores, in an order of their own."""
    return in_order(pq.read_table(folder))


def in_order(scores: pa.Table) -> list[Row]:
    """The rows of a table of scores by event and signal."""
    return sorted(scores.to_pylist(), key=lambda row: (row["event_id"], row["policy"], row["detector"], row["label"]))


def rejects_of(scored: Scored) -> list[Row]:
    """The rejects of a run, by file and row."""
    parts = sorted(scored.rejects.glob("*.jsonl")) if scored.rejects else []
    rows = [json.loads(line) for part in parts for line in part.read_text().splitlines()]
    return sorted(rows, key=lambda row: (row["file"], row["row"]))


def locally(source: Path, judge: Judge) -> tuple[list[Row], list[Row], Scored]:
    """Scores, rejects and counts of one file, judged here."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "local.parquet"
        done = score(source, out, judge, ParquetLake(), DuckDbEngine(), given={}, at=AT)
        rejects = done.rejects.read_text().splitlines() if done.rejects else []
        return in_order(pq.read_table(out)), [json.loads(line) for line in rejects], done
