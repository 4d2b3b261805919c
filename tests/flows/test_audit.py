"""Reads of content come on record, or content is not shown."""

from collections.abc import Iterator, Sequence
from threading import Event, Thread
from time import monotonic, sleep

import pytest

from gatehouse.errors import OutsideError
from gatehouse.flows import audit
from gatehouse.flows.audit import Audit
from gatehouse.records.access import Read
from gatehouse.testing.access_contract import MemoryReads, make_read


class Breakable(MemoryReads):
    """Reads that can be down."""

    def __init__(self) -> None:
        super().__init__()
        self.down: Exception | None = None
        self.tried = Event()

    def add(self, reads: Sequence[Read]) -> None:
        self.tried.set()
        if self.down is not None:
            raise self.down
        super().add(reads)


@pytest.fixture
def reads() -> Breakable:
    return Breakable()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried soon."""
    monkeypatch.setattr(audit, "WAIT_SECONDS", 0.02)


@pytest.fixture
def closing() -> Iterator[list[Audit]]:
    opened: list[Audit] = []
    yield opened
    for one in opened:
        one.close()


def wait_for(condition: object) -> None:
    end = monotonic() + 5
    while not condition():  # type: ignore[operator]
        assert monotonic() < end, "waited in vain"
        sleep(0.005)


def test_reads_are_on_record_when_it_is_closed_in_their_order(reads: Breakable) -> None:
    kept = Audit(reads)
    made = [make_read(f"e{number}", at=number) for number in range(7)]
    for read in made:
        kept.add(read)
    kept.close()
    assert reads.find() == made[::-1]
    kept.close()


def test_one_alone_is_on_record_soon_without_closing(reads: Breakable, soon: None, closing: list[Audit]) -> None:
    kept = Audit(reads)
    closing.append(kept)
    kept.add(make_read("e1"))
    wait_for(lambda: len(reads.find()) == 1)
    kept.add(make_read("e2"))
    wait_for(lambda: len(reads.find()) == 2)


def test_many_are_written_at_once_and_do_not_wait(reads: Breakable, closing: list[Audit]) -> None:
    kept = Audit(reads)
    closing.append(kept)
    began = monotonic()
    for number in range(audit.BATCH):
        kept.add(make_read(f"e{number}"))
    wait_for(lambda: len(reads.find()) == audit.BATCH)
    assert monotonic() - began < audit.WAIT_SECONDS


@pytest.mark.parametrize("down", [OutsideError("the ledger is down"), RuntimeError("a fault of ours")])
def test_what_cannot_be_written_is_kept_and_written_later_and_it_is_said_once(
    reads: Breakable, soon: None, closing: list[Audit], down: Exception
) -> None:
    said: list[str] = []
    reads.down = down
    kept = Audit(reads, said=said.append)
    closing.append(kept)
    for number in range(3):
        kept.add(make_read(f"e{number}"))
        reads.tried.clear()
        assert reads.tried.wait(5)
    assert reads.find() == []
    reads.down = None
    wait_for(lambda: len(reads.find()) == 3)
    (told,) = said
    assert told.startswith("reads of content wait to be recorded")
    assert "e1" not in told


def test_content_is_refused_when_too_many_wait_and_shown_again_when_they_are_written(
    reads: Breakable, soon: None, closing: list[Audit]
) -> None:
    reads.down = OutsideError("down")
    kept = Audit(reads, most_waiting=2)
    closing.append(kept)
    kept.add(make_read("e1"))
    kept.add(make_read("e2"))
    with pytest.raises(OutsideError, match="content is not shown while it cannot be recorded who looks at it"):
        kept.add(make_read("e3"))
    reads.down = None
    wait_for(lambda: len(reads.find()) == 2)
    kept.add(make_read("e3"))


def test_what_cannot_be_written_before_the_end_is_counted(reads: Breakable) -> None:
    reads.down = OutsideError("down")
    kept = Audit(reads)
    kept.add(make_read())
    with pytest.raises(OutsideError, match="1 reads of content could not be recorded before the end"):
        kept.close()


def test_what_waits_is_on_record_once_it_is_flushed(reads: Breakable, closing: list[Audit]) -> None:
    kept = Audit(reads)
    closing.append(kept)
    kept.flush()
    kept.add(make_read("e1"))
    kept.flush()
    assert len(reads.find()) == 1
    kept.close()
    assert len(reads.find()) == 1


def test_a_flush_waits_for_what_is_being_written(soon: None, closing: list[Audit]) -> None:
    begun, free = Event(), Event()

    class Slow(MemoryReads):
        def add(self, reads: Sequence[Read]) -> None:
            begun.set()
            assert free.wait(5)
            super().add(reads)

    reads = Slow()
    kept = Audit(reads)
    closing.append(kept)
    kept.add(make_read("e1"))
    assert begun.wait(5)
    flushing = Thread(target=kept.flush)
    flushing.start()
    flushing.join(0.05)
    assert flushing.is_alive()
    free.set()
    flushing.join(5)
    assert not flushing.is_alive()
    assert len(reads.find()) == 1, "and it is not written twice"


def test_a_flush_says_where_it_could_not_write_and_loses_nothing(reads: Breakable) -> None:
    reads.down = RuntimeError("a fault of ours")
    kept = Audit(reads)
    kept.add(make_read("e1"))
    with pytest.raises(OutsideError) as caught:
        kept.flush()
    assert str(caught.value) == (
        "who looked at content cannot be recorded now\n    → do it again when the ledger can be written"
    )
    reads.down = None
    kept.close()
    assert len(reads.find()) == 1


def test_nothing_is_shown_after_the_end(reads: Breakable) -> None:
    kept = Audit(reads)
    kept.close()
    with pytest.raises(OutsideError):
        kept.add(make_read())
