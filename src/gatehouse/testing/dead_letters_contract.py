"""What every place for dead letters promises, and one in memory; subclass DeadLettersContract and get the tests."""

from builtins import list as list_of
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from gatehouse.errors import UserError
from gatehouse.ports.dead_letters import DeadLetter, DeadLetters, LetterState, letter_id
from gatehouse.testing.makers import NOW


class MemoryDeadLetters:
    """Dead letters that last as long as the object."""

    def __init__(self) -> None:
        self._kept: dict[str, DeadLetter] = {}

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep them; one that is known counts one try more and has the new reason."""
        for letter in letters:
            if letter.id in self._kept:
                self.failed_again(letter.id, letter.reason, letter.event_id)
            else:
                self._kept[letter.id] = letter

    def list(self, *, state: LetterState | None = "waiting", limit: int = 100, after: str = "") -> list_of[DeadLetter]:
        """Letters by id, those after `after`; of any state where it is None."""
        found = [one for id_, one in sorted(self._kept.items()) if id_ > after and state in (None, one.state)]
        return found[:limit]

    def find(self, id: str) -> DeadLetter | None:
        """One letter, or None."""
        return self._kept.get(id)

    def failed_again(self, id: str, reason: str, event_id: str | None) -> None:
        """Count one try more of a letter that is there."""
        if known := self._kept.get(id):
            self._kept[id] = replace(known, tries=known.tries + 1, reason=reason, event_id=event_id)

    def settle(self, id: str, state: LetterState, at: int, by: str) -> None:
        """Say what became of a letter."""
        if id not in self._kept:
            raise UserError(f"no dead letter '{id}'")
        if (self._kept[id].state, state) == ("retried", "dropped"):
            raise UserError(f"letter {id} became a decision")
        self._kept[id] = replace(self._kept[id], state=state, settled=at, settled_by=by)

    def erase(self, ids: Sequence[str]) -> int:
        """Take letters away, whatever their state."""
        return sum(self._kept.pop(id_, None) is not None for id_ in ids)

    def waiting(self) -> int:
        """How many wait."""
        return len(self.list(limit=len(self._kept)))


def make_letter(value: bytes = b"not JSON \0\xff", source: str = "events/0/7", **said: object) -> DeadLetter:
    """A letter that waits."""
    known = {"reason": "not JSON: expecting value at line 1, column 1", "at": NOW, "event_id": None}
    return DeadLetter(id=letter_id(value, source), value=value, source=source, **{**known, **said})  # type: ignore[arg-type]


class DeadLettersContract:
    """Subclass it and give the fixture `letters`: an empty place for each test."""

    @pytest.fixture
    def letters(self) -> DeadLetters:
        """An empty place."""
        raise NotImplementedError("give a fixture `letters`")

    def test_letters_come_back_as_they_were_by_id(self, letters: DeadLetters) -> None:
        """Whatever bytes they hold; a page ends where the next begins."""
        made = [make_letter(source=f"events/0/{number}", event_id="é") for number in range(5)]
        made.append(make_letter(b"", "events/0/7"))
        letters.add([])
        letters.add(made)
        by_id = sorted(made, key=lambda one: one.id)
        assert list(letters.list()) == by_id
        assert list(letters.list(limit=2)) == by_id[:2]
        assert list(letters.list(after=by_id[1].id)) == by_id[2:]
        assert [letters.find(one.id) for one in made] == made
        assert letters.find("none") is None
        assert letters.waiting() == 6

    def test_one_that_comes_again_counts_a_try_more_and_has_the_new_reason(self, letters: DeadLetters) -> None:
        """A message at another place, or of other content at the same, is another letter."""
        letter = make_letter()
        letters.add([letter, letter])
        letters.add([replace(letter, reason="another", at=NOW + 5)])
        letters.add([make_letter(source="events/0/8"), make_letter(b"{}")])
        assert letters.find(letter.id) == replace(letter, tries=3, reason="another")
        assert letters.waiting() == 3

    def test_a_settled_letter_waits_no_more_even_when_it_comes_again(self, letters: DeadLetters) -> None:
        """Who settled it and when is kept."""
        dropped, retried = make_letter(), make_letter(b"{}")
        letters.add([dropped, retried])
        letters.settle(dropped.id, "dropped", NOW + 9, "sam")
        letters.settle(retried.id, "retried", NOW + 9, "sam")
        letters.add([dropped])
        assert (letters.waiting(), list(letters.list())) == (0, [])
        known = letters.find(dropped.id)
        assert known == replace(dropped, state="dropped", settled=NOW + 9, settled_by="sam", tries=2)
        assert list(letters.list(state="dropped")) == [known]
        assert len(letters.list(state=None)) == 2

    def test_what_became_a_decision_is_not_dropped_any_more(self, letters: DeadLetters) -> None:
        """The other way round it goes: who dropped one may have been wrong."""
        letter = make_letter()
        letters.add([letter])
        letters.settle(letter.id, "dropped", NOW, "sam")
        letters.settle(letter.id, "retried", NOW + 1, "sam")
        with pytest.raises(UserError, match=f"letter {letter.id} became a decision"):
            letters.settle(letter.id, "dropped", NOW + 2, "kim")
        assert letters.find(letter.id) == replace(letter, state="retried", settled=NOW + 1, settled_by="sam")

    def test_what_fails_again_counts_a_try_more_and_does_not_come_back_once_it_is_erased(
        self, letters: DeadLetters
    ) -> None:
        """Its state stays."""
        letter = make_letter()
        letters.add([letter])
        letters.failed_again(letter.id, "another", "e1")
        assert letters.find(letter.id) == replace(letter, tries=2, reason="another", event_id="e1")
        letters.erase([letter.id])
        letters.failed_again(letter.id, "another", "e1")
        assert letters.list(state=None) == []

    def test_settling_what_is_not_there_is_refused(self, letters: DeadLetters) -> None:
        """With its id."""
        with pytest.raises(UserError, match="no dead letter 'e7'"):
            letters.settle("e7", "dropped", NOW, "sam")

    def test_what_is_erased_is_gone_whatever_its_state(self, letters: DeadLetters) -> None:
        """The others stay; what is not there is not counted."""
        first, second, third = (make_letter(value) for value in (b"1", b"2", b"3"))
        letters.add([first, second, third])
        letters.settle(second.id, "dropped", NOW + 1, "sam")
        assert letters.erase([first.id, second.id, "none"]) == 2
        assert [one.id for one in letters.list(state=None)] == [third.id]
        assert letters.erase([]) == 0
