"""Reports: read whole, kept whatever is known of their events, ordered by who was right, and never left out."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flows.reviewing import CLEAR, Desked

from gatehouse.errors import UserError
from gatehouse.flows.cases import queue
from gatehouse.flows.read_said import Said
from gatehouse.flows.reports import KEYS, known_report, read_report, take
from gatehouse.ports.cases import Spoken, Taken, UnknownError
from gatehouse.records.case import Report
from gatehouse.records.standing import Reporter
from gatehouse.review.queue import Place, in_order
from gatehouse.testing.cases_contract import make_report
from gatehouse.testing.makers import NOW

BODY = {"id": "r1", "event_id": "e1", "reporter": "b1", "policy": "spam"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Desked]:
    made = Desked(tmp_path / "ledger.db")
    yield made
    made.database.close()


def read(**said: object) -> Report:
    return read_report(json.dumps({**BODY, **said}).encode(), ("spam", "abuse"), by="platform", now=NOW)


def listed(house: Desked, most: int = 3) -> list[str]:
    """Every open case, page by page."""
    found: list[str] = []
    after = None
    while True:
        page = queue(house.desk, after=after, most=most, now=house.clock())
        found += [case.id for _, case in page.cases]
        if page.after is None:
            return found
        after = page.after


def test_a_report_is_read_as_it_is_said() -> None:
    assert read() == Report(id="r1", event_id="e1", reporter="account:b1", policy="spam", at=NOW, by="platform")
    full = read(policy=None, category="rude", comment="look", occurred="2023-11-14T22:13:19Z")
    assert (full.policy, full.category, full.comment, full.occurred) == (None, "rude", "look", NOW - 1_000_000)


def test_every_fault_of_a_report_is_told_at_once_and_none_quotes_it() -> None:
    with pytest.raises(UserError) as told:
        read(
            id=" ",
            event_id=7,
            reporter=":",
            policy="spum",
            comment="secret \0",
            occurred="soon",
            polcy="x",
            category="c" * 501,
        )
    assert str(told.value) == (
        "polcy: is unknown\n    → did you mean 'policy'? "
        "known: id, event_id, reporter, policy, category, comment, occurred\n"
        'id: is blank\n    → add "id": "..."\n'
        "event_id: is no text\n    → write it in quotes\n"
        "reporter: names no entity\n    → write it as kind:id, for example account:42\n"
        "policy: is none of those known\n    → did you mean 'spam'?\n"
        "category: has 501 characters, more than 500\n    → send less\n"
        "comment: holds a NUL character\n    → send it without that character\n"
        "occurred: is no time\n    → write 2026-01-31T12:00:00Z, or whole microseconds since 1970"
    )
    for nothing in ({"policy": None}, {"policy": "", "category": " "}):
        with pytest.raises(UserError, match="policy: is missing\n    → name the policy that is violated, or"):
            read(**nothing)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff", "byte 1 is not UTF-8"),
        (b'{"id": ', "not JSON, at line 1, column 8"),
        (b"[" * 100_000, "nested too deep"),
        (b"[1]", "not an object"),
        (b'{"id": ' + b"9" * 5000 + b"}", "thousands of digits"),
        (b'{"id": "' + b"a" * (1 << 20) + b'"}', "bytes, more than"),
    ],
)
def test_what_is_no_object_is_said(data: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Said(data, KEYS)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*KEYS, "x\ud800", "\0"]), _JSON))
@settings(deadline=None, max_examples=200)
def test_whatever_is_sent_is_a_report_or_faults(said: dict[str, object]) -> None:
    with suppress(UserError):
        report = read_report(json.dumps(said).encode(), ("spam",), by="platform", now=NOW)
        assert report.id == said["id"]


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_a_report_or_faults(data: bytes) -> None:
    with pytest.raises(UserError):
        read_report(data, (), by="platform", now=NOW)


def test_reports_of_an_unknown_event_are_seen_when_it_has_come(house: Desked) -> None:
    assert take(house.cases, make_report()) == Taken(None, False)
    assert known_report(house.cases, "r1")[2] == "waiting"
    assert listed(house) == []
    house.judged(**CLEAR)
    (case_id,) = listed(house)
    assert known_report(house.cases, "r1")[2] == "open"
    house.closed(case_id, "not_violating")
    assert known_report(house.cases, "r1")[2] == "rejected"
    with pytest.raises(UnknownError, match="no report 'r2' is known"):
        known_report(house.cases, "r2")


def test_those_who_were_right_are_heard_first(house: Desked) -> None:
    for id_ in ("e0", "e1", "e2", "e3", "e4", "e5"):
        house.judged(id_, **CLEAR)
    for i in range(2):
        house.closed(house.reported(f"good{i}", event_id=f"e{i}", reporter="account:good"), "violating")
        house.closed(
            house.reported(f"bad{i}", event_id=f"e{i}", policy="spam", reporter="account:bad"), "not_violating"
        )
    late = house.reported("x", event_id="e2", reporter="account:bad")
    new = house.reported("y", event_id="e3", reporter="account:new")
    sure = house.reported("z", event_id="e4", reporter="account:good")
    house.judged("e6")
    appeal = house.appealed(event_id="e6")
    assert house.cases.reporters(["account:good", "account:bad"]) == {
        "account:good": Reporter(0, 2),
        "account:bad": Reporter(0, 2),
    }, "the latest finding on the same event speaks for both"
    assert listed(house) == [new, appeal, late, sure]
    for i, who in enumerate(("good", "good", "good")):
        house.judged(f"more{i}", **CLEAR)
        house.closed(house.reported(f"more{i}", event_id=f"more{i}", reporter=f"account:{who}"), "violating")
    assert listed(house) == [sure, new, appeal, late]


def test_a_brigade_is_one_case_and_nobody_is_left_out(house: Desked) -> None:
    house.judged("e1", **CLEAR)
    house.judged("e2", **CLEAR)
    ids = {house.reported(f"r{i}", reporter=f"account:b{i}") for i in range(50)}
    other = house.reported("other", event_id="e2", reporter="account:c")
    assert len(ids) == 1
    assert listed(house) == [*ids, other]
    found = house.cases.find(*ids)
    assert found is not None
    assert found.reported == 50


def test_closed_cases_are_listed_and_cursors_are_checked(house: Desked) -> None:
    house.judged("e1", **CLEAR)
    house.judged("e2", **CLEAR)
    ids = [house.reported(f"r{i}", event_id=f"e{i}") for i in (1, 2)]
    for id_ in ids:
        house.closed(id_, "not_violating")
    first = queue(house.desk, state="closed", most=1, now=house.clock())
    assert [case.id for _, case in first.cases] == [ids[1]]
    rest = queue(house.desk, state="closed", most=2, after=first.after, now=house.clock())
    assert ([case.id for _, case in rest.cases], rest.after) == ([ids[0]], None)
    for cursor in ("", "zz", "5b5d", "\0", str(Place(0.5, 1, "a\0")), str(Place(0.5, 1 << 64, "a"))):
        with pytest.raises(UserError, match="the cursor is none that an answer gave"):
            queue(house.desk, after=cursor, now=house.clock())


_NAMES = st.sampled_from([f"account:{i}" for i in range(6)])
_SPOKEN = st.builds(
    Spoken,
    case_id=st.uuids().map(str),
    opened=st.integers(0, 3),
    appeal=st.booleans(),
    reporters=st.lists(_NAMES, max_size=5).map(tuple),
)
_KNOWN = st.dictionaries(_NAMES, st.builds(Reporter, st.integers(0, 99), st.integers(0, 99)))


@given(st.lists(_SPOKEN, unique_by=lambda one: one.case_id), _KNOWN)
@settings(deadline=None, max_examples=100)
def test_no_order_leaves_a_case_out_and_cursors_come_back(spoken: list[Spoken], known: dict[str, Reporter]) -> None:
    places = in_order(spoken, known)
    assert sorted(place.case_id for place in places) == sorted(one.case_id for one in spoken)
    assert [Place.parse(str(place)) for place in places] == places


@given(st.data())
@settings(deadline=None, max_examples=15)
def test_no_report_is_ever_lost(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever comes in whatever order: each report is in a case that is listed or closed, or waits for its event."""
    house = Desked(tmp_path_factory.mktemp("ledger") / "ledger.db")
    sent, closed = [], set()
    for step in range(data.draw(st.integers(1, 15))):
        event = f"e{data.draw(st.integers(0, 3))}"
        match data.draw(st.sampled_from(("report", "report", "event", "close"))):
            case "report":
                policy = data.draw(st.sampled_from(("spam", "abuse", None)))
                said = {"event_id": event, "policy": policy, "category": "c", "at": house.clock()}
                report = make_report(f"r{step}", reporter=data.draw(_NAMES), **said)
                take(house.cases, report)
                sent.append(report)
            case "event" if house.ledger.find(event) is None:
                house.judged(event, **CLEAR)
            case "close" if waiting := listed(house, data.draw(st.integers(1, 3))):
                case_id = data.draw(st.sampled_from(waiting))
                house.closed(case_id, "not_violating", policy="spam")
                closed.add(case_id)
    waiting = listed(house)
    assert len(waiting) == len(set(waiting))
    for report in sent:
        kept = house.cases.reported(report.id)
        assert kept is not None
        assert kept[0] == report
        if house.ledger.find(report.event_id) is None:
            assert kept[1] is None
        else:
            assert (kept[1] in waiting) != (kept[1] in closed)
    house.database.close()
