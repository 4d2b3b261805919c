"""The public data sets are read as they are published, with their official labels and splits."""

from pathlib import Path

import numpy as np
import pytest

from gatehouse.datasets import build, sources
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


@pytest.mark.data
def test_every_row_has_every_label_and_every_part_has_rows(built):
    for name, dataset in built.items():
        assert dataset.labels.num_rows == dataset.info.rows * len(dataset.info.labels), name
        assert all(dataset.info.parts[part] for part in PARTS), name
        assert set(dataset.rows["language"].to_pylist()) == {"en"}, name


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
