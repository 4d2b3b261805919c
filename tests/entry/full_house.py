"""A house in which one actor stands in every store there is, beside another that stands there too."""

import json
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from tests.flows.communities import make_community, make_kept, make_sighting

from gatehouse.adapters.actuators import LogActuator
from gatehouse.adapters.sql.access import SqlReads
from gatehouse.adapters.sql.engine import Database
from gatehouse.bootstrap import House, open_enforcing, open_house
from gatehouse.datasets import build, event_sets
from gatehouse.datasets.event_source import EventBlock
from gatehouse.entry.cli.show import now
from gatehouse.entry.live import open_gate
from gatehouse.flows import banks
from gatehouse.ports.dead_letters import DeadLetter, letter_id
from gatehouse.records.access import Read
from gatehouse.records.decision import Decision
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.event import Entity, Event, to_batch
from gatehouse.records.score import SCORE_SCHEMA
from gatehouse.settings import Settings
from gatehouse.testing.makers import NOW, make_decision, make_judged, make_run

ZEBRA, QUOKKA, HERON = (Entity("account", name) for name in ("zebra-7731", "quokka-9902", "heron-4410"))
WORDS = "striped grass tastes of thunder on a quiet morning by the river"
OTHERS = "a heron stands in the water and waits for the fish to come along"
SUMMER = "the summer of the herons"
NEEDLES = (ZEBRA.id, QUOKKA.id, "striped grass")


def filled(home: Path) -> House:
    """Fill a home in which `spam` is live."""
    house = open_house(Settings(home=home))
    decided(house)
    _scores(house, home / "scores.parquet")
    _sets(house)
    _others(house)
    return house


def decided(house: House) -> None:
    """Events of both, decided by the live gate, and one about the actor by the other; the gate leaves a snapshot."""
    gate, _ = open_gate(house, ("spam",))
    said = (
        Event(id="z1", text=WORDS, actor=ZEBRA, target=QUOKKA, thread="t1"),
        Event(id="z2", text=f"{WORDS}, again", actor=ZEBRA, target=QUOKKA),
        Event(id="h1", text=OTHERS, actor=HERON),
        Event(id="h2", text="gatehouse canary text: known spam sample 1", actor=HERON),
    )
    for event in said:
        (answer,) = gate.decide([event])
        assert isinstance(answer, Decision), answer
    gate.close()
    about = Event(id="h3", text="look at that account", actor=HERON, target=ZEBRA, seen=NOW)
    deed = Enforcement(
        id="n-h3", decision_id="d-h3-0", event_id="h3", policy="spam", kind="suspend", subject=str(ZEBRA)
    )
    house.ledger.commit([make_judged(about, decision=make_decision(about, releases={}), enforcements=(deed,))])
    open_enforcing(house.settings)
    LogActuator(house.settings.home / "enforcements.jsonl", lambda: NOW).act(deed, "key-1")


def _scores(house: House, out: Path) -> None:
    """A file of scores and its rejects."""
    rows = [{"event_id": id_, "policy": "spam", "decision": "clear"} for id_ in ("z1", "h1", "imported-z")]
    with house.lake.writer(out, {"id": "r", "source": "s", "releases": {}, "mapping": {}, "at": 1}) as writer:
        writer.write(pa.Table.from_pylist(rows, schema=SCORE_SCHEMA))
    lines = [
        {"row": 4, "id": "z9", "reason": "the text is missing", "begins": f'z9,,"{ZEBRA}"'},
        {"row": 5, "id": None, "reason": "too many columns", "begins": f"?,{WORDS},x,y"},
        {"row": 6, "id": "h9", "reason": "the text is missing", "begins": 'h9,,"someone"'},
    ]
    out.with_name("scores.rejects.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    house.ledger.add_run(make_run("r", out=str(out), at=10))
    house.ledger.add_run(make_run("gone", out=str(out.with_name("moved.parquet")), at=5))


def _sets(house: House) -> None:
    """A frozen data set and an imported history."""
    frozen = build.freeze(
        name="notes",
        title="Notes",
        licence="CC0",
        population="notes",
        ids=["z1", "imported-z", "h1", "n2", "n3"],
        texts=[WORDS, f"{WORDS} (imported)", OTHERS, "another note", "one more note"],
        parts=["train", "test", "train", "test", "points"],
        labels={"spam": [1, 1, 0, 0, 1]},
        source="hand",
    )
    authors = pa.array([None, ZEBRA.id, str(HERON), None, None], pa.string())
    place = frozen.rows.schema.get_field_index("author")
    rows = frozen.rows.set_column(place, frozen.rows.schema.field("author"), authors)
    info = msgspec.structs.replace(frozen.info, version=build.version_of(rows, frozen.labels))
    folder = house.settings.datasets / f"notes-{info.version}"
    build.save(build.Dataset(info, rows, frozen.labels), folder)
    house.shelf.registry.add_dataset(info, str(folder))
    history = [
        Event(id="old-z", text=WORDS, actor=ZEBRA, target=QUOKKA, seen=1, imported=True),
        Event(id="old-h", text=SUMMER, actor=HERON, target=ZEBRA, seen=2, imported=True),
    ]
    event_sets.write(
        [EventBlock(to_batch(history))],
        None,
        house.settings.datasets,
        name="river",
        title="The river",
        licence="CC0",
        population="animals",
    )


def _others(house: House) -> None:
    """A bank's entry, a run of campaigns, dead letters, and a record of who looked."""
    said = {"at": now(), "by": "sam", "why": "copied"}
    copied = {"id": "copied", "label": "spam", "text": WORDS}
    banks.add(house.shelf, "spam", [copied], bank="near", **said)
    reworded = {"id": "reworded", "label": "spam", "text": f"{WORDS} and more of it"}
    banks.propose(house.shelf, "spam", [reworded], source="event z1", **said)
    house.campaigns.keep(
        make_kept(
            make_sighting(make_community("ring", [str(ZEBRA), str(HERON), "account:c", "account:d"])),
            texts={"z1": WORDS, "h1": OTHERS},
        )
    )
    values = [json.dumps({"actor": str(ZEBRA), "text": 7}).encode(), b"half a message of zebra-7731", b"of someone"]
    house.letters.add(
        [DeadLetter(id=letter_id(value, "x"), value=value, source="x", reason="no event", at=NOW) for value in values]
    )
    database = Database(house.settings.ledger)
    looked = [Read(at=NOW, by="sam", key_id="k", what="actor", which=str(one)) for one in (ZEBRA, HERON)]
    SqlReads(database).add(looked)


def where_said(home: Path, needle: str) -> list[str]:
    """Every file below a home in which something is said; of Parquet what is in it, for its bytes are packed."""
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            content = json.dumps(table.to_pylist(), default=str).encode() + str(table.schema.metadata).encode()
        if needle.encode() in content or needle.encode("utf-16-le") in content:
            found.append(str(path.relative_to(home)))
    return found
