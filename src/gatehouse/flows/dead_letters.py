"""Deciding again on what could not be decided on, after somebody mended what was wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from gatehouse.errors import GatehouseError, OutsideError
from gatehouse.flows.live import Unrecorded
from gatehouse.flows.live_gate import Clock, LiveGate
from gatehouse.flows.read_event import UnreadableError, read_event
from gatehouse.flows.work import reason_of
from gatehouse.ports.dead_letters import DeadLetter, DeadLetters
from gatehouse.records.decision import Decision


@dataclass(frozen=True)
class Retried:
    """What became of a letter: the decision on its event, or why it still waits."""

    letter: DeadLetter
    decision: Decision | None
    error: GatehouseError | None


def retry(letters: DeadLetters, gate: LiveGate, chosen: Sequence[DeadLetter], clock: Clock, by: str) -> list[Retried]:
    """Decide on each of these letters, one at a time; what fails again waits with a try more and the new reason.

    One that was erased or settled since it was chosen is left as it is, and out of the answer. Raises OutsideError
    where ledger or letters cannot be used; those before are settled, the others wait as they did.
    """
    return [_again(letters, gate, letter, clock, by) for letter in chosen if _as_it_was(letters, letter)]


def _as_it_was(letters: DeadLetters, letter: DeadLetter) -> bool:
    known = letters.find(letter.id)
    return known is not None and known.state == letter.state


def _again(letters: DeadLetters, gate: LiveGate, letter: DeadLetter, clock: Clock, by: str) -> Retried:
    try:
        event = read_event(letter.value, clock(), gate.judge.features.profile)
    except UnreadableError as error:
        return _still(letters, letter, error, error.event_id)
    answer = gate.decide([event])[0]
    if isinstance(answer, Unrecorded):
        if isinstance(answer.error, OutsideError):
            raise answer.error
        return _still(letters, letter, answer.error, answer.event_id)
    # The decision is on record first: cut off in between, a letter is retried once more and finds its decision.
    letters.settle(letter.id, "retried", clock(), by)
    return Retried(letter, answer, None)


def _still(letters: DeadLetters, letter: DeadLetter, error: GatehouseError, event_id: str | None) -> Retried:
    letters.failed_again(letter.id, reason_of(error), event_id)
    return Retried(letter, None, error)
