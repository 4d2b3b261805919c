"""One bad event costs itself alone by either way in, and no clock makes the gate see an event before the one before."""

import json
import random
from itertools import pairwise

import httpx
import pytest

from gatehouse.adapters.kafka.producer import KafkaProducer
from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.client import Client
from gatehouse.testing.faults_fleet import ROLES, Fleet, Place
from gatehouse.testing.faults_forks import Forks
from gatehouse.testing.faults_roles import TOPIC, key_of

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]

GOOD = [{"id": f"e{number}", "text": f"good morning {number}"} for number in range(63)]
BAD = [
    '{"id": "bad", "text": 7}',
    '{"id": "bad", "text": "a\\u0000b"}',
    '{"id": "bad", "txt": "a"}',
    '{"id": "bad", "amount": 1e400}',
    '{"id": "bad", "attributes": ' + "[" * 200 + "]" * 200 + "}",
]
HALF_A_PAIR = '{"id": "bad", "text": "\\ud800"}'


def with_a_bad_one(kind: str, bad: str) -> list[str]:
    """63 good events and a bad one somewhere among them, as JSON."""
    values = [json.dumps({**one, "id": f"{kind}-{one['id']}"}) for one in GOOD]
    values.insert(random.Random(bad).randrange(64), bad)
    return values


def post(place: Place, values: list[str]) -> list[int]:
    """The status of each event of a list that is sent by HTTP."""
    headers = {"Authorization": f"Bearer {key_of(place.home)}", "Content-Type": "application/json"}
    answer = httpx.post(f"{place.url}/v1/decisions", content=f"[{','.join(values)}]", headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return [entry["status"] for entry in answer.json()]


def test_one_bad_event_among_63_good_ones_fails_alone_in_a_list_by_http(forks: Forks, place: Place) -> None:
    with Fleet(forks, place, {"api": "api"}).running() as fleet:
        fleet.wait_until_ready()
        for number, bad in enumerate(BAD):
            values = with_a_bad_one(f"list-{number}", bad)
            statuses = post(place, values)
            assert (statuses.count(200), statuses[values.index(bad)]) == (63, 400), bad
        fleet.stop()
    assert fleet.died == []


def test_half_a_surrogate_pair_in_a_list_fails_alone(forks: Forks, place: Place) -> None:
    with Fleet(forks, place, {"api": "api"}).running() as fleet:
        fleet.wait_until_ready()
        assert post(place, with_a_bad_one("list", HALF_A_PAIR)).count(200) == 63


def test_one_bad_event_among_63_good_ones_fails_alone_in_a_batch_of_the_bus(forks: Forks, place: Place) -> None:
    all_bad = [*BAD, HALF_A_PAIR]
    values = [value for number, bad in enumerate(all_bad) for value in with_a_bad_one(f"bus-{number}", bad)]
    KafkaProducer(place.brokers).send(TOPIC, [value.encode() for value in values])
    forks.run(f"{ROLES}:worker", **place.words("worker"), once=True)
    database = place.database()
    ids = {event.id for _, event in SqlLedger(database).log()}
    letters = SqlDeadLetters(database).list(limit=100)
    database.close()
    assert ids == {f"bus-{number}-{one['id']}" for number in range(len(all_bad)) for one in GOOD}
    assert sorted(letter.value.decode() for letter in letters) == sorted(all_bad)


def test_a_machine_s_clock_that_is_set_back_and_events_of_other_times_leave_the_order_as_it_was(
    forks: Forks, place: Place
) -> None:
    times = ["1970-01-02T00:00:00Z", "2001-09-09T01:46:40Z", None]
    events = [{"id": f"t{number}", "text": "good morning", "occurred": times[number % 3]} for number in range(30)]
    events = [{name: said for name, said in one.items() if said is not None} for one in events]
    before = Fleet(forks, place, {"api": "api"})
    after = Fleet(forks, place, {"api": "api"}, {"api": "tests.faults.quick_roles:api_an_hour_ago"})
    for fleet, part in ((before, events[:15]), (after, events[15:])):
        with fleet.running(), Client(place.url, key_of(place.home)) as client:
            fleet.wait_until_ready()
            assert {client.decide(one).event_id for one in part} == {one["id"] for one in part}
    database = place.database()
    log = [event for _, event in SqlLedger(database).log()]
    database.close()
    seen = [event.seen for event in log]
    assert [event.id for event in log] == [one["id"] for one in events]
    assert all(one < two for one, two in pairwise(seen)), seen
    # The clock that was set back counts on by single microseconds, and does not jump.
    assert seen[-1] - seen[14] == 15
