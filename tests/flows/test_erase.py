"""Who is meant by an erasure: found where it is named or quoted, and nowhere else."""

import json

import pytest

from gatehouse.errors import RefusedError
from gatehouse.flows.erase import Letters, Stores, erase
from gatehouse.ports.dead_letters import DeadLetter, letter_id
from gatehouse.ports.erasing import Whom
from gatehouse.records.event import Entity, Event
from gatehouse.testing.dead_letters_contract import MemoryDeadLetters
from gatehouse.testing.erasure_contract import make_hold
from gatehouse.testing.makers import NOW, make_event, make_judged
from gatehouse.testing.memory_ledger import MemoryLedger

SEVEN = Entity("account", "7")
WHOM = Whom(
    SEVEN, frozenset({"12", "event-12"}), (Event(id="12", text="a long text that somebody may quote", actor=SEVEN),)
)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ('{"id": "x", "actor": "account:7", "text": 1}', True),
        ('{"id": "x", "actor": "7"}', True),
        ('{"id": "x", "target": "7"}', True),
        ('{"id": "12", "text": 5}', True),
        ('{"id": "x", "actor": "8", "amount": 7, "text": "7"}', False),
        ('{"id": "x", "text": "see account:7 there"}', True),
        ('{"id": "x", "text": "see account:77 there"}', False),
        ('{"id": "x", "text": "a long text that somebody \\u006day quote"}', True),
        ("half, of a, message of account:7", True),
        ("7, 12, half of a message", False),
        ("the one before was event-12, cut", True),
        ("x,a long text that somebody m", True),
        ("[7]", False),
        ("", False),
    ],
)
def test_a_message_is_its_own_where_it_is_named_or_quoted(message: str, found: bool) -> None:
    assert WHOM.stands_in(message) is found


def test_an_event_without_an_actor_has_no_name() -> None:
    whom = Whom(Entity("event", "e1"), frozenset({"e1"}))
    assert not whom.names
    assert not whom.stands_in('{"id": "e2", "actor": "e1"}')


def test_letters_of_others_stay() -> None:
    letters = MemoryDeadLetters()
    values = [json.dumps({"actor": "7"}).encode(), json.dumps({"actor": "8", "amount": 7}).encode(), b"\xff\x00"]
    made = [DeadLetter(id=letter_id(one, "x"), value=one, source="x", reason="7", at=NOW) for one in values]
    letters.add(made)
    letters.settle(made[0].id, "dropped", NOW, "sam")
    (would,) = Letters(letters).forget(WHOM, at=NOW, dry=True)
    (gone,) = Letters(letters).forget(WHOM, at=NOW, dry=False)
    assert (would.rows, gone.rows) == (1, 1)
    assert {one.value for one in letters.list(state=None)} == set(values[1:])


def test_what_it_said_before_an_edit_is_its_own_too() -> None:
    """A letter may quote a revision that is not the latest, or that a shadow alone decided on."""
    ledger, letters = MemoryLedger(), MemoryDeadLetters()
    first = make_event("e1", "words that were edited away later", actor=SEVEN)
    ledger.commit([make_judged(first), make_judged(make_event("e1", "other words", actor=SEVEN, revision=1))])
    value = b"half of: words that were edited away later, and more"
    letters.add([DeadLetter(id=letter_id(value, "x"), value=value, source="x", reason="cut", at=NOW)])
    done = erase(ledger, Stores([Letters(letters)]), SEVEN, by="privacy", why="asked for it", at=NOW)
    assert (done.events, done.rows) == (2, 1)
    assert list(letters.list(state=None)) == []


def test_who_wrote_to_one_who_is_held_is_kept_before_anything_is_touched() -> None:
    ledger, letters = MemoryLedger(), MemoryDeadLetters()
    ledger.commit([make_judged(make_event("e1", actor=SEVEN, target=Entity("account", "sam")))])
    ledger.hold(make_hold())
    value = b"account:7"
    letters.add([DeadLetter(id=letter_id(value, "x"), value=value, source="x", reason="cut", at=NOW)])
    with pytest.raises(RefusedError, match="hold 'h1' of legal keeps it"):
        erase(ledger, Stores([Letters(letters)]), SEVEN, by="privacy", why="asked for it", at=NOW)
    assert len(letters.list(state=None)) == 1
