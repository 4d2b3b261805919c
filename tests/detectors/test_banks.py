import hashlib
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.detectors.banks import SHORTEST, BankDetector
from gatehouse.errors import UserError
from gatehouse.records.signal import State
from gatehouse.text.normalise import normalise, normalise_text


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def bank(*entries):
    return BankDetector.from_jsonl("\n".join(map(json.dumps, entries)), "bank.jsonl", "adverts.bank")


def signals(detector, normalised):
    events = pa.RecordBatch.from_pydict({"id": pa.array([str(i) for i in range(len(normalised))])})
    return detector.signals(events, pa.RecordBatch.from_pydict({"normalised": normalised}))


def said(detector, texts):
    """(state, evidence) of each text for each label."""
    found = signals(detector, normalise(pa.array(texts, pa.string())))
    return [[(signal.state, signal.evidence) for signal in found.of(i, "e")] for i in range(len(texts))]


ADVERT = {"id": "a1", "label": "advert", "text": "Buy the new kettle today"}
LURE = {"id": "l1", "label": "lure", "text": "You won a kettle, call now"}


def test_a_known_text_matches_with_its_entry_as_evidence():
    detector = bank(ADVERT, LURE)
    assert detector.labels == ("advert", "lure")
    assert detector.languages == frozenset()
    none = ("abstained", None)
    assert said(detector, ["Buy the new kettle today", "something else", "You won a kettle, call now"]) == [
        [("matched", "a1"), none],
        [none, none],
        [none, ("matched", "l1")],
    ]


def test_a_disguise_that_the_normaliser_undoes_does_not_help():
    assert said(bank(ADVERT), ["BUY  the new kettle   TODAY"]) == [[("matched", "a1")]]


def test_one_text_may_stand_for_two_labels():
    both = bank(ADVERT, {**ADVERT, "id": "l2", "label": "lure"})
    assert said(both, [ADVERT["text"]]) == [[("matched", "a1"), ("matched", "l2")]]


def test_a_text_given_by_its_hash_alone_is_known():
    hidden = {"id": "h1", "label": "advert", "sha256": digest(normalise_text(ADVERT["text"])).upper()}
    assert said(bank(hidden, LURE), [ADVERT["text"], None, "other text"])[0][0] == ("matched", "h1")


def test_no_text_is_no_claim():
    assert said(bank(ADVERT, {"id": "h", "label": "advert", "sha256": digest("")}), [None, ""]) == [
        [("abstained", None)],
        [("abstained", None)],
    ]


def test_an_empty_bank_and_an_empty_batch_are_fine():
    assert bank().labels == ()
    assert signals(bank(), pa.array(["x"])).state.shape == (1, 0)
    assert signals(bank(ADVERT), pa.array([], pa.string())).state.shape == (0, 1)


def test_the_version_is_of_the_entries_not_of_their_order_or_form():
    version = bank(ADVERT, LURE).version
    hidden = {"id": "a1", "label": "advert", "sha256": digest(normalise_text(ADVERT["text"]))}
    assert len(version) == 12
    assert bank(LURE, ADVERT).version == version
    assert bank(LURE, hidden).version == version
    assert bank(ADVERT).version != version
    assert bank(ADVERT, {**LURE, "label": "advert"}).version != version


def test_every_fault_is_said_at_once_with_its_line():
    lines = [
        json.dumps(ADVERT),
        json.dumps({**ADVERT, "text": "another known text"}),
        json.dumps({**ADVERT, "id": "a2"}),
        "{oops",
        "",
        "[1]",
        json.dumps({"id": "a3", "lable": "advert", "text": "a third known text"}),
        json.dumps({"id": "a4", "label": "advert"}),
        json.dumps({"id": "a5", "label": "advert", "text": "x" * 20, "sha256": digest("x")}),
        json.dumps({"id": "a6", "label": "advert", "sha256": "abc"}),
        json.dumps({"id": "", "label": "advert", "text": 5}),
        json.dumps({"id": "a7", "label": "advert", "text": "Kettle"}),
        json.dumps({"id": "a8", "label": "advert", "text": "half a character \ud83d"}),
    ]
    with pytest.raises(UserError) as error:
        BankDetector.from_jsonl("\n".join(lines), "bank.jsonl", "adverts.bank")
    assert str(error.value).split("\n") == [
        "bank.jsonl:2: entry 'a1' is there twice",
        "    → give each entry an id of its own",
        "bank.jsonl:3: entry 'a2' says the same as 'a1'",
        "    → remove one: they are one text",
        "bank.jsonl:4:2: not valid JSON: Expecting property name enclosed in double quotes",
        "    → write one JSON object a line",
        "bank.jsonl:6: not a JSON object",
        '    → write {"id": ..., "label": ..., "text": ...}',
        "bank.jsonl:7: unknown key 'lable'",
        "    → did you mean 'label'?",
        "bank.jsonl:7: 'label' must be text with something in it",
        '    → write "label": "..."',
        "bank.jsonl:8: an entry has either 'text' or 'sha256'",
        "    → give one of the two",
        "bank.jsonl:9: an entry has either 'text' or 'sha256'",
        "    → give one of the two",
        "bank.jsonl:10: 'sha256' must be 64 hexadecimal digits",
        "    → take the SHA-256 of the normalised text in UTF-8",
        "bank.jsonl:11: 'id' must be text with something in it",
        '    → write "id": "..."',
        "bank.jsonl:11: 'text' must be text with something in it",
        "    → give the known text",
        "bank.jsonl:12: the text is 'kettle' once normalised, which is too general to be known by",
        "    → a known text has at least 8 characters; for a word, write a rule",
        "bank.jsonl:13: 'text' must be text with something in it",
        "    → give the known text",
    ]


normalised = st.text(alphabet="ab é", min_size=SHORTEST, max_size=SHORTEST + 1).map(normalise_text)
known = normalised.filter(lambda text: len(text) >= SHORTEST)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(known, st.sampled_from(["advert", "lure"]), st.booleans()), max_size=6, unique_by=lambda e: e[:2]
    ),
    st.lists(st.none() | normalised | st.just("short"), max_size=8),
    st.integers(0, 3),
    st.sampled_from([pa.string(), pa.large_string()]),
)
def test_looking_up_equals_hashing_every_text(entries, texts, skipped, kind):
    detector = bank(
        *(
            {"id": f"e{i}", "label": label, **({"sha256": digest(text)} if hashed else {"text": text})}
            for i, (text, label, hashed) in enumerate(entries)
        )
    )
    texts = texts + [text for text, _, _ in entries]
    found = signals(detector, pa.array(["before"] * skipped + texts, kind).slice(skipped))
    for i, text in enumerate(texts):
        plain = {
            label: f"e{j}"
            for j, (text_known, label, _) in enumerate(entries)
            if text is not None and len(text) >= SHORTEST and digest(text) == digest(text_known)
        }
        for signal in found.of(i, "e"):
            assert signal.evidence == plain.get(signal.label)
            assert signal.state == (State.MATCHED if signal.label in plain else State.ABSTAINED).word
