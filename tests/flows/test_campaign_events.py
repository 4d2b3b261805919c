"""What a search for campaigns reads, from wherever it comes, and what it leaves out and says so."""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.datasets.event_sets import write
from gatehouse.datasets.event_source import EventBlock
from gatehouse.errors import UserError
from gatehouse.flows.campaign_events import Events, files_named, from_files, from_log, read
from gatehouse.flows.intake import Intake, Reject
from gatehouse.records.event import EVENT_SCHEMA, Entity, Event, to_batch
from gatehouse.testing.makers import NOW, make_event, make_judged
from gatehouse.testing.memory import MemoryLedger

DAY = 86_400_000_000


def written(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row(id: str, actor: str | None = "account:1", occurred: str | None = "2023-11-14T12:00:00Z") -> dict[str, object]:
    return {"id": id, "text": "a few words", "actor": actor, "occurred": occurred}


def looked_at(tmp_path: Path, blocks: Iterable[Intake], since: int | None = None, until: int | None = None) -> Events:
    return read("somewhere", blocks, tmp_path / "events.parquet", since=since, until=until)


def ids(events: Events) -> list[str]:
    return [id_ for batch in events.batches() for id_ in batch.column("id").to_pylist()]


def test_files_are_read_as_score_reads_them_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    one = written(tmp_path / "a.jsonl", row("a"), row("b", actor=None), row("c", occurred=None), row("a"))
    two = written(tmp_path / "b.jsonl", row("d", actor="account:2"), row("a"), {"text": "no id"})
    events = looked_at(tmp_path, from_files([one, two], {}, NOW))
    assert ids(events) == ids(events) == ["a", "d"]
    assert (events.events, events.actors) == (2, 2)
    assert events.first == events.last
    assert events.left_out == {
        "the id came before with the same content; it was judged once": 2,
        "the actor is missing": 1,
        "the time is missing": 1,
        "the id is missing": 1,
    }


def test_files_without_actors_or_times_are_refused_with_the_next_step(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", {"id": "a", "text": "words", "user": "x"})
    with pytest.raises(UserError) as refused:
        list(from_files([path], {}, NOW))
    (fault,) = refused.value.faults
    assert fault.what == "there is no column for actor and occurred: without it nobody acts together"
    assert fault.fix == "say which it is: --map actor=COLUMN; say which it is: --map occurred=COLUMN"
    mapped = {"actor": "user", "occurred": "user"}
    assert [len(block.events) for block in from_files([path], mapped, NOW)] == [0]


def test_only_the_time_that_was_asked_for_is_looked_at(tmp_path: Path) -> None:
    batch = to_batch([make_event(f"e{i}", seen=NOW + i * DAY) for i in range(5)])
    events = looked_at(tmp_path, [Intake(batch)], since=NOW + DAY, until=NOW + 3 * DAY)
    assert ids(events) == ["e1", "e2"]
    assert events.left_out == {"before the time that was asked for": 1, "after the time that was asked for": 2}


def test_the_digest_tells_events_apart_and_not_how_they_were_cut(tmp_path: Path) -> None:
    every = [make_event(f"e{i}", seen=NOW + i, actor=Entity("account", str(i % 3))) for i in range(7)]
    whole = looked_at(tmp_path, [Intake(to_batch(every))]).digest
    assert looked_at(tmp_path, [Intake(to_batch(every[:3])), Intake(to_batch(every[3:]))]).digest == whole
    other = [*every[:-1], make_event("e6", seen=NOW + 6, actor=Entity("account", "9"))]
    assert looked_at(tmp_path, [Intake(to_batch(other))]).digest != whole
    later = [*every[:-1], make_event("e6", seen=NOW + 7, actor=Entity("account", "0"))]
    assert looked_at(tmp_path, [Intake(to_batch(later))]).digest != whole


def test_the_log_of_the_ledger_is_read_whole_and_in_order(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    ledger.commit(
        [make_judged(make_event(f"e{i}", actor=None if i == 1 else Entity("account", "x"))) for i in range(3)]
    )
    events = looked_at(tmp_path, from_log(ledger))
    assert ids(events) == ["e0", "e2"]
    assert events.left_out == {"the actor is missing": 1}


def test_nothing_to_look_at_is_said_with_the_reasons(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        looked_at(tmp_path, from_files([written(tmp_path / "a.jsonl", row("a", actor=None))], {}, NOW))
    (fault,) = refused.value.faults
    assert fault.what == "there is no event to look at (1 left out: the actor is missing)"
    with pytest.raises(UserError) as empty:
        looked_at(tmp_path, from_log(MemoryLedger()))
    assert str(empty.value) == "somewhere: there is no event to look at\n    → give a source that holds some"


def test_a_folder_with_a_history_is_its_events_alone(tmp_path: Path) -> None:
    folder = tmp_path / "simulated"
    folder.mkdir()
    for name in ("events", "truth", "actors"):
        pq.write_table(pa.table({"id": ["a"]}), folder / f"{name}.parquet")
    assert files_named(str(folder), tmp_path / "datasets") == [folder / "events.parquet"]


def test_an_imported_history_is_known_by_its_name_and_the_newest_version_taken(tmp_path: Path) -> None:
    root = tmp_path / "datasets"
    about = {"name": "forum", "title": "A forum", "licence": "ours", "population": "members of a forum"}

    def imported(event: Event) -> Path:
        return write([EventBlock(to_batch([event]))], None, root, **about)[1]

    imported(make_event("a"))
    newest = imported(make_event("b"))
    assert files_named("forum", root) == [newest / "events.parquet"]
    with pytest.raises(UserError, match="did you mean 'forum'") as refused:
        files_named("forun", root)
    assert "there is neither a file nor an imported history 'forun'" in str(refused.value)


def test_reasons_that_quote_their_records_are_told_in_a_line(tmp_path: Path) -> None:
    late = [f"the time 2999-01-01T00:00:{i:02}Z is in the future" for i in range(50)]
    rejects = tuple(Reject(row=i, id=None, reason=reason, begins="") for i, reason in enumerate(late))
    block = Intake(pa.RecordBatch.from_pylist([], schema=EVENT_SCHEMA), rejects)
    with pytest.raises(UserError, match=r"30 left out: other reasons like these; 1 left out") as refused:
        read("late.csv", [block], tmp_path / "events.parquet")
    assert len(str(refused.value)) < 500
