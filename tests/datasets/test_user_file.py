"""A labelled file's columns become votes, parts and times, and what cannot be read is kept in sight."""

from pathlib import Path

import pytest

from gatehouse.datasets import user_file
from gatehouse.datasets.split import part_of


def load(tmp_path: Path, content: str, *labels: str, maps: tuple[str, ...] = ()) -> user_file.UserFile:
    path = tmp_path / "a.csv"
    path.write_text(content)
    return user_file.load(path, maps, labels)


def votes(file: user_file.UserFile, label: str) -> list[tuple[int, int]]:
    found = file.votes[label]
    return list(zip(found.yes.tolist(), found.no.tolist(), strict=True))


@pytest.mark.parametrize(
    ("label", "cells", "expected", "unreadable"),
    [
        ("spam=y", ["1", "0", "TRUE", "no", "spam", "not spam", "", "2"], "ynynyn?!", {7: "2"}),
        ("spam=y:s/h", ["s", "h", "", "x"], "yn?!", {3: "x"}),
        ("spam=y:s", ["s", "h", "", "x"], "yn?n", {}),
        ("spam=y has a", ["a;b", "b|a", "ab", ""], "yynn", {}),
    ],
)
def test_cells_say_yes_no_or_nothing(tmp_path, label, cells, expected, unreadable):
    file = load(tmp_path, "text,y\n" + "".join(f"t{i},{cell}\n" for i, cell in enumerate(cells)), label)
    meaning = {"y": (1, 0), "n": (0, 1), "?": (0, 0), "!": (0, 0)}
    assert votes(file, "spam") == [meaning[sign] for sign in expected]
    assert file.votes["spam"].unreadable == unreadable


def test_votes_are_counted_and_not_flattened(tmp_path):
    content = "text,for,all\na,2,3\nb,0.0,3.0\nc,4,3\nd,x,3\ne,,3\nf,1,\n"
    file = load(tmp_path, content, "hate=for/all", "same=for/3")
    assert votes(file, "hate") == [(2, 1), (0, 3), (0, 0), (0, 0), (0, 0), (0, 0)]
    assert file.votes["hate"].unreadable == {2: "4 of 3", 3: "x of 3", 5: "1 of None"}
    assert votes(file, "same")[-1] == (1, 2)


def test_parts_come_from_the_split_column_else_from_author_else_from_text(tmp_path):
    rows = "text,user,split\na,u,train\nb,u,DEV\nc,,test\nd,w,?\n"
    assert load(tmp_path, rows).parts == [part_of("u", "train"), "points", "test", None]
    without = rows.replace("split", "other")
    assert load(tmp_path, without).parts == [part_of("u"), part_of("u"), part_of("c"), part_of("w")]


def test_times_are_whole_microseconds_or_iso_with_a_zone(tmp_path):
    times = ["5", "1970-01-01T00:00:01Z", "1970-01-01T01:00:00+01:00", "1970-01-01", "noon", ""]
    file = load(tmp_path, "text,time\n" + "".join(f"t,{time}\n" for time in times))
    assert file.times == ([5, 1_000_000, 0, None, None, None], [3, 4])
