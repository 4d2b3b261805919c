"""`/v1/decisions`: what is decided, what is known, and how each kind of bad input is answered."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.entry.api.conftest import Api, as_caller, serving

from gatehouse.entry.api import decisions
from gatehouse.entry.api.gathering import Terms
from gatehouse.entry.api.limits import LARGEST_LIST, MOST_EVENTS
from gatehouse.entry.api.parts import Parts
from gatehouse.errors import OutsideError
from gatehouse.flows.live import Answer, Unrecorded
from gatehouse.flows.observe import Tally
from gatehouse.flows.read_event import LARGEST
from gatehouse.records.event import Event
from gatehouse.testing.makers import NOW, make_decision

PATH = "/v1/decisions"
_KEYS = ["kind", "text", "actor", "occurred", "attributes", "media", "amount", "x"]
AHEAD = "is in the future, more than a day after now"
SPAM = "win a free prize now, call 0800 000 000 to claim it"


def post(api: Api, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.client.post(PATH, content=content, headers={"Content-Type": "application/json", **headers})


def faults(answer: Any) -> list[tuple[str, str]]:
    """What is said to be wrong and where; the answer has no other form."""
    said = answer.json()
    assert set(said) == {"faults"}
    assert said["faults"]
    assert all(set(fault) == {"what", "where", "fix"} for fault in said["faults"])
    return [(fault["where"], fault["what"]) for fault in said["faults"]]


def test_an_event_is_decided_on_record_and_known_when_it_comes_again(api: Api) -> None:
    before = api.events()
    event = {"id": "one", "text": SPAM, "actor": "account:1"}
    first = post(api, event)
    assert first.status_code == 200
    said = first.json()
    assert (said["event_id"], said["revision"], said["known"]) == ("one", 0, False)
    assert (said["outcome"], said["enforce"]) == ("violating", "label")
    assert said["releases"] == dict(api.parts.judge().releases)
    assert said["policies"][0]["reason"].startswith("'spam.rules' matched for 'spam'")
    (deed,) = said["planned"]
    assert (deed["kind"], deed["subject"], deed["state"]) == ("label", "event:one", "planned")
    found = api.parts.house.ledger.find("one")
    assert found is not None
    assert (found.decision.id, [one.id for one in found.enforcements]) == (said["decision_id"], [deed["id"]])
    again = post(api, {"actor": "account:1", "text": SPAM, "id": "one", "kind": None}).json()
    assert again == {**said, "known": True}
    assert api.events() == before + 1
    assert api.client.get(f"{PATH}/one").json() == again


def test_ids_in_paths_may_hold_anything(api: Api) -> None:
    for id_, escaped in (
        ("a/b", "a%2Fb"),
        ("..", "%2E%2E"),
        ("x?y#z", "x%3Fy%23z"),
        ("ü 1", "%C3%BC%201"),
        ("/", "%2F"),
        ("a//", "a%2f%2F"),
        ("a%2Fb", "a%252Fb"),
    ):
        decided = post(api, {"id": id_, "text": "good morning"})
        assert decided.status_code == 200, decided.text
        found = api.client.get(f"{PATH}/{escaped}")
        assert (found.status_code, found.json().get("event_id")) == (200, id_), found.text
    assert api.client.get(f"{PATH}/a/b").json()["event_id"] == "a/b"
    missing = api.client.get(f"{PATH}/none")
    assert (missing.status_code, faults(missing)[0][1]) == (404, "no event of this id was decided on")


def test_an_edit_is_a_new_event_and_other_content_a_conflict(api: Api) -> None:
    assert post(api, {"id": "edited", "text": "good morning"}).status_code == 200
    conflict = post(api, {"id": "edited", "text": "good evening"})
    assert (conflict.status_code, faults(conflict)) == (409, [("id", "known with other content")])
    assert "sqlite" not in conflict.text
    assert post(api, {"id": "edited", "text": "good evening", "revision": 1}).json()["revision"] == 1
    assert api.client.get(f"{PATH}/edited").json()["revision"] == 1


def test_one_bad_event_among_63_good_ones_fails_alone(api: Api) -> None:
    before = api.events()
    events: list[Any] = [{"id": f"l{number}", "text": "good morning"} for number in range(64)]
    events[40] = {"id": "l40", "txet": "x", "revision": -1}
    answer = post(api, events)
    assert answer.status_code == 200
    entries = answer.json()
    assert [entry["status"] for entry in entries] == [400 if place == 40 else 200 for place in range(64)]
    assert [fault["where"] for fault in entries[40]["faults"]] == ["txet", "revision"]
    assert [entry["decision"]["event_id"] for place, entry in enumerate(entries) if place != 40] == [
        f"l{place}" for place in range(64) if place != 40
    ]
    assert api.events() == before + 63


def test_events_of_a_list_are_answered_each_as_it_would_be_alone(api: Api) -> None:
    before = api.events()
    post(api, {"id": "m1", "text": "good morning"})
    answer = post(
        api, [{"id": "m2"}, {"id": "m1", "text": "other"}, 7, {"id": "m2"}, {"id": "m1", "text": "good morning"}]
    )
    assert [entry["status"] for entry in answer.json()] == [200, 409, 400, 200, 200]
    assert [entry["decision"]["known"] for entry in answer.json() if "decision" in entry] == [False, False, True]
    assert post(api, []).json() == []
    assert api.events() == before + 2


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", ("", "the body is empty")),
        (b"  \n", ("", "not JSON: expecting value at line 1, column 1")),
        (b"{", ("", "not JSON: expecting property name enclosed in double quotes at line 1, column 2")),
        (b"[{}", ("", "not a list in JSON")),
        (b"[" * 200_000, ("", "not a list in JSON")),
        (b'{"id":' + b"[" * 200_000, ("", "lists or objects are nested too deep")),
        (b'{"id": "\xff"}', ("", "byte 9 is not UTF-8")),
        (b'"text"', ("", "a text, not an object")),
        (b"{}", ("id", "is missing")),
        (b'{"id": "x", "text": "a\\u0000b"}', ("text", "holds a NUL character")),
        (b'{"id": "x", "text": "\\ud800"}', ("text", "holds half a character, U+D800")),
        (b'{"id": "x", "amount": NaN}', ("amount", "is a number, not a whole number")),
        (b'{"id": "x", "attributes": {"n": 1e999}}', ("attributes.n", "is no finite number")),
        (b'{"id": "x", "seen": 5}', ("seen", "is for the gate to say")),
        (
            b'{"id": "x", "occurred": "2999-01-01T00:00:00Z"}',
            ("occurred", "is in the future, more than a day after now"),
        ),
        (b'{"id": "x", "occurred": "1969-01-01T00:00:00Z"}', ("occurred", "is before 1970")),
        (b'{"id": "x", "actor": ":"}', ("actor", "names no entity")),
        (b'{"id": "x", "media": ["sha512:00"]}', ("media", "holds no hash at place 1")),
        (b'{"id": "x", "kind": 7}', ("kind", "is a number, not a text")),
    ],
)
def test_what_cannot_be_read_is_told_and_nothing_is_written(api: Api, body: bytes, told: tuple[str, str]) -> None:
    before = api.events()
    answer = post(api, body)
    assert (answer.status_code, faults(answer)) == (400, [told])
    assert api.events() == before


def test_all_faults_of_an_event_are_told_at_once(api: Api) -> None:
    answer = post(api, {"idd": "x", "text": 5, "actor": ":", "revision": -1, "attributes": []})
    assert answer.status_code == 400
    assert sorted(where for where, _ in faults(answer)) == ["actor", "attributes", "id", "idd", "revision", "text"]


def test_what_is_too_large_is_refused(api: Api) -> None:
    before = api.events()
    long = post(api, {"id": "long", "text": "x" * LARGEST})
    assert (long.status_code, faults(long)[0][1]) == (413, f"the body has more than {LARGEST:,} bytes")
    huge = post(api, b"[" + b" " * LARGEST_LIST + b"]")
    assert (huge.status_code, faults(huge)[0][1]) == (413, f"the body has more than {LARGEST_LIST:,} bytes")
    many = post(api, [{}] * (MOST_EVENTS + 1))
    assert (many.status_code, faults(many)[0][1]) == (413, "1,001 events in a list, more than 1,000")
    entries = post(api, [{"id": "long", "text": "x" * LARGEST}, {"id": "short"}]).json()
    assert [entry["status"] for entry in entries] == [400, 200]
    assert api.events() == before + 1
    assert post(api, [{"id": "first", "text": "y" * 200_000}, {}]).json()[1]["status"] == 400


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (b"[" * 20_000 + b"]" * 20_000, "lists or objects are nested too deep"),
        (
            b'{"id": "x", "attributes": ' + b'{"a":' * 5_000 + b'"],[\\\\"' + b"}" * 5_001,
            "lists or objects are nested too deep",
        ),
        (b'{"id": "x", "text": "\\udc00 ] , ["}', "holds half a character, U+DC00"),
        (b'{"id": "x", "text": "\xff"}', "byte 22 is not UTF-8"),
        (b'{"id": "x", "amount": NaN}', "is a number, not a whole number"),
        (b'{"id": "x"} {"id": "y"}', "not JSON: extra data at line 1, column 13"),
    ],
)
def test_what_is_wrong_within_one_event_of_a_list_costs_that_event_alone(api: Api, bad: bytes, what: str) -> None:
    name = f"beside{len(bad)}"
    one, other, last = post(api, b' [ {"id": "%s"} ,%s, {"id": "%s"}\n] ' % (name.encode(), bad, name.encode())).json()
    assert (one["status"], one["decision"]["event_id"]) == (last["status"], last["decision"]["event_id"]) == (200, name)
    assert (other["status"], other["faults"][0]["what"]) == (400, what)


_parts = st.recursive(
    st.none() | st.integers() | st.text('[]{},"\\ a', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_parts, min_size=1, max_size=4), st.sampled_from([None, 1]))
def test_a_list_is_cut_where_json_parts_it(said: list[Any], indent: int | None) -> None:
    assert [json.loads(part) for part in decisions._cut(json.dumps(said, indent=indent).encode())] == said


@settings(max_examples=300, deadline=None)
@given(st.text('[]{},"\\ 1', max_size=10))
def test_what_is_no_list_is_not_cut_into_one(text: str) -> None:
    body = f"[{text}".encode()
    try:
        parts = decisions._cut(body)
    except ValueError:
        with suppress(ValueError):
            assert json.loads(body) == []
    else:
        assert body.strip() == b"[" + b",".join(parts) + b"]"


def test_a_body_that_comes_in_pieces_is_read_and_bounded(api: Api) -> None:
    def pieces(n: int, size: int) -> Any:
        yield b'{"id": "pieces", "text": "'
        for _ in range(n):
            yield b"x" * size
        yield b'"}'

    kind = {"Content-Type": "application/json"}
    assert api.client.post(PATH, content=pieces(3, 10), headers=kind).json()["event_id"] == "pieces"
    assert api.client.post(PATH, content=pieces(40, 500_000), headers=kind).status_code == 413


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_other_content_types_are_refused_and_the_right_one_is_named(api: Api, kind: str) -> None:
    answer = post(api, {"id": "typed"}, **{"Content-Type": kind})
    assert answer.status_code == 415
    assert answer.json()["faults"][0]["fix"] == "send Content-Type: application/json"
    assert post(api, {"id": "typed"}, **{"Content-Type": "Application/JSON; charset=utf-8"}).status_code == 200
    packed = post(api, {"id": "typed"}, **{"Content-Encoding": "gzip"})
    assert (packed.status_code, faults(packed)) == (415, [("Content-Encoding", "'gzip' is not taken")])


def test_a_list_counts_for_the_rate_of_its_key(api: Api) -> None:
    from gatehouse.flows.access import make_key

    slow = make_key(api.parts.access.keys, "slow", ["ingest"], now=api.parts.clock(), by="test", rate=10).secret
    api.parts.access.refresh()
    body = json.dumps([{"id": f"rate{number}"} for number in range(10)]).encode()
    headers = {"Content-Type": "application/json", **as_caller(slow)}
    assert api.client.post(PATH, content=body, headers=headers).status_code == 200
    over = api.client.post(PATH, content=body, headers=headers)
    assert over.status_code == 429
    assert int(over.headers["Retry-After"]) >= 1


def test_a_list_for_which_there_is_no_room_is_refused_before_its_events_are_read(
    parts_and_tally: tuple[Parts, Tally], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def held_up(events: Sequence[Event]) -> list[Answer]:
        begun.set()
        assert go_on.wait(10)
        return [Unrecorded(event.id, OutsideError("never mind")) for event in events]

    def unread(*_: object) -> None:
        raise AssertionError("its events were read")

    parts, tally = parts_and_tally
    with serving(parts, tally, held_up, Terms(waiting=3)) as api, ThreadPoolExecutor(1) as another:
        first = another.submit(api.client.post, PATH, json={"id": "held"})
        assert begun.wait(10)
        monkeypatch.setattr(decisions, "read_event", unread)
        refused = api.client.post(PATH, json=[{"id": f"full{number}"} for number in range(3)])
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert refused.json()["faults"][0]["what"] == "1 event waits already"
        go_on.set()
        assert first.result(10).status_code == 503


_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=8,
)
_bodies = (
    st.binary(max_size=200) | st.text(max_size=100).map(str.encode) | _values.map(lambda one: json.dumps(one).encode())
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(_bodies)
@example(b"\x00")
@example(b"\xef\xbb\xbf{}")
def test_whatever_is_sent_is_answered_in_one_form_and_nothing_is_written(api: Api, body: bytes) -> None:
    before = api.events()
    answer = post(api, body)
    if answer.status_code == 200:
        # A list was read; none of these events has an id.
        assert all(entry["status"] == 400 for entry in answer.json())
    else:
        assert answer.status_code == 400, answer.text
        faults(answer)
    assert "Traceback" not in answer.text
    assert api.events() == before


def test_the_span_of_a_batch_links_to_the_requests_that_came_with_a_trace(
    parts_and_tally: tuple[Parts, Tally],
) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: pip install 'gatehouse[otel]'")
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from gatehouse.adapters.opentelemetry import TraceObserver

    parts, _ = parts_and_tally
    exporter = InMemorySpanExporter()
    observer = TraceObserver(exporter, sample=1.0)

    def judging(events: Sequence[Event]) -> list[Answer]:
        answers: list[Answer] = [make_decision(event, decided=NOW) for event in events]
        observer.answered(answers, NOW)
        return answers

    traces = [f"00-{number:032x}-{number:016x}-01" for number in (1, 2)]
    event = {"id": "traced", "text": "good morning"}
    with serving(parts, observer, judging) as api:
        headers = [{"traceparent": traces[0]}, {}, {"traceparent": "nonsense"}, {"traceparent": "0" * 4_000}]
        assert [post(api, event, **one).status_code for one in headers] == [200] * 4
        assert post(api, [event, {**event, "id": "other"}], traceparent=traces[1]).status_code == 200
    observer.close()
    batches = [span for span in exporter.get_finished_spans() if span.name == "batch"]
    assert [[link.context.trace_id for link in span.links] for span in batches] == [[1], [], [], [], [2]]
