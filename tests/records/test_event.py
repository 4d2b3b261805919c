from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.errors import UserError
from gatehouse.records.event import DIGITS, EVENT_SCHEMA, Entity, Event, from_batch, media_of, to_batch

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
INT64 = st.integers(-(2**63), 2**63 - 1)
ENTITIES = st.builds(Entity, NAMES.filter(lambda kind: ":" not in kind), NAMES)
HASHES = st.sampled_from(sorted(DIGITS)).flatmap(
    lambda kind: st.text("0123456789abcdef", min_size=DIGITS[kind], max_size=DIGITS[kind]).map(f"{kind}:{{}}".format)
)
EVENTS = st.builds(
    Event,
    id=NAMES,
    kind=NAMES,
    text=st.none() | TEXTS,
    language=st.none() | st.sampled_from(["en", "de"]),
    occurred=st.none() | INT64,
    seen=INT64,
    imported=st.booleans(),
    actor=st.none() | ENTITIES,
    target=st.none() | ENTITIES,
    parent=st.none() | NAMES,
    thread=st.none() | NAMES,
    revision=st.integers(0, 2**63 - 1),
    media=st.lists(HASHES, max_size=3).map(media_of),
)
SAID = [name for name in Event.__struct_fields__ if name not in ("seen", "imported")]


@given(st.lists(EVENTS, max_size=5))
@settings(deadline=None, max_examples=60)
def test_events_come_back_from_arrow_as_they_were(events: list[Event]) -> None:
    batch = to_batch(events)
    assert batch.schema == EVENT_SCHEMA
    assert from_batch(batch) == events
    assert from_batch(batch.slice(1)) == events[1:]


@given(EVENTS)
@settings(deadline=None, max_examples=60)
def test_events_come_back_from_json_with_the_same_digest(event: Event) -> None:
    back = msgspec.json.decode(msgspec.json.encode(event), type=Event)
    assert back == event
    assert back.digest() == event.digest()


@given(EVENTS, INT64, st.booleans())
@settings(deadline=None, max_examples=60)
def test_the_digest_does_not_depend_on_when_the_gate_saw_it(event: Event, seen: int, imported: bool) -> None:
    assert msgspec.structs.replace(event, seen=seen, imported=imported).digest() == event.digest()


@given(EVENTS, EVENTS, st.sampled_from(SAID))
@settings(deadline=None, max_examples=100)
def test_the_digest_changes_with_anything_that_the_event_says(event: Event, other: Event, name: str) -> None:
    changed = msgspec.structs.replace(event, **{name: getattr(other, name)})
    assert (changed.digest() == event.digest()) == (getattr(event, name) == getattr(other, name))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"text": "ab", "language": None}, {"text": "a", "language": "b"}),
        ({"actor": Entity("a", "b")}, {"target": Entity("a", "b")}),
        ({"parent": "p"}, {"thread": "p"}),
        ({"text": None}, {"text": ""}),
    ],
)
def test_content_that_moves_to_another_field_is_other_content(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert Event(id="e", **one).digest() != Event(id="e", **other).digest()


def test_the_digest_is_the_same_on_every_day() -> None:
    # Kept with every event: were it to change, each known event would become a conflict.
    event = Event(id="e1", text="hello", occurred=5, actor=Entity("account", "a1"))
    assert event.digest() == "fa4b6a98d62b59dcab077d017386927097689835136628f69b3346462e304921"


@given(ENTITIES)
@settings(deadline=None, max_examples=60)
def test_an_entity_reads_back_from_what_it_writes(entity: Entity) -> None:
    assert Entity.parse(str(entity)) == entity


@given(NAMES.filter(lambda text: ":" not in text))
@settings(deadline=None, max_examples=30)
def test_a_text_without_a_colon_is_an_account(text: str) -> None:
    assert Entity.parse(text) == Entity("account", text)


@pytest.mark.parametrize("text", ["", ":", "account:", ":42"])
def test_a_text_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(UserError) as caught:
        Entity.parse(text)
    assert str(caught.value) == f"'{text}' names no entity\n    → write it as kind:id, for example account:42"


def test_the_schema_has_the_fields_of_an_event() -> None:
    assert set(EVENT_SCHEMA.names) == set(Event.__struct_fields__)
    assert to_batch([]).num_rows == 0


def test_a_time_beyond_64_bits_is_not_wrapped_round() -> None:
    with pytest.raises(OverflowError):
        to_batch([Event(id="e", seen=2**63)])


def test_media_are_written_in_small_letters_in_order_and_each_once() -> None:
    pdq, md5 = "pdq:" + "0F" * 32, "md5:" + "ab" * 16
    assert media_of([pdq, md5, pdq.lower()]) == (md5, pdq.lower())
    assert media_of([]) == ()


def test_media_that_are_no_hashes_are_all_told_of() -> None:
    with pytest.raises(UserError) as caught:
        media_of(["ff" * 16, "pqd:" + "ff" * 32, "md5:abc", "sha256:" + "xy" * 32])
    assert str(caught.value).split("\n") == [
        f"the media '{'ff' * 16}' does not say of which kind its hash is",
        "    → write KIND:HASH; md5, pdq, sha256",
        "the md5 hash 'abc' has 3 characters, not 32",
        "    → take the hash as the tool prints it",
        "the media hash is of an unknown kind 'pqd'",
        "    → did you mean 'pdq'? md5, pdq, sha256",
        f"the sha256 hash '{'xy' * 20}' holds other characters than 0-9 and a-f",
        "    → take the hash as the tool prints it",
    ]


def test_an_event_without_media_keeps_the_digest_that_it_had_before_there_were_any() -> None:
    event = Event(id="e1", text="hello", address="a", attributes={"x": 1})
    assert event.digest() == "fb3e60e80c0bc23d25f41df56f74d4bba7ea5b813d76e0ab98a4babfcbbf2902"
    assert msgspec.structs.replace(event, media=("md5:" + "ab" * 16,)).digest() != event.digest()
