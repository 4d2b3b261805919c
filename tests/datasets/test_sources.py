"""The public data sets are read as they are published, with their official labels and splits."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from gatehouse.datasets import build, sources
from gatehouse.datasets.split import part_of
from gatehouse.errors import UserError
from gatehouse.records.dataset import PARTS, Dataset


@pytest.fixture(scope="module")
def built(public_data: Path) -> dict[str, Dataset]:
    return {name: build.build(name, public_data) for name in sources.SOURCES}


@pytest.mark.data
@pytest.mark.parametrize("name", sources.SOURCES)
def test_the_known_copies_are_the_ones_that_are_read(public_data, name):
    source = sources.SOURCES[name]
    folder = sources.locate(source, [public_data])
    assert folder == public_data / name
    assert [sources.digest(folder / file.name) for file in source.files] == [file.sha256 for file in source.files]
    assert [(folder / file.name).stat().st_size for file in source.files] == [file.size for file in source.files]
    assert sum(1 for _ in source.read(folder)) == source.rows


LANGUAGES = {"told-br": "pt", "deepset-prompt-injections": None}


@pytest.mark.data
def test_the_truth_of_every_row_and_label_is_known_and_every_part_has_rows(built):
    """But for sentences that mean nothing alone, and for templates, on which nothing may be learnt."""
    unknown = {"vicomtech": 168}
    for name, dataset in built.items():
        known = sum(np.isfinite(build.targets(dataset, part, dataset.info.labels)[1]).sum() for part in PARTS)
        assert known == (dataset.info.rows - unknown.get(name, 0)) * len(dataset.info.labels), name
        empty = [part for part in PARTS if not dataset.info.parts[part]]
        assert empty == (["train", "calibration", "points"] if name == "bias-templates" else []), name
        assert set(dataset.rows["language"].to_pylist()) == {LANGUAGES.get(name, "en")}, name


@pytest.mark.data
def test_sms_spam_keeps_each_text_once(built):
    info = built["sms-spam"].info
    assert info.rows == 5_170
    assert (info.parts["test"], info.positives["test"]) == (1_039, {"spam": 128})
    assert "403 rows repeated an earlier text" in info.notes


@pytest.mark.data
def test_edos_keeps_the_official_split_and_its_three_levels_agree(built):
    info = built["edos"].info
    assert info.parts == {"train": 12_425, "calibration": 1_406, "points": 1_984, "test": 3_958}
    assert (info.positives["test"]["sexist"], info.positives["points"]["sexist"]) == (962, 482)
    assert len(info.labels) == 16
    _, y = build.targets(built["edos"], "test", info.labels)
    assert np.array_equal(y[:, 0], y[:, 1:5].sum(axis=1))
    assert np.array_equal(y[:, 0], y[:, 5:].sum(axis=1))


@pytest.mark.data
def test_jigsaw_slice_keeps_shared_comments_once(built):
    info = built["jigsaw-slice"].info
    assert info.rows == 4_945
    assert (info.parts["test"], info.positives["test"]["toxic"]) == (965, 144)
    assert "38 rows repeated an earlier text" in info.notes
    assert "labelled differently" not in info.notes


@pytest.mark.data
def test_davidson_keeps_every_vote_and_takes_the_majority(built):
    info = built["davidson"].info
    assert info.rows == 24_616
    assert (info.parts["test"], info.positives["test"]) == (4_824, {"hate": 261, "hate_or_offensive": 4_048})
    assert pc.sum(votes_of(built["davidson"], "hate")).as_py() == 80_283


@pytest.mark.data
def test_vicomtech_keeps_authors_apart_and_claims_nothing_of_sentences_that_need_their_neighbours(built, public_data):
    info, rows = built["vicomtech"].info, built["vicomtech"].rows
    assert (info.rows, info.parts["test"], info.positives["test"]) == (10_690, 2_017, {"hate": 205})
    assert "39 texts stood on two sides of the split" in info.notes
    authors = defaultdict(set)
    for item in sources.SOURCES["vicomtech"].read(public_data / "vicomtech"):
        authors[item.text].add(item.author)
    across = [row["text"] for row in rows.to_pylist() if row["part"] != part_of(row["author"])]
    assert len(across) < 39
    assert all(len(authors[text]) > 1 for text in across)


@pytest.mark.data
def test_told_br_counts_three_raters_for_each_harm_and_takes_one_word_for_toxic(built):
    info = built["told-br"].info
    assert (info.rows, info.parts["test"]) == (20_794, 4_179)
    assert info.positives["test"] == {
        "toxic": 1_849,
        "homophobia": 32,
        "obscene": 497,
        "insult": 378,
        "racism": 6,
        "misogyny": 28,
        "xenophobia": 4,
    }
    assert pc.sum(votes_of(built["told-br"], "insult")).as_py() == 3 * sources.SOURCES["told-br"].rows


@pytest.mark.data
def test_toxic_spans_keep_the_official_split(built):
    info = built["toxic-spans"].info
    assert info.parts == {"train": 7_086, "calibration": 804, "points": 686, "test": 1_994}
    assert info.positives["test"] == {"toxic": 1_604}


@pytest.mark.data
def test_bias_templates_are_half_toxic_and_all_to_test_on(built):
    info = built["bias-templates"].info
    assert (info.rows, info.parts["test"], info.positives["test"]) == (78_264, 78_264, {"toxic": 39_132})


@pytest.mark.data
def test_prompt_injections_keep_the_official_test_part(built):
    info = built["deepset-prompt-injections"].info
    assert info.parts == {"train": 389, "calibration": 47, "points": 110, "test": 116}
    assert (info.positives["test"], info.positives["points"]) == ({"injection": 60}, {"injection": 35})


def votes_of(dataset: Dataset, label: str) -> pa.ChunkedArray:
    """Votes of either value about one label."""
    return dataset.labels.filter(pc.equal(dataset.labels["label"], label))["votes"]


@pytest.mark.data
def test_building_twice_gives_one_version(built, public_data):
    assert build.build("sms-spam", public_data / "sms-spam").info == built["sms-spam"].info


def test_a_source_that_is_not_there_or_not_known_says_what_to_do(tmp_path):
    with pytest.raises(UserError) as error:
        build.build("sms-spam", tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: the files of 'sms-spam' are not there (SMSSpamCollection)\n"
        "    → fetch them: gatehouse data fetch sms-spam"
    )
    with pytest.raises(UserError, match="did you mean 'edos'"):
        build.build("edoss", tmp_path)


def test_a_changed_copy_is_read_and_its_card_says_so(tmp_path):
    (tmp_path / "SMSSpamCollection").write_bytes(b"ham\tsee you at six\nspam\tyou won \xa3900, call now\n")
    dataset = build.build("sms-spam", tmp_path)
    assert dataset.rows["text"].to_pylist() == ["see you at six", "you won \ufffd900, call now"]
    assert "NOT the known copy" in dataset.info.notes
    assert "1 rows hold bytes that were not UTF-8" in dataset.info.notes


def test_a_line_of_another_format_is_named(tmp_path):
    (tmp_path / "SMSSpamCollection").write_bytes(b"ham\tsee you\neggs\tand bacon\n")
    with pytest.raises(UserError, match="SMSSpamCollection:2: 'eggs' is neither spam nor ham"):
        build.build("sms-spam", tmp_path)
