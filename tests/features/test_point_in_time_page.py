"""The example of docs/point-in-time.md has the numbers that every carrier gives."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.features import brute_force
from tests.features.streams import in_log

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.features import sql
from gatehouse.features.define import FeatureSet
from gatehouse.features.live import LiveHistory
from gatehouse.features.windows import Age, Count, Distinct, RepeatShare, duration

PAGE = Path(__file__).resolve().parents[2] / "docs" / "point-in-time.md"
HOUR, ACTOR, TO = duration("1h"), ("actor",), ("target",)
PLAN = FeatureSet(
    windows=(
        Count(name="count", key=ACTOR, window=HOUR),
        Distinct(name="different", key=ACTOR, of=TO, window=HOUR),
        RepeatShare(name="share", key=ACTOR, of=TO, window=HOUR),
        Age(name="age", key=ACTOR, window=HOUR),
    )
).plan
MIDNIGHT = 1_767_225_600_000_000


def example() -> tuple[list[dict[str, Any]], list[dict[str, int | float | None]]]:
    """The events of the page in the order of its table, and the values that it gives for them."""
    found = re.findall(
        r"^\| `(e\d)` \| (\d\d):(\d\d):(\d\d) \| (\w) \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    events, values = [], []
    for id_, hour, minute, second, to, said in found:
        seen = MIDNIGHT + (int(hour) * 3600 + int(minute) * 60 + int(second)) * 1_000_000
        events.append({"id": id_, "seen": seen, "k_actor": 1, "k_target": ord(to)})
        count, different, share, age = said.split(" | ")[:4]
        values.append(
            {
                "count": int(count),
                "different": int(different),
                "share": None if share == "NULL" else float(share),
                "age": int(age),
            }
        )
    assert len(events) == 8
    return events, values


@pytest.mark.parametrize("carrier", ["read word by word", "live", "SQL"])
def test_the_example_is_what_comes_out(carrier: str) -> None:
    events, values = example()
    log = list(in_log(PLAN, [events[:2], *([event] for event in events[2:])]))
    assert [row["id"] for batch in log for row in batch.to_pylist()] == [event["id"] for event in events]
    if carrier == "live":
        history = LiveHistory(PLAN)
        found = [row for batch in log for row in history.replay(batch).to_pylist()]
    elif carrier == "SQL":
        answer = DuckDbEngine().query(sql.query(PLAN), log, PLAN.coded)
        found = [{name: row[name] for name in values[0]} for batch in answer for row in batch.to_pylist()]
    else:
        found = brute_force.windows(PLAN, [row for batch in log for row in batch.to_pylist()])
    assert found == values
