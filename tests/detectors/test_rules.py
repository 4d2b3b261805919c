"""Rules match, abstain or fail per label, say which rule it was, and tell every fault of their file at once."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gatehouse
from gatehouse.detectors import rules
from gatehouse.detectors.base import Detector
from gatehouse.detectors.rules import RulesDetector
from gatehouse.errors import UserError
from gatehouse.features.define import ALWAYS
from gatehouse.features.source import load
from gatehouse.records.event import EVENT_SCHEMA, Event, to_batch
from gatehouse.records.signal import Signals, State

FEATURES = pa.schema(
    [
        ("url_count", pa.int64()),
        ("upper_share", pa.float64()),
        ("language", pa.string()),
        ("normalised", pa.string()),
    ]
)
SCHEMA = pa.schema([*(field for field in EVENT_SCHEMA if field.name != "language"), *FEATURES])
FILE = """\
rules:
  - {name: links, label: spam, when: url_count > 2, why: Many links.}
  - {name: loud, label: spam, when: upper_share > 0.8 AND url_count > 0, why: Shouted links.}
  - name: rude_word
    label: toxic
    when: >-
      word_in(normalised, 'pest', 'nuisance')
      AND kind <> 'report'
    why: >-
      Calls somebody
      a pest.
"""


def _detector(file: str = FILE) -> RulesDetector:
    return RulesDetector.from_yaml(file, "rules.yaml", "demo.rules", SCHEMA)


def _batches(rows: list[dict[str, object]]) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    events = to_batch([Event(id=str(i), kind=str(row.get("kind", "post"))) for i, row in enumerate(rows)])
    features = [{name: row.get(name) for name in FEATURES.names} for row in rows]
    return events, pa.RecordBatch.from_pylist(features, schema=FEATURES)


def _said(signals: Signals) -> list[list[tuple[State, str | None]]]:
    return [
        [
            (State(int(state)), signals.reasons[code] if code >= 0 else None)
            for state, code in zip(states, codes, strict=True)
        ]
        for states, codes in zip(signals.state, signals.evidence, strict=True)
    ]


def test_it_keeps_the_promise_of_detectors() -> None:
    detector: Detector = _detector()
    assert detector.name == "demo.rules"
    assert detector.labels == ("spam", "toxic")
    assert detector.languages == frozenset()
    assert detector.version == hashlib.sha256(FILE.encode()).hexdigest()[:12]


def test_a_label_matches_by_its_rules_and_abstains_without() -> None:
    signals = _detector().signals(
        *_batches(
            [
                {"url_count": 3, "upper_share": 0.9, "normalised": "what a pest"},
                {"url_count": 1, "upper_share": 0.9, "normalised": "pestle"},
                {"url_count": None, "upper_share": None, "normalised": None},
                {"url_count": 9, "upper_share": 0.1, "normalised": "pest", "kind": "report"},
            ]
        )
    )
    silent = (State.ABSTAINED, None)
    assert _said(signals) == [
        [(State.MATCHED, "links, loud"), (State.MATCHED, "rude_word")],
        [(State.MATCHED, "loud"), silent],
        [silent, silent],
        [(State.MATCHED, "links"), silent],
    ]
    assert np.isnan(signals.score).all()


def test_an_unavailable_value_fails_the_label_unless_another_rule_matches() -> None:
    signals = _detector().signals(
        *_batches(
            [
                {"url_count": 0, "upper_share": float("nan"), "normalised": "pest"},
                {"url_count": 5, "upper_share": float("nan"), "normalised": "calm"},
            ]
        )
    )
    assert _said(signals) == [
        [(State.FAILED, "value unavailable for loud"), (State.MATCHED, "rude_word")],
        [(State.MATCHED, "links"), (State.ABSTAINED, None)],
    ]


_ROW = st.fixed_dictionaries(
    {
        "url_count": st.none() | st.integers(0, 4),
        "upper_share": st.none() | st.sampled_from([0.1, 0.9, float("nan")]),
        "normalised": st.none() | st.sampled_from(["a pest", "pests", "such a nuisance!", ""]),
        "kind": st.sampled_from(["post", "report"]),
    }
)


@settings(deadline=None, max_examples=60)
@given(st.lists(_ROW, max_size=8))
def test_small_and_large_batches_say_the_same(some: list[dict[str, object]]) -> None:
    detector = _detector()
    many = (some * rules._FEW_ROWS)[: rules._FEW_ROWS + 1] if some else []
    assert _said(detector.signals(*_batches(many)))[: len(some)] == _said(detector.signals(*_batches(some)))


def test_both_batches_have_language_and_the_features_word_counts() -> None:
    file = "rules:\n- {name: english, label: x, when: language = 'en', why: English.}"
    events = to_batch([Event(id="1", language="de")])
    features = pa.RecordBatch.from_pylist([{"language": "en"}], schema=FEATURES)
    assert _said(_detector(file).signals(events, features)) == [[(State.MATCHED, "english")]]


@pytest.mark.parametrize("copies", [1, rules._FEW_ROWS])
def test_a_declared_column_that_is_not_there_fails_the_rules_that_name_it_and_no_other(copies: int) -> None:
    rows = [{"url_count": 5, "upper_share": 0.9, "normalised": "a pest"}, {"upper_share": 0.9, "normalised": "calm"}]
    events, features = _batches(rows * copies)
    said = _said(_detector().signals(events, features.select(["upper_share", "language", "normalised"])))
    unknown = (State.FAILED, "value unavailable for links, loud")
    assert said == [[unknown, (State.MATCHED, "rude_word")], [unknown, (State.ABSTAINED, None)]] * copies
    said = _said(_detector().signals(events, features.select(["url_count", "language", "normalised"])))
    assert said[0] == [(State.MATCHED, "links"), (State.MATCHED, "rude_word")]
    assert said[1] == [(State.FAILED, "value unavailable for loud"), (State.ABSTAINED, None)]
    assert _said(_detector().signals(events, features))[0][0] == (State.MATCHED, "links, loud")


@settings(deadline=None, max_examples=60)
@given(st.lists(_ROW, min_size=1, max_size=8), st.sets(st.sampled_from(FEATURES.names)))
def test_small_and_large_batches_say_the_same_where_columns_are_not_there(
    some: list[dict[str, object]], gone: set[str]
) -> None:
    detector = _detector()
    left = [name for name in FEATURES.names if name not in gone]

    def said(rows: list[dict[str, object]]) -> list[list[tuple[State, str | None]]]:
        events, features = _batches(rows)
        return _said(detector.signals(events, features.select(left)))

    whole = _said(detector.signals(*_batches(some)))
    assert said((some * rules._FEW_ROWS)[: rules._FEW_ROWS + 1])[: len(some)] == said(some)
    lost = {"spam": gone & {"url_count", "upper_share"}, "toxic": gone & {"normalised"}}
    for before, after in zip(whole, said(some), strict=True):
        for label, was, now in zip(detector.labels, before, after, strict=True):
            # Nothing is ever said that the whole row would not have said, but that a rule could not be asked.
            assert now == was if not lost[label] else now[0] in (State.FAILED, State.MATCHED)


def test_every_fault_of_a_file_is_told_at_once_with_its_place() -> None:
    file = """\
rules:
  - name: links
    label: spam
    when: urlcount > 2 AND kind = NULL
    why: Many links.
  - name: links
    lable: spam
    when: >-
      url_count > 1
      AND upper_shares > 0.5
    why: Again.
  - name: Loud One
    label: spam
    when: yes
  - only a word
more: 1
"""
    with pytest.raises(UserError) as caught:
        _detector(file)
    assert str(caught.value) == (
        "rules.yaml:16:1: the file has an unknown key 'more'\n"
        "    → known: rules\n"
        "rules.yaml:4:11: there is no column 'urlcount'\n"
        "    urlcount > 2 AND kind = NULL\n"
        "    ^^^^^^^^\n"
        "    → did you mean 'url_count'?\n"
        "rules.yaml:4:28: a comparison with NULL is never TRUE\n"
        "    urlcount > 2 AND kind = NULL\n"
        "                     ^^^^^^^^^^^\n"
        "    → write kind IS NULL\n"
        "rules.yaml:7:5: a rule has an unknown key 'lable'\n"
        "    → did you mean 'label'?\n"
        "rules.yaml:6:11: a rule 'links' is there already in line 2\n"
        "    → rename one\n"
        "rules.yaml:10:11: there is no column 'upper_shares'\n"
        "    url_count > 1 AND upper_shares > 0.5\n"
        "                      ^^^^^^^^^^^^\n"
        "    → did you mean 'upper_share'?\n"
        "rules.yaml:12:5: a rule has no 'why'\n"
        "    → add `why: ...`\n"
        "rules.yaml:12:11: 'Loud One' is no name\n"
        "    → use small letters, digits and _\n"
        "rules.yaml:14:11: `when` is a text, this is 'yes'\n"
        "    → put it in quotes\n"
        "rules.yaml:15:5: a rule is no mapping\n"
        "    → give it the keys name, label, when, why"
    )


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("", "rules.yaml:1:1: the file is no mapping"),
        ("rules: []", "rules.yaml:1:8: `rules` holds no list of rules"),
        ("rules: {a: 1}", "rules.yaml:1:8: `rules` holds no list of rules"),
        ("rule: [{}]", "rules.yaml:1:1: the file has an unknown key 'rule'\n    → did you mean 'rules'?"),
        ("rules: [", "rules.yaml:1:9: this is no YAML"),
        ("a: \x00", "rules.yaml: this is no YAML"),
        ("[" * 3000, "rules.yaml: the file is nested too deeply"),
        (
            "rules: [{name: a, name: b, label: c, when: 1 = 1, why: d}]",
            "rules.yaml:1:19: a rule has the key 'name' twice",
        ),
        (
            "rules: [{name: [a], label: c, when: 1 = 1, why: ''}]",
            "rules.yaml:1:16: `name` is a text, this is something else",
        ),
    ],
)
def test_a_file_that_is_none_is_refused(file: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        _detector(file)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("pack", ["spam", "sexism", "toxicity"])
def test_the_shipped_rules_load_with_the_columns_of_their_pack(pack: str) -> None:
    folder = Path(gatehouse.__file__).parent / "packs" / pack
    declared = load((folder / "features.yaml").read_text(), "features.yaml").schema
    schema = pa.schema([*(field for field in EVENT_SCHEMA if field.name != "language"), *declared, *ALWAYS])
    detector = RulesDetector.from_yaml((folder / "rules.yaml").read_text(), "rules.yaml", f"{pack}.rules", schema)
    assert 5 <= len(detector.rules) <= 10


@pytest.mark.data
def test_the_shipped_spam_rules_are_nearly_always_right(public_data: Path) -> None:
    folder = Path(gatehouse.__file__).parent / "packs" / "spam"
    features = load((folder / "features.yaml").read_text(), "features.yaml")
    schema = pa.schema([*(field for field in EVENT_SCHEMA if field.name != "language"), *features.schema, *ALWAYS])
    detector = RulesDetector.from_yaml((folder / "rules.yaml").read_text(), "rules.yaml", "spam.rules", schema)
    lines = (public_data / "sms-spam" / "SMSSpamCollection").read_text().splitlines()
    rows = [line.split("\t", 1) for line in lines if line]
    train = [(label, text) for label, text in rows if hashlib.sha256(text.encode()).digest()[0] >= 51]
    events = to_batch([Event(id=str(i), text=text, language="en") for i, (_, text) in enumerate(train)])
    matched = detector.signals(events, features.compute(events)).state[:, 0] == State.MATCHED
    spam = np.array([label == "spam" for label, _ in train])
    assert spam[matched].mean() > 0.98
    assert matched[spam].mean() > 0.5
