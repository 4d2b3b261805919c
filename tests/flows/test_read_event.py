"""Reading one event from JSON: an event, or everything that is wrong with it, and never what it says."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.features.profile import ProfileColumn
from gatehouse.flows import read_event as reading
from gatehouse.flows.read_event import KEYS, LARGEST, LONGEST, UnreadableError, read_any, read_event
from gatehouse.records.event import Entity, Event

NOW = 1_800_000_000_000_000
DAY = 86_400_000_000
AGE = ProfileColumn("age", "BIGINT")
MD5 = "md5:" + "ab" * 16


def write(**said: object) -> bytes:
    return json.dumps({"id": "e1", **said}).encode()


def whys(data: bytes, *profile: ProfileColumn) -> dict[str, str]:
    with pytest.raises(UnreadableError) as caught:
        read_event(data, NOW, profile)
    return {fault.where: fault.what for fault in caught.value.faults}


def test_an_event_says_what_its_keys_say() -> None:
    said = write(
        kind="comment",
        text="good morning",
        language="en",
        occurred="2026-11-20T13:00:00+01:00",
        actor="account:42",
        target="7",
        parent="p",
        thread="t",
        revision=2,
        address="192.0.2.1",
        device="d",
        amount=1250,
        attributes={"age": 3, "new": True, "score": 0.5, "name": "n", "unknown": None},
        media=[MD5.upper().replace("MD5", "md5"), MD5],
    )
    assert read_event(said, NOW, [AGE]) == Event(
        id="e1",
        kind="comment",
        text="good morning",
        language="en",
        occurred=1_795_176_000_000_000,
        actor=Entity("account", "42"),
        target=Entity("account", "7"),
        parent="p",
        thread="t",
        revision=2,
        address="192.0.2.1",
        device="d",
        amount=1250,
        attributes={"age": 3, "new": True, "score": 0.5, "name": "n"},
        media=(MD5,),
    )
    assert read_event(b'{"id": "e1"}', NOW) == Event(id="e1")
    nothing = {name: None for name in KEYS if name != "id"}
    assert read_event(write(**nothing), NOW) == Event(id="e1")
    assert read_event(write(actor="", device="", attributes={}, media=[]), NOW) == Event(id="e1")


def test_all_faults_are_told_at_once_with_the_next_step_and_without_what_was_said() -> None:
    data = (
        b'{"txet": "secret", "seen": 5, "age": 3, "text": "sec\\u0000ret", "actor": "secret:", "occurred": "secret",'
        b' "revision": "secret", "amount": -1, "attributes": {"a": NaN, "b": ["secret"], "age": "secret"},'
        b' "media": ["md5:secret"], "kind": "\\ud800secret", "parent": 7}'
    )
    with pytest.raises(UnreadableError) as caught:
        read_event(data, NOW, [AGE])
    assert str(caught.value) == (
        "txet: is unknown\n"
        f"    → did you mean 'text'? an event has {', '.join(KEYS)}\n"
        "seen: is for the gate to say\n"
        "    → leave it out\n"
        "age: is a declared attribute\n"
        '    → write it as "attributes": {"age": …}\n'
        "text: holds a NUL character\n"
        "    → send it without that character\n"
        "actor: names no entity\n"
        "    → write it as kind:id, for example account:42\n"
        "occurred: is no time in ISO 8601\n"
        "    → write 2026-01-31T12:00:00Z\n"
        "revision: is a text, not a whole number\n"
        "    → 1 for the first edit, 2 for the next\n"
        "amount: is negative\n"
        "    → count smallest units: 1250 for 12.50\n"
        "attributes.a: is no finite number\n"
        "    → leave out what is not known\n"
        "attributes.b: is neither a text nor a number nor a truth value\n"
        "attributes.age: the attribute 'age' is not a whole number\n"
        "media: holds no hash at place 1\n"
        "    → write KIND:HASH in hexadecimal: md5:32 digits, pdq:64 digits, sha256:64 digits\n"
        "kind: holds half a character, U+D800\n"
        "    → send it without that character\n"
        "parent: is a number, not a text\n"
        "id: is missing\n"
        "    → give each event an id of its own, by which it is known when it comes again"
    )
    assert caught.value.event_id is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON: expecting value at line 1, column 1"),
        (b'{"id": "a"', "not JSON: expecting ',' delimiter at line 1, column 11"),
        (b'{"id": "a\0"}', "not JSON: invalid control character at at line 1, column 10"),
        (b"\xff", "byte 1 is not UTF-8"),
        (b'"text"', "a text, not an object"),
        (b"[" * 200_000, "lists or objects are nested too deep"),
        (b'{"id": "a", "attributes": ' + b'{"a":' * 100_000, "lists or objects are nested too deep"),
        (b'{"id": ' + b"9" * 5_000 + b"}", "a number has thousands of digits"),
        (b'{"id": "' + b"a" * 10_485_760 + b'"}', f"the event has 10,485,770 bytes, more than {LARGEST:,}"),
    ],
)
def test_what_is_no_json_object_is_told_so(data: bytes, why: str) -> None:
    assert whys(data) == {"": why}


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("id", " ", "is blank"),
        ("id", 7, "is a number, not a text"),
        ("id", "a" * (LONGEST + 1), "has 501 characters, more than 500"),
        ("occurred", NOW + DAY + 1, "is in the future, more than a day after now"),
        ("occurred", -1, "is before 1970"),
        ("occurred", 1e15, "is a number, no time"),
        ("occurred", True, "is a truth value, no time"),
        ("occurred", 10**30, "is no number of microseconds since 1970"),
        ("occurred", "2026-11-20T12:00:00", "has no zone"),
        ("revision", 10**9, "is over 999,999,999"),
        ("revision", True, "is a truth value, not a whole number"),
        ("amount", 1.5, "is a number, not a whole number"),
        ("attributes", [1], "is a list, not an object"),
        ("media", MD5, "is a text, not a list of hashes"),
        ("media", [MD5, 7], "holds no hash at place 2"),
    ],
)
def test_each_fault_names_its_key(key: str, value: object, why: str) -> None:
    assert whys(json.dumps({"id": "e1", key: value}).encode()) == {key: why}


def test_attributes_fit_the_ledger() -> None:
    assert whys(write(attributes={"a\0": 1, "b": "x\0", "c": 2**63})) == {
        "attributes.a\\x00": "holds a NUL character",
        "attributes.b": "holds a NUL character",
        "attributes.c": "does not fit 64 bits",
    }


def test_a_bad_event_names_its_id_where_that_can_be_kept() -> None:
    for id_, told in (("e7", "e7"), (7, None), ("\0", None)):
        with pytest.raises(UnreadableError) as caught:
            read_event(json.dumps({"id": id_, "text": 3}).encode(), NOW)
        assert caught.value.event_id == told


_SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**63, 10**18, NOW, NOW + DAY, NOW + DAY + 1, math.nan, 0.5, 1e300]),
    st.sampled_from(["", " ", ":", "a", "a:", ":a", "a:b:c", "x\0", "\ud800", MD5, "pdq:00", "é", "a" * 501]),
    st.sampled_from(["2026-11-20", "2026-11-20T12:00:00Z", "2026-11-20 12:00:00.1234567+02:00", "2026-11-20T12:00Z"]),
)
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=2) | st.dictionaries(st.sampled_from(["age", "b", ""]), _SCALARS)
_EVENTS = st.dictionaries(st.sampled_from([*KEYS, "seen", "txet"]), _VALUES, max_size=5)


@settings(deadline=None, max_examples=400)
@given(said=_EVENTS, id_=st.sampled_from(["e1", "e1", None]), declared=st.booleans())
def test_the_fast_reader_reads_nothing_that_the_slow_one_does_not(
    said: dict[str, Any], id_: str | None, declared: bool
) -> None:
    data = json.dumps(said if id_ is None else {**said, "id": id_}).encode()
    profile = [AGE] if declared else []
    fast = reading._read_plain(data, NOW, profile)
    try:
        slow = read_any(data, NOW, profile)
    except UnreadableError:
        assert fast is None
    else:
        assert fast in (None, slow)
        assert slow.digest()


@settings(deadline=None, max_examples=200)
@given(data=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_anything_is_an_event_or_unreadable(data: bytes) -> None:
    with suppress(UnreadableError):
        assert read_event(data, NOW).id


def test_of_a_key_that_comes_twice_the_last_counts_for_every_reader() -> None:
    data = b'{"id": "a", "text": "one", "id": "b", "text": "two", "attributes": {"n": 1, "n": 2}}'
    fast, slow = read_event(data, 0), read_any(data, 0)
    assert fast == slow
    assert (fast.id, fast.text, fast.attributes) == ("b", "two", {"n": 2})
