import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.detectors.media import MediaDetector
from gatehouse.detectors.media_index import NEAR, DigestIndex, PdqIndex, pdq_words
from gatehouse.errors import UserError
from gatehouse.records.event import Event, media_of, to_batch

DRAW = np.random.default_rng(7)
PDQ, FAR = "c3" * 32, "5a" * 32
MD5, SHA = "ab" * 16, "cd" * 32


def bank(*entries: dict[str, object]) -> MediaDetector:
    return MediaDetector.from_jsonl("\n".join(map(json.dumps, entries)), "media.jsonl", "images.media")


def entry(id_: str = "i1", **said: object) -> dict[str, object]:
    return {"id": id_, "label": "known", **said}


def said(detector: MediaDetector, *media: tuple[str, ...]) -> list[tuple[str, str | None]]:
    events = to_batch([Event(id=str(i), media=media_of(one)) for i, one in enumerate(media)])
    found = detector.signals(events, events)
    return [(one.state, one.evidence) for row in range(len(media)) for one in found.of(row, str(row))]


def flipped(digits: str, bits: int, seed: int = 0) -> str:
    value = int(digits, 16)
    for bit in np.random.default_rng(seed).choice(256, bits, replace=False).tolist():
        value ^= 1 << bit
    return f"{value:064x}"


def hashes(n: int) -> npt.NDArray[np.uint64]:
    return DRAW.integers(0, 2**64, (n, 4), np.uint64)


def brute(known: npt.NDArray[np.uint64], query: npt.NDArray[np.uint64], distance: int) -> dict[int, int]:
    bits = np.unpackbits((known ^ query).view(np.uint8), axis=1).sum(1)
    return {int(row): int(bits[row]) for row in np.flatnonzero(bits <= distance)}


def found(index: PdqIndex, query: npt.NDArray[np.uint64], distance: int) -> dict[int, int]:
    rows, distances = index.within(query, distance)
    assert list(rows) == sorted(set(rows.tolist()))
    return dict(zip(rows.tolist(), distances.tolist(), strict=True))


RANDOM = hashes(6_000)
SKEWED = RANDOM.copy()
SKEWED[:5_900] = RANDOM[np.arange(5_900) % 7]
SKEWED[np.arange(5_900), np.arange(5_900) % 4] ^= np.uint64(1) << (np.arange(5_900) % 61).astype(np.uint64)
CHUNKS = RANDOM & np.uint64(0x0001_FFFF_0000_0003)


@pytest.mark.parametrize(
    "known", [RANDOM, SKEWED, CHUNKS, RANDOM[:50], RANDOM[:0]], ids=["random", "skewed", "chunks", "few", "none"]
)
def test_all_within_the_distance_are_found_and_nothing_else(known: npt.NDArray[np.uint64]) -> None:
    index = PdqIndex(known)
    draw = np.random.default_rng(3)
    for turn in range(40):
        query = (known[draw.integers(len(known))] if len(known) and turn % 4 else hashes(1)[0]).copy()
        for bit in draw.choice(256, draw.integers(0, 45), replace=False):
            query[bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
        for distance in (0, 15, 16, NEAR, NEAR + 1, 64):
            assert found(index, query, distance) == brute(known, query, distance)


def test_the_worst_placed_31_bits_are_found_too() -> None:
    index = PdqIndex(RANDOM)
    # One bit in one chunk and two in each of the fifteen others: only one table of sixteen can find it.
    for alone in range(16):
        query = RANDOM[11].copy()
        for chunk in range(16):
            for bit in (3,) if chunk == alone else (3, 9):
                query[chunk // 4] ^= np.uint64(1) << np.uint64(16 * (chunk % 4) + bit)
        assert found(index, query, NEAR)[11] == NEAR


@given(st.lists(st.sampled_from(["00" * 16, "00" * 15 + "01", "01" + "00" * 15, "ff" * 16]), max_size=6))
@settings(deadline=None, max_examples=50)
def test_equal_digests_are_found_whatever_zeros_they_hold(known: list[str]) -> None:
    index = DigestIndex(known, 32)
    for asked in ("00" * 16, "00" * 15 + "01", "01" + "00" * 15, "ff" * 16, "ab" * 16):
        assert index.find(asked)[0].tolist() == [row for row, one in enumerate(known) if one == asked]


def test_words_of_a_hash_are_read_from_its_first_digit() -> None:
    assert pdq_words(["0" * 63 + "1"]).tolist() == [[0, 0, 0, 1]]


def test_media_match_by_equal_hashes_and_near_ones() -> None:
    detector = bank(entry("p", pdq=PDQ.upper()), entry("m", md5=MD5), entry("s", sha256=SHA))
    assert said(
        detector,
        (f"pdq:{flipped(PDQ, 31)}",),
        (f"pdq:{flipped(PDQ, 32)}",),
        (f"md5:{MD5}",),
        (f"sha256:{SHA}", f"pdq:{flipped(PDQ, 4)}"),
        (f"sha256:{PDQ}",),
        (),
    ) == [
        ("matched", "p at distance 31"),
        ("abstained", None),
        ("matched", "m at distance 0"),
        ("matched", "s at distance 0"),
        ("abstained", None),
        ("abstained", None),
    ]


def test_each_entry_keeps_its_own_distance_also_beyond_what_the_tables_find() -> None:
    detector = bank(entry("close", pdq=PDQ, distance=8), entry("wide", pdq=flipped(PDQ, 40), distance=50))
    assert said(detector, (f"pdq:{flipped(PDQ, 8, 1)}",))[0] == ("matched", "close at distance 8")
    near_wide = flipped(flipped(PDQ, 40), 3, 1)
    assert said(detector, (f"pdq:{near_wide}",))[0] == ("matched", "wide at distance 3")
    assert [how for _, how in detector.matching(None, [f"pdq:{PDQ}"])] == ["distance 0", "distance 40"]


def test_labels_are_matched_apart() -> None:
    detector = bank(entry("a", pdq=PDQ), {"id": "b", "label": "other", "pdq": flipped(PDQ, 2)})
    assert said(detector, (f"pdq:{PDQ}",)) == [("matched", "a at distance 0"), ("matched", "b at distance 2")]


def test_a_share_of_traffic_leaves_the_next_nearest() -> None:
    detector = bank(entry("new", pdq=PDQ, share=0.3), entry("old", pdq=flipped(PDQ, 6)))
    evidence = [one for _, one in said(detector, *[(f"pdq:{PDQ}",)] * 400)]
    assert {*evidence} == {"new at distance 0", "old at distance 6"}
    assert 80 < evidence.count("new at distance 0") < 160


def test_an_empty_bank_speaks_of_what_it_is_asked() -> None:
    empty = MediaDetector.from_jsonl("", "media.jsonl", "images.media", ["known"])
    assert said(empty, (f"md5:{MD5}",)) == [("abstained", None)]
    assert said(bank(entry(md5=MD5))) == []


def test_the_version_is_of_the_entries_not_of_their_order_or_letters() -> None:
    version = bank(entry("a", pdq=PDQ), entry("b", md5=MD5)).version
    assert bank(entry("b", md5=MD5.upper()), entry("a", pdq=PDQ, distance=31)).version == version
    assert bank(entry("a", pdq=PDQ, distance=30), entry("b", md5=MD5)).version != version


def test_every_fault_is_said_at_once_with_its_line() -> None:
    lines = [
        entry("a", pdq=PDQ),
        entry("b", pdq=PDQ[:-1]),
        entry("c", md5="xy" * 16),
        entry("d", pdq=PDQ),
        entry("e", pdq="00" * 32),
        entry("f", md5=MD5, sha256=SHA),
        entry("g"),
        entry("h", md5=MD5, distance=3),
        entry("i", pdq=FAR, distance=65),
        entry("j", pdq=FAR, distance=1.5),
        entry("k", sha256=5),
    ]
    with pytest.raises(UserError) as error:
        bank(*lines)
    take = "    → take the hash as the tool prints it"
    assert str(error.value).split("\n") == [
        f"media.jsonl:2: the pdq hash '{PDQ[:40]}' has 63 characters, not 64",
        take,
        f"media.jsonl:3: the md5 hash '{'xy' * 16}' holds other characters than 0-9 and a-f",
        take,
        "media.jsonl:4: entry 'd' says the same as 'a'",
        "    → remove one: they are one hash",
        "media.jsonl:5: the pdq hash '0000000000000000...' has 0 of 256 bits set, as plain surfaces have",
        "    → leave it out: it would match every plain image; add the file by md5 or sha256",
        "media.jsonl:6: an entry has one of 'md5', 'pdq' and 'sha256'",
        "    → give one of the three",
        "media.jsonl:7: an entry has one of 'md5', 'pdq' and 'sha256'",
        "    → give one of the three",
        "media.jsonl:8: 'distance' is of pdq hashes; md5 hashes are equal or not",
        "    → leave 'distance' out",
        "media.jsonl:9: 'distance' must be a whole number from 0 to 64",
        '    → leave it out or write "distance": 64',
        "media.jsonl:10: 'distance' must be a whole number from 0 to 64",
        '    → leave it out or write "distance": 64',
        "media.jsonl:11: the sha256 hash '' has 0 characters, not 64",
        take,
    ]
