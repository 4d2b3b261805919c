from pathlib import Path

import pyarrow as pa
import pytest

from gatehouse import packs
from gatehouse.errors import UserError
from gatehouse.features import text as text_columns
from gatehouse.features.define import FeatureSet, load, union
from gatehouse.records.event import Event, to_batch


def test_columns_and_owner_are_read_in_order() -> None:
    declared = load("owner: spam-team\ncolumns: [url_count, upper_share]\n", "features.yaml")
    assert declared.columns == ("url_count", "upper_share")
    assert declared.owner == "spam-team"
    assert declared.schema.names == ["url_count", "upper_share"]
    assert declared.schema.types == [pa.int64(), pa.float64()]
    assert declared.schema.field("upper_share").metadata == {b"meaning": b"Share of capitals among the letters."}


def test_every_fault_is_named_with_its_place_and_the_next_step() -> None:
    text = "columms: [a]\ncolumns:\n  - url_cuont\n  - url_count\n  - url_count\n  - [nested]\n  - language\n  - zzz\n"
    text += "owner: []\n"
    with pytest.raises(UserError) as caught:
        load(text, "packs/spam/features.yaml")
    known = ", ".join(sorted(text_columns.COLUMNS))
    assert str(caught.value) == (
        "packs/spam/features.yaml:1:1: unknown key 'columms'\n"
        "    → did you mean 'columns'?\n"
        "packs/spam/features.yaml:3:5: unknown column 'url_cuont'\n"
        "    → did you mean 'url_count'?\n"
        "packs/spam/features.yaml:5:5: column 'url_count' is declared twice\n"
        "    → keep one of them\n"
        "packs/spam/features.yaml:6:5: a column is a name\n"
        "    → write one name, without lists or keys\n"
        "packs/spam/features.yaml:7:5: column 'language' need not be declared\n"
        "    → take it out: it is always there\n"
        "packs/spam/features.yaml:8:5: unknown column 'zzz'\n"
        f"    → known: {known}\n"
        "packs/spam/features.yaml:9:8: 'owner' is a name\n"
        "    → write owner: trust-and-safety"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml:1:1: a features file is a mapping\n    → begin with columns: [char_count]"),
        ("- a", "f.yaml:1:1: a features file is a mapping\n    → begin with columns: [char_count]"),
        ("owner: a", "f.yaml:1:1: 'columns' is missing\n    → add columns: [char_count], or columns: []"),
        ("columns: a", "f.yaml:1:10: 'columns' is a list\n    → write columns: [char_count, url_count]"),
        ("columns: []\ncolumns: []", "f.yaml:2:1: 'columns' stands here twice\n    → keep one of them"),
        ("columns: [", "f.yaml:1:11: not YAML: "),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load(text, "f.yaml")
    assert str(caught.value).startswith(message)


def test_the_version_names_columns_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
    first = FeatureSet(("url_count", "char_count"), "one").version
    assert len(first) == 12
    assert set(first) <= set("0123456789abcdef")
    assert FeatureSet(("url_count", "char_count"), "two").version == first
    assert FeatureSet(("char_count", "url_count")).version != first
    monkeypatch.setattr(text_columns, "FEATURES_VERSION", text_columns.FEATURES_VERSION + 1)
    assert FeatureSet(("url_count", "char_count")).version != first


def test_a_union_holds_each_column_once() -> None:
    sets = [FeatureSet(("url_count", "char_count")), FeatureSet(()), FeatureSet(("char_count", "upper_share"))]
    assert union(sets).columns == ("url_count", "char_count", "upper_share")
    assert union([]).columns == ()


def test_language_is_the_events_own_or_else_found() -> None:
    german = "Das Wetter war die ganze Woche schön und wir fahren an den See"
    events = to_batch(
        [
            Event(id="1", text=german),
            Event(id="2", text=german, language="en"),
            Event(id="3", text="ok"),
            Event(id="4", text=None, language="pt"),
        ]
    )
    found = FeatureSet(()).compute(events)
    assert found.schema.names == ["language", "normalised"]
    assert found.column("language").to_pylist() == ["de", "en", None, "pt"]
    assert found.column("normalised").to_pylist()[2:] == ["ok", None]


def test_a_batch_without_rows_has_all_columns() -> None:
    found = FeatureSet(("url_count",)).compute(to_batch([]))
    assert found.num_rows == 0
    assert found.schema.names == ["url_count", "language", "normalised"]


def test_shipped_packs_declare_known_columns() -> None:
    files = sorted(Path(packs.__path__[0]).glob("*/features.yaml"))
    assert {file.parent.name for file in files} >= {"spam", "sexism", "toxicity"}
    for file in files:
        declared = load(file.read_text(encoding="utf-8"), str(file))
        assert declared.owner
        assert declared.columns
