"""Questions to what may hang."""

import threading
import time
from collections.abc import Iterator

import pytest

from gatehouse.flows.asked import Asked, LateError
from gatehouse.testing.clock import Clock


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """Something that a question waits for; let go when the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_an_answer_is_kept_for_its_time_and_then_asked_for_again() -> None:
    asked, clock = [0], [0.0]

    def ask() -> int:
        asked[0] += 1
        return asked[0]

    question = Asked(ask, keep=1.0, clock=lambda: clock[0])
    assert [question.answer(5.0), question.answer(5.0)] == [1, 1]
    clock[0] = 1.5
    assert question.answer(5.0) == 2


def test_what_hangs_is_told_in_time_and_asked_by_one_thread_alone(held: threading.Event) -> None:
    begun = [0]

    def ask() -> bool:
        begun[0] += 1
        return held.wait(30.0)

    question = Asked(ask)
    at = time.monotonic()
    for _ in range(5):
        with pytest.raises(LateError, match=r"has not answered for 0\.\d s"):
            question.answer(0.02)
    assert time.monotonic() - at < 1.0
    assert begun[0] == 1
    held.set()
    assert question.answer(5.0) is True


def test_what_a_question_raises_is_raised_a_late_answer_of_its_own_too() -> None:
    def ask() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        Asked(ask).answer(5.0)


def test_many_threads_that_ask_at_once_share_one_answer(held: threading.Event) -> None:
    begun, answers = Clock(0), list[int]()
    question = Asked(lambda: begun() if held.wait(30.0) else -1, keep=60.0)
    threads = [threading.Thread(target=lambda: answers.append(question.answer(30.0))) for _ in range(8)]
    for thread in threads:
        thread.start()
    held.set()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
