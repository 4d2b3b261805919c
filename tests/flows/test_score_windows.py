"""A file scored with windows: each event is judged as of its time, and its trace finds the same values again."""

import functools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gatehouse.bootstrap import House
from gatehouse.errors import OutsideError
from gatehouse.features.live import LiveHistory
from gatehouse.flows import intake, releases
from gatehouse.flows import score as scoring
from gatehouse.flows.judge import Judge
from gatehouse.flows.score import score
from gatehouse.flows.scored import Scored
from gatehouse.flows.trace import trace

AT = 1_700_000_000_000_000
LURE = "You won a prize, call 0900 000 000 now to claim it"


@pytest.fixture(scope="module")
def judge(house: House) -> Judge:
    return releases.open_judge(house.shelf, releases.live(house.shelf, ["spam"]))


def rows() -> list[dict[str, Any]]:
    """A busy account among others, in no order of time, with equal times and a row without an actor."""
    found = [
        {"id": f"e{i:02d}", "text": LURE if i % 3 else "see you at lunch", "actor": ["busy", "busy", "calm"][i % 3]}
        | {"target": f"to-{i % 5}", "occurred": AT + (i * 7 % 40) * 90_000_000}
        for i in range(40)
    ]
    found[7]["actor"] = None
    found[9]["occurred"] = found[10]["occurred"]
    return found


def write(path: Path, listed: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in listed))
    return path


class Seen:
    """Keeps the feature rows of what is judged, by event."""

    def __init__(self) -> None:
        self.features: dict[str, dict[str, Any]] = {}

    def __call__(self, events: pa.RecordBatch, features: pa.RecordBatch, _: object) -> list[intake.Reject]:
        self.features |= zip(events.column("id").to_pylist(), features.to_pylist(), strict=True)
        return []


def scored(house: House, judge: Judge, source: Path, out: Path) -> tuple[Scored, dict[str, dict[str, Any]]]:
    seen = Seen()
    done = score(source, out, judge, house.lake, house.engine, given={}, at=AT, each=seen)
    return done, seen.features


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in blocks of seven rows."""
    monkeypatch.setattr(scoring, "events_of", functools.partial(intake.events_of, batch_rows=7))


@pytest.mark.usefixtures("small_blocks")
def test_windows_are_those_of_the_events_before_in_time_wherever_they_stand(
    house: House, judge: Judge, tmp_path: Path
) -> None:
    source = write(tmp_path / "in.jsonl", rows())
    done, features = scored(house, judge, source, tmp_path / "out.parquet")
    assert (done.rows, done.rejected, done.remarks) == (40, 0, ())
    block = next(intake.events_of(source, intake.columns_for(source, {}), AT))
    told = LiveHistory(judge.features.plan).advance(judge.prepare(block.events).coded).to_pylist()
    for event, windows in zip(block.events.column("id").to_pylist(), told, strict=True):
        assert {name: features[event][name] for name in windows} == windows
    assert features["e07"]["messages_1h"] is None
    assert max(row["messages_1h"] or 0 for row in features.values()) > 10


@pytest.mark.usefixtures("small_blocks")
def test_a_trace_computes_the_windows_of_one_event_again(house: House, judge: Judge, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    _, features = scored(house, judge, write(tmp_path / "in.jsonl", rows()), out)
    for event in ("e00", "e07", "e10", "e39"):
        found = trace(event, house.ledger, house.lake, house.shelf, house.engine, out)
        assert found.remarks == ("judged again from its source by the same releases: the same decision",)
        assert found.judged.features == {name: features[event][name] for name in found.judged.features}


def test_a_file_without_actors_is_read_once_and_says_what_that_leaves_unknown(
    house: House, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def counted(*arguments: Any, **named: Any) -> Iterator[intake.Intake]:
        reads.append(arguments)
        return intake.events_of(*arguments, **named)

    monkeypatch.setattr(scoring, "events_of", counted)
    source = write(tmp_path / "in.jsonl", ({"id": row["id"], "text": row["text"]} for row in rows()))
    done, features = scored(house, judge, source, tmp_path / "out.parquet")
    assert len(reads) == 1
    assert done.remarks == (
        "messages_1h, same_text_share_1d, recipients_1h, known_seconds, likely_spam_1d, reports_received_7d are NULL "
        "throughout: the file has no column for actor; rules that ask for them do not match by them: "
        "spam.rules.repeated_text, spam.rules.many_recipients_new_account, spam.rules.bad_week_and_a_lure",
    )
    windows = judge.features.plan.schema.names
    assert all(row[name] is None for row in features.values() for name in windows)


def test_a_file_without_targets_says_which_windows_count_nothing(house: House, judge: Judge, tmp_path: Path) -> None:
    listed = [{name: value for name, value in row.items() if name != "target"} for row in rows()]
    done, features = scored(house, judge, write(tmp_path / "in.jsonl", listed), tmp_path / "out.parquet")
    assert done.remarks == (
        "recipients_1h, reports_received_7d are over no event at all: the file has no column for target; rules that "
        "ask for them do not match by them: spam.rules.many_recipients_new_account, spam.rules.bad_week_and_a_lure",
    )
    assert {row["recipients_1h"] for row in features.values()} == {0, None}


def test_a_rule_matches_by_what_came_before(house: House, judge: Judge, tmp_path: Path) -> None:
    listed = [
        {"id": f"r{i:02d}", "text": "see you at lunch", "actor": "one", "occurred": AT + i * 1_000_000}
        for i in range(12)
    ]
    out = tmp_path / "out.parquet"
    scored(house, judge, write(tmp_path / "in.jsonl", listed), out)
    evidence = {i: [row["evidence"] for row in house.lake.rows(out, f"r{i:02d}")] for i in (9, 10)}
    assert "repeated_text" not in evidence[9]
    assert "repeated_text" in evidence[10]


class Broken:
    """An engine that reads the table and then fails."""

    def query(self, sql: str, table: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for batch in table:
            assert batch.schema == schema
        raise OutsideError("no room on the disk")
        yield


class Short:
    """An engine that answers for fewer rows than it was given."""

    def query(self, sql: str, table: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        list(table)
        return iter(())


@pytest.mark.parametrize(
    ("engine", "said"), [(Broken(), "no room on the disk"), (Short(), "became longer while it was read")]
)
def test_where_windows_cannot_be_had_nothing_is_written(
    house: House, judge: Judge, tmp_path: Path, engine: Broken | Short, said: str
) -> None:
    source = write(tmp_path / "in.jsonl", rows())
    with pytest.raises(OutsideError, match=said):
        score(source, tmp_path / "out.parquet", judge, house.lake, engine, given={}, at=AT)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
