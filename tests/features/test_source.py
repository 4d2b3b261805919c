"""Features files: what is read, and every fault of a file with its line, its column and the next step."""

from pathlib import Path

import pyarrow as pa
import pytest

from gatehouse import packs
from gatehouse.errors import UserError
from gatehouse.features import text as text_columns
from gatehouse.features.define import FeatureSet, ScoreColumn
from gatehouse.features.profile import ProfileColumn
from gatehouse.features.source import declarations, load
from gatehouse.features.windows import TEXT_HASH, Age, Count, Distinct, RepeatShare, Sum, duration

WHOLE = """\
owner: spam-team
columns: [url_count]
profile:
  - {name: tier, type: VARCHAR, meaning: Level of trust.}
scores:
  - {name: spam_score, detector: spam.linear, label: spam}
windows:
  - name: messages_1h
    meaning: Messages of the last hour.
    owner: counting-team
    count: {key: actor, window: 1h, where: kind = 'message', cap: 500}
  - name: reports_7d
    count: {key: [actor, thread], under: [target, thread], window: 7d}
  - {name: paid_1d, sum: {key: device, of: amount, window: 1d, cap: 9000}}
  - {name: recipients_1h, distinct: {key: actor, of: target, window: 1h}}
  - {name: same_1d, repeat_share: {key: actor, of: text_hash, window: 1d, cap: 8, where: spam_score > 500}}
  - {name: known_seconds, age: {key: actor, window: 30d}}
"""


def faults(text: str) -> str:
    with pytest.raises(UserError) as caught:
        load(text, "f.yaml")
    return str(caught.value)


def test_all_that_may_be_declared_is_read_as_python_would_write_it() -> None:
    actor, hour, day = ("actor",), duration("1h"), duration("1d")
    messages = Count(
        name="messages_1h",
        key=actor,
        window=hour,
        where="kind = 'message'",
        cap=500,
        meaning="Messages of the last hour.",
        owner="counting-team",
    )
    both = ("actor", "thread")
    assert load(WHOLE, "f.yaml") == FeatureSet(
        columns=("url_count",),
        owner="spam-team",
        profile=(ProfileColumn("tier", "VARCHAR", "Level of trust."),),
        scores=(ScoreColumn("spam_score", "spam.linear", "spam"),),
        windows=(
            messages,
            Count(name="reports_7d", key=both, under=("target", "thread"), window=7 * day),
            Sum(name="paid_1d", key=("device",), of="amount", window=day, cap=9000),
            Distinct(name="recipients_1h", key=actor, of=("target",), window=hour),
            RepeatShare(name="same_1d", key=actor, of=(TEXT_HASH,), window=day, cap=8, where="spam_score > 500"),
            Age(name="known_seconds", key=actor, window=30 * day),
        ),
    )


def test_columns_and_owner_are_read_in_order() -> None:
    declared = load("owner: spam-team\ncolumns: [url_count, upper_share]\n", "features.yaml")
    assert declared.columns == ("url_count", "upper_share")
    assert declared.owner == "spam-team"
    assert declared.schema.names == ["url_count", "upper_share"]
    assert declared.schema.types == [pa.int64(), pa.float64()]
    assert declared.schema.field("upper_share").metadata == {b"meaning": b"Share of capitals among the letters."}


@pytest.mark.parametrize("section", ["columns: []", "profile: []", "scores: []", "windows: []"])
def test_each_section_may_stand_alone(section: str) -> None:
    assert load(section, "f.yaml") == FeatureSet()


def test_it_is_told_where_each_declaration_stands() -> None:
    found = {(section, name): place for section, name, place in declarations(WHOLE, "f.yaml")}
    assert found == {
        ("columns", "url_count"): "f.yaml:2:11",
        ("profile", "tier"): "f.yaml:4:5",
        ("scores", "spam_score"): "f.yaml:6:5",
        ("windows", "messages_1h"): "f.yaml:8:5",
        ("windows", "reports_7d"): "f.yaml:12:5",
        ("windows", "paid_1d"): "f.yaml:14:5",
        ("windows", "recipients_1h"): "f.yaml:15:5",
        ("windows", "same_1d"): "f.yaml:16:5",
        ("windows", "known_seconds"): "f.yaml:17:5",
    }


def test_every_fault_is_named_with_its_place_and_the_next_step() -> None:
    text = "columms: [a]\ncolumns:\n  - url_cuont\n  - url_count\n  - url_count\n  - [nested]\n  - language\n  - zzz\n"
    known = ", ".join(sorted(text_columns.COLUMNS))
    assert faults(text + "owner: []\n") == (
        "f.yaml:1:1: unknown key 'columms'\n"
        "    → did you mean 'columns'?\n"
        "f.yaml:3:5: unknown column 'url_cuont'\n"
        "    → did you mean 'url_count'?\n"
        "f.yaml:5:5: column 'url_count' is declared twice\n"
        "    → keep one of them\n"
        "f.yaml:6:5: a column is a name\n"
        "    → write one name, without lists or keys\n"
        "f.yaml:7:5: column 'language' need not be declared\n"
        "    → take it out: it is always there\n"
        "f.yaml:8:5: unknown column 'zzz'\n"
        f"    → known: {known}\n"
        "f.yaml:9:8: 'owner' is a name\n"
        "    → write owner: trust-and-safety"
    )


FAULTY = """\
profile:
  - {name: tier, type: VARCHR}
  - {name: url_count, type: BIGINT}
scores:
  - {name: spam_score, detector: spam.linear}
windows:
  - name: a_1h
    count: {key: actr, window: 1x, where: "kind = 'a' AND teir = 'gold' AND tier = 'x'"}
  - name: A_1h
    count: {key: actor, window: 1h, cap: 0, under: [target, actor]}
  - name: b_1h
    distinct: {key: actor, window: 1h, off: target, cap: 5000}
  - name: c
    sum: {key: actor, window: 1h, of: text}
    age: {key: actor}
  - {name: d, age: {key: actor, window: 2s}}
  - {name: d, count: {key: [], window: 1h, cap: many, where: spam_score > 3 AND (}}
  - 3
"""


def test_the_faults_of_windows_are_named_together_and_no_fault_makes_another() -> None:
    assert faults(FAULTY) == (
        "f.yaml:2:24: unknown type 'VARCHR'\n"
        "    → did you mean 'VARCHAR'?\n"
        "f.yaml:3:12: 'url_count' is a column of the text\n"
        "    → give this one another name, or declare it once\n"
        "f.yaml:5:5: 'label' is missing\n"
        "    → add label: ...\n"
        "f.yaml:8:18: unknown column 'actr'\n"
        "    → did you mean 'actor'?\n"
        "f.yaml:8:32: '1x' is no length of time: write 30s, 15m, 1h, 7d or 2w\n"
        "    → write window: 1h\n"
        "f.yaml:8:59: there is no column 'teir'\n"
        "    kind = 'a' AND teir = 'gold' AND tier = 'x'\n"
        "                   ^^^^\n"
        "    → did you mean 'tier'?\n"
        "f.yaml:9:11: 'A_1h' is no name for a column\n"
        "    → use small letters, digits and _, and begin with a letter\n"
        "f.yaml:10:42: `cap` is 0\n"
        "    → choose a number from 1 to 1,000,000,000,000,000,000, or leave it out\n"
        "f.yaml:10:52: `under` names as many columns as `key`\n"
        "    → give one column for each\n"
        "f.yaml:12:15: 'of' is missing\n"
        "    → add of: target, or a number that is summed\n"
        "f.yaml:12:40: unknown key 'off'\n"
        "    → did you mean 'of'?\n"
        "f.yaml:12:58: `cap` is 5,000\n"
        "    → choose a number from 1 to 1,024\n"
        "f.yaml:13:5: 'c' says more than once what it is\n"
        "    → give it one of count, distinct, sum, repeat_share, age\n"
        "f.yaml:16:41: a window of 2s is not a whole number of steps: take a multiple of 3s\n"
        "    → write window: 1h\n"
        "f.yaml:17:12: 'd' is declared already under windows\n"
        "    → give this one another name, or declare it once\n"
        "f.yaml:17:28: nothing says of whom this is\n"
        "    → write key: actor\n"
        "f.yaml:17:49: `cap` is a whole number, this is 'many'\n"
        "    → write cap: 64\n"
        "f.yaml:17:82: the expression ends where a value is needed\n"
        "    spam_score > 3 AND (\n"
        "                        ^\n"
        "    → write a condition, for example url_count > 3\n"
        "f.yaml:18:5: one of 'windows' is no mapping\n"
        "    → write - name: ... and what it is"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml:1:1: a features file is a mapping\n    → begin with columns: [char_count]"),
        ("- a", "f.yaml:1:1: a features file is a mapping\n    → begin with columns: [char_count]"),
        ("owner: a", "f.yaml:1:1: nothing is declared\n    → add columns: [char_count], or columns: []"),
        ("columns: []\nowner:", "f.yaml:2:7: 'owner' is a name\n    → write owner: trust-and-safety"),
        ("columns: a", "f.yaml:1:10: 'columns' is a list\n    → write columns: [char_count, url_count]"),
        ("windows: a", "f.yaml:1:10: 'windows' is a list\n    → write windows: and one - name: ... a declaration"),
        ("columns: []\ncolumns: []", "f.yaml:2:1: 'columns' stands here twice\n    → keep one of them"),
        ("columns: []\n[a, b]: c", "f.yaml:2:1: unknown key '[...]'"),
        ("windows: [{name: x}]", "f.yaml:1:11: 'x' says nowhere what it is"),
        ("windows: [{count: {key: actor, window: 1h}}]", "f.yaml:1:11: 'name' is missing\n    → add name: ..."),
        ("windows: [{name: x, count: actor}]", "f.yaml:1:28: 'count' is a mapping\n    → write count: {key: actor"),
        (
            f"windows: [{{name: x, count: {{key: actor, window: 1h, cap: {'9' * 5000}}}}}]",
            "f.yaml:1:58: `cap` is a whole number, this is '9999",
        ),
        (
            "windows: [{name: x, count: {key: {a: b}, window: [1h]}}]",
            "f.yaml:1:34: 'key' is a column or a list of columns\n    → write key: actor\n"
            "f.yaml:1:50: 'window' is one value\n    → write window: and the value",
        ),
        ("columns: [", "f.yaml:1:11: not YAML: "),
        ("columns: \0", "f.yaml: not YAML: it cannot be read"),
        ("[" * 1_500, "f.yaml: the file is nested too deeply"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, message: str) -> None:
    assert faults(text).startswith(message)


def test_shipped_packs_declare_known_columns() -> None:
    files = sorted(Path(packs.__path__[0]).glob("*/features.yaml"))
    assert {file.parent.name for file in files} >= {"spam", "sexism", "toxicity"}
    for file in files:
        declared = load(file.read_text(encoding="utf-8"), str(file))
        assert declared.owner
        assert declared.columns or declared.profile
