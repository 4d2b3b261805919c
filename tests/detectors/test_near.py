import json
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.detectors.near import NearDetector, NearEntry
from gatehouse.errors import UserError
from gatehouse.records.event import Event, to_batch
from gatehouse.records.signal import State

TEXT = "the blue kettle shop gives one free kettle to all who write to them before the end of the week"
SHIFTED = TEXT.replace("week", "month")
OTHER = "the council meets on thursday to talk about the new bridge and the road that leads to it"


def bank(*entries: dict[str, object]) -> NearDetector:
    return NearDetector.from_jsonl("\n".join(map(json.dumps, entries)), "near.jsonl", "adverts.near")


def entry(id_: str = "k1", text: str = TEXT, **said: object) -> dict[str, object]:
    return {"id": id_, "label": "advert", "text": text, **said}


def said(detector: NearDetector, *texts: str | None, ids: list[str] | None = None) -> list[tuple[str, str | None]]:
    events = to_batch([Event(id=ids[i] if ids else str(i)) for i in range(len(texts))])
    found = detector.signals(events, pa.RecordBatch.from_pydict({"normalised": pa.array(texts, pa.string())}))
    return [(one.state, one.evidence) for row in range(len(texts)) for one in found.of(row, str(row))]


def grams(text: str) -> set[str]:
    return {text[i : i + 5] for i in range(len(text) - 4)}


def jaccard(a: str, b: str) -> float:
    return len(grams(a) & grams(b)) / len(grams(a) | grams(b))


def test_an_altered_copy_matches_with_the_entry_and_the_similarity() -> None:
    assert 0.8 < jaccard(TEXT, SHIFTED) < 1
    assert said(bank(entry()), SHIFTED, TEXT, OTHER, None, "") == [
        ("matched", f"k1 at similarity {int(jaccard(TEXT, SHIFTED) * 100) / 100:.2f}"),
        ("matched", "k1 at similarity 1.00"),
        ("abstained", None),
        ("abstained", None),
        ("abstained", None),
    ]


def test_each_entry_keeps_its_own_similarity() -> None:
    far = TEXT.replace("free kettle", "grand piano").replace("week", "month")
    assert 0.5 < jaccard(TEXT, far) < 0.8
    assert said(bank(entry()), far) == [("abstained", None)]
    assert said(bank(entry(similarity=0.5)), far)[0][0] == "matched"
    assert said(bank(entry(similarity=1)), SHIFTED, TEXT) == [
        ("abstained", None),
        ("matched", "k1 at similarity 1.00"),
    ]


def test_the_nearest_entry_is_the_evidence_and_of_equal_ones_the_first_by_id() -> None:
    assert said(bank(entry("far", SHIFTED), entry("near")), TEXT) == [("matched", "near at similarity 1.00")]
    both = bank(entry("b", SHIFTED.replace("shop", "home")), entry("a", SHIFTED.replace("shop", "barn")))
    assert said(both, SHIFTED)[0][1].startswith("a at ")  # type: ignore[union-attr]


def test_a_share_of_traffic_is_the_same_events_everywhere_and_grows_by_more() -> None:
    ids = [f"e{i}" for i in range(2_000)]
    on = {
        share: {
            id_
            for id_, (state, _) in zip(ids, said(bank(entry(share=share)), *[TEXT] * len(ids), ids=ids), strict=True)
            if state == "matched"
        }
        for share in (0, 0.2, 0.5, 1)
    }
    assert len(on[0]) == 0
    assert len(on[1]) == len(ids)
    assert on[0.2] < on[0.5]
    assert 330 < len(on[0.2]) < 470
    # One by one, as the API asks, it is the same.
    assert {id_ for id_ in ids[:50] if said(bank(entry(share=0.5)), TEXT, ids=[id_])[0][0] == "matched"} == {
        id_ for id_ in ids[:50] if id_ in on[0.5]
    }
    # Where the nearest is off, one further off that is on is the evidence.
    two = bank(entry("near", share=0.5), entry("far", SHIFTED))
    assert {evidence.split()[0] for _, evidence in said(two, *[TEXT] * 100, ids=ids[:100]) if evidence} == {
        "near",
        "far",
    }


words = st.lists(
    st.sampled_from(["kettle", "shop", "free", "é漢字", "week", "👋", "a", "write"]), min_size=9, max_size=14
)


@given(words, words, st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9, 1.0]))
@settings(deadline=None, max_examples=80)
def test_what_matches_is_what_exact_counting_says(known: list[str], asked: list[str], similarity: float) -> None:
    a, b = " ".join(known), " ".join(asked)
    detector = NearDetector("x.near", [NearEntry("k", "advert", a, similarity)])
    alike = jaccard(a, b) >= similarity
    assert (said(detector, b)[0][0] == "matched") == alike
    assert bool(detector.matching(b, ())) == alike


def test_among_many_texts_only_near_ones_match() -> None:
    draw = random.Random(1)
    vocabulary = ["".join(draw.choices("abcdefghijklmnop", k=draw.randint(2, 9))) for _ in range(500)]
    texts = [" ".join(draw.choices(vocabulary, k=20)) for _ in range(600)]
    detector = NearDetector("x.near", [NearEntry(f"k{i:03}", "advert", text) for i, text in enumerate(texts[:300])])
    altered = [text[:-6] + "zzzzz" for text in texts[:300]]
    found = said(detector, *altered, *texts[300:])
    assert [evidence.split()[0] for _, evidence in found[:300] if evidence] == [f"k{i:03}" for i in range(300)]
    assert all(state == "abstained" for state, _ in found[300:])


def test_an_empty_bank_and_an_empty_batch_are_fine_and_it_speaks_of_what_it_is_asked() -> None:
    empty = NearDetector.from_jsonl("", "near.jsonl", "adverts.near", ["advert"])
    assert said(empty, TEXT) == [("abstained", None)]
    assert empty.labels == ("advert",)
    assert bank().labels == ()
    events = to_batch([])
    features = pa.RecordBatch.from_pydict({"normalised": pa.array([], pa.string())})
    assert bank(entry()).signals(events, features).state.shape == (0, 1)


def test_the_version_is_of_the_entries_not_of_their_order() -> None:
    version = bank(entry(), entry("k2", OTHER)).version
    assert bank(entry("k2", OTHER), entry(similarity=0.8, share=1)).version == version
    for other in (entry(similarity=0.7), entry(share=0.5), entry(label="lure"), entry(text=SHIFTED)):
        assert bank(other, entry("k2", OTHER)).version != version


def test_a_very_long_text_is_looked_at_from_its_beginning() -> None:
    many = " ".join(map(str, range(9_000)))
    assert said(bank(entry()), f"{TEXT} {many}", f"{many} {TEXT}") == [("abstained", None)] * 2
    long = " ".join(f"{i} bottles" for i in range(3_000))
    assert said(bank(entry(text=long)), long[:10_000] + "else") == [("matched", "k1 at similarity 1.00")]


def test_a_batch_and_one_by_one_agree() -> None:
    detector = bank(entry(), entry("k2", OTHER, similarity=0.5))
    texts = [TEXT, SHIFTED, OTHER, None, "short", OTHER[5:]]
    assert said(detector, *texts) == [said(detector, text)[0] for text in texts]


def test_every_fault_is_said_at_once_with_its_line() -> None:
    lines = [
        entry(),
        entry("k2"),
        entry("k3", "buy a kettle"),
        entry("k4", OTHER, similarity=0.4),
        entry("k5", OTHER, share=2),
        entry("k6", OTHER, similarity="high"),
        entry("k7", OTHER, share=True),
        {"id": "k8", "label": "advert"},
        entry("k9", OTHER, distance=3),
    ]
    with pytest.raises(UserError) as error:
        bank(*lines)
    short = "the text is 'buy a kettle' once normalised, which is too short to be nearly the same as only its copies"
    assert str(error.value).split("\n") == [
        "near.jsonl:2: entry 'k2' says the same as 'k1'",
        "    → remove one: they are one text",
        f"near.jsonl:3: {short}",
        "    → a text has at least 32 characters here; add a shorter one to the bank of exact texts",
        "near.jsonl:4: 'similarity' must be a number from 0.5 to 1",
        '    → leave it out or write "similarity": 1',
        "near.jsonl:5: 'share' must be a number from 0 to 1",
        '    → leave it out or write "share": 1',
        "near.jsonl:6: 'similarity' must be a number from 0.5 to 1",
        '    → leave it out or write "similarity": 1',
        "near.jsonl:7: 'share' must be a number from 0 to 1",
        '    → leave it out or write "share": 1',
        "near.jsonl:8: 'text' must be text with something in it",
        "    → give the known text",
        "near.jsonl:9: unknown key 'distance'",
        "    → known: id, label, share, similarity, text",
    ]


def test_states_are_those_of_signals() -> None:
    events = to_batch([Event(id="1")])
    found = bank(entry()).signals(events, pa.RecordBatch.from_pydict({"normalised": [TEXT]}))
    assert found.state.dtype == np.uint8
    assert found.state[0, 0] == State.MATCHED
    assert np.isnan(found.score).all()
