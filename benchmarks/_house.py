"""A house for the live benchmarks: packs that are learnt and live, and a pack of 200 rules more beside them."""

import platform
import random
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from _events import Population, made_up
from gatehouse.bootstrap import House, open_house
from gatehouse.datasets import as_of, build, histories
from gatehouse.flows import demo_platform, learn, learn_actors, packs, releases
from gatehouse.flows.judge import Judge
from gatehouse.flows.learn import Learned
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.packs import Pack
from gatehouse.flows.read_event import read_event
from gatehouse.ports.history import History
from gatehouse.ports.ledger import Judged, Ledger
from gatehouse.records.case import LABEL_SCHEMA
from gatehouse.records.dataset import Dataset
from gatehouse.records.decision import Decision
from gatehouse.records.event import Event, to_batch
from gatehouse.settings import Settings
from gatehouse.testing.memory import MemoryLedger

RULES = 200
MADE_UP, VIOLATING = 1_200, 0.4
"""Rows that a pack of actors learns from where its data are not there, and the share of them that violate."""

SEED = 7
BATCH = 500
DAYS_BEFORE, DAY = 14, 24 * 3_600 * 1_000_000
"""How long accounts have been there, and a day in microseconds."""


class Forgetful(MemoryLedger):
    """A ledger that keeps nothing, so that what is left is the price of everything else."""

    def __init__(self) -> None:
        super().__init__()
        self._n = 0

    def standing(self, events: Sequence[Event]) -> list[Decision | None]:
        """Nothing is known."""
        return [None] * len(events)

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        """Every decision stands."""
        self._n += len(judged)
        return [one.decision for one in judged]

    def last(self) -> int:
        """How many went by."""
        return self._n


def interpreter() -> str:
    """Which Python this is, and how fast on these cores: it depends much on how it was compiled."""
    steps, least = 1_000_000, float("inf")
    for _ in range(5):
        total, begun = 0, time.process_time()
        for number in range(steps):
            total += number
        least = min(least, time.process_time() - begun)
    return f"Python {platform.python_version()}, {least / steps * 1e9:.0f} ns a step of a loop"


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1_000


def prepared(settings: Settings, names: Sequence[str]) -> tuple[House, list[Learned]]:
    """Makes packs live as a platform would: learnt from the public data where they are, and from a simulated week.

    A pack of actors whose data are not there learns from made-up rows, one of texts from its own examples.
    """
    house = open_house(settings)
    if any(packs.load(name).recipe.dataset == demo_platform.NAME for name in names):
        week = settings.home / demo_platform.NAME
        demo_platform.simulate_week(week, settings.datasets, settings.data_roots, SEED, lambda _: None)
    return house, [learnt(name, house) for name in in_order(names)]


def judge_of(house: House, learned: Sequence[Learned]) -> Judge:
    """The judge of these releases."""
    return releases.open_judge(house.shelf, [one.release for one in learned])


def remembered(judge: Judge, ledger: Ledger, history: History, of: Population) -> None:
    """Decides on an event of each account's, spread over the days before: nobody's history is empty on a platform.

    Without it every account is in its first minutes, which looks like abuse to who learnt from a platform with members.
    """
    begun = now() - DAYS_BEFORE * DAY
    at = begun
    gate = LiveGate(judge, ledger, history, lambda: at)
    for start in range(0, len(of.events), BATCH):
        at = begun + (DAYS_BEFORE - 1) * DAY * start // len(of.events)
        some = enumerate(of.events[start : start + BATCH], start)
        gate.decide([read_event(msgspec.json.encode({"id": f"past-{i}", **said}), at) for i, said in some])
    gate.close()


def in_order(names: Sequence[str]) -> list[str]:
    """Packs of texts first: those of actors may take their detectors."""
    return sorted(names, key=lambda name: packs.load(name).recipe.learner == "actor")


def learnt(name: str, house: House) -> Learned:
    """Makes a pack live, learnt from what is in the house or in its data roots, else from examples or made-up rows."""
    pack, settings = packs.load(name), house.settings
    known = histories.find(pack.recipe.dataset, settings.datasets, settings.data_roots)
    if pack.recipe.learner == "actor" and known is None:
        columns = learn_actors.columns_of(pack, learn_actors.taken(pack, house.shelf))
        dataset, examples = made_up_rows(pack, columns), True
    else:
        dataset, examples = learn.dataset_for(pack, house.shelf, settings.datasets, settings.data_roots, house.engine)
    found = learn.train(pack, dataset, examples, house.shelf, at=1, by="benchmark")
    releases.promote(house.shelf, pack.name, found.release.version, at=2, by="benchmark", why="benchmark")
    return found


def made_up_rows(pack: Pack, columns: learn_actors.Columns) -> Dataset:
    """Rows for a pack of actors to learn from: those that violate have other profiles."""
    chance = np.random.default_rng(1)
    profile = {column.name: column.kind for column in pack.features.profile}
    events, violating = made_up(MADE_UP, profile, VIOLATING)
    batch = to_batch(events)
    features = columns.features
    known = features.compute(batch)
    windows = set(features.plan.schema.names)
    rows = {
        name: seldom_known(chance, field.type) if name in windows else known.column(name)
        for name, field in zip(features.schema.names, features.schema, strict=True)
    }
    labels = {
        "event_id": batch.column("id"),
        "label": pa.array([pack.recipe.labels[0]] * MADE_UP),
        "value": pa.array(violating).cast(pa.int64()),
        "source": pa.array(["made up"] * MADE_UP),
        "votes": pa.array([1] * MADE_UP),
    }
    claims = [labels[f.name].cast(f.type) if f.name in labels else pa.nulls(MADE_UP, f.type) for f in LABEL_SCHEMA]
    judged = as_of.Judged(
        pa.Table.from_batches([batch]), np.arange(MADE_UP), pa.Table.from_arrays(claims, schema=LABEL_SCHEMA)
    )
    return build.from_events(
        judged,
        pa.table({"id": batch.column("id"), "as_of": batch.column("seen"), **rows}),
        features,
        name="made-up",
        title="Made up",
        licence="none",
        population="nobody",
        split="author",
        detectors={name: detector.version for name, detector in columns.content.items()},
    )


def seldom_known(chance: np.random.Generator, type_: pa.DataType) -> pa.Array:
    """Values of a window that say nothing, and are not known now and then: a model must do without them."""
    return pa.array(chance.integers(0, 30, MADE_UP), mask=chance.random(MADE_UP) < 0.3).cast(type_)


def two_hundred(folder: Path) -> Path:
    """Writes a pack like `spam` with 200 rules over what a post says of itself; gives back its folder."""
    folder.mkdir(parents=True)
    shipped = packs.folders()["spam"]
    for file in shipped.iterdir():
        if file.suffix in (".yaml", ".jsonl", ".md", ".csv"):
            text = file.read_text()
            (folder / file.name).write_text(
                text.replace("policy: spam", "policy: two-hundred")
                .replace("pack: spam", "pack: two-hundred")
                .replace("spam.", "two-hundred.")
            )
    (folder / "features.yaml").write_text("owner: nobody\ncolumns: [char_count, word_count, url_count]\n")
    chance = random.Random(SEED)
    rules = []
    for number in range(RULES):
        parts = [
            f"{chance.choice(('char_count', 'word_count', 'url_count'))} {chance.choice('<>')} {chance.randint(0, 200)}"
        ]
        parts.append(f"kind = '{chance.choice(('post', 'message', 'comment', 'profile'))}'")
        if chance.random() < 0.15:
            parts.append(f"word_in(normalised, '{chance.choice(('free', 'claim', 'account', 'offer'))}')")
        parts.append(f"url_count > {chance.randint(1, 9)}")
        rules.append(
            f'  - name: rule_{number}\n    label: spam\n    when: "{" AND ".join(parts)}"\n    why: Measured.\n'
        )
    (folder / "rules.yaml").write_text("rules:\n" + "".join(rules))
    return folder
