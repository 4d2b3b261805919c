"""Somebody's past decisions: their words are understood or named, and every row is compared or counted."""

from pathlib import Path

import pytest

from gatehouse.bootstrap import House
from gatehouse.errors import UserError
from gatehouse.flows import packs, releases
from gatehouse.flows.past_decisions import meanings, over_decisions
from gatehouse.flows.replay_policy import Candidate, Compared, candidate

KNOWN = "gatehouse canary text: known spam sample 1"


@pytest.fixture(scope="module")
def tried(house: House) -> Candidate:
    release = releases.live(house.shelf, ["spam"])[0]
    pack = packs.load("spam")
    return candidate(pack.policy, "policy.yaml", pack, release, house.shelf, True)


def written(path: Path, *rows: str, header: str = "id,text,decision,actor,occurred") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_each_row_is_compared_by_what_its_word_means(tried: Candidate, tmp_path: Path) -> None:
    rows = [f"{word},{KNOWN},{word},a:1," for word in ("Removed", "violation", "kept", "limited", "pending")]
    seen: list[Compared] = []
    done = over_decisions(tried, written(tmp_path / "p.csv", *rows), {}, meanings({}), each=seen.extend)
    assert {one.event_id: one.before.word for one in seen} == {
        "kept": "clear",
        "limited": "violating, limit",
        "pending": "undecided",
    }, "removed and violating are what the policy says too"
    assert {one.now.word for one in seen} == {"violating, remove"}
    assert (done.n, done.flips.events, done.flips.stricter, done.flips.actors) == (5, 3, 3, 1)


def test_words_nobody_knows_are_named_with_their_rows_before_anything_is_judged(
    tried: Candidate, tmp_path: Path
) -> None:
    path = written(tmp_path / "p.csv", f"1,{KNOWN},gone,,", f"2,{KNOWN},kept,,", f"3,{KNOWN},gone,,", f"4,{KNOWN},,,")
    with pytest.raises(UserError) as refused:
        over_decisions(tried, path, {}, meanings({}))
    assert "'gone' is not a known decision (rows 2, 4)" in str(refused.value)
    assert "say what it means: --map-decision 'gone=MEANING'" in str(refused.value)
    assert "there is no decision (row 5)" in str(refused.value)
    rows = written(tmp_path / "q.csv", f"1,{KNOWN},Gone,,")
    assert over_decisions(tried, rows, {}, meanings({"gone": "remove"})).flips.events == 0


def test_a_meaning_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match=r"'removd' is neither an outcome nor an enforcement\n.*did you mean 'remove'"):
        meanings({"gone": "removd"})


def test_rows_that_cannot_be_compared_are_counted_with_the_reason(tried: Candidate, tmp_path: Path) -> None:
    path = written(
        tmp_path / "p.csv",
        "1,,kept,,2026-01-02T00:00:00Z",
        f"2,{KNOWN},kept,,2025-01-02T00:00:00Z",
        f"3,{KNOWN},kept,,yesterday",
        f"4,{KNOWN},kept,,2026-01-02T00:00:00Z",
    )
    january = 1_767_225_600_000_000
    done = over_decisions(tried, path, {}, meanings({}), since=january)
    assert done.n == 1
    assert over_decisions(tried, path, {}, meanings({}), until=january).n == 1
    assert over_decisions(tried, path, {}, meanings({}), january, january + 1).n == 0
    assert {why: (left.n, left.first) for why, left in done.left_out.items()} == {
        "without text": (1, ["row 2"]),
        "outside of the time asked for": (1, ["row 3"]),
        "without a time that can be read": (1, ["row 4"]),
    }


def test_a_time_without_its_column_and_missing_columns_are_faults(tried: Candidate, tmp_path: Path) -> None:
    path = written(tmp_path / "p.csv", "x,kept", header="body,action")
    with pytest.raises(UserError) as refused:
        over_decisions(tried, path, {"txet": "body"}, meanings({}))
    assert "'txet' is not a column that is read" in str(refused.value)
    assert "no column 'text'" in str(refused.value)
    assert "no column 'decision'" in str(refused.value)
    columns = {"text": "body", "decision": "action"}
    with pytest.raises(UserError, match="no column says when the texts occurred"):
        over_decisions(tried, path, columns, meanings({}), since=0)
    assert over_decisions(tried, path, columns, meanings({})).n == 1
