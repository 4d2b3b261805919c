"""The client with the API itself: what it asks for by name, it finds."""

import pytest
from tests.entry.api.conftest import Api

from gatehouse.client import ApiError, Client


@pytest.fixture
def gate(api: Api) -> Client:
    return Client("http://testserver.local", api.keys["all"], transport=api.client._transport)


@pytest.mark.parametrize("name", ["42", "https://example.org/a?b#c", "..", "/", "a%2Fb", "ü 1"])
def test_events_and_entities_are_found_by_whatever_they_are_called(gate: Client, name: str) -> None:
    entity = f"url:{name}"
    decided = gate.decide({"id": name, "actor": entity, "text": f"good morning {name}"})
    assert gate.decision(name).decision_id == decided.decision_id
    assert (gate.event(name).event.text, gate.event(name).event.actor) == (f"good morning {name}", entity)
    assert gate.mark(entity, name="a b", why="test").entity == entity
    assert [one.name for one in gate.entity(entity).marks] == ["a b"]
    gate.unmark(entity, "a b")
    assert gate.entity(entity).marks == ()
    assert gate.erase(entity, "test").erased["events"] == 1
    assert gate.event(name).event.text is None


def test_what_is_not_there_is_told_with_its_status(gate: Client) -> None:
    for ask in (lambda: gate.decision("none"), lambda: gate.event("none"), lambda: gate.case("none")):
        with pytest.raises(ApiError) as refused:
            ask()
        assert refused.value.status == 404


def test_a_decision_that_is_looked_up_was_known_before(gate: Client) -> None:
    assert not gate.decide({"id": "looked-up"}).known
    assert gate.decision("looked-up").known
