"""A frozen data set: one version for one content, found out when it is changed, true to what was claimed."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.datasets import build
from gatehouse.datasets.clean import once_per_text
from gatehouse.datasets.items import Claim, Item
from gatehouse.datasets.split import part_of
from gatehouse.errors import OutsideError, UserError
from gatehouse.records.case import LABEL_SCHEMA
from gatehouse.records.dataset import PARTS, ROW_SCHEMA, Dataset

ABOUT = {"name": "made-up", "title": "Made up", "licence": "CC0", "population": "sentences of a test"}


def assemble(*items: Item, **about) -> Dataset:
    labels = sorted({claim.label for item in items for claim in item.claims})
    return build.assemble(items, **{**ABOUT, "labels": labels, **about})


def item(id_: str, text: str, value: int | None = 1, **more) -> Item:
    return Item(id_, text, () if value is None else (Claim("spam", value),), **more)


def many(n: int = 40) -> list[Item]:
    return [item(f"i{i}", f"text number {i}", i % 2) for i in range(n)]


def test_the_schemas_are_those_of_the_records():
    dataset = assemble(*many())
    assert dataset.rows.schema == ROW_SCHEMA
    assert dataset.labels.schema == LABEL_SCHEMA
    assert dataset.info.rows == 40 == sum(dataset.info.parts.values())
    assert sum(count["spam"] for count in dataset.info.positives.values()) == 20


def test_the_same_content_is_one_version_and_other_content_another():
    versions = [assemble(*many()).info.version, assemble(*many(), licence="other words").info.version]
    others = [
        assemble(*many()[:-1], item("i39", "text number 39", 0)),
        assemble(*many()[:-1], item("i39", "text number 39!", 1)),
        assemble(*many()[:-1], item("i39", "text number 39", 1, author="")),
        assemble(*many()[:-1], item("i39", "text number 39", 1, language="en")),
    ]
    assert len(set(versions)) == 1
    assert len({*versions, *(other.info.version for other in others)}) == 5


def test_the_version_does_not_depend_on_chunks_slices_or_parquet():
    dataset = assemble(*many())
    half = dataset.rows.slice(0, 17).combine_chunks(), dataset.rows.slice(17)
    assert build.version_of(pa.concat_tables(half), dataset.labels) == dataset.info.version


def test_what_is_saved_is_loaded(tmp_path):
    dataset = assemble(*many(), item("last", "ünïcode\n", None, author="a", occurred=5, language="de"))
    build.save(dataset, tmp_path / "set")
    loaded = build.load(tmp_path / "set")
    assert loaded.info == dataset.info
    assert loaded.rows.equals(dataset.rows)
    assert loaded.labels.equals(dataset.labels)
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
        "CARD.md",
        "dataset.json",
        "labels.parquet",
        "rows.parquet",
    ]
    build.save(dataset, tmp_path / "set")
    assert [info for info, _ in build.infos(tmp_path)] == [dataset.info]


def test_another_data_set_is_not_written_over(tmp_path):
    build.save(assemble(*many()), tmp_path / "set")
    with pytest.raises(UserError, match="the folder holds something else"):
        build.save(assemble(*many(30)), tmp_path / "set")


def test_a_changed_data_set_is_found_out(tmp_path):
    build.save(assemble(*many()), tmp_path / "set")
    rows = pq.read_table(tmp_path / "set" / "rows.parquet").to_pylist()
    rows[0]["part"] = "train" if rows[0]["part"] == "test" else "test"
    pq.write_table(pa.Table.from_pylist(rows, ROW_SCHEMA), tmp_path / "set" / "rows.parquet")
    with pytest.raises(OutsideError, match="changed after it was frozen"):
        build.load(tmp_path / "set")


@pytest.mark.parametrize("name", ["rows.parquet", "labels.parquet", "dataset.json"])
def test_a_data_set_that_is_not_whole_says_so(tmp_path, name):
    build.save(assemble(*many()), tmp_path / "set")
    content = (tmp_path / "set" / name).read_bytes()
    (tmp_path / "set" / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(OutsideError, match="cannot be read") as error:
        build.load(tmp_path / "set")
    assert error.value.faults[0].fix
    (tmp_path / "set" / name).unlink()
    with pytest.raises(OutsideError, match="not a whole data set"):
        build.load(tmp_path / "set")


def test_a_label_holds_when_half_of_the_votes_say_so_and_is_unknown_without_any():
    claims = {
        "two of three": (Claim("hate", 1, 2), Claim("hate", 0, 1)),
        "one of three": (Claim("hate", 1, 1), Claim("hate", 0, 2)),
        "one of two": (Claim("hate", 1, 1, "a"), Claim("hate", 0, 1, "b")),
        "nobody": (),
    }
    dataset = assemble(*(Item(text, text, said, part="test") for text, said in claims.items()))
    texts, y = build.targets(dataset, "test", ("hate",))
    assert texts.to_pylist() == list(claims)
    assert np.array_equal(y, [[1.0], [0.0], [1.0], [np.nan]], equal_nan=True)
    assert dataset.labels["rater"].to_pylist() == [None, None, None, None, "a", "b"]
    assert build.targets(dataset, "train", ("hate",))[1].shape == (0, 1)


def test_targets_follow_the_order_of_the_labels_asked_for():
    dataset = assemble(Item("1", "a", (Claim("x", 1), Claim("y", 0)), part="test"))
    assert build.targets(dataset, "test", ("y", "x"))[1].tolist() == [[0.0, 1.0]]
    with pytest.raises(UserError, match="no label 'xx'") as error:
        build.targets(dataset, "test", ("xx",))
    assert error.value.faults[0].fix == "did you mean 'x'? it has x, y"


def test_a_text_stands_once_on_the_side_held_back_furthest_with_all_its_votes():
    dataset = assemble(
        item("a", "again", 1, part="train"),
        item("b", "again", 0, part="test"),
        item("c", "again", 1, part="points"),
        item("d", " \n", 1, part="train"),
        item("e", "broken \ufffd", 0, part="train"),
    )
    assert dataset.rows.select(["id", "part"]).to_pylist() == [
        {"id": "b", "part": "test"},
        {"id": "e", "part": "train"},
    ]
    votes = dataset.labels.select(["event_id", "value", "votes"]).to_pylist()
    assert votes == [
        {"event_id": "b", "value": 1, "votes": 2},
        {"event_id": "b", "value": 0, "votes": 1},
        {"event_id": "e", "value": 0, "votes": 1},
    ]
    assert dataset.info.notes.split("\n") == [
        "1 rows without text were left out",
        "1 rows hold bytes that were not UTF-8, shown as U+FFFD",
        "2 rows repeated an earlier text and were merged into it with their labels",
        "1 texts stood on two sides of the split and were kept on the one held back further",
        "1 texts were labelled differently where they repeat; both labels were kept",
    ]


def test_all_texts_of_an_author_stand_on_one_side():
    dataset = assemble(*(item(str(i), f"text {i}", author=f"author {i % 30}") for i in range(300)))
    sides: dict[str, set[str]] = {}
    for row in dataset.rows.to_pylist():
        sides.setdefault(row["author"], set()).add(row["part"])
    assert all(len(parts) == 1 for parts in sides.values())
    assert len(set.union(*sides.values())) > 1


def test_a_text_that_two_authors_wrote_stands_with_the_one_whose_side_it_is_on():
    authors = [f"a{i}" for i in range(200)]
    one = next(author for author in authors if part_of(author) == "train")
    other = next(author for author in authors if part_of(author) == "test")
    cleaned = once_per_text([Item("1", "see you", (), author=one), Item("2", "see you", (), author=other)])
    assert cleaned.parts == ["test"]
    assert (cleaned.items[0].id, cleaned.items[0].author) == ("2", other)


def test_an_id_that_stands_for_two_texts_is_refused():
    with pytest.raises(UserError, match="the id 'a' stands for more than one text"):
        assemble(item("a", "one"), item("a", "two"))


def test_frozen_rows_keep_their_parts_and_unknown_labels():
    dataset = build.freeze(
        **ABOUT,
        ids=["1", "2"],
        texts=["a", "a"],
        parts=["train", "test"],
        labels={"spam": [1, None], "scam": [0, 1]},
        source="pack",
        language="en",
    )
    assert dataset.info.parts == {"train": 1, "calibration": 0, "points": 0, "test": 1}
    assert np.array_equal(build.targets(dataset, "test", ("spam", "scam"))[1], [[np.nan, 1.0]], equal_nan=True)


def test_the_card_says_what_it_is_for_whom_and_how_much(tmp_path):
    items = [item(str(i), f"text {i}", int(i % 4 == 0), part=PARTS[i % 2 * 3]) for i in range(40)]
    dataset = assemble(*items, item("x", "unlabelled", None, part="test"), notes=["Made for a test"])
    build.save(dataset, tmp_path / "set")
    assert (tmp_path / "set" / "CARD.md").read_text() == (
        f"""# Made up

Data set `made-up`, version `{dataset.info.version}`, frozen: the version is the hash of its rows and labels.

- **Licence:** CC0
- **Population:** sentences of a test. Figures measured on it speak of nobody else.
- **Rows:** 41, each text once
- **Claims about labels:** 40, kept as they were given

## Parts and base rates

Fit on `train`, calibrate on `calibration`, find thresholds on `points`, report on `test`. Each cell counts
the rows where at least half of the votes say that the label holds, and their share of those that somebody
labelled.

| label | train (n = 20) | calibration (n = 0) | points (n = 0) | test (n = 21) |
| --- | ---: | ---: | ---: | ---: |
| spam | 10 (50.0%) | 0 | 0 | 0 (0.0%), 1 unlabelled |

## Known limits and what was mended

- Made for a test
"""
    )
